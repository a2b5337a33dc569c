//! Flags of the server: the same names on the command line, in the environment (`LANDFALL_…`) and in `[server]` of
//! `landfall.toml`.

use clap::{Args, ValueEnum};
use landfall_net::Endpoint;
use serde::{Deserialize, Deserializer};
use std::path::PathBuf;

/// Each is `None` where it was not given: defaults are applied after all layers are laid over each other.
#[derive(Args, Deserialize, Default, Clone)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ServerFlags {
    /// HTTP: HOST:PORT, a port alone for all interfaces, or unix:PATH [default: 127.0.0.1:8000]
    #[arg(long, value_name = "ADDR", env = "LANDFALL_HTTP")]
    #[serde(deserialize_with = "endpoint")]
    pub(crate) http: Option<Endpoint>,
    /// gRPC, likewise; the same as --http for one shared port [default: 127.0.0.1:8001]
    #[arg(long, value_name = "ADDR", env = "LANDFALL_GRPC")]
    #[serde(deserialize_with = "endpoint")]
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
    pub(crate) threads: Option<usize>,
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
    #[serde(untagged)]
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
        let flags = ServerFlags { threads: Some(2), ..ServerFlags::default() };
        let file = ServerFlags { threads: Some(8), control: Some(Switch::Off), ..ServerFlags::default() };
        let both = flags.over(file);
        assert_eq!((both.threads, both.control), (Some(2), Some(Switch::Off)));
    }
}
