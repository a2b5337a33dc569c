//! How a gRPC call ends: status, message, and what it tells about trying again.

use crate::limits::GRPC_MESSAGE_BYTES;
use crate::reply::{Reply, ReplyBody, seconds};
use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response};
use landfall_dialects::GrpcError;
use landfall_model::Problem;

pub(crate) const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
pub(crate) const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
pub(crate) const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
pub(crate) const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const RETRY_PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");
pub(crate) const CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/grpc");

/// Trailers of a call that went well.
pub(crate) fn ok() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert(GRPC_STATUS, HeaderValue::from_static("0"));
    trailers
}

/// Trailers of a call that failed.
#[cold]
pub(crate) fn failed(error: &GrpcError) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert(GRPC_STATUS, HeaderValue::from(error.code));
    if !error.message.is_empty()
        && let Ok(message) = HeaderValue::try_from(escaped(&error.message))
    {
        trailers.insert(GRPC_MESSAGE, message);
    }
    if let Some(wait) = error.retry_after {
        trailers.insert(RETRY_AFTER, seconds(wait));
        let wait = wait.as_millis().try_into().unwrap_or(u64::MAX);
        trailers.insert(RETRY_PUSHBACK, HeaderValue::from(wait));
    }
    trailers
}

/// A problem in its own words: for services of ours, that no dialect words.
#[cold]
pub(crate) fn plain(problem: &Problem) -> GrpcError {
    GrpcError { code: problem.kind().code(), message: problem.to_string(), retry_after: None }
}

/// The answer to a call that failed before there was a message: trailers alone, as the head.
#[cold]
pub(crate) fn refused(error: &GrpcError) -> Reply {
    let mut reply = Response::new(ReplyBody::Empty);
    *reply.headers_mut() = failed(error);
    reply.headers_mut().insert(http::header::CONTENT_TYPE, CONTENT_TYPE);
    reply
}

/// Percent-encoded (`PROTOCOL-HTTP2.md`, Percent-Encoded), cut to what clients take in a head. So are blanks at either end: no
/// field's value has them (RFC 9113, section 8.2.1), and some sentences of the original servers do.
fn escaped(message: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(message.len());
    for (place, letter) in message.char_indices() {
        let before = text.len();
        let at_end = place == 0 || place + letter.len_utf8() == message.len();
        for &byte in letter.encode_utf8(&mut [0; 4]).as_bytes() {
            match byte {
                b'!'..=b'~' if byte != b'%' => text.push(byte as char),
                b' ' if !at_end => text.push(' '),
                _ => {
                    text.push('%');
                    text.push(HEX[usize::from(byte >> 4)] as char);
                    text.push(HEX[usize::from(byte & 15)] as char);
                }
            }
        }
        if text.len() > GRPC_MESSAGE_BYTES - 3 {
            text.truncate(before);
            text.push_str("...");
            break;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn messages_are_escaped_and_cut_between_letters() {
        assert_eq!(escaped("a %\n\"é\""), "a %25%0A\"%C3%A9\"");
        assert_eq!((escaped(" a b  "), escaped(" ")), ("%20a b %20".into(), "%20".into()));
        let long = escaped(&"é".repeat(5000));
        assert!(long.len() <= GRPC_MESSAGE_BYTES && long.ends_with("%C3%A9..."), "{}", long.len());
        assert_eq!(escaped(&"x".repeat(4000)).len(), 4000);
    }

    #[test]
    fn a_refusal_for_overload_says_when_to_try_again() {
        let error =
            GrpcError { code: 14, message: "full".into(), retry_after: Some(Duration::from_millis(20)) };
        let trailers = failed(&error);
        assert_eq!(trailers["grpc-status"], "14");
        assert_eq!(trailers["retry-after"], "1");
        assert_eq!(trailers["grpc-retry-pushback-ms"], "20");
    }
}
