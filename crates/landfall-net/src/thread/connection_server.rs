//! One connection, from its handshake to its end.

use super::age::Age;
use crate::caller::{Caller, Peer, Shared, Speaks};
use crate::connections::repoll::Repoll;
use crate::connections::socket::{Socket, Stream};
use crate::connections::{Connections, Order};
use crate::doors;
use crate::limits::{
    CONNECTION_WINDOW, FRAME, GIVEN_UP, HANDSHAKE, HEAD_BUFFER, HEAD_BYTES, KEEPALIVE_TIMEOUT, MISTAKES,
    STREAM_WINDOW, STREAMS,
};
use crate::settings::GrpcConnections;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// What new connections of one listener have in common.
pub(super) struct ConnectionServer {
    builder: auto::Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    speaks: Speaks,
    shared: Arc<Shared>,
    connections: Arc<Connections>,
}

impl ConnectionServer {
    pub(super) fn new(shared: &Arc<Shared>, speaks: Speaks, connections: &Arc<Connections>) -> Self {
        ConnectionServer {
            builder: builder(speaks, &shared.grpc_connections),
            tls: shared.grpc_tls.clone().filter(|_| speaks == Speaks::Grpc).map(TlsAcceptor::from),
            speaks,
            shared: shared.clone(),
            connections: connections.clone(),
        }
    }

    /// Serves a connection beside the others.
    pub(super) fn open(self: &Arc<Self>, socket: Socket, peer: Peer) {
        tokio::spawn(self.clone().serve(socket, peer));
    }

    /// Serves one connection until it ends, is told to, or is too old.
    async fn serve(self: Arc<Self>, socket: Socket, peer: Peer) {
        let Some(socket) = self.secured(socket, &peer).await else { return };
        let share = self.shared.memory.share();
        let mut registration = self.connections.add(&share);
        let activity = registration.activity.clone();
        let stream = Stream::new(socket, activity.clone(), share.clone());
        let mut repoll = Repoll::default();
        let caller = Arc::new(Caller {
            shared: self.shared.clone(),
            speaks: self.speaks,
            peer,
            activity: activity.clone(),
            polled: repoll.polled().clone(),
            share,
        });
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
                if let Poll::Ready(ended) = repoll.poll(cx.waker(), |cx| connection.as_mut().poll(cx)) {
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

/// How HTTP is spoken.
fn builder(speaks: Speaks, connections: &GrpcConnections) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Slow heads and idle connections are found by sweeping: hyper's own timer costs an allocation per request. A caller
    // who closes has left (`half_close` is off), so that his request is not run. Each answer goes out in one write, and at
    // once: held back while more bytes wait (`pipeline_flush`), the last one before an error would never go out.
    builder.http1().writev(false).header_read_timeout(None).max_buf_size(HEAD_BUFFER);
    builder
        .http2()
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(GIVEN_UP)
        .max_local_error_reset_streams(MISTAKES)
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
        }
        Speaks::Http | Speaks::Both => {}
    }
    builder
}
