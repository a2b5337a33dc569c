//! What every gRPC service does alike: a message read out of its frame and its coding, a reply put into a frame.

use crate::body::{self, BodyError, RequestBody};
use crate::caller::Caller;
use crate::compression::Coding;
use crate::grpc::frame::{self, PREFIX};
use crate::grpc::status::{self, CONTENT_TYPE, GRPC_ACCEPT_ENCODING, GRPC_ENCODING};
use crate::limits::UNPACKS_TO;
use crate::memory::Share;
use crate::reply::{Reply, ReplyBody};
use http::Response;
use http::header::{self, HeaderMap, HeaderValue};
use landfall_dialects::GrpcError;
use landfall_model::{Buffer, Kind, Problem};
use std::sync::Arc;

/// The compressions taken, as gRPC wants them said.
const TAKEN: HeaderValue = HeaderValue::from_static("identity,gzip,deflate");

/// What a unary call gives: a framed message, or the error.
pub(crate) type Unary = Result<Vec<u8>, GrpcError>;

/// A service or method that is not here.
#[cold]
pub(crate) fn unknown(service: &str, method: &str) -> Reply {
    let text = format!("unknown method {method} for service {service}");
    status::refused(&status::plain(&Problem::worded(Kind::Unimplemented, text)))
}

/// A message's coding.
///
/// # Errors
/// One that is not known.
pub(crate) fn coding(headers: &HeaderMap) -> Result<Option<Coding>, UnknownCoding> {
    let Some(value) = headers.get(GRPC_ENCODING) else { return Ok(None) };
    match value.to_str() {
        Ok("identity") => Ok(None),
        Ok(name) => Coding::named(name).map(Some).ok_or_else(|| UnknownCoding(name.to_owned())),
        Err(_) => Err(UnknownCoding(String::from_utf8_lossy(value.as_bytes()).into_owned())),
    }
}

/// A coding that is not known, by its name.
pub(crate) struct UnknownCoding(String);

impl UnknownCoding {
    /// The reply, which says what is known.
    #[cold]
    pub(crate) fn reply(self) -> Reply {
        let text = format!("grpc-encoding {:?} is not supported", self.0);
        let mut reply = status::refused(&status::plain(&Problem::worded(Kind::Unimplemented, text)));
        reply.headers_mut().insert(GRPC_ACCEPT_ENCODING, TAKEN);
        reply
    }
}

/// The one message of a unary call.
///
/// # Errors
/// What is wrong with its body, its frame or its compression.
pub(crate) async fn message(
    caller: &Caller,
    body: &mut RequestBody,
    coding: Option<Coding>,
) -> Result<Buffer, Problem> {
    let limit = caller.shared.max_message();
    let read = body::read(body, limit.saturating_add(PREFIX), &caller.share).await;
    let body = read.map_err(|error| match error {
        // The limit is the message's, without its prefix.
        BodyError::TooLarge { .. } => body::too_large(limit),
        error => error.problem(),
    })?;
    unpacked(frame::only(&body, limit)?, coding, limit, &caller.share).await
}

/// A message that may be packed; a large one is unpacked where it holds nobody up.
///
/// # Errors
/// As [`frame::Message::unpacked`].
pub(crate) async fn unpacked(
    message: frame::Message,
    coding: Option<Coding>,
    limit: usize,
    share: &Arc<Share>,
) -> Result<Buffer, Problem> {
    let hold = share.hold();
    if coding.is_none() {
        return message.unpacked(None, limit, hold);
    }
    let expected = message.len().saturating_mul(UNPACKS_TO);
    crate::doors::predict::away(expected, move || message.unpacked(coding, limit, hold)).await?
}

/// The reply to a unary call.
pub(crate) fn reply(unary: Unary) -> Reply {
    match unary {
        Ok(frame) => {
            let mut reply = Response::new(ReplyBody::Message(frame.into(), status::ok()));
            reply.headers_mut().insert(header::CONTENT_TYPE, CONTENT_TYPE);
            reply
        }
        Err(error) => status::refused(&error),
    }
}

/// A bare message as a frame.
pub(crate) fn framed(message: &[u8]) -> Unary {
    frame::framed(|out| {
        out.extend_from_slice(message);
        Ok(())
    })
    .map_err(|problem: Problem| status::plain(&problem))
}
