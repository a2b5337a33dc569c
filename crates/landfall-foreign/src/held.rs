//! Bytes that lie in a library's memory.
#![expect(unsafe_code, reason = "reads memory that a C library gave")]

use std::ptr::NonNull;

/// Bytes in a library's memory, with the owner that keeps them there.
#[derive(Debug)]
pub struct Held<O> {
    data: NonNull<u8>,
    length: usize,
    _owner: O,
}

impl<O> Held<O> {
    /// Holds `length` bytes from `data` on.
    ///
    /// # Safety
    /// They must be there, initialised, and changed by nobody, until `owner` is dropped.
    pub unsafe fn new(data: NonNull<u8>, length: usize, owner: O) -> Self {
        Held { data, length, _owner: owner }
    }
}

// SAFETY: the bytes are read only, and belong to the owner, which may be dropped on any thread.
unsafe impl<O: Send> Send for Held<O> {}
// SAFETY: the bytes are read only.
unsafe impl<O: Sync> Sync for Held<O> {}

impl<O> AsRef<[u8]> for Held<O> {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: who made this has promised that they are there and do not change.
        unsafe { std::slice::from_raw_parts(self.data.as_ptr(), self.length) }
    }
}
