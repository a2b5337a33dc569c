//! One I/O thread: a single-threaded runtime, its own listeners and its own connections.

use crate::authority::Respelled;
use crate::caller::{CLOCK, Caller, Peer, Shared, Speaks};
use crate::connections::{Connections, Order};
use crate::doors;
use crate::limits::{
    ACCEPT_PAUSE, AGE_GRACE, CALLS_WITHOUT_TURN, CONNECTION_IDLE, CONNECTION_SWEEP, CONNECTION_WINDOW, FRAME,
    GIVEN_UP, HANDSHAKE, HEAD_BYTES, KEEPALIVE_TIMEOUT, LAST_REQUESTS, STREAM_WINDOW, STREAMS,
};
use crate::linger::linger;
use crate::listener::Listener;
use crate::settings::GrpcConnections;
use crate::stream::{Socket, Stream};
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use landfall_model::Problem;
use landfall_serving::{Lane, Turned, turn};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, Sleep, interval, sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// What threads are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    /// Accept and answer.
    Serve,
    /// Accept nothing, answer what is under way, end.
    Drain,
    /// End.
    Cut,
}

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
        .on_thread_park(|| {
            if take_turn() {
                ANSWERED.with(|answered| answered.notify_one());
            }
        })
        .build()
        .map_err(|error| Problem::io("start an I/O thread", &error))
}

/// Runs what waits in this thread's lane; says whether there was anything.
fn take_turn() -> bool {
    HANDED_IN.set(0);
    // What a part of a turn leaves is taken up in the next one: the callers that it woke run first.
    turn(&CLOCK) != Turned::Nothing
}

thread_local! {
    /// Calls handed in since the last turn.
    static HANDED_IN: Cell<usize> = const { Cell::new(0) };
    /// Told when a turn before sleep gave answers.
    static ANSWERED: Arc<Notify> = Arc::default();
}

/// A call was handed in. A thread to which requests come faster than it reads them never parks: it takes its turn all the
/// same, or nobody would get an answer.
pub(crate) fn handed_in() {
    let calls = HANDED_IN.get() + 1;
    HANDED_IN.set(calls);
    if calls >= CALLS_WITHOUT_TURN {
        take_turn();
    }
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
        let door = Door {
            builder: builder(speaks, &shared.grpc_connections),
            tls: shared.grpc_tls.clone().filter(|_| speaks == Speaks::Grpc).map(TlsAcceptor::from),
            speaks,
            shared: shared.clone(),
            connections: connections.clone(),
        };
        acceptors.push(tokio::spawn(accept(listener, Arc::new(door), phase.clone())));
    }
    let sweeper = tokio::spawn(sweep(connections.clone()));
    let answered = ANSWERED.with(Arc::clone);
    let lingerer =
        tokio::spawn(async move { linger(&answered, &CLOCK, || HANDED_IN.get(), take_turn).await });
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
    lingerer.abort();
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

/// What new connections of one listener have in common.
struct Door {
    builder: auto::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    speaks: Speaks,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
}

fn builder(speaks: Speaks, connections: &GrpcConnections) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Slow heads and idle connections are found by sweeping: hyper's own timer costs an allocation per request. A caller
    // who closes has left (`half_close` is off), so that his request is not run. Each answer goes out in one write, and at
    // once: held back while more bytes wait (`pipeline_flush`), the last one before an error would never go out.
    builder.http1().writev(false).header_read_timeout(None);
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(GIVEN_UP)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(HEAD_BYTES);
    match speaks {
        Speaks::Grpc => {
            builder.http2().max_concurrent_streams(connections.max_streams.unwrap_or(STREAMS));
            if let Some(every) = connections.keepalive_every {
                let timeout = connections.keepalive_timeout.unwrap_or(KEEPALIVE_TIMEOUT);
                let timer = TokioTimer::new();
                builder.http2().timer(timer).keep_alive_interval(every).keep_alive_timeout(timeout);
            }
            builder.http2_only()
        }
        Speaks::Http | Speaks::Both => builder,
    }
}

/// Either kind of listener, on the runtime.
enum Acceptor {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Acceptor {
    fn new(listener: Listener) -> io::Result<Self> {
        Ok(match listener {
            Listener::Tcp(listener) => Acceptor::Tcp(TcpListener::from_std(listener)?),
            Listener::Unix(listener) => Acceptor::Unix(UnixListener::from_std(listener)?),
        })
    }

    async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match self {
            Acceptor::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                tcp(stream, address)
            }
            Acceptor::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(unix(stream, listener.local_addr()?.as_pathname().map(Into::into)))
            }
        }
    }

    /// Those that the kernel has accepted already.
    fn rest(self) -> io::Result<Vec<(Socket, Peer)>> {
        let mut rest = Vec::new();
        match self {
            Acceptor::Tcp(listener) => {
                let listener = listener.into_std()?;
                while let Ok((stream, address)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    rest.push(tcp(TcpStream::from_std(stream)?, address)?);
                }
            }
            Acceptor::Unix(listener) => {
                let path = listener.local_addr()?.as_pathname().map(Into::into);
                let listener = listener.into_std()?;
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    rest.push(unix(UnixStream::from_std(stream)?, path.clone()));
                }
            }
        }
        Ok(rest)
    }
}

fn tcp(stream: TcpStream, address: std::net::SocketAddr) -> io::Result<(Socket, Peer)> {
    stream.set_nodelay(true)?;
    Ok((Socket::Tcp(TokioIo::new(stream)), Peer::Tcp(address)))
}

fn unix(stream: UnixStream, path: Option<std::path::PathBuf>) -> (Socket, Peer) {
    (Socket::Unix(TokioIo::new(Respelled::new(stream))), Peer::Unix(path.unwrap_or_default()))
}

async fn accept(listener: Listener, door: Arc<Door>, mut phase: watch::Receiver<Phase>) {
    let acceptor = match Acceptor::new(listener) {
        Ok(acceptor) => acceptor,
        Err(error) => {
            tracing::error!(%error, "cannot listen");
            return;
        }
    };
    let mut failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Serve) => break,
            accepted = acceptor.accept() => accepted,
        };
        match accepted {
            Ok((socket, peer)) => {
                failing = false;
                door.open(socket, peer);
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept a connection");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    for (socket, peer) in acceptor.rest().unwrap_or_default() {
        door.open(socket, peer);
    }
}

impl Door {
    fn open(self: &Arc<Self>, socket: Socket, peer: Peer) {
        tokio::spawn(self.clone().serve(socket, peer));
    }

    /// Serves one connection until it ends, is told to, or is too old.
    async fn serve(self: Arc<Self>, socket: Socket, peer: Peer) {
        let Some(socket) = self.secured(socket, &peer).await else { return };
        let mut registration = self.connections.add();
        let activity = registration.activity.clone();
        let stream = Stream::new(socket, activity.clone());
        let caller =
            Caller { shared: self.shared.clone(), speaks: self.speaks, peer, activity: activity.clone() };
        let caller = Arc::new(caller);
        let service = service_fn(|request: Request<Incoming>| {
            let caller = caller.clone();
            let (parts, body) = request.into_parts();
            // On the heap: hyper and tokio move a request's future several times, and this one is over a thousand bytes.
            Box::pin(async move { Ok::<_, Infallible>(doors::answer(&caller, &parts, body).await) })
        });
        let mut connection = pin!(self.builder.serve_connection(stream, service));
        let mut told = Order::Serve;
        let mut age = Age::of(self.speaks, &self.shared.grpc_connections);
        let ended = poll_fn(|cx| {
            registration.wake(cx.waker());
            let old = age.as_mut().is_some_and(|age| age.asks_to_end(cx));
            if age.as_ref().is_some_and(Age::is_over) {
                return Poll::Ready(Ok(()));
            }
            if old {
                connection.as_mut().graceful_shutdown();
            }
            loop {
                let order = activity.order();
                if order == Order::Cut {
                    return Poll::Ready(Ok(()));
                }
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    return Poll::Ready(ended);
                }
                if order == told {
                    return Poll::Pending;
                }
                told = order;
                connection.as_mut().graceful_shutdown();
            }
        })
        .await;
        if let Err(error) = ended {
            tracing::debug!(error, peer = %caller.peer, "connection ended");
        }
    }

    /// The socket, after the handshake where there is one. A connection that has not come so far is nobody's request: a
    /// drain does not wait for it.
    async fn secured(&self, socket: Socket, peer: &Peer) -> Option<Socket> {
        let Some(acceptor) = &self.tls else { return Some(socket) };
        // Boxed: the handshake's future is large, and most listeners have none.
        match Box::pin(timeout(HANDSHAKE, socket.secured(acceptor))).await {
            Ok(Ok(socket)) => Some(socket),
            Ok(Err(error)) => {
                tracing::debug!(%error, %peer, "no TLS connection");
                None
            }
            Err(_) => None,
        }
    }
}

/// When a connection is too old, where there is a maximum.
struct Age {
    timer: Pin<Box<Sleep>>,
    grace: Duration,
    stage: Stage,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Young,
    Asked,
    Over,
}

impl Age {
    fn of(speaks: Speaks, connections: &GrpcConnections) -> Option<Self> {
        let most = connections.max_age.filter(|_| speaks == Speaks::Grpc)?;
        let grace = connections.max_age_grace.unwrap_or(AGE_GRACE);
        Some(Age { timer: Box::pin(sleep(most)), grace, stage: Stage::Young })
    }

    /// Whether now is the time to ask the other side to end; true once.
    fn asks_to_end(&mut self, cx: &mut Context<'_>) -> bool {
        let mut asks = false;
        while self.stage != Stage::Over && self.timer.as_mut().poll(cx).is_ready() {
            asks = self.stage == Stage::Young;
            self.stage = if asks { Stage::Asked } else { Stage::Over };
            self.timer = Box::pin(sleep(self.grace));
        }
        asks
    }

    fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }
}
