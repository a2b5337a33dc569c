//! The server as the command sees it: start, addresses, drain.

use crate::caller::{CLOCK, Shared, Speaks};
use crate::memory::{Memory, half_of_memory};
use crate::metrics::{Latencies, Metrics};
use crate::offload;
use crate::phase::Phase;
use crate::thread::listener::{Listener, Opened, SocketFile, bind, probe};
use crate::thread::{IoThread, runtime};
use crate::{Bound, Endpoint, NetSettings, Tls};
use landfall_model::Problem;
use landfall_serving::{Catalog, Clock, Control};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

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
    grpc_too: Option<Bound>,
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
        offload::start();
        let mut of_threads: Vec<Vec<(Listener, Speaks)>> = (0..count).map(|_| Vec::new()).collect();
        let mut files = Vec::new();
        let mut open = |endpoint: &Endpoint, speaks| -> Result<Bound, Problem> {
            let Opened { listeners, bound, file } = bind(endpoint, count, settings.replace_sockets)?;
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
        let grpc_too = settings.grpc_too.as_ref().map(|endpoint| open(endpoint, Speaks::Grpc)).transpose()?;
        let (phase, told) = watch::channel(Phase::Serve);
        let shared = Arc::new(Shared {
            catalog,
            control,
            control_allowed: settings.control_allowed(),
            max_body: settings.max_body,
            json_nan: settings.json_nan,
            grpc_tls: settings.grpc_tls.as_ref().map(Tls::config),
            grpc_connections: settings.grpc_connections.clone(),
            grpc_health: settings.grpc_health,
            tfs: settings.tfs.clone(),
            memory: Memory::new(settings.memory.unwrap_or_else(half_of_memory)),
            metrics: Metrics::default(),
            latencies: Latencies::default(),
            draining: AtomicBool::new(false),
            phase: told.clone(),
        });
        let (report, ended) = mpsc::channel();
        let threads = Vec::new();
        let mut server =
            Server { http, grpc, grpc_too, shared: shared.clone(), phase, threads, ended, _files: files };
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

    /// Whether a door could open here now. For those who would load models first; nothing is kept.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub fn can_open(endpoint: &Endpoint) -> Result<(), Problem> {
        probe(endpoint)
    }

    /// Where HTTP is spoken.
    pub fn http(&self) -> Option<&Bound> {
        self.http.as_ref()
    }

    /// Where gRPC is spoken.
    pub fn grpc(&self) -> Option<&Bound> {
        self.grpc.as_ref()
    }

    /// Where gRPC is spoken too.
    pub fn grpc_too(&self) -> Option<&Bound> {
        self.grpc_too.as_ref()
    }

    /// Whether control calls are taken.
    pub fn control_allowed(&self) -> bool {
        self.shared.control_allowed
    }

    /// Says for this long that it is not ready, and answers everything: whoever sends requests by readiness looks
    /// elsewhere before the doors close. It blocks until then.
    pub fn announce_end(&self, delay: Duration) {
        self.shared.draining.store(true, Relaxed);
        // Nobody reports before the doors are told to close.
        let _ = self.ended.recv_timeout(delay);
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
