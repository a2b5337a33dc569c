//! Bodies over HTTP that may be packed, in and out.

use super::predict::away;
use super::refused::Refused;
use crate::body::{self, BodyError};
use crate::compression::{Coding, pack, preferred, unpack};
use crate::limits::UNPACKS_TO;
use crate::reply::{Reply, ReplyBody};
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue, VARY};
use hyper::body::Incoming;
use landfall_model::{Buffer, Problem};

/// Reads a body and unpacks it.
///
/// # Errors
/// [`BodyError`], as [`Refused`].
pub(crate) async fn read(body: Incoming, coding: Option<Coding>, limit: usize) -> Result<Buffer, Refused> {
    read_around(body, coding, limit, 0).await
}

/// The same for a body whose bytes from `boundary` on are elements of arrays: see [`body::read_around`].
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_around(
    body: Incoming,
    coding: Option<Coding>,
    limit: usize,
    boundary: usize,
) -> Result<Buffer, Refused> {
    let body = body::read_around(body, limit, boundary).await?;
    let Some(coding) = coding else { return Ok(body) };
    if body.is_empty() {
        return Err(BodyError::Packed("nothing to be decompressed".to_owned()).into());
    }
    Ok(unpacked(coding, body, limit).await??)
}

/// Unpacks a body, a large one where it holds nobody up.
async fn unpacked(coding: Coding, body: Buffer, limit: usize) -> Result<Result<Buffer, BodyError>, Problem> {
    away(body.len().saturating_mul(UNPACKS_TO), move || unpack(coding, body.bytes(), limit)).await
}

/// The same where nothing at all is a body too, packed or not.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_or_empty(
    body: Incoming,
    coding: Option<Coding>,
    limit: usize,
) -> Result<Buffer, Refused> {
    if hyper::body::Body::is_end_stream(&body) {
        Ok(Buffer::default())
    } else {
        read(body, coding, limit).await
    }
}

/// The same where what does not unpack counts as empty, as it does in TensorFlow Serving.
///
/// # Errors
/// As [`read`], but for bodies that do not unpack.
pub(crate) async fn read_leniently(
    body: Incoming,
    coding: Option<Coding>,
    limit: usize,
) -> Result<Buffer, Refused> {
    let packed = body::read(body, limit).await?;
    let Some(coding) = coding else { return Ok(packed) };
    match unpacked(coding, packed, limit).await? {
        Err(BodyError::Packed(_)) => Ok(Buffer::default()),
        unpacked => Ok(unpacked?),
    }
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
