//! Bodies in pieces, too large, too slow, and what they count.

use super::*;
use crate::limits::BODY_PORTION;
use crate::memory::Memory;
use std::collections::VecDeque;
use std::sync::Mutex;

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

/// A body of four pieces, which notes whenever it is asked for one how many of those before are held.
struct Noting {
    left: usize,
    held: Arc<Mutex<Vec<usize>>>,
}

/// A piece that is held as long as it lives.
struct Piece {
    _held: Arc<Mutex<Vec<usize>>>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        b"piece"
    }
}

impl Body for Noting {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        // The body itself and the test hold it too.
        let held = Arc::strong_count(&self.held) - 2;
        self.held.lock().unwrap().push(held);
        let more = self.left.checked_sub(1);
        self.left = more.unwrap_or(0);
        Poll::Ready(more.map(|_| Ok(Frame::data(Bytes::from_owner(Piece { _held: self.held.clone() })))))
    }
}

#[tokio::test]
async fn a_piece_is_let_go_before_the_next_one_is_asked_for() {
    let held = Arc::<Mutex<Vec<usize>>>::default();
    let body = Noting { left: 4, held: held.clone() };
    assert_eq!(read(body, usize::MAX, &any()).await.unwrap().bytes(), b"piece".repeat(4));
    // The first is kept until it is known that there is a second: it may be the whole body.
    assert_eq!(*held.lock().unwrap(), [0, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_body_is_put_together_where_another_one_was() {
    let share = any();
    let first = read(given(&["a long", " first ", "one"]), usize::MAX, &share).await.unwrap();
    let (place, part) = (first.bytes().as_ptr(), first.slice(2..6));
    drop(first);
    let second = read(given(&["an", "other"]), usize::MAX, &share).await.unwrap();
    assert_eq!((part.bytes(), second.bytes()), (&b"long"[..], &b"another"[..]));
    drop(part);
    let third = read(given(&["a", " third"]), usize::MAX, &share).await.unwrap();
    assert_eq!((third.bytes(), third.bytes().as_ptr()), (&b"a third"[..], place));
}

#[tokio::test]
async fn a_buffer_that_another_body_left_counts_whole() {
    const PIECE: &str = match std::str::from_utf8(&[b'x'; 64 << 10]) {
        Ok(text) => text,
        Err(_) => "",
    };
    let memory = Memory::new(1 << 30);
    let share = memory.share();
    drop(read(given(&[PIECE; 3]), usize::MAX, &share).await.unwrap());
    assert_eq!(memory.taken(), 0);
    let second = read(given(&[PIECE; 2]), usize::MAX, &share).await.unwrap();
    assert_eq!((second.len(), memory.taken()), (2 * PIECE.len(), 4 * PIECE.len()), "room was made for four");
    drop(second);
    assert_eq!(memory.taken(), 0);
}

#[test]
fn room_grows_with_what_came_and_not_beyond_what_was_promised() {
    let grown = |came: usize, piece: usize, declared: usize| {
        let mut whole = BufferMut::new();
        whole.extend_from_bytes(&vec![0; came]);
        grow(&mut whole, piece, declared).map(|()| whole.capacity().next_multiple_of(LINE_BYTES))
    };
    assert_eq!(grown(6400, 64, 64_000).unwrap(), 12_800);
    assert_eq!(grown(6400, 64, 9600).unwrap(), 9600);
    assert_eq!(grown(6400, 12_800, 64_000).unwrap(), 19_200);
    assert_eq!(grown(6400, 64, 0).unwrap(), 12_800, "nothing was promised");
    assert_eq!(grown(6400, isize::MAX as usize, 0).unwrap_err(), Full::Now, "not to be had");
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
    let dripping =
        |bytes: usize, time| Pieces::new(Dripping { piece: Bytes::from(vec![b' '; bytes]), asked: 0 }, time);
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
