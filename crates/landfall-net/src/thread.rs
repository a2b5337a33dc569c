//! One I/O thread: a single-threaded runtime, its own listeners and its own connections.

mod accept;
mod age;
mod busy_poll;
mod connection_server;
pub(crate) mod listener;

use crate::caller::{CLOCK, Shared, Speaks};
use crate::connections::{Connections, Order};
use crate::limits::{CONNECTION_IDLE, CONNECTION_SWEEP, LAST_REQUESTS};
use crate::phase::Phase;
use crate::turns::{self, take_turn, waiting};
use accept::accept;
use busy_poll::busy_poll;
use connection_server::ConnectionServer;
use landfall_model::Problem;
use landfall_serving::Lane;
use listener::Listener;
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// One I/O thread before it runs.
pub(crate) struct IoThread {
    pub(crate) runtime: Runtime,
    pub(crate) listeners: Vec<(Listener, Speaks)>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// A runtime whose thread runs waiting batches whenever it has nothing else to do.
///
/// # Errors
/// What the operating system said.
pub(crate) fn runtime() -> Result<Runtime, Problem> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .on_thread_park(turns::before_sleep)
        .build()
        .map_err(|error| Problem::io("start an I/O thread", &error))
}

impl IoThread {
    /// Serves until it is told to end; gives the number of requests that were cut off.
    pub(crate) fn run(self) -> usize {
        let lane = Lane::enter();
        let IoThread { runtime, listeners, shared, phase } = self;
        let cut = runtime.block_on(serve(listeners, shared, phase));
        // A control call that still runs on a thread of its own must not hold the end up.
        runtime.shutdown_background();
        // What still waits in the lane has lost its callers with the runtime.
        drop(lane);
        cut
    }
}

async fn serve(
    listeners: Vec<(Listener, Speaks)>,
    shared: Arc<Shared>,
    mut phase: watch::Receiver<Phase>,
) -> usize {
    let connections = Arc::new(Connections::default());
    let mut acceptors = Vec::new();
    for (listener, speaks) in listeners {
        let server = ConnectionServer::new(&shared, speaks, &connections);
        acceptors.push(tokio::spawn(accept(listener, Arc::new(server), phase.clone())));
    }
    let sweeper = tokio::spawn(sweep(connections.clone()));
    let answered = turns::answered();
    let busy = tokio::spawn(async move { busy_poll(&answered, &CLOCK, waiting, take_turn).await });
    // An error means that the server is gone.
    let _ = phase.wait_for(|phase| *phase != Phase::Serve).await;
    for acceptor in acceptors {
        if let Err(error) = acceptor.await {
            tracing::error!(%error, "accepting connections broke off");
        }
    }
    let finished = async {
        // A client may be sending on a connection that looks idle: it gets its answer, and is told to close by it.
        sleep(LAST_REQUESTS).await;
        connections.tell(Order::Finish);
        connections.empty().await;
    };
    let cut = tokio::select! {
        biased;
        () = finished => 0,
        _ = phase.wait_for(|phase| *phase == Phase::Cut) => {
            let under_way = connections.under_way();
            connections.tell(Order::Cut);
            connections.empty().await;
            under_way
        }
    };
    sweeper.abort();
    busy.abort();
    cut
}

async fn sweep(connections: Arc<Connections>) {
    let patience =
        u32::try_from(CONNECTION_IDLE.as_millis() / CONNECTION_SWEEP.as_millis()).unwrap_or(u32::MAX);
    let mut ticks = interval(CONNECTION_SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        connections.sweep(patience);
    }
}
