//! A connection's bytes, from either kind of socket, with a count of what was written.

use crate::connections::Activity;
use crate::connections::authority::Respelled;
use crate::memory::Share;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Any kind of socket.
pub(crate) enum Socket {
    Tcp(TokioIo<TcpStream>),
    Unix(TokioIo<Respelled<UnixStream>>),
    TcpTls(TokioIo<Box<TlsStream<TcpStream>>>),
    UnixTls(TokioIo<Respelled<Box<TlsStream<UnixStream>>>>),
}

impl Socket {
    /// The same connection after both sides have agreed on keys.
    ///
    /// # Errors
    /// What went wrong between the two, such as a certificate that is missing.
    pub(crate) async fn secured(self, acceptor: &TlsAcceptor) -> io::Result<Self> {
        Ok(match self {
            Socket::Tcp(socket) => {
                Socket::TcpTls(TokioIo::new(Box::new(acceptor.accept(socket.into_inner()).await?)))
            }
            Socket::Unix(socket) => {
                let secured = acceptor.accept(socket.into_inner().into_inner()).await?;
                Socket::UnixTls(TokioIo::new(Respelled::new(Box::new(secured))))
            }
            secured => secured,
        })
    }
}

/// A connection's bytes.
pub(crate) struct Stream {
    socket: Socket,
    activity: Arc<Activity>,
    share: Arc<Share>,
}

impl Stream {
    pub(crate) fn new(socket: Socket, activity: Arc<Activity>, share: Arc<Share>) -> Self {
        Stream { socket, activity, share }
    }

    fn wrote(&self, result: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = result {
            self.activity.wrote(*bytes);
        }
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_read(cx, buffer),
            Socket::Unix(socket) => Pin::new(socket).poll_read(cx, buffer),
            Socket::TcpTls(socket) => Pin::new(socket).poll_read(cx, buffer),
            Socket::UnixTls(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = match &mut self.socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::TcpTls(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::UnixTls(socket) => Pin::new(socket).poll_write(cx, bytes),
        };
        self.wrote(&result);
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = match &mut self.socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Socket::Unix(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Socket::TcpTls(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Socket::UnixTls(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
        };
        self.wrote(&result);
        result
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // hyper flushes when it has written all that it had.
        self.share.written();
        match &mut self.socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Socket::Unix(socket) => Pin::new(socket).poll_flush(cx),
            Socket::TcpTls(socket) => Pin::new(socket).poll_flush(cx),
            Socket::UnixTls(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::TcpTls(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::UnixTls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
