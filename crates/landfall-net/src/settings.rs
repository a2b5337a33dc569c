//! How the doors are set up.

use crate::limits::MAX_BODY_DEFAULT;
use crate::{Endpoint, Tls};
use landfall_dialects::JsonNan;
use landfall_dialects::tfs::config::ModelServerConfig;
use landfall_model::Problem;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How the doors are set up.
#[derive(Clone, Debug)]
pub struct NetSettings {
    /// Where HTTP is spoken; `None` for nowhere.
    pub http: Option<Endpoint>,
    /// Where gRPC is spoken; the same as `http` for one shared port.
    pub grpc: Option<Endpoint>,
    /// Where gRPC is spoken too.
    pub grpc_too: Option<Endpoint>,
    /// Whether Unix sockets are replaced even where another server answers on them.
    pub replace_sockets: bool,
    /// TLS of the gRPC listeners; `None` for none. A port shared with HTTP has none.
    pub grpc_tls: Option<Tls>,
    /// What gRPC connections are allowed.
    pub grpc_connections: GrpcConnections,
    /// For which services the health service of gRPC speaks.
    pub grpc_health: GrpcHealth,
    /// I/O threads; cheap models run on them too. `None`: as many as the process may use cores.
    pub threads: Option<usize>,
    /// Whether models can be loaded, unloaded, promoted and rolled back; `None`: where only this machine can connect.
    pub control: Option<bool>,
    /// The largest body, in bytes, after unpacking.
    pub max_body: usize,
    /// Bytes that all requests may hold together, in bodies, in what is made of them and in answers; `None`: half of the memory
    /// that the process may have.
    pub memory: Option<usize>,
    /// How JSON answers write NaN and infinities.
    pub json_nan: JsonNan,
    /// What TensorFlow Serving's server has and others do not.
    pub tfs: TfsSettings,
}

/// What gRPC connections are allowed. The default: what the limits say.
#[derive(Clone, Debug, Default)]
pub struct GrpcConnections {
    /// A connection this old is asked to end.
    pub max_age: Option<Duration>,
    /// And ended, this long after that.
    pub max_age_grace: Option<Duration>,
    /// A connection is asked for a sign of life this often …
    pub keepalive_every: Option<Duration>,
    /// … and closed when none comes for this long.
    pub keepalive_timeout: Option<Duration>,
    /// Calls under way on one connection.
    pub max_streams: Option<u32>,
    /// The largest message, in bytes, after unpacking.
    pub max_message: Option<usize>,
}

/// For which services the health service of gRPC speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrpcHealth {
    /// For whatever a caller asks: all stand and fall together.
    #[default]
    Any,
    /// For these, and for the server as a whole.
    Of(&'static [&'static str]),
    /// There is none.
    Off,
}

/// What TensorFlow Serving's server has and others do not.
#[derive(Clone, Debug, Default)]
pub struct TfsSettings {
    /// How long a REST prediction may take where its caller sets no shorter time.
    pub rest_timeout: Option<Duration>,
    /// Whether REST answers let browsers' pages of other origins read them.
    pub cors: bool,
    /// The path of a page with the original's metrics; `None` for none.
    pub metrics_path: Option<String>,
    /// Whether the method of a TensorFlow graph's signature must be the one that is asked.
    pub check_method_names: bool,
    /// Whether tensors of predictions go out as their bytes instead of typed fields.
    pub tensor_content: bool,
    /// Whether clients may trace requests; a trace is written to a file where the client says.
    pub profiler: bool,
    /// Who replaces the whole configuration of models when a client asks for it.
    pub reload: Option<Reload>,
    /// Where answered requests are logged; `None` for nowhere.
    pub log: Option<RequestLog>,
}

/// Where answered requests are logged. Asked on the threads that read sockets: it must not wait.
pub trait Log: Send + Sync {
    /// Which part of this model's requests is logged, if this one is.
    fn sample(&self, model: &str) -> Option<f64>;
    /// Takes the record of an answered request of this model.
    fn take(&self, model: &str, record: Vec<u8>);
}

/// A [`Log`] as a setting.
#[derive(Clone)]
pub struct RequestLog(pub(crate) Arc<dyn Log>);

impl RequestLog {
    /// This one.
    pub fn new(log: Arc<dyn Log>) -> Self {
        RequestLog(log)
    }
}

impl fmt::Debug for RequestLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestLog")
    }
}

/// Replaces the whole configuration of models. It may take as long as loading does.
#[derive(Clone)]
pub struct Reload(Arc<ReloadFn>);

type ReloadFn = dyn Fn(&ModelServerConfig) -> Result<(), Problem> + Send + Sync;

impl Reload {
    /// By this function.
    pub fn new(reload: impl Fn(&ModelServerConfig) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        Reload(Arc::new(reload))
    }

    pub(crate) fn reload(&self, config: &ModelServerConfig) -> Result<(), Problem> {
        (self.0)(config)
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload")
    }
}

impl Default for NetSettings {
    /// Loopback, ports 8000 and 8001.
    fn default() -> Self {
        NetSettings {
            http: Some(Endpoint::Tcp("127.0.0.1:8000".into())),
            grpc: Some(Endpoint::Tcp("127.0.0.1:8001".into())),
            grpc_too: None,
            replace_sockets: false,
            grpc_tls: None,
            grpc_connections: GrpcConnections::default(),
            grpc_health: GrpcHealth::Any,
            threads: None,
            control: None,
            max_body: MAX_BODY_DEFAULT,
            memory: None,
            json_nan: JsonNan::Bare,
            tfs: TfsSettings::default(),
        }
    }
}

impl NetSettings {
    /// Whether control calls are taken, by setting or by default.
    pub fn control_allowed(&self) -> bool {
        let local = || self.http.iter().chain(&self.grpc).chain(&self.grpc_too).all(Endpoint::is_local);
        self.control.unwrap_or_else(local)
    }

    pub(crate) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        self.threads.unwrap_or_else(cores).max(1)
    }
}
