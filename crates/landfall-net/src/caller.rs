//! What a request's handler knows of the server and of who asks.

use crate::connections::repoll::Polled;
use crate::connections::{Activity, UnderWay};
use crate::limits::{FIELD, HEADS, QUESTION};
use crate::memory::{Full, Hold, Memory, Share};
use crate::metrics::{Latencies, Metrics};
use crate::phase::Phase;
use crate::settings::{GrpcConnections, GrpcHealth, TfsSettings};
use http::Version;
use http::request::Parts;
use landfall_dialects::JsonNan;
use landfall_serving::{Catalog, Control, SystemClock};
use rustls::ServerConfig;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use tokio::sync::watch;

/// The machine's clock: time enters the doors here.
pub(crate) const CLOCK: SystemClock = SystemClock;

/// What all threads and connections share.
pub(crate) struct Shared {
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) control: Control,
    pub(crate) control_allowed: bool,
    pub(crate) max_body: usize,
    pub(crate) json_nan: JsonNan,
    pub(crate) grpc_tls: Option<Arc<ServerConfig>>,
    pub(crate) grpc_connections: GrpcConnections,
    pub(crate) grpc_health: GrpcHealth,
    pub(crate) tfs: TfsSettings,
    pub(crate) memory: Arc<Memory>,
    pub(crate) metrics: Metrics,
    pub(crate) latencies: Latencies,
    pub(crate) draining: AtomicBool,
    /// For those who wait for the end: what all threads are told.
    pub(crate) phase: watch::Receiver<Phase>,
}

impl Shared {
    /// Whether the server takes requests and everything that was asked for answers.
    pub(crate) fn is_ready(&self) -> bool {
        !self.is_draining() && self.catalog.is_ready()
    }

    /// The largest gRPC message, in bytes.
    pub(crate) fn max_message(&self) -> usize {
        self.grpc_connections.max_message.unwrap_or(self.max_body)
    }

    /// Whether the server has begun to stop.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }
}

/// What a listener speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speaks {
    Http,
    Grpc,
    /// Told apart by the content type.
    Both,
}

/// One connection, as its requests see it.
pub(crate) struct Caller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) speaks: Speaks,
    pub(crate) peer: Peer,
    pub(crate) activity: Arc<Activity>,
    pub(crate) polled: Polled,
    pub(crate) share: Arc<Share>,
}

impl Caller {
    /// A request began.
    pub(crate) fn begin(&self, version: Version) -> UnderWay<&Activity> {
        UnderWay::begin(&self.activity, version == Version::HTTP_2)
    }

    /// Room for the head of a request that began, where there are many beside it on its connection.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn room_for_head(&self, parts: &Parts) -> Result<Option<Hold>, Full> {
        if self.activity.under_way() <= HEADS {
            return Ok(None);
        }
        let fields = parts.headers.iter().map(|(name, value)| FIELD + name.as_str().len() + value.len());
        let path = parts.uri.path_and_query().map_or(0, |path| path.as_str().len());
        let mut hold = self.share.hold();
        hold.grow(QUESTION + path + fields.sum::<usize>())?;
        Ok(Some(hold))
    }
}

/// Who is at the other end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Peer {
    Tcp(SocketAddr),
    /// The path of our own socket: clients of a Unix socket have no address.
    Unix(PathBuf),
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
