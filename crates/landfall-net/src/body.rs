//! A request's body, whole, within limits.

use crate::limits::{BODY_TIME, portion_after};
use crate::memory::{Full, Kept, Share};
use bytes::Bytes;
use hyper::body::{Body, Frame};
use landfall_model::{Buffer, BufferMut, Kind, LINE_BYTES, Problem};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

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
    let mut whole = BufferMut::with_capacity(lead + declared.min(ROOM).max(first.len() + second.len()));
    whole.extend_from_bytes(&[0; LINE_BYTES][..lead]);
    whole.extend_from_bytes(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(piece) = next {
        if piece.len() > limit - (whole.len() - lead) {
            return Err(too_large());
        }
        hold.grow(piece.len())?;
        whole.extend_from_bytes(&piece);
        next = pieces.next().await?;
    }
    let whole = Buffer::from_owner(Kept { bytes: whole.freeze(), _hold: hold });
    Ok(whole.slice(lead..whole.len()))
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
mod tests {
    use super::*;
    use crate::limits::BODY_PORTION;
    use crate::memory::Memory;
    use std::collections::VecDeque;

    /// A body of given pieces; after the last it ends or never comes to an end.
    struct Given {
        pieces: VecDeque<Bytes>,
        hangs: bool,
        declared: u64,
    }

    impl Body for Given {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            match self.pieces.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                None if self.hangs => Poll::Pending,
                None => Poll::Ready(None),
            }
        }

        fn size_hint(&self) -> hyper::body::SizeHint {
            let mut hint = hyper::body::SizeHint::new();
            hint.set_lower(self.declared);
            hint
        }
    }

    fn given(pieces: &[&'static str]) -> Given {
        let pieces = pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect();
        Given { pieces, hangs: false, declared: 0 }
    }

    /// A share of more memory than there is.
    fn any() -> Arc<Share> {
        Memory::new(usize::MAX).share()
    }

    #[tokio::test]
    async fn bodies_in_pieces_count_against_the_memory_of_all_until_they_are_dropped() {
        const HALF: &str = match std::str::from_utf8(&[b'x'; 64 << 10]) {
            Ok(text) => text,
            Err(_) => "",
        };
        let memory = Memory::new(4 * HALF.len());
        let share = memory.share();
        let first = read(given(&[HALF, HALF, HALF]), usize::MAX, &share).await.unwrap();
        assert_eq!((first.len(), memory.taken()), (3 * HALF.len(), 3 * HALF.len()));
        let second = read(given(&[HALF, HALF]), usize::MAX, &memory.share()).await.unwrap_err();
        assert_eq!((second.status(), second.problem().kind()), (503, Kind::Unavailable));
        assert!(second.problem().retry_after().is_some());
        let part = first.slice(1..2);
        drop(first);
        assert_eq!(memory.taken(), 3 * HALF.len(), "a part holds the whole");
        drop(part);
        assert_eq!(memory.taken(), 0);
        let large = read(given(&[HALF; 5]), usize::MAX, &share).await.unwrap_err();
        assert_eq!((large.status(), large.problem().kind()), (413, Kind::ResourceExhausted));
        assert_eq!(memory.taken(), 0);
    }

    #[tokio::test]
    async fn one_piece_is_not_copied_and_many_are_put_together() {
        let only = Bytes::from_static(b"only");
        let body = Given { pieces: [only.clone()].into(), hangs: false, declared: 4 };
        assert_eq!(read(body, 4, &any()).await.unwrap().bytes().as_ptr(), only.as_ptr());
        assert_eq!(read(given(&["a", "", "bc", "d"]), 4, &any()).await.unwrap().bytes(), b"abcd");
        assert_eq!(read(given(&[]), 0, &any()).await.unwrap().bytes(), b"");
    }

    #[tokio::test]
    async fn what_follows_the_boundary_of_a_body_in_pieces_lies_aligned() {
        for boundary in [0, 2, 63, 64, 100, usize::MAX] {
            let body = Bytes::from(vec![7u8; boundary.min(200) + 96]);
            let pieces = [body.slice(..1), body.slice(1..40), body.slice(40..)].into();
            let given = Given { pieces, hangs: false, declared: body.len() as u64 };
            let read = read_around(given, 1000, boundary, &any()).await.unwrap();
            assert_eq!(read.bytes(), body);
            assert!(boundary > 200 || read.slice(boundary..read.len()).is_aligned(LINE_BYTES));
        }
    }

    #[tokio::test]
    async fn what_comes_counts_against_the_limit_and_so_does_what_is_declared() {
        for pieces in [&["abcde"][..], &["abc", "de"], &["a", "b", "c", "de"]] {
            assert!(matches!(read(given(pieces), 4, &any()).await, Err(BodyError::TooLarge { limit: 4 })));
        }
        let declared = Given { declared: 5, ..given(&["a"]) };
        assert_eq!(read(declared, 4, &any()).await.unwrap_err().status(), 413);
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_is_given_up() {
        let body = Given { hangs: true, ..given(&["a"]) };
        let mut pieces = Pieces::new(body, Duration::from_millis(5));
        assert_eq!(pieces.next().await.unwrap().unwrap(), "a");
        let error = pieces.next().await.unwrap_err();
        assert_eq!((error.status(), error.problem().kind()), (408, Kind::DeadlineExceeded));
        assert!(error.problem().to_string().contains("16383 further bytes"), "{}", error.problem());
    }

    /// A body of which a piece comes whenever it was asked for twice, and never the last.
    struct Dripping {
        piece: Bytes,
        asked: usize,
    }

    impl Body for Dripping {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            self.asked += 1;
            if self.asked.is_multiple_of(3) {
                return Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn drops_of_a_body_have_the_time_of_one_portion_together() {
        let dripping = |bytes: usize, time| {
            Pieces::new(Dripping { piece: Bytes::from(vec![b' '; bytes]), asked: 0 }, time)
        };
        let mut drops = dripping(1, BODY_TIME);
        let mut ends = std::collections::HashSet::new();
        for _ in 0..10 {
            drops.next().await.unwrap();
            ends.insert(drops.portion.timer.as_ref().unwrap().deadline());
        }
        assert_eq!((ends.len(), drops.portion.left), (1, BODY_PORTION - 10), "the same end for all");
        let mut portions = dripping(BODY_PORTION, BODY_TIME);
        for _ in 0..10 {
            portions.next().await.unwrap();
            assert!(portions.portion.timer.is_none(), "each has its own");
        }
        let mut drops = dripping(1, Duration::from_millis(1));
        let error = loop {
            if let Err(error) = drops.next().await {
                break error;
            }
        };
        assert_eq!(error.status(), 408);
    }

    #[test]
    fn who_has_brought_much_has_to_bring_more() {
        let mut portion = Portion::after(0);
        assert_eq!(portion.left, BODY_PORTION);
        portion.count(1 << 30);
        assert_eq!((portion.came, portion.left), (1 << 30, 4 << 20));
        portion.count(10);
        assert_eq!(portion.left, (4 << 20) - 10);
    }

    #[tokio::test]
    async fn a_pause_that_is_allowed_takes_as_long_as_it_likes() {
        let body = Given { hangs: true, ..given(&["a"]) };
        let mut pieces = Pieces::new(body, Duration::from_millis(1));
        assert_eq!(pieces.next_whenever().await.unwrap().unwrap(), "a");
        let waited = tokio::time::timeout(Duration::from_millis(30), pieces.next_whenever()).await;
        assert!(waited.is_err(), "it still waits");
    }
}
