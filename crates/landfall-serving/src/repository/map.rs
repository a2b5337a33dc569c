//! Memory maps of model files: the one place here that is `unsafe`, and nothing else.
#![expect(
    unsafe_code,
    reason = "a memory map is safe only as long as nobody cuts the file short, which no type can say"
)]

use landfall_model::Buffer;
use std::fs::File;

/// The bytes of a file as a read-only map.
///
/// # Errors
/// What the operating system said.
pub(crate) fn map(file: &File) -> std::io::Result<Buffer> {
    // SAFETY: the map is read-only and private, and is handed out as `&[u8]` behind a reference count that keeps it
    // mapped. What remains is the file changing under it. A version is loaded only after its files lay still for a
    // while, and files that are small enough to be rewritten in a moment are read, not mapped (`files.rs`). Landfall
    // itself never writes to a model's file. Bytes that change all the same are foreign bytes like any others to the
    // readers above, which check each one that they take.
    let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(file)? };
    Ok(Buffer::from_owner(map))
}
