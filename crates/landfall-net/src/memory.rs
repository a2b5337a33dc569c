//! What requests hold in memory, over all connections: bodies that are put together from pieces, what is made of them, answers
//! that are written or wait to be read, heads where there are many. Peers decide about all of it; together it stays within one
//! bound.
//!
//! A body that came in one piece counts as nothing: it lies where the socket was read. So do the answers of HTTP/1 that are
//! smaller than a [`STEP`]: a connection has one of them.

mod buffer_pool;
mod machine;

pub(crate) use buffer_pool::Whole;
pub(crate) use machine::half_of_memory;

use crate::limits::{CONNECTION_WINDOW, MEMORY_PAUSE, UNREAD};
use buffer_pool::BufferPool;
use bytes::Bytes;
use landfall_model::{BufferMut, Kind, Problem, Reason};
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use tokio::sync::Notify;

/// A connection takes from the common room, and gives back, in steps of so many bytes: what it holds below one touches
/// nothing that others share.
pub(crate) const STEP: usize = 64 << 10;

/// The room of all connections.
#[derive(Debug)]
pub(crate) struct Memory {
    limit: usize,
    taken: AtomicUsize,
    refused: AtomicU64,
    pool: BufferPool,
}

/// There is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Full {
    /// At the moment.
    Now,
    /// For so much, ever: these bytes are all that there is.
    Ever(usize),
}

impl Full {
    /// As a problem that a dialect can word.
    #[cold]
    pub(crate) fn problem(self) -> Problem {
        match self {
            Full::Now => Problem::new(Reason::MemoryFull { retry_after: MEMORY_PAUSE }),
            Full::Ever(_) => Problem::worded(Kind::ResourceExhausted, self.to_string()),
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Full::Now => f.write_str("other requests hold the memory"),
            Full::Ever(limit) => write!(
                f,
                "the request takes more than {limit} bytes, half of the memory that this server may have: all requests \
                 together stay below that"
            ),
        }
    }
}

impl std::error::Error for Full {}

impl Memory {
    /// A room of so many bytes.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Memory {
            limit,
            taken: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            pool: BufferPool::beside(limit),
        })
    }

    /// Bytes that requests may hold together.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that they hold, but for less than a [`STEP`] for each connection.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// How often there was no room.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// A further connection's share, empty.
    pub(crate) fn share(self: &Arc<Self>) -> Arc<Share> {
        Arc::new(Share {
            memory: self.clone(),
            held: AtomicUsize::new(0),
            unread: AtomicUsize::new(0),
            unwritten: AtomicUsize::new(0),
            standing: AtomicUsize::new(0),
            read: Notify::new(),
        })
    }

    /// Where there is no room, it is taken nevertheless: the caller gives it back.
    fn take(&self, bytes: usize) -> Result<(), Full> {
        let before = self.taken.fetch_add(bytes, Relaxed);
        if before.saturating_add(bytes) <= self.limit {
            return Ok(());
        }
        self.refused.fetch_add(1, Relaxed);
        Err(Full::Now)
    }

    fn give_back(&self, bytes: usize) {
        self.taken.fetch_sub(bytes, Relaxed);
    }
}

/// What one connection holds.
#[derive(Debug)]
pub(crate) struct Share {
    memory: Arc<Memory>,
    held: AtomicUsize,
    /// Of that, answers that the peer has not taken yet.
    unread: AtomicUsize,
    /// Of those, answers over HTTP/1, which are gone as soon as all is written.
    unwritten: AtomicUsize,
    /// Requests whose bodies are not read for now.
    standing: AtomicUsize,
    /// Told when answers were read.
    read: Notify,
}

impl Share {
    /// A hold on nothing yet.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        Hold { share: self.clone(), bytes: 0, is_answer: false }
    }

    /// A hold on so many bytes, beside others that the same request holds already.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn hold_beside(self: &Arc<Self>, bytes: usize, others: usize) -> Result<Hold, Full> {
        let limit = self.memory.limit;
        if bytes.saturating_add(others) > limit {
            self.memory.refused.fetch_add(1, Relaxed);
            return Err(Full::Ever(limit));
        }
        let mut hold = self.hold();
        hold.grow(bytes)?;
        Ok(hold)
    }

    /// An empty buffer for a body that is put together, with room for so many bytes where one is left.
    pub(crate) fn spare(&self, bytes: usize) -> BufferMut {
        self.memory.pool.take(bytes).unwrap_or_default()
    }

    fn take(&self, bytes: usize) -> Result<(), Full> {
        let before = self.held.fetch_add(bytes, Relaxed);
        let steps = (before + bytes) / STEP - before / STEP;
        if steps == 0 {
            return Ok(());
        }
        let taken = self.memory.take(steps * STEP);
        if taken.is_err() {
            // Other threads may have given back meanwhile: these bytes may lie over other steps by now.
            self.give_back(bytes);
        }
        taken
    }

    fn give_back(&self, bytes: usize) {
        let before = self.held.fetch_sub(bytes, Relaxed);
        let steps = before / STEP - (before - bytes) / STEP;
        if steps > 0 {
            self.memory.give_back(steps * STEP);
        }
    }

    /// An answer over HTTP/2, which counts until the last of its bytes is written.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn answer(self: &Arc<Self>, bytes: Bytes) -> Result<Bytes, Full> {
        let mut hold = self.hold();
        hold.grow(bytes.len())?;
        hold.is_answer = true;
        self.unread.fetch_add(hold.bytes, Relaxed);
        Ok(Bytes::from_owner(Kept { bytes, _hold: hold }))
    }

    /// An answer over HTTP/1, which counts until all is [`written`](Share::written).
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn lone_answer(&self, bytes: usize) -> Result<(), Full> {
        if bytes >= STEP {
            self.take(bytes)?;
            self.unwritten.fetch_add(bytes, Relaxed);
        }
        Ok(())
    }

    /// Nothing waits to be written on this connection any more.
    pub(crate) fn written(&self) {
        if self.unwritten.load(Relaxed) > 0 {
            self.give_back(self.unwritten.swap(0, Relaxed));
        }
    }

    /// Bytes of answers that wait for the peer to read them; of HTTP/1, those that count.
    pub(crate) fn waiting(&self) -> usize {
        self.unread.load(Relaxed) + self.unwritten.load(Relaxed)
    }

    /// Whether the peer should read before it is answered further.
    pub(crate) fn is_behind(&self) -> bool {
        self.unread.load(Relaxed) > UNREAD
    }

    /// Waits until the peer has read enough.
    ///
    /// # Errors
    /// As [`Share::stand_still`].
    pub(crate) async fn caught_up(self: &Arc<Self>) -> Result<(), Full> {
        if !self.is_behind() {
            return Ok(());
        }
        let _standing = self.stand_still()?;
        let mut read = pin!(self.read.notified());
        loop {
            read.as_mut().enable();
            if !self.is_behind() {
                return Ok(());
            }
            read.as_mut().await;
            read.set(self.read.notified());
        }
    }

    /// A request's body is not read as long as the value lives. What its peer sends meanwhile waits in the window of HTTP/2,
    /// which therefore counts, once for the connection.
    ///
    /// # Errors
    /// [`Full`].
    pub(crate) fn stand_still(self: &Arc<Self>) -> Result<Standing, Full> {
        if self.standing.fetch_add(1, Relaxed) == 0
            && let Err(full) = self.take(CONNECTION_WINDOW as usize)
        {
            self.standing.fetch_sub(1, Relaxed);
            return Err(full);
        }
        Ok(Standing(self.clone()))
    }
}

/// A request whose body is not read for now.
#[derive(Debug)]
pub(crate) struct Standing(Arc<Share>);

impl Drop for Standing {
    fn drop(&mut self) {
        if self.0.standing.fetch_sub(1, Relaxed) == 1 {
            self.0.give_back(CONNECTION_WINDOW as usize);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.written();
    }
}

/// Bytes that count as long as it lives.
#[derive(Debug)]
pub(crate) struct Hold {
    share: Arc<Share>,
    bytes: usize,
    is_answer: bool,
}

impl Hold {
    /// On more memory than there is, for fuzz bodies and tests.
    pub(crate) fn boundless() -> Self {
        Memory::new(usize::MAX).share().hold()
    }

    /// Holds so many bytes more.
    ///
    /// # Errors
    /// [`Full`]; it holds what it held.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let limit = self.share.memory.limit;
        if bytes > limit - self.bytes.min(limit) {
            self.share.memory.refused.fetch_add(1, Relaxed);
            return Err(Full::Ever(limit));
        }
        self.share.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Holds so many bytes at least.
    ///
    /// # Errors
    /// As [`Hold::grow`].
    pub(crate) fn cover(&mut self, bytes: usize) -> Result<(), Full> {
        if bytes > self.bytes { self.grow(bytes - self.bytes) } else { Ok(()) }
    }

    /// Holds so many bytes from now on.
    ///
    /// # Errors
    /// As [`Hold::grow`].
    pub(crate) fn set(&mut self, bytes: usize) -> Result<(), Full> {
        if let Some(less) = self.bytes.checked_sub(bytes) {
            self.share.give_back(less);
            self.bytes = bytes;
            return Ok(());
        }
        self.grow(bytes - self.bytes)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if self.is_answer {
            let before = self.share.unread.fetch_sub(self.bytes, Relaxed);
            if before > UNREAD {
                self.share.read.notify_waiters();
            }
        }
        self.share.give_back(self.bytes);
    }
}

/// Bytes with their hold.
pub(crate) struct Kept<B> {
    pub(crate) bytes: B,
    pub(crate) _hold: Hold,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Kept<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests;
