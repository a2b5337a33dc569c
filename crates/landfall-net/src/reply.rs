//! What goes back: responses and their bodies.

use crate::memory::{Full, Hold, Share};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use landfall_dialects::HttpError;
use landfall_model::Problem;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

pub(crate) type Reply = Response<ReplyBody>;

/// A future whose value is one gRPC message of a stream, or the status that ends it.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Result<Bytes, HeaderMap>> + Send>>;

/// A response's body.
pub(crate) enum ReplyBody {
    /// Nothing (any more).
    Empty,
    /// All in one piece.
    Whole(Bytes),
    /// A gRPC message and its trailers.
    Message(Bytes, HeaderMap),
    /// Trailers alone are left.
    Trailers(HeaderMap),
    /// gRPC messages in the order of their questions, then the trailers.
    Stream(Box<Answers>),
}

/// An answer of a bidirectional stream that is due, with what it and its question hold in memory.
pub(crate) struct Due {
    pub(crate) answer: Pending,
    pub(crate) _hold: Hold,
}

/// Answers of a bidirectional stream, in order.
pub(crate) struct Answers {
    pub(crate) pending: mpsc::Receiver<Due>,
    pub(crate) first: Option<Due>,
    /// Where answers count until they are read.
    pub(crate) share: Arc<Share>,
    /// The trailers of what ends the stream before its end.
    pub(crate) failed: Box<dyn Fn(&Problem) -> HeaderMap + Send>,
    /// Trailers after the last answer.
    pub(crate) end: HeaderMap,
}

impl Answers {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, HeaderMap>> {
        loop {
            if let Some(first) = &mut self.first {
                let answer = std::task::ready!(first.answer.as_mut().poll(cx));
                self.first = None;
                let kept = answer.and_then(|message| {
                    let full = |full: Full| (self.failed)(&full.problem());
                    self.share.answer(message).map_err(full)
                });
                return Poll::Ready(kept);
            }
            match std::task::ready!(self.pending.poll_recv(cx)) {
                Some(next) => self.first = Some(next),
                None => return Poll::Ready(Err(std::mem::take(&mut self.end))),
            }
        }
    }
}

/// Takes the body of an answer to HEAD away, and says how long it would be (RFC 9110, section 9.3.2).
#[cold]
pub(crate) fn without_body(reply: &mut Reply) {
    if let ReplyBody::Whole(bytes) = std::mem::replace(reply.body_mut(), ReplyBody::Empty) {
        reply.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let ReplyBody::Stream(answers) = &mut *self {
            return Poll::Ready(Some(Ok(match std::task::ready!(answers.poll_next(cx)) {
                Ok(message) => Frame::data(message),
                Err(trailers) => {
                    *self = ReplyBody::Empty;
                    Frame::trailers(trailers)
                }
            })));
        }
        let (frame, rest) = match std::mem::replace(&mut *self, ReplyBody::Empty) {
            ReplyBody::Whole(bytes) => (Frame::data(bytes), ReplyBody::Empty),
            ReplyBody::Message(bytes, trailers) => (Frame::data(bytes), ReplyBody::Trailers(trailers)),
            ReplyBody::Trailers(trailers) => (Frame::trailers(trailers), ReplyBody::Empty),
            ReplyBody::Empty | ReplyBody::Stream(_) => return Poll::Ready(None),
        };
        *self = rest;
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, ReplyBody::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            ReplyBody::Empty => SizeHint::with_exact(0),
            ReplyBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer of one piece.
pub(crate) fn whole(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let body = body.into();
    let mut reply = Response::new(if body.is_empty() { ReplyBody::Empty } else { ReplyBody::Whole(body) });
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// A JSON answer.
pub(crate) fn json(body: impl Into<Bytes>) -> Reply {
    whole(StatusCode::OK, JSON, body)
}

/// An answer with nothing in it.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody::Empty);
    *reply.status_mut() = status;
    reply
}

/// An error that a dialect worded.
#[cold]
pub(crate) fn error(error: HttpError) -> Reply {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut reply = whole(status, JSON, error.body);
    if let Some(after) = error.retry_after {
        reply.headers_mut().insert(RETRY_AFTER, seconds(after));
    }
    reply
}

/// A wait in whole seconds, rounded up, as `Retry-After` wants it.
pub(crate) fn seconds(wait: Duration) -> HeaderValue {
    HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_to_seconds() {
        for (wait, text) in [(0, "0"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            assert_eq!(seconds(Duration::from_millis(wait)), text);
        }
    }

    #[test]
    fn a_message_is_followed_by_its_trailers_and_nothing() {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(0));
        let mut body = ReplyBody::Message(Bytes::from_static(b"m"), trailers);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut next = || match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(frame) => frame.map(|frame| frame.unwrap()),
            Poll::Pending => panic!("all is there"),
        };
        assert_eq!(next().unwrap().into_data().unwrap(), "m");
        assert_eq!(next().unwrap().into_trailers().unwrap()["grpc-status"], "0");
        assert!(next().is_none());
    }
}
