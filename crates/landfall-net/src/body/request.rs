//! A request's body as its handler has it, and what becomes of the rest where the answer came first.

use crate::caller::Shared;
use crate::limits::{FORGOTTEN_BYTES, FORGOTTEN_TIME};
use crate::phase::Phase;
use bytes::Bytes;
use http::header::{EXPECT, HeaderMap};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::sleep;

/// A request's body.
#[derive(Default)]
pub(crate) struct RequestBody {
    /// Until its end.
    incoming: Option<Incoming>,
    /// Whether somebody asked for its bytes.
    begun: bool,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming) -> Self {
        RequestBody { incoming: Some(incoming).filter(|body| !body.is_end_stream()), begun: false }
    }

    /// The body for somebody who goes on reading after the answer has begun.
    pub(crate) fn take(&mut self) -> RequestBody {
        std::mem::take(self)
    }

    /// Reads on after the answer and forgets what comes, for a while. Many clients look for an answer only when they have
    /// written all, and where the connection (HTTP/1) or the stream (HTTP/2) is given up before that, some never see it.
    pub(crate) fn forget_rest(self, headers: &HeaderMap, shared: &Shared) {
        let Some(incoming) = self.incoming else { return };
        // Who asked whether to go on, and got an answer instead, sends no body.
        if !self.begun && headers.contains_key(EXPECT) {
            return;
        }
        let mut phase = shared.phase.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = forget(incoming) => {}
                () = sleep(FORGOTTEN_TIME) => {}
                _ = phase.wait_for(|phase| *phase != Phase::Serve) => {}
            }
        });
    }
}

async fn forget(mut body: Incoming) {
    let mut left = FORGOTTEN_BYTES;
    while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(less) => left = less,
            None => return,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.begun = true;
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(&mut *incoming).poll_frame(cx));
        if !matches!(frame, Some(Ok(_))) || incoming.is_end_stream() {
            self.incoming = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
