//! Reading a file at a place.
//!
//! Handles made by [`File::try_clone`] share one position: two readers that seek and read at the same time read each
//! other's bytes. A read that names its place needs none.

use std::fs::File;
use std::io::Result;

/// Reads some bytes from `place` on: how many, 0 at the end.
#[cfg(unix)]
pub(crate) fn read_at(file: &File, out: &mut [u8], place: u64) -> Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, out, place)
}

/// Reads some bytes from `place` on: how many, 0 at the end. The position moves with it, but nobody reads from there.
#[cfg(windows)]
pub(crate) fn read_at(file: &File, out: &mut [u8], place: u64) -> Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, out, place)
}
