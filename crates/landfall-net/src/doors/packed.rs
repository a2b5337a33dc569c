//! Bodies over HTTP that may be packed, in and out.

use super::predict::away;
use super::refused::Refused;
use crate::body::{self, BodyError, RequestBody};
use crate::caller::Caller;
use crate::compression::{Coding, pack, preferred, unpack};
use crate::limits::UNPACKS_TO;
use crate::reply::{Reply, ReplyBody};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use landfall_model::{Buffer, Problem};

/// Reads a body and unpacks it.
///
/// # Errors
/// [`BodyError`], as [`Refused`].
pub(crate) async fn read(
    caller: &Caller,
    body: &mut RequestBody,
    coding: Option<Coding>,
) -> Result<Buffer, Refused> {
    read_around(caller, body, coding, 0).await
}

/// The same for a body whose bytes from `boundary` on are elements of arrays: see [`body::read_around`].
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_around(
    caller: &Caller,
    body: &mut RequestBody,
    coding: Option<Coding>,
    boundary: usize,
) -> Result<Buffer, Refused> {
    let body = body::read_around(body, caller.shared.max_body, boundary, &caller.share).await?;
    caller.polled.body_came();
    let Some(coding) = coding else { return Ok(body) };
    if body.is_empty() {
        return Err(BodyError::Packed("nothing to be decompressed".to_owned()).into());
    }
    Ok(unpacked(caller, coding, body).await??)
}

/// Unpacks a body, a large one where it holds nobody up.
async fn unpacked(
    caller: &Caller,
    coding: Coding,
    body: Buffer,
) -> Result<Result<Buffer, BodyError>, Problem> {
    let (limit, hold) = (caller.shared.max_body, caller.share.hold());
    away(body.len().saturating_mul(UNPACKS_TO), move || unpack(coding, body.bytes(), limit, hold)).await
}

/// The same where nothing at all is a body too, packed or not.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_or_empty(
    caller: &Caller,
    body: &mut RequestBody,
    coding: Option<Coding>,
) -> Result<Buffer, Refused> {
    if hyper::body::Body::is_end_stream(body) {
        Ok(Buffer::default())
    } else {
        read(caller, body, coding).await
    }
}

/// The same where what does not unpack counts as empty, as it does in TensorFlow Serving.
///
/// # Errors
/// As [`read`], but for bodies that do not unpack.
pub(crate) async fn read_leniently(
    caller: &Caller,
    body: &mut RequestBody,
    headers: &HeaderMap,
) -> Result<Buffer, Refused> {
    let packed = body::read(body, caller.shared.max_body, &caller.share).await?;
    caller.polled.body_came();
    let Some(coding) = lenient(headers) else { return Ok(packed) };
    match unpacked(caller, coding, packed).await? {
        Err(BodyError::Packed(_)) => Ok(Buffer::default()),
        unpacked => Ok(unpacked?),
    }
}

/// A body's coding as TensorFlow Serving reads it: whatever contains `gzip` is gzip, and what is not known is no coding. Names
/// come in any case.
fn lenient(headers: &HeaderMap) -> Option<Coding> {
    let text = headers.get(CONTENT_ENCODING)?.to_str().ok()?.to_ascii_lowercase();
    if text.contains("gzip") { Some(Coding::Gzip) } else { Coding::named(&text) }
}

/// Packs an answer as its caller prefers.
///
/// # Errors
/// Internal, when packing panicked.
pub(crate) async fn packed(mut reply: Reply, headers: &HeaderMap) -> Result<Reply, Refused> {
    let Some(accept) = headers.get(ACCEPT_ENCODING) else { return Ok(reply) };
    reply.headers_mut().insert(VARY, HeaderValue::from_static("accept-encoding"));
    let Some(coding) = accept.to_str().ok().and_then(preferred) else { return Ok(reply) };
    if let ReplyBody::Whole(bytes) = reply.body_mut() {
        let plain = std::mem::take(bytes);
        *bytes = away(plain.len(), move || Bytes::from(pack(coding, &plain))).await?;
        reply.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    Ok(reply)
}
