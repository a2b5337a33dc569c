//! Large buffers that bodies have left, for the bodies to come. Memory that the allocator gives back to the system is cleared
//! page by page when it comes again, which takes longer than to read a body into it.

use super::Hold;
use landfall_model::{BufferMut, LINE_BYTES};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of all buffers that are kept …
const MOST: usize = 4 << 20;
/// … or this part of what all requests may hold, where that is less: whatever a spare buffer counts beyond its body must not
/// matter beside the bound.
const PART: usize = 16;

/// Buffers that nobody uses at the moment.
pub(super) struct BufferPool {
    most: usize,
    kept: Mutex<Vec<BufferMut>>,
}

impl BufferPool {
    /// None yet, beside so many bytes that all requests may hold.
    pub(super) fn beside(limit: usize) -> Self {
        BufferPool { most: MOST.min(limit / PART), kept: Mutex::default() }
    }

    /// An empty buffer with room for so many bytes, and for no more than twice as many, where there is one.
    pub(super) fn take(&self, bytes: usize) -> Option<BufferMut> {
        let mut spares = self.kept();
        let fits = |room: usize| bytes <= room && room / 2 <= bytes.next_multiple_of(LINE_BYTES);
        let place = spares.iter().position(|spare| fits(spare.capacity()))?;
        Some(spares.swap_remove(place))
    }

    /// Keeps a buffer, where there is room for it beside the others.
    pub(super) fn give(&self, mut buffer: BufferMut) {
        buffer.truncate(0);
        let mut spares = self.kept();
        let kept: usize = spares.iter().map(BufferMut::capacity).sum();
        if kept.saturating_add(buffer.capacity()) <= self.most {
            spares.push(buffer);
        }
    }

    fn kept(&self) -> MutexGuard<'_, Vec<BufferMut>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for BufferPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "BufferPool({})", self.kept().len())
    }
}

/// A body that was put together, with its hold; the buffer is left for another one.
pub(crate) struct Whole {
    pub(crate) bytes: BufferMut,
    pub(crate) hold: Hold,
}

impl AsRef<[u8]> for Whole {
    fn as_ref(&self) -> &[u8] {
        self.bytes.bytes()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        self.hold.share.memory.pool.give(std::mem::take(&mut self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_is_used_again_and_no_more_is_kept_than_may_be() {
        let pool = BufferPool::beside(usize::MAX);
        assert!(pool.take(1).is_none());
        let mut used = BufferMut::with_capacity(MOST / 2);
        used.extend_from_bytes(b"of another caller");
        let place = used.bytes().as_ptr();
        pool.give(used);
        assert!(pool.take(MOST).is_none(), "it is too small");
        assert!(pool.take(MOST / 8).is_none(), "it is too large");
        let again = pool.take(MOST / 4).unwrap();
        assert!(again.is_empty() && again.capacity() >= MOST / 2);
        pool.give(again);
        (0..3).for_each(|_| pool.give(BufferMut::with_capacity(MOST / 2)));
        let mut again = pool.take(MOST / 2).unwrap();
        again.extend_from_bytes(b"mine");
        assert_eq!((again.bytes(), again.bytes().as_ptr()), (&b"mine"[..], place));
        assert!(pool.take(MOST / 2).is_some());
        assert!(pool.take(MOST / 2).is_none(), "a third one had no room");
        pool.give(BufferMut::with_capacity(2 * MOST));
        assert!(pool.take(2 * MOST).is_none());
    }
}
