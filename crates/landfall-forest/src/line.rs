//! Memory that begins with a cache line.

/// Begins with a cache line, as no register's part of it lies across two. A part that does, and was only just written, comes from
/// the cache instead of the register, and its reader waits: by where a function's stack happened to lie, a row of a small model
/// took a third longer.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Line<T>(pub(crate) T);
