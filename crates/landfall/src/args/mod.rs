//! The command line: what each command takes, with its help.

mod models;
mod server;
mod server_table;
pub(crate) mod toml_value;
mod units;

pub(crate) use models::{EngineChoice, EngineFlags, LoadFlags, ModelFlags, Prefer};
pub(crate) use server::{JsonNan, LogFormat, ServerFlags, Switch};
pub(crate) use server_table::ServerTable;

use clap::{Args, Parser, Subcommand};
use landfall_model::Problem;
use std::ffi::{OsStr, OsString};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

/// Serves trained models over HTTP and gRPC, and scores tables with them.
#[derive(Parser)]
#[command(name = "landfall", version)]
pub(crate) struct Landfall {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Answer requests for models over HTTP and gRPC, until stopped
    Serve(Serve),
    /// Score a table: each row goes through the model
    Predict(Predict),
    /// Load a model, verify it, compare it with golden rows
    Check(Check),
    /// Show a model: signatures, engine, structure
    Inspect(Inspect),
    /// Turn a TensorFlow model into an ONNX file that answers the same
    Convert(Convert),
    /// List the engines: which are here, from where, in which version
    Engines(Engines),
    /// List, load, unload, promote or roll back models of a running server
    Control(Control),
    /// Serve as TensorFlow Serving's tensorflow_model_server, with its flags
    TensorflowModelServer(TensorflowModelServer),
}

#[derive(Args)]
#[command(
    disable_help_flag = true,
    after_help = "Example:\n  landfall tensorflow-model-server --port=8500 --rest_api_port=8501 --model_name=iris \\\n    \
                  --model_base_path=/models/iris"
)]
pub(crate) struct TensorflowModelServer {
    /// Flags of tensorflow_model_server; --help lists them
    #[arg(value_name = "--FLAG=VALUE", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) flags: Vec<OsString>,
}

/// Flags that say which engines there are, as the environment sets them, for a command that has no such flags.
#[derive(Parser)]
struct Environment {
    #[command(flatten)]
    engines: EngineFlags,
}

/// What the environment says of engines.
///
/// # Errors
/// Invalid argument, naming the variable.
pub(crate) fn from_environment() -> Result<EngineFlags, Problem> {
    let read = Environment::try_parse_from(["landfall"]);
    read.map(|environment| environment.engines).map_err(|error| Problem::invalid(error.to_string()))
}

/// The command line. A program called `tensorflow_model_server` is that command.
pub(crate) fn called() -> Vec<OsString> {
    let mut line: Vec<OsString> = std::env::args_os().collect();
    let name = line.first().and_then(|program| Path::new(program).file_name().map(OsStr::to_owned));
    if name.is_some_and(|name| name == "tensorflow_model_server") {
        line.insert(1, "tensorflow-model-server".into());
    }
    line
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  landfall serve iris=model.onnx\n  landfall serve models/ --http 8000 --grpc 8001"
)]
pub(crate) struct Serve {
    /// A model file, a folder of versions, a repository folder of models, or a landfall.toml
    #[arg(value_name = "[NAME=]PATH")]
    pub(crate) models: Vec<OsString>,
    /// What other servers call it: refused with what it is called here
    #[arg(long = "port", value_name = "PORT", hide = true, value_parser = no_port)]
    _port: Option<String>,
    /// What other servers call their certificates and keys: refused with where TLS ends here
    #[arg(long = "tls-cert", aliases = OF_TLS, value_name = "FILE", hide = true, num_args = 0..=1, default_missing_value = "",
          value_parser = no_tls)]
    _tls: Option<String>,
    /// Server and models by configuration
    #[arg(long, value_name = "FILE", env = "LANDFALL_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) server: ServerFlags,
    #[command(flatten)]
    pub(crate) model: ModelFlags,
}

#[derive(Args)]
#[command(after_help = "Example:\n  landfall predict model.onnx -i rows.csv -o scores.csv --keep id\n  \
    cat rows.jsonl | landfall predict model.onnx -i - -o -")]
pub(crate) struct Predict {
    /// The model: a file or folder
    pub(crate) model: PathBuf,
    /// A table without its flag: refused with the flag
    #[arg(value_name = "TABLE", hide = true, value_parser = no_flag)]
    _table: Option<String>,
    /// Rows: CSV, JSON Lines, Parquet, NPY, NPZ, Arrow IPC, libsvm text, a folder of such files, or - for standard input;
    /// NAME=FILE for one input
    #[arg(short, long, value_name = "[NAME=]FILE", required = true)]
    pub(crate) input: Vec<OsString>,
    /// Where the answers go; the ending gives the format, - is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-")]
    pub(crate) output_file: PathBuf,
    /// The outputs wanted, by name
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) output: Vec<String>,
    /// Columns of the table to write before the answers, as they came
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub(crate) keep: Vec<String>,
    /// The signature to call, where the model has several
    #[arg(long, value_name = "NAME")]
    pub(crate) signature: Option<String>,
    /// Format of the input, where content and ending do not tell: csv, jsonl, parquet, npy, npz, arrow, arrow-stream, libsvm
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Format of the output, where the ending does not tell: csv, jsonl, parquet, npy, npz, arrow, arrow-stream
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output_format: Option<String>,
    /// Cells that mean "missing", beside the empty one
    #[arg(long, value_name = "TOKEN,…", value_delimiter = ',')]
    pub(crate) missing: Vec<String>,
    /// CSV with decimal commas in its numbers, and semicolons between cells
    #[arg(long)]
    pub(crate) decimal_comma: bool,
    /// What happens to rows that cannot be read or answered: stop, skip, or a file that takes them
    #[arg(long, value_name = "stop|skip|FILE", default_value = "stop")]
    pub(crate) bad_rows: String,
    /// Threads that read, compute and write; default: all cores
    #[arg(long, value_name = "N", value_parser = units::parse_threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub(crate) model_flags: ModelFlags,
}

#[derive(Args)]
#[command(after_help = "Example:\n  landfall check model.onnx --golden golden.npz")]
pub(crate) struct Check {
    /// The model: a file or folder
    pub(crate) model: PathBuf,
    /// A table or NPZ with the inputs and the expected outputs by name
    #[arg(long, value_name = "FILE")]
    pub(crate) golden: Option<PathBuf>,
    /// Relative tolerance
    #[arg(long, default_value_t = 1e-5, value_parser = tolerance)]
    pub(crate) rtol: f64,
    /// Absolute tolerance
    #[arg(long, default_value_t = 1e-5, value_parser = tolerance)]
    pub(crate) atol: f64,
    /// The signature that the golden rows are for
    #[arg(long, value_name = "NAME")]
    pub(crate) signature: Option<String>,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model_flags: ModelFlags,
}

#[derive(Args)]
#[command(after_help = "Example:\n  landfall inspect model.onnx")]
pub(crate) struct Inspect {
    /// The model: a file or folder
    pub(crate) model: PathBuf,
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) model_flags: ModelFlags,
}

#[derive(Args)]
#[command(
    after_help = "Example:\n  landfall convert saved_model/ model.onnx\n  landfall convert model.keras model.onnx"
)]
pub(crate) struct Convert {
    /// The model: a SavedModel, a Keras file, a frozen graph or a TensorFlow Lite file
    pub(crate) model: PathBuf,
    /// The file to write; it is left out where the answers differ
    #[arg(value_name = "OUT.onnx")]
    pub(crate) target: PathBuf,
    /// The signature to convert; default: the model's default one
    #[arg(long, value_name = "NAME")]
    pub(crate) signature: Option<String>,
    /// Version of ONNX's operators
    #[arg(long, value_name = "N", default_value_t = crate::conversion::OPSET)]
    pub(crate) opset: u32,
    /// A table or NPZ with inputs and expected outputs, compared beside the rows that are made
    #[arg(long, value_name = "FILE")]
    pub(crate) golden: Option<PathBuf>,
    /// Relative tolerance
    #[arg(long, default_value_t = crate::conversion::TOLERANCE.relative, value_parser = tolerance)]
    pub(crate) rtol: f64,
    /// Absolute tolerance
    #[arg(long, default_value_t = crate::conversion::TOLERANCE.absolute, value_parser = tolerance)]
    pub(crate) atol: f64,
    #[command(flatten)]
    pub(crate) engines: EngineFlags,
    #[command(flatten)]
    pub(crate) load: LoadFlags,
}

#[derive(Args)]
#[command(after_help = "Example:\n  landfall engines")]
pub(crate) struct Engines {
    /// One JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) engines: EngineFlags,
}

#[derive(Args)]
#[command(after_help = "Example:\n  landfall control list\n  landfall control promote iris 2")]
pub(crate) struct Control {
    /// Where the server's HTTP port is
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8000",
        env = "LANDFALL_SERVER",
        global = true
    )]
    pub(crate) server: String,
    /// The server's answer as it came
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: ControlVerb,
}

#[derive(Subcommand)]
pub(crate) enum ControlVerb {
    /// Models, versions, states, labels
    List,
    /// Load a model, or load it again
    Load {
        /// Name of the model
        model: String,
    },
    /// Take all versions of a model down
    Unload {
        /// Name of the model
        model: String,
    },
    /// Make a version the one that calls without a version get, or move a label to it
    Promote {
        /// Name of the model
        model: String,
        /// The version
        version: String,
        /// The label to move
        #[arg(long)]
        label: Option<String>,
    },
    /// Undo the last promote
    Rollback {
        /// Name of the model
        model: String,
    },
    /// Who changed what, and when
    History,
}

impl ControlVerb {
    /// As it is written.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            ControlVerb::List => "list",
            ControlVerb::Load { .. } => "load",
            ControlVerb::Unload { .. } => "unload",
            ControlVerb::Promote { .. } => "promote",
            ControlVerb::Rollback { .. } => "rollback",
            ControlVerb::History => "history",
        }
    }

    /// The model that it is for.
    pub(crate) fn model(&self) -> Option<&str> {
        match self {
            ControlVerb::Load { model }
            | ControlVerb::Unload { model }
            | ControlVerb::Promote { model, .. }
            | ControlVerb::Rollback { model } => Some(model),
            ControlVerb::List | ControlVerb::History => None,
        }
    }
}

/// Splits `NAME=PATH`. What lies there under the whole text is a path, whatever signs it holds; a path need not be text.
pub(crate) fn name_and_path(text: &OsStr) -> (Option<&str>, &Path) {
    use std::os::unix::ffi::OsStrExt;
    let whole = Path::new(text);
    let bytes = text.as_bytes();
    let named = bytes.iter().position(|&byte| byte == b'=').filter(|&at| at > 0 && !whole.exists());
    let split = named.and_then(|at| Some((std::str::from_utf8(&bytes[..at]).ok()?, &bytes[at + 1..])));
    match split {
        Some((name, path)) => (Some(name), Path::new(OsStr::from_bytes(path))),
        None => (None, whole),
    }
}

/// Refuses `--port`: there are two doors.
fn no_port(port: &str) -> Result<String, String> {
    Err(format!("say for which protocol: --http {port}, --grpc {port}, or both for one shared port"))
}

/// Flags of other servers for TLS, beside `--tls-cert`.
const OF_TLS: [&str; 12] = [
    "tls",
    "tls-key",
    "tls-cert-file",
    "tls-key-file",
    "ssl",
    "ssl-cert",
    "ssl-key",
    "ssl-certfile",
    "ssl-keyfile",
    "ssl_config_file",
    "certfile",
    "keyfile",
];

/// Refuses certificates and keys.
fn no_tls(_: &str) -> Result<String, String> {
    Err("TLS ends in front of Landfall, at a proxy or a service mesh (`landfall tensorflow-model-server` alone takes \
         --ssl_config_file, for its gRPC)"
        .to_owned())
}

/// Refuses a table that no flag stands before.
fn no_flag(table: &str) -> Result<String, String> {
    Err(format!("rows are named by a flag: -i {table}"))
}

/// How far numbers may lie apart: 0 or more.
fn tolerance(text: &str) -> Result<f64, String> {
    let told = text.parse().ok().filter(|told: &f64| told.is_finite() && *told >= 0.0);
    told.ok_or_else(|| "expected a number of 0 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent_and_every_command_has_an_example() {
        let command = Landfall::command();
        command.clone().debug_assert();
        for sub in command.get_subcommands() {
            let help = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("landfall "), "{} has no example", sub.get_name());
        }
    }
}
