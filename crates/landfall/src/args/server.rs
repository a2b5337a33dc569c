//! Flags of the server, with the names of their environment variables.

use super::units::{parse_duration, parse_size, parse_threads};
use clap::{Args, ValueEnum};
use landfall_net::Endpoint;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

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
    #[arg(long, value_name = "SIZE", env = "LANDFALL_MAX_BODY", value_parser = parse_size)]
    pub(crate) max_body: Option<usize>,
    /// Where control calls are remembered [default: $XDG_STATE_HOME/landfall]
    #[arg(long, value_name = "DIR", env = "LANDFALL_STATE")]
    pub(crate) state: Option<PathBuf>,
    /// How JSON answers write NaN and infinities [default: bare]
    #[arg(long, value_name = "bare|null", env = "LANDFALL_JSON_NAN")]
    pub(crate) json_nan: Option<JsonNan>,
    /// Threads that read, decode and answer; cheap models run on them too [default: all cores]
    #[arg(long, value_name = "N", env = "LANDFALL_THREADS", value_parser = parse_threads)]
    pub(crate) threads: Option<NonZeroUsize>,
    /// How long a stopping server says that it is not ready, and answers all the same, before it closes its doors
    /// [default: 0s]
    #[arg(long, value_name = "TIME", env = "LANDFALL_DRAIN_DELAY", value_parser = parse_duration)]
    pub(crate) drain_delay: Option<Duration>,
    /// How long a stopping server waits for requests under way [default: 30s]
    #[arg(long, value_name = "TIME", env = "LANDFALL_DRAIN_TIMEOUT", value_parser = parse_duration)]
    pub(crate) drain_timeout: Option<Duration>,
    /// Log lines as text or as JSON; LANDFALL_LOG=debug says more, warn less [default: text]
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
            drain_delay: self.drain_delay.or(lower.drain_delay),
            drain_timeout: self.drain_timeout.or(lower.drain_timeout),
            log_format: self.log_format.or(lower.log_format),
        }
    }
}

/// `on` or `off`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

/// How JSON answers write what JSON has no number for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum JsonNan {
    Bare,
    Null,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
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
}
