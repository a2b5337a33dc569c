//! `[server]` of `landfall.toml`: each flag of `serve` by its name.

use super::models::{EngineChoice, EngineFlags, LoadFlags, ModelFlags, Prefer};
use super::server::{JsonNan, LogFormat, ServerFlags, Switch};
use super::toml_value;
use landfall_net::Endpoint;
use serde::Deserialize;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// Values as TOML has them; what may be given several times is a list.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ServerTable {
    #[serde(deserialize_with = "toml_value::endpoint")]
    http: Option<Endpoint>,
    #[serde(deserialize_with = "toml_value::endpoint")]
    grpc: Option<Endpoint>,
    #[serde(deserialize_with = "toml_value::choice")]
    control: Option<Switch>,
    #[serde(deserialize_with = "toml_value::size")]
    max_body: Option<usize>,
    #[serde(deserialize_with = "toml_value::path")]
    state: Option<PathBuf>,
    #[serde(deserialize_with = "toml_value::choice")]
    json_nan: Option<JsonNan>,
    #[serde(deserialize_with = "toml_value::threads")]
    threads: Option<NonZeroUsize>,
    #[serde(deserialize_with = "toml_value::duration")]
    drain_delay: Option<Duration>,
    #[serde(deserialize_with = "toml_value::duration")]
    drain_timeout: Option<Duration>,
    #[serde(deserialize_with = "toml_value::choice")]
    log_format: Option<LogFormat>,
    #[serde(deserialize_with = "toml_value::choice")]
    engine: Option<EngineChoice>,
    #[serde(deserialize_with = "toml_value::path")]
    onnxruntime: Option<PathBuf>,
    #[serde(deserialize_with = "toml_value::path")]
    tensorflow: Option<PathBuf>,
    #[serde(deserialize_with = "toml_value::path")]
    litert: Option<PathBuf>,
    #[serde(deserialize_with = "toml_value::path")]
    python: Option<PathBuf>,
    #[serde(deserialize_with = "toml_value::choice")]
    prefer: Option<Prefer>,
    #[serde(deserialize_with = "toml_value::settings")]
    set: Vec<(String, String)>,
    #[serde(deserialize_with = "toml_value::rules")]
    on_missing: Vec<String>,
}

impl ServerTable {
    /// As the command line has them.
    pub(crate) fn split(self) -> (ServerFlags, ModelFlags) {
        let server = ServerFlags {
            http: self.http,
            grpc: self.grpc,
            control: self.control,
            max_body: self.max_body,
            state: self.state,
            json_nan: self.json_nan,
            threads: self.threads,
            drain_delay: self.drain_delay,
            drain_timeout: self.drain_timeout,
            log_format: self.log_format,
        };
        let model = ModelFlags {
            engines: EngineFlags {
                engine: self.engine,
                onnxruntime: self.onnxruntime,
                tensorflow: self.tensorflow,
                litert: self.litert,
                python: self.python,
            },
            prefer: self.prefer,
            load: LoadFlags { set: self.set, on_missing: self.on_missing },
        };
        (server, model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            "drain-delay" | "drain-timeout" => "\"5s\"",
            "on-missing" => "\"age=zero\"",
            _ => "\"text\"",
        };
        let flags: Vec<String> =
            All::command().get_arguments().filter_map(|flag| flag.get_long().map(str::to_owned)).collect();
        assert!(flags.len() > 15);
        let text: String =
            flags.iter().map(|flag| format!("{flag} = {}\n", value(flag))).collect::<Vec<_>>().concat();
        let table: ServerTable = toml::from_str(&text).unwrap();
        let (server, model) = table.split();
        assert_eq!((server.max_body, model.engines.engine), (Some(1_048_576), Some(EngineChoice::Embedded)));
        assert_eq!(model.load.set, [("a".into(), "1".into()), ("b".into(), "2".into())]);
        assert_eq!(model.load.on_missing, ["age=zero"]);
    }
}
