//! The bare servers that Landfall is measured against: they read a body and send one of the size that a real answer has,
//! on one single-threaded runtime, and do nothing else.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Which bare server.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 with gRPC's frames and trailers.
    Grpc,
}

/// Serves until killed. Each answer carries `answer`, whatever came.
pub(crate) fn serve(protocol: Protocol, address: SocketAddr, answer: Bytes) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async move {
        let listener = tokio::net::TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let answer = answer.clone();
            tokio::spawn(async move {
                let io = TokioIo::new(stream);
                // A client that hangs up ends its connection; the benchmark goes on.
                let _ = match protocol {
                    Protocol::Http => {
                        let service = service_fn(move |request| http_echo(request, answer.clone()));
                        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
                    }
                    Protocol::Grpc => {
                        let service = service_fn(move |request| grpc_echo(request, answer.clone()));
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .max_concurrent_streams(1024)
                            .serve_connection(io, service)
                            .await
                    }
                };
            });
        }
    })
}

async fn http_echo(request: Request<Incoming>, answer: Bytes) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    std::hint::black_box(&body);
    let mut response = Response::new(Full::new(answer));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

async fn grpc_echo(request: Request<Incoming>, answer: Bytes) -> Result<Response<TwoFrames>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    std::hint::black_box(&body);
    let mut message = Vec::with_capacity(5 + answer.len());
    message.push(0);
    message.extend_from_slice(&(answer.len() as u32).to_be_bytes());
    message.extend_from_slice(&answer);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let mut response = Response::new(TwoFrames { message: Some(message.into()), trailers: Some(trailers) });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}

/// A gRPC answer's body: the message, then the trailers.
struct TwoFrames {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl Body for TwoFrames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let message = self.message.take().map(Frame::data);
        Poll::Ready(message.or_else(|| self.trailers.take().map(Frame::trailers)).map(Ok))
    }
}
