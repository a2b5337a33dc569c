//! A gRPC client of a few lines over HTTP/2, so that a test decides each byte.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use landfall_model::protobuf::Fields;
use std::net::SocketAddr;

/// A call's end.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) head: HeaderMap,
    pub(crate) messages: Vec<Vec<u8>>,
    /// Those after the messages, or the head where there were none.
    pub(crate) trailers: HeaderMap,
}

impl Ended {
    pub(crate) fn status(&self) -> u32 {
        self.trailers["grpc-status"].to_str().unwrap().parse().unwrap()
    }

    pub(crate) fn message(&self) -> &str {
        self.trailers.get("grpc-message").map_or("", |message| message.to_str().unwrap())
    }

    /// The one answer of a call that went well.
    pub(crate) fn only(&self) -> &[u8] {
        assert_eq!((self.status(), self.messages.len()), (0, 1), "{self:?}");
        &self.messages[0]
    }
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Grpc {
    sender: SendRequest<Full<Bytes>>,
}

/// A runtime for a test's client.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A message with its prefix.
pub(crate) fn frame(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    frame
}

/// The messages of a body.
pub(crate) fn messages(mut body: &[u8]) -> Vec<Vec<u8>> {
    let mut messages = Vec::new();
    while let Some((prefix, rest)) = body.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(prefix[1..].try_into().unwrap()) as usize;
        let (message, rest) = rest.split_at(length);
        messages.push(message.to_vec());
        body = rest;
    }
    messages
}

impl Grpc {
    pub(crate) async fn to(address: SocketAddr) -> Grpc {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Grpc { sender }
    }

    pub(crate) async fn call(&mut self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Ended {
        self.try_call(path, headers, body).await.expect("an answer")
    }

    pub(crate) async fn try_call(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> hyper::Result<Ended> {
        let mut request = Request::post(format!("http://a{path}"));
        for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")].iter().chain(headers)
        {
            request = request.header(*name, *value);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(body.into())).unwrap()).await?;
        assert_eq!(response.status(), 200);
        let head = response.headers().clone();
        let collected = response.into_body().collect().await?;
        let trailers = collected.trailers().cloned().unwrap_or_else(|| head.clone());
        Ok(Ended { head, messages: messages(&collected.to_bytes()), trailers })
    }

    /// A request over HTTP that is no call: its answer's status, head and body.
    pub(crate) async fn ask(&mut self, method: &str, path: &str) -> hyper::Result<(u16, HeaderMap, Bytes)> {
        let request = Request::builder().method(method).uri(format!("http://a{path}"));
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::default()).unwrap()).await?;
        let (status, head) = (response.status().as_u16(), response.headers().clone());
        Ok((status, head, response.into_body().collect().await?.to_bytes()))
    }

    /// One unary call with a message.
    pub(crate) async fn unary(&mut self, path: &str, message: &[u8]) -> Ended {
        self.call(path, &[], frame(message)).await
    }
}

/// A field with bytes.
pub(crate) fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length > 127 {
        out.push(length as u8 | 128);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
    out
}

/// A `ModelInferRequest` with raw contents.
pub(crate) fn infer(model: &str, id: &str, values: &[f32]) -> Vec<u8> {
    let mut shape = Vec::new();
    let mut length = values.len();
    while length > 127 {
        shape.push(length as u8 | 128);
        length >>= 7;
    }
    shape.push(length as u8);
    let input = [field(1, b"x"), field(2, b"FP32"), field(3, &shape)].concat();
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    [field(1, model.as_bytes()), field(3, id.as_bytes()), field(5, &input), field(7, &raw)].concat()
}

/// The bytes of all fields of this number.
pub(crate) fn fields(message: &[u8], number: u32) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut fields = Fields::new("a test's answer", message);
    while let Some((field, value)) = fields.next().unwrap() {
        if field == number {
            found.push(value.bytes().unwrap().to_vec());
        }
    }
    found
}

/// The values of a `ModelInferResponse`'s first output.
pub(crate) fn values(response: &[u8]) -> Vec<f32> {
    let raw = fields(response, 6).remove(0);
    raw.chunks_exact(4).map(|value| f32::from_le_bytes(value.try_into().unwrap())).collect()
}

pub(crate) const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
pub(crate) const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";
