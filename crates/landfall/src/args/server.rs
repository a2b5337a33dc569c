//! Flags of the server: the same names on the command line, in the environment (`LANDFALL_…`) and in `[server]` of
//! `landfall.toml`.

use super::models::{EngineChoice, ModelFlags, Prefer, key_value};
use clap::{Args, ValueEnum};
use landfall_net::Endpoint;
use serde::{Deserialize, Deserializer};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// Each is `None` where it was not given: defaults are applied after all layers are laid over each other.
#[derive(Args, Default, Clone)]
pub(crate) struct ServerFlags {
    /// HTTP: HOST:PORT, a port alone for all interfaces, or unix:PATH [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR", env = "LANDFALL_HTTP")]
    pub(crate) http: Option<Endpoint>,
    /// gRPC, likewise; the same as --http for one shared port [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDR", env = "LANDFALL_GRPC")]
    pub(crate) grpc: Option<Endpoint>,
    /// Whether models can be loaded, unloaded, promoted and rolled back over the network [default: on where every
    /// listener is loopback or a Unix socket]
    #[arg(long, value_name = "on|off", env = "LANDFALL_CONTROL")]
    pub(crate) control: Option<Switch>,
    /// The largest body taken, after unpacking: 64MiB, 2GiB … [default: 2 GiB − 1]
    #[arg(long, value_name = "SIZE", env = "LANDFALL_MAX_BODY")]
    pub(crate) max_body: Option<String>,
    /// Where control calls are remembered [default: $XDG_STATE_HOME/landfall]
    #[arg(long, value_name = "DIR", env = "LANDFALL_STATE")]
    pub(crate) state: Option<PathBuf>,
    /// How JSON answers write NaN and infinities [default: bare]
    #[arg(long, value_name = "bare|null", env = "LANDFALL_JSON_NAN")]
    pub(crate) json_nan: Option<JsonNan>,
    /// Threads that read, decode and answer; cheap models run on them too [default: all cores]
    #[arg(long, value_name = "N", env = "LANDFALL_THREADS")]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How long a stopping server waits for requests under way [default: 30s]
    #[arg(long, value_name = "TIME", env = "LANDFALL_DRAIN_TIMEOUT")]
    pub(crate) drain_timeout: Option<String>,
    /// Log lines as text or as JSON [default: text]
    #[arg(long, value_name = "text|json", env = "LANDFALL_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl ServerFlags {
    /// These flags, and where they are silent, those of a lower layer.
    pub(crate) fn over(self, lower: ServerFlags) -> ServerFlags {
        ServerFlags {
            http: self.http.or(lower.http),
            grpc: self.grpc.or(lower.grpc),
            control: self.control.or(lower.control),
            max_body: self.max_body.or(lower.max_body),
            state: self.state.or(lower.state),
            json_nan: self.json_nan.or(lower.json_nan),
            threads: self.threads.or(lower.threads),
            drain_timeout: self.drain_timeout.or(lower.drain_timeout),
            log_format: self.log_format.or(lower.log_format),
        }
    }
}

/// `[server]` of `landfall.toml`: each flag of `serve` by its name.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ServerTable {
    #[serde(deserialize_with = "endpoint")]
    http: Option<Endpoint>,
    #[serde(deserialize_with = "endpoint")]
    grpc: Option<Endpoint>,
    control: Option<Switch>,
    max_body: Option<SizeText>,
    state: Option<PathBuf>,
    json_nan: Option<JsonNan>,
    threads: Option<NonZeroUsize>,
    drain_timeout: Option<String>,
    log_format: Option<LogFormat>,
    engine: Option<EngineChoice>,
    onnxruntime: Option<PathBuf>,
    tensorflow: Option<PathBuf>,
    litert: Option<PathBuf>,
    python: Option<PathBuf>,
    prefer: Option<Prefer>,
    #[serde(deserialize_with = "settings")]
    set: Vec<(String, String)>,
    on_missing: OneOrMore,
}

impl ServerTable {
    /// As the command line has them.
    pub(crate) fn split(self) -> (ServerFlags, ModelFlags) {
        let server = ServerFlags {
            http: self.http,
            grpc: self.grpc,
            control: self.control,
            max_body: self.max_body.map(SizeText::text),
            state: self.state,
            json_nan: self.json_nan,
            threads: self.threads,
            drain_timeout: self.drain_timeout,
            log_format: self.log_format,
        };
        let model = ModelFlags {
            engine: self.engine,
            onnxruntime: self.onnxruntime,
            tensorflow: self.tensorflow,
            litert: self.litert,
            python: self.python,
            prefer: self.prefer,
            set: self.set,
            on_missing: self.on_missing.list(),
        };
        (server, model)
    }
}

/// A size as TOML has it.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a size such as \"64MiB\", or a number of bytes")]
pub(crate) enum SizeText {
    Bytes(u64),
    Text(String),
}

impl SizeText {
    pub(crate) fn text(self) -> String {
        match self {
            SizeText::Bytes(bytes) => bytes.to_string(),
            SizeText::Text(text) => text,
        }
    }
}

/// What a flag that may be repeated is in TOML.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a text, or a list of texts")]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        OneOrMore::More(Vec::new())
    }
}

impl OneOrMore {
    fn list(self) -> Vec<String> {
        match self {
            OneOrMore::One(text) => vec![text],
            OneOrMore::More(list) => list,
        }
    }
}

/// Load options as TOML has them: `"KEY=VALUE"`, or a list of such.
fn settings<'de, D: Deserializer<'de>>(value: D) -> Result<Vec<(String, String)>, D::Error> {
    let list = OneOrMore::deserialize(value)?.list();
    list.iter().map(|text| key_value(text).map_err(serde::de::Error::custom)).collect()
}

/// `on` or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Switch {
    On,
    Off,
}

/// How JSON answers write what JSON has no number for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JsonNan {
    Bare,
    Null,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}

/// An address as TOML has it: text, or a port alone.
fn endpoint<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Endpoint>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected \"HOST:PORT\", a port, or \"unix:PATH\"")]
    enum Text {
        Text(String),
        Port(u16),
    }
    let text = match Text::deserialize(value)? {
        Text::Text(text) => text,
        Text::Port(port) => port.to_string(),
    };
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_layer_wins_where_it_speaks() {
        let flags = ServerFlags { threads: NonZeroUsize::new(2), ..ServerFlags::default() };
        let file = ServerFlags {
            threads: NonZeroUsize::new(8),
            control: Some(Switch::Off),
            ..ServerFlags::default()
        };
        let both = flags.over(file);
        assert_eq!((both.threads, both.control), (NonZeroUsize::new(2), Some(Switch::Off)));
    }

    #[test]
    fn the_table_of_the_server_knows_each_flag_of_the_command() {
        use clap::CommandFactory;
        #[derive(clap::Parser)]
        struct All {
            #[command(flatten)]
            server: ServerFlags,
            #[command(flatten)]
            model: ModelFlags,
        }
        let value = |flag: &str| match flag {
            "http" | "grpc" => "8000",
            "control" => "\"on\"",
            "json-nan" => "\"null\"",
            "threads" => "2",
            "log-format" => "\"json\"",
            "engine" => "\"embedded\"",
            "prefer" => "\"onnx\"",
            "set" => "[\"a=1\", \"b=2\"]",
            "max-body" => "1048576",
            _ => "\"text\"",
        };
        let flags: Vec<String> =
            All::command().get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
        assert!(flags.len() > 15);
        let text: String =
            flags.iter().map(|flag| format!("{flag} = {}\n", value(flag))).collect::<Vec<_>>().concat();
        let table: ServerTable = toml::from_str(&text).unwrap();
        let (server, model) = table.split();
        assert_eq!(
            (server.max_body.as_deref(), model.engine),
            (Some("1048576"), Some(EngineChoice::Embedded))
        );
        assert_eq!(model.set, [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert_eq!(model.on_missing, ["text"]);
    }
}
