//! The flags of `tensorflow_model_server`: what each is, and how a command line is read.
//!
//! Read as the original does, `--name=value` and `--name` for true, and a little more: `--name value`, and `True` and
//! `False` beside `true` and `false`. The last of several counts. An unknown flag is refused here; the original prints
//! its usage and goes on without it.

use landfall_model::{Problem, edit_distance};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;

/// Values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Bool,
    Int32,
    Int64,
    Float,
    Text,
}

/// What a flag does here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// What it does in the original.
    Works,
    /// Nothing, and nothing is lost: why.
    Harmless(&'static str),
    /// The start is refused when it is set: what to do instead.
    Refused(&'static str),
}

/// One flag.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) verdict: Verdict,
    pub(super) help: &'static str,
}

const fn works(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, kind, default, verdict: Verdict::Works, help }
}

const fn harmless(name: &'static str, kind: Kind, default: &'static str, why: &'static str) -> Flag {
    Flag { name, kind, default, verdict: Verdict::Harmless(why), help: why }
}

const fn refused(name: &'static str, kind: Kind, default: &'static str, instead: &'static str) -> Flag {
    Flag { name, kind, default, verdict: Verdict::Refused(instead), help: instead }
}

use Kind::{Bool, Float, Int32, Int64, Text};

/// All flags, in the original's order.
pub(super) const FLAGS: [Flag; 48] = [
    works("port", Int32, "8500", "port of gRPC on all interfaces; 0 for none"),
    works("grpc_socket_path", Text, "", "Unix socket of gRPC; one that lies there is replaced"),
    works("rest_api_port", Int32, "0", "port of REST on all interfaces; 0 for none"),
    harmless("rest_api_num_threads", Int32, "0", "threads follow the cores; REST and gRPC share them"),
    works("rest_api_timeout_in_ms", Int32, "30000", "how long a REST call may take"),
    works("rest_api_enable_cors_support", Bool, "false", "CORS headers in REST answers"),
    works("enable_batching", Bool, "false", "calls of several callers run together"),
    works(
        "allow_version_labels_for_unavailable_models",
        Bool,
        "false",
        "new labels may name versions that are not available yet",
    ),
    works("batching_parameters_file", Text, "", "BatchingParameters, in text format"),
    works(
        "enable_per_model_batching_parameters",
        Bool,
        "false",
        "BatchingParameters from batching_params.pbtxt in each version's folder",
    ),
    works("model_config_file", Text, "", "ModelServerConfig, in text format; stands above the next four"),
    works("model_config_file_poll_wait_seconds", Int32, "0", "how often that file is read again; 0: never"),
    works("model_name", Text, "default", "name of the one model"),
    works("model_base_path", Text, "", "folder of the one model's numbered versions"),
    works("num_load_threads", Int32, "0", "versions loaded at the same time; 0: as many as there are cores"),
    harmless("num_unload_threads", Int32, "0", "versions are freed on a thread of their own"),
    works("max_num_load_retries", Int32, "5", "how often a load that failed is tried again"),
    works("load_retry_interval_micros", Int64, "60000000", "how long after the one before"),
    works(
        "file_system_poll_wait_seconds",
        Int32,
        "1",
        "how often folders are looked at; 0: once; less: not until the configuration is replaced",
    ),
    harmless("flush_filesystem_caches", Bool, "true", "files are mapped: the system frees what it needs"),
    works(
        "tensorflow_session_parallelism",
        Int64,
        "0",
        "threads that run models; 0: as many as there are cores",
    ),
    works(
        "tensorflow_session_config_file",
        Text,
        "",
        "ConfigProto, in text format: its numbers of threads count",
    ),
    works("tensorflow_intra_op_parallelism", Int64, "0", "threads within an operation"),
    works("tensorflow_inter_op_parallelism", Int64, "0", "operations at the same time"),
    refused("use_alts_credentials", Bool, "false", "ALTS is Google's own: use --ssl_config_file"),
    works("ssl_config_file", Text, "", "SSLConfig, in text format: TLS for gRPC"),
    refused("platform_config_file", Text, "", "platforms are found by the models' files: leave it out"),
    harmless("per_process_gpu_memory_fraction", Float, "0", "the TensorFlow found decides on its GPU memory"),
    works("saved_model_tags", Text, "serve", "which graph of a SavedModel, by its tags"),
    works("grpc_channel_arguments", Text, "", "key=value,…: ages, keepalive, streams and message size count"),
    harmless("grpc_max_threads", Int32, "0", "threads follow the cores; REST and gRPC share them"),
    works(
        "enable_model_warmup",
        Bool,
        "true",
        "calls in assets.extra/tf_serving_warmup_requests run at load",
    ),
    works("num_request_iterations_for_warmup", Int32, "0", "how often each of them runs; 0: once"),
    works("version", Bool, "false", "print the version"),
    works("monitoring_config_file", Text, "", "MonitoringConfig, in text format: the page for Prometheus"),
    harmless(
        "remove_unused_fields_from_bundle_metagraph",
        Bool,
        "true",
        "nothing of a graph's description is kept",
    ),
    works("prefer_tflite_model", Bool, "false", "model.tflite is the model wherever a version has it"),
    harmless("num_tflite_pools", Int32, "0", "interpreters are made as threads need them"),
    harmless("num_tflite_interpreters_per_pool", Int32, "1", "interpreters are made as threads need them"),
    works(
        "enable_signature_method_name_check",
        Bool,
        "false",
        "Classify and Regress ask for signatures declared for them",
    ),
    harmless("xla_cpu_compilation_enabled", Bool, "false", "the TensorFlow found decides what it compiles"),
    harmless("xla_gpu_compilation_enabled", Bool, "false", "the TensorFlow found decides what it compiles"),
    works("enable_profiler", Bool, "true", "clients may trace requests, into files of this machine"),
    refused(
        "thread_pool_factory_config_file",
        Text,
        "",
        "threads are counted by --tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism",
    ),
    refused("mixed_precision", Text, "", "the model's own precision is kept: convert the model instead"),
    harmless("skip_initialize_tpu", Bool, "false", "no TPU is used"),
    works("enable_grpc_healthcheck_service", Bool, "false", "the health service of gRPC"),
    works(
        "enable_serialization_as_tensor_content",
        Bool,
        "false",
        "tensors of predictions go out as tensor_content",
    ),
];

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Line {
    Serve(Values),
    Help,
}

/// Flags that were given, with the values that count.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, String>);

/// Reads a command line.
///
/// # Errors
/// Invalid argument, naming the flag.
pub(super) fn parse(arguments: &[OsString]) -> Result<Line, Problem> {
    let mut values = BTreeMap::new();
    let mut arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.strip_prefix("--") else { return Err(unknown(&argument)) };
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name == "help" {
            return Ok(Line::Help);
        }
        let Some(flag) = FLAGS.iter().find(|flag| flag.name == name) else { return Err(unknown(&argument)) };
        let value = match (value, flag.kind) {
            (Some(value), _) => value,
            (None, Bool) => "true".to_owned(),
            (None, _) => {
                let missing = || Problem::invalid(format!("--{name} needs a value: --{name}=…"));
                arguments.next().ok_or_else(missing)?.into_owned()
            }
        };
        values.insert(flag.name, checked(flag, value)?);
    }
    Ok(Line::Serve(Values(values)))
}

/// A value as its kind has it.
fn checked(flag: &Flag, value: String) -> Result<String, Problem> {
    let good = match flag.kind {
        Text => true,
        Int32 => value.parse::<i32>().is_ok(),
        Int64 => value.parse::<i64>().is_ok(),
        Float => value.parse::<f32>().is_ok(),
        Bool => match value.as_str() {
            "True" | "TRUE" => return Ok("true".to_owned()),
            "False" | "FALSE" => return Ok("false".to_owned()),
            other => matches!(other, "true" | "false"),
        },
    };
    let expected = match flag.kind {
        Bool => "true or false",
        Int32 | Int64 => "a whole number",
        Float => "a number",
        Text => "text",
    };
    match good {
        true => Ok(value),
        false => Err(Problem::invalid(format!(
            "Couldn't interpret value {value} for flag {}: expected {expected}",
            flag.name
        ))),
    }
}

/// An argument that is none of the flags; the flag that it may have meant stands beside it.
fn unknown(argument: &str) -> Problem {
    let name = argument.trim_start_matches('-').split('=').next().unwrap_or_default();
    let nearest = FLAGS.iter().map(|flag| (edit_distance(name, flag.name), flag.name)).min();
    let hint = match nearest {
        Some((distance, nearest)) if distance <= 1 + name.len() / 4 => {
            format!(" (did you mean --{nearest}?)")
        }
        _ => String::new(),
    };
    Problem::invalid(format!("unknown argument: {argument}{hint}"))
}

/// The list of flags, as the original prints it.
pub(super) fn usage() -> String {
    let mut text = String::from("usage: landfall tensorflow-model-server\nFlags:\n");
    for flag in &FLAGS {
        let kind = match flag.kind {
            Bool => "bool",
            Int32 => "int32",
            Int64 => "int64",
            Float => "float",
            Text => "string",
        };
        let default = match flag.kind {
            Text => format!("\"{}\"", flag.default),
            _ => flag.default.to_owned(),
        };
        let head = format!("--{}={default}", flag.name);
        let note = match flag.verdict {
            Verdict::Works => "",
            Verdict::Harmless(_) => "no effect: ",
            Verdict::Refused(_) => "refused: ",
        };
        let _ = writeln!(text, "\t{head:<60}\t{kind}\t{note}{}", flag.help);
    }
    text
}

impl Values {
    /// The value of a flag, given or by default.
    pub(super) fn text(&self, name: &str) -> &str {
        let default = || FLAGS.iter().find(|flag| flag.name == name).map_or("", |flag| flag.default);
        self.0.get(name).map_or_else(default, String::as_str)
    }

    /// The same, where it is not empty.
    pub(super) fn path(&self, name: &str) -> Option<&str> {
        Some(self.text(name)).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    pub(super) fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or_default()
    }

    /// The flags that were given another value than their default, and what they do here.
    pub(super) fn given(&self) -> impl Iterator<Item = &'static Flag> {
        FLAGS.iter().filter(|flag| self.0.get(flag.name).is_some_and(|value| value != flag.default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(line: &str) -> Values {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        match parse(&arguments).unwrap() {
            Line::Serve(values) => values,
            Line::Help => panic!("help was not asked for"),
        }
    }

    fn refusal(line: &str) -> String {
        let arguments: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
        parse(&arguments).unwrap_err().to_string()
    }

    #[test]
    fn each_form_of_a_flag_is_read_and_the_last_one_counts() {
        let values = values("--port=1 --port 2 --enable_batching --model_name=a=b --enable_profiler=False");
        assert_eq!(values.number("port"), 2);
        assert!(values.flag("enable_batching") && !values.flag("enable_profiler"));
        assert_eq!(values.text("model_name"), "a=b");
        assert_eq!(values.number("load_retry_interval_micros"), 60_000_000);
        assert!(values.flag("enable_model_warmup"), "true by default");
        assert_eq!(values.number("file_system_poll_wait_seconds"), 1);
    }

    #[test]
    fn a_bool_does_not_take_the_word_after_it() {
        assert!(refusal("--enable_batching false").contains("unknown argument: false"));
        assert!(values("--enable_batching --port 3").flag("enable_batching"));
    }

    #[test]
    fn wrong_values_and_unknown_flags_are_refused_by_name() {
        for line in ["--port=abc", "--port=99999999999", "--port=", "--port=1.5"] {
            assert!(refusal(line).contains("for flag port"), "{line}");
        }
        assert!(refusal("--enable_batching=1").contains("for flag enable_batching"));
        assert!(refusal("--model_name").contains("--model_name needs a value"));
        assert!(refusal("-port=1").contains("unknown argument: -port=1 (did you mean --port?)"));
        assert!(refusal("--rest_api_prot=1").contains("did you mean --rest_api_port?"));
        assert_eq!(refusal("--unheard_of_thing=1"), "unknown argument: --unheard_of_thing=1");
    }

    #[test]
    fn names_are_told_apart_and_defaults_fit_their_kinds() {
        let mut names: Vec<&str> = FLAGS.iter().map(|flag| flag.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FLAGS.len());
        for flag in &FLAGS {
            assert_eq!(checked(flag, flag.default.to_owned()).unwrap(), flag.default, "{}", flag.name);
            assert!(usage().contains(&format!("--{}=", flag.name)));
        }
    }

    #[test]
    fn the_page_lists_every_flag_with_its_default_and_verdict() {
        let page =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/from-tensorflow-serving.md");
        let page = std::fs::read_to_string(page).unwrap();
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        for flag in &FLAGS {
            let default =
                if flag.default.is_empty() { "empty".to_owned() } else { format!("`{}`", flag.default) };
            let (verdict, note) = match flag.verdict {
                Verdict::Works => ("works", ""),
                Verdict::Harmless(_) => ("accepted", "no effect: "),
                Verdict::Refused(_) => ("refused", "where set: "),
            };
            let row = format!("| `{}` | {default} | {verdict} | {note}{} |", flag.name, flag.help);
            assert!(rows.contains(&row.as_str()), "the page lacks {row}");
        }
    }

    #[test]
    fn no_command_line_panics() {
        for line in ["--", "--=", "--port=\u{0}", "-", "--help=1", "--version=true --version=false"] {
            let _ = parse(&[OsString::from(line)]);
        }
    }
}
