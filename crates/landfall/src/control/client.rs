//! One call to a server's HTTP door.

use crate::exit::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use landfall_model::Problem;
use serde_json::Value;
use std::path::PathBuf;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};

/// A path segment with all but unreserved characters percent-encoded (RFC 3986, section 2.3).
pub(crate) fn escaped(segment: &str) -> String {
    let mut text = String::new();
    for byte in segment.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => text.push(byte as char),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Asks a server, and gives its status and answer.
///
/// # Errors
/// A wrong call for a server that is named by no URL and no socket; failed work when it cannot be reached.
pub(super) async fn ask(
    server: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> Result<(StatusCode, Bytes), Failure> {
    let place = place(server).ok_or_else(|| {
        let expected = "expected a URL such as http://127.0.0.1:8000, or unix:PATH";
        Failure::call(format!("--server {server}: {expected}"))
    })?;
    let failed = |text: String| Problem::invalid(format!("{server}: {text}"));
    let silent = |error: std::io::Error| failed(format!("{error}; is a server there? --server says where"));
    let host = if let Place::Tcp(address) = &place { address } else { "localhost" };
    let text = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(text)))
        .map_err(|e| failed(e.to_string()))?;
    let answer = match &place {
        Place::Tcp(address) => {
            let stream = TcpStream::connect(address).await.map_err(silent)?;
            exchange(stream, request).await
        }
        Place::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(silent)?;
            exchange(stream, request).await
        }
    };
    let unanswered = |error: hyper::Error| {
        failed(format!("no answer over HTTP came ({error}); --server names the HTTP port, not that of gRPC"))
    };
    Ok(answer.map_err(unanswered)?)
}

/// Where a server's HTTP door is.
#[derive(PartialEq, Debug)]
enum Place {
    /// `HOST:PORT`.
    Tcp(String),
    Unix(PathBuf),
}

/// `http://HOST[:PORT]`, `HOST:PORT` or `unix:PATH`.
fn place(server: &str) -> Option<Place> {
    if let Some(path) = server.strip_prefix("unix:").filter(|path| !path.is_empty()) {
        return Some(Place::Unix(PathBuf::from(path)));
    }
    let named = server.contains("://");
    let uri: Uri = if named { server.parse().ok()? } else { format!("http://{server}").parse().ok()? };
    let port = uri.port_u16().or(named.then_some(80))?;
    let host = uri.host().filter(|_| uri.scheme_str() == Some("http"))?;
    Some(Place::Tcp(format!("{host}:{port}")))
}

/// One request and its answer over a connection of its own.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> hyper::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_url_by_address_or_by_socket() {
        let tcp = |address: &str| Some(Place::Tcp(address.to_owned()));
        assert_eq!(place("http://127.0.0.1:8000"), tcp("127.0.0.1:8000"));
        assert_eq!(place("http://[::1]:8000/"), tcp("[::1]:8000"));
        assert_eq!(place("http://models"), tcp("models:80"));
        assert_eq!(place("models:8000"), tcp("models:8000"));
        assert_eq!(place("unix:/run/a.sock"), Some(Place::Unix("/run/a.sock".into())));
        for wrong in ["", "models", "https://models", "unix:", "http://", "a b:1"] {
            assert_eq!(place(wrong), None, "{wrong:?}");
        }
    }
}
