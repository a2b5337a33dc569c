//! The server as the command sees it: start, addresses, drain.

use crate::caller::{CLOCK, Shared, Speaks};
use crate::limits::MAX_BODY_DEFAULT;
use crate::listener::{Listener, Opened, SocketFile, bind};
use crate::metrics::Metrics;
use crate::thread::{IoThread, Phase, runtime};
use crate::{Bound, Endpoint};
use landfall_dialects::JsonNan;
use landfall_model::Problem;
use landfall_serving::{Catalog, Clock, Control};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// How the doors are set up.
#[derive(Clone, Debug)]
pub struct NetSettings {
    /// Where HTTP is spoken; `None` for nowhere.
    pub http: Option<Endpoint>,
    /// Where gRPC is spoken; the same as `http` for one shared port.
    pub grpc: Option<Endpoint>,
    /// I/O threads; cheap models run on them too. `None`: as many as the process may use cores.
    pub threads: Option<usize>,
    /// Whether models can be loaded, unloaded, promoted and rolled back; `None`: where only this machine can connect.
    pub control: Option<bool>,
    /// The largest body, in bytes, after unpacking.
    pub max_body: usize,
    /// How JSON answers write NaN and infinities.
    pub json_nan: JsonNan,
}

impl Default for NetSettings {
    /// Loopback, ports 8000 and 8001.
    fn default() -> Self {
        NetSettings {
            http: Some(Endpoint::Tcp("127.0.0.1:8000".into())),
            grpc: Some(Endpoint::Tcp("127.0.0.1:8001".into())),
            threads: None,
            control: None,
            max_body: MAX_BODY_DEFAULT,
            json_nan: JsonNan::Bare,
        }
    }
}

impl NetSettings {
    /// Whether control calls are taken, by setting or by default.
    pub fn control_allowed(&self) -> bool {
        let local = || self.http.iter().chain(&self.grpc).all(Endpoint::is_local);
        self.control.unwrap_or_else(local)
    }

    fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, |n| n.get());
        self.threads.unwrap_or_else(cores).max(1)
    }
}

/// How a drain went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Drained {
    /// Requests that were accepted and not answered in time.
    pub cut: usize,
}

/// Open doors. Dropped without a drain, it cuts all connections.
pub struct Server {
    http: Option<Bound>,
    grpc: Option<Bound>,
    shared: Arc<Shared>,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<usize>,
    _files: Vec<SocketFile>,
}

impl Server {
    /// Opens the doors.
    ///
    /// # Errors
    /// When an address cannot be listened on or a thread cannot be started; nothing stays open then.
    pub fn start(settings: &NetSettings, catalog: Arc<Catalog>, control: Control) -> Result<Server, Problem> {
        let count = settings.threads();
        let mut of_threads: Vec<Vec<(Listener, Speaks)>> = (0..count).map(|_| Vec::new()).collect();
        let mut files = Vec::new();
        let mut open = |endpoint: &Endpoint, speaks| -> Result<Bound, Problem> {
            let Opened { listeners, bound, file } = bind(endpoint, count)?;
            files.extend(file);
            of_threads.iter_mut().zip(listeners).for_each(|(list, listener)| list.push((listener, speaks)));
            Ok(bound)
        };
        let (http, grpc) = match (&settings.http, &settings.grpc) {
            (Some(http), Some(grpc)) if http == grpc => {
                let bound = open(http, Speaks::Both)?;
                (Some(bound.clone()), Some(bound))
            }
            (http, grpc) => (
                http.as_ref().map(|endpoint| open(endpoint, Speaks::Http)).transpose()?,
                grpc.as_ref().map(|endpoint| open(endpoint, Speaks::Grpc)).transpose()?,
            ),
        };
        let (phase, told) = watch::channel(Phase::Serve);
        let shared = Arc::new(Shared {
            catalog,
            control,
            control_allowed: settings.control_allowed(),
            max_body: settings.max_body,
            json_nan: settings.json_nan,
            metrics: Metrics::default(),
            draining: AtomicBool::new(false),
            phase: told.clone(),
        });
        let (report, ended) = mpsc::channel();
        let mut server =
            Server { http, grpc, shared: shared.clone(), phase, threads: Vec::new(), ended, _files: files };
        for (number, listeners) in of_threads.into_iter().enumerate() {
            let thread =
                IoThread { runtime: runtime()?, listeners, shared: shared.clone(), phase: told.clone() };
            let report = report.clone();
            let run = move || {
                // The server may be gone already.
                let _ = report.send(thread.run());
            };
            let handle = std::thread::Builder::new().name(format!("io-{number}")).spawn(run);
            server.threads.push(handle.map_err(|error| Problem::io("start an I/O thread", &error))?);
        }
        Ok(server)
    }

    /// Where HTTP is spoken.
    pub fn http(&self) -> Option<&Bound> {
        self.http.as_ref()
    }

    /// Where gRPC is spoken.
    pub fn grpc(&self) -> Option<&Bound> {
        self.grpc.as_ref()
    }

    /// Whether control calls are taken.
    pub fn control_allowed(&self) -> bool {
        self.shared.control_allowed
    }

    /// Stops accepting, answers what is under way, and ends; after `timeout` it cuts what is left. It blocks until then.
    pub fn drain(mut self, timeout: Duration) -> Drained {
        self.shared.draining.store(true, Relaxed);
        self.phase.send_replace(Phase::Drain);
        let end = CLOCK.now() + timeout;
        let mut cut = 0;
        let mut running = self.threads.len();
        while running > 0 {
            let left = end.saturating_duration_since(CLOCK.now());
            match self.ended.recv_timeout(left) {
                Ok(more) => {
                    cut += more;
                    running -= 1;
                }
                // Time is up, or a thread panicked and will not report.
                Err(_) => break,
            }
        }
        self.phase.send_replace(Phase::Cut);
        self.join();
        cut += self.ended.try_iter().sum::<usize>();
        Drained { cut }
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("an I/O thread panicked");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.phase.send_replace(Phase::Cut);
            self.join();
        }
    }
}
