//! Connections off a listener.

use super::connection_server::ConnectionServer;
use crate::caller::Peer;
use crate::connections::authority::Respelled;
use crate::connections::socket::Socket;
use crate::limits::ACCEPT_PAUSE;
use crate::phase::Phase;
use crate::thread::listener::Listener;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::sleep;

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
                Ok(tcp(stream, address))
            }
            Acceptor::Unix(listener) => {
                let (stream, _) = listener.accept().await?;
                Ok(unix(stream, listener.local_addr()?.as_pathname().map(Into::into)))
            }
        }
    }

    /// Those that the kernel has accepted already. One that cannot be taken over costs the others nothing.
    fn rest(self) -> io::Result<Vec<(Socket, Peer)>> {
        let mut rest = Vec::new();
        match self {
            Acceptor::Tcp(listener) => {
                let listener = listener.into_std()?;
                while let Ok((stream, address)) = listener.accept() {
                    let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
                    rest.extend(stream.map(|stream| tcp(stream, address)));
                }
            }
            Acceptor::Unix(listener) => {
                let path = listener.local_addr()?.as_pathname().map(Into::into);
                let listener = listener.into_std()?;
                while let Ok((stream, _)) = listener.accept() {
                    let stream = stream.set_nonblocking(true).and_then(|()| UnixStream::from_std(stream));
                    rest.extend(stream.map(|stream| unix(stream, path.clone())));
                }
            }
        }
        Ok(rest)
    }
}

fn tcp(stream: TcpStream, address: SocketAddr) -> (Socket, Peer) {
    // Listeners hand this on where the system does so. A connection that has broken already takes no options, and is soon
    // found out.
    let _ = stream.set_nodelay(true);
    (Socket::Tcp(TokioIo::new(stream)), Peer::Tcp(address))
}

fn unix(stream: UnixStream, path: Option<PathBuf>) -> (Socket, Peer) {
    (Socket::Unix(TokioIo::new(Respelled::new(stream))), Peer::Unix(path.unwrap_or_default()))
}

/// Lets in those who come, until the server is told to stop; those who came before that are let in.
pub(super) async fn accept(
    listener: Listener,
    server: Arc<ConnectionServer>,
    mut phase: watch::Receiver<Phase>,
) {
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
                server.open(socket, peer);
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
        server.open(socket, peer);
    }
}
