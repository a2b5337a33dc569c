//! A request's body, whole, within limits.

use crate::limits::{BODY_TIME, portion_after};
use crate::memory::{Full, Share, Whole};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use landfall_model::{Buffer, BufferMut, Kind, LINE_BYTES, Problem};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

mod request;

pub(crate) use request::RequestBody;

/// Why a body did not come.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// More bytes than are taken.
    TooLarge { limit: usize },
    /// There is no memory for it.
    Full(Full),
    /// Fewer bytes than these came in the time for them.
    Slow { bytes: usize, time: Duration },
    /// The connection broke, or the body's framing did.
    Broken(String),
    /// It does not unpack.
    Packed(String),
}

impl BodyError {
    /// As a problem that a dialect can word.
    pub(crate) fn problem(&self) -> Problem {
        match self {
            BodyError::TooLarge { limit } => too_large(*limit),
            BodyError::Full(full) => full.problem(),
            BodyError::Slow { bytes, time } => Problem::worded(
                Kind::DeadlineExceeded,
                format!(
                    "the request body comes too slowly: fewer than {bytes} further bytes came within {} seconds",
                    time.as_secs_f64()
                ),
            ),
            BodyError::Broken(text) => Problem::invalid(format!("the request body broke off: {text}")),
            BodyError::Packed(text) => Problem::invalid(text.clone()),
        }
    }

    /// HTTP's own status for it, whatever the dialect makes of its kind.
    pub(crate) fn status(&self) -> u16 {
        match self {
            BodyError::TooLarge { .. } | BodyError::Full(Full::Ever(_)) => 413,
            BodyError::Full(Full::Now) => 503,
            BodyError::Slow { .. } => 408,
            BodyError::Broken(_) | BodyError::Packed(_) => 400,
        }
    }
}

impl From<Full> for BodyError {
    #[cold]
    fn from(full: Full) -> Self {
        BodyError::Full(full)
    }
}

/// The most room that is made for a body before it has come: what is declared is a promise.
const ROOM: usize = 1 << 20;

/// A body over the limit.
pub(crate) fn too_large(limit: usize) -> Problem {
    let text = format!("the request body is larger than {limit} bytes (the limit is set with --max-body)");
    Problem::worded(Kind::ResourceExhausted, text)
}

/// Reads a body to its end. One that came in one piece is not copied; memory follows the bytes that came.
///
/// # Errors
/// [`BodyError`]; a declared length over the limit is refused before a byte is read.
pub(crate) async fn read<B>(body: B, limit: usize, share: &Arc<Share>) -> Result<Buffer, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    read_around(body, limit, 0, share).await
}

/// The same for a body whose bytes from `boundary` on are elements of arrays: where it has to be put together from pieces, it
/// is laid so that those lie aligned, and need no copy of their own.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_around<B>(
    body: B,
    limit: usize,
    boundary: usize,
    share: &Arc<Share>,
) -> Result<Buffer, BodyError>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    let too_large = || BodyError::TooLarge { limit };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut pieces = Pieces::new(body, BODY_TIME);
    let Some(first) = pieces.next().await? else { return Ok(Buffer::default()) };
    if first.len() > limit {
        return Err(too_large());
    }
    if pieces.body.is_end_stream() {
        return Ok(Buffer::from_owner(first));
    }
    let mut hold = share.hold();
    hold.grow(first.len())?;
    let Some(second) = pieces.next().await? else { return Ok(Buffer::from_owner(first)) };
    let lead = (LINE_BYTES - boundary % LINE_BYTES) % LINE_BYTES;
    let room = lead + declared.min(ROOM).max(first.len() + second.len());
    let mut whole = share.spare(room);
    // All of a buffer that another body left counts: it is there, whatever comes.
    hold.cover(whole.capacity())?;
    whole.try_reserve(room).map_err(|_| Full::Now)?;
    whole.extend_from_bytes(&[0; LINE_BYTES][..lead]);
    whole.extend_from_bytes(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if piece.len() > limit - (whole.len() - lead) {
            return Err(too_large());
        }
        hold.cover(whole.len() - lead + piece.len())?;
        grow(&mut whole, piece.len(), lead.saturating_add(declared))?;
        whole.extend_from_bytes(&piece);
        // The next one is read to where it lay.
        drop(piece);
        next = pieces.next().await?;
    }
    let whole = Buffer::from_owner(Whole { bytes: whole, hold });
    Ok(whole.slice(lead..whole.len()))
}

/// Room for a further piece of a body of which `declared` bytes were promised: twice what has come, but no more than that.
fn grow(whole: &mut BufferMut, piece: usize, declared: usize) -> Result<(), Full> {
    let (came, needed) = (whole.len(), whole.len() + piece);
    if needed <= whole.capacity() {
        return Ok(());
    }
    // A promise that was broken already says nothing.
    let most = if declared >= needed { declared } else { usize::MAX };
    let room = came.saturating_mul(2).min(most).max(needed);
    whole.try_reserve(room - came).map_err(|_| Full::Now)
}

/// A body's pieces as they come, with the time that each portion of it has.
pub(crate) struct Pieces<B> {
    body: B,
    time: Duration,
    portion: Portion,
}

/// How far a body's next portion has come. A portion is larger where more has come: who holds much room has to bring more.
struct Portion {
    came: usize,
    left: usize,
    /// Runs since the body was first waited for within this portion. Boxed: a timer is large, and few bodies need one.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Portion {
    /// The next one, after so many bytes.
    fn after(came: usize) -> Self {
        Portion { came, left: portion_after(came), timer: None }
    }

    /// So many bytes more have come.
    fn count(&mut self, bytes: usize) {
        self.came = self.came.saturating_add(bytes);
        if bytes >= self.left {
            *self = Portion::after(self.came);
        } else {
            self.left -= bytes;
        }
    }
}

impl<B> Pieces<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::error::Error,
{
    pub(crate) fn new(body: B, time: Duration) -> Self {
        Pieces { body, time, portion: Portion::after(0) }
    }

    /// The next piece, never empty; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.next_of(true).await
    }

    /// The same for a body that may pause here for as long as it likes.
    pub(crate) async fn next_whenever(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.start_anew();
        self.next_of(false).await
    }

    /// What follows has its time anew: so far all has come that was waited for.
    pub(crate) fn start_anew(&mut self) {
        self.portion = Portion::after(0);
    }

    async fn next_of(&mut self, timed: bool) -> Result<Option<Bytes>, BodyError> {
        loop {
            if self.body.is_end_stream() {
                return Ok(None);
            }
            // Nearly every body has come with its head: only one that has not is worth a timer.
            let at_once = poll_fn(|cx| Poll::Ready(self.poll_frame(cx))).await;
            let frame = match at_once {
                Poll::Ready(frame) => frame,
                Poll::Pending if timed => self.frame_in_time().await?,
                Poll::Pending => poll_fn(|cx| self.poll_frame(cx)).await,
            };
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(BodyError::Broken(describe(&error))),
                // A frame that holds no data is a trailer.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => {
                        self.portion.count(piece.len());
                        return Ok(Some(piece));
                    }
                    _ => {}
                },
            }
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    async fn frame_in_time(&mut self) -> Result<Option<Result<Frame<Bytes>, B::Error>>, BodyError> {
        let time = self.time;
        poll_fn(|cx| match self.poll_frame(cx) {
            Poll::Ready(frame) => Poll::Ready(Ok(frame)),
            Poll::Pending => {
                let timer = self.portion.timer.get_or_insert_with(|| Box::pin(sleep(time)));
                let slow = BodyError::Slow { bytes: self.portion.left, time };
                timer.as_mut().poll(cx).map(|()| Err(slow))
            }
        })
        .await
    }
}

/// An error with its causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
