//! Shared, 64-byte aligned bytes: what every tensor's elements lie in.
//!
//! The alignment comes from the element type of a vector ([`Line`]), so that no `unsafe` is needed for it.

use crate::{Element, Kind, Problem};
use std::ops::Range;
use std::sync::Arc;

/// Alignment of every buffer that Landfall allocates: a cache line, and the widest SIMD register.
pub const LINE_BYTES: usize = 64;

#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; LINE_BYTES]);

const EMPTY_LINE: Line = Line([0; LINE_BYTES]);

/// Bytes under construction: grows like a vector, always 64-byte aligned, new bytes are zero.
#[derive(Default)]
pub struct BufferMut {
    lines: Vec<Line>,
    len: usize,
}

impl BufferMut {
    /// An empty buffer; nothing is allocated yet.
    pub const fn new() -> Self {
        BufferMut { lines: Vec::new(), len: 0 }
    }

    /// An empty buffer with room for `bytes`. For sizes that are known, never for sizes that a peer declared.
    pub fn with_capacity(bytes: usize) -> Self {
        BufferMut { lines: Vec::with_capacity(bytes.div_ceil(LINE_BYTES)), len: 0 }
    }

    /// `bytes` zero bytes.
    ///
    /// # Errors
    /// Resource exhausted, when the memory is not to be had.
    pub fn zeroed(bytes: usize) -> Result<Self, Problem> {
        let lines = bytemuck::allocation::try_zeroed_vec(bytes.div_ceil(LINE_BYTES))
            .map_err(|()| Problem::worded(Kind::ResourceExhausted, format!("no memory for {bytes} bytes")))?;
        Ok(BufferMut { lines, len: bytes })
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for so many further bytes, and for no more.
    ///
    /// # Errors
    /// Resource exhausted, when the memory is not to be had; what was written stays.
    pub fn try_reserve(&mut self, bytes: usize) -> Result<(), Problem> {
        let wanted = self.len.saturating_add(bytes);
        let further = wanted.div_ceil(LINE_BYTES).saturating_sub(self.lines.len());
        let made = self.lines.try_reserve_exact(further);
        made.map_err(|_| Problem::worded(Kind::ResourceExhausted, format!("no memory for {wanted} bytes")))
    }

    /// Bytes that fit into it as it is.
    pub fn capacity(&self) -> usize {
        self.lines.capacity() * LINE_BYTES
    }

    /// Appends one element.
    #[inline]
    pub fn push<T: Element>(&mut self, value: T) {
        self.extend_from_bytes(bytemuck::bytes_of(&value));
    }

    /// Appends elements.
    #[inline]
    pub fn extend<T: Element>(&mut self, values: &[T]) {
        self.extend_from_bytes(bytemuck::cast_slice(values));
    }

    /// Appends bytes.
    #[inline]
    pub fn extend_from_bytes(&mut self, bytes: &[u8]) {
        let start = self.len;
        let room = self.lines.len() * LINE_BYTES - start;
        if bytes.len() > room {
            return self.extend_by_lines(bytes, room);
        }
        self.len = start + bytes.len();
        self.bytes_mut()[start..].copy_from_slice(bytes);
    }

    /// Appends more bytes than there is room for in the lines. Line by line, since lines that are added before they are
    /// written would be filled with zeros first.
    #[inline(never)]
    fn extend_by_lines(&mut self, bytes: &[u8], room: usize) {
        let (head, tail) = bytes.split_at(room);
        self.extend_from_bytes(head);
        let (whole, rest) = tail.as_chunks::<LINE_BYTES>();
        self.lines.reserve(tail.len().div_ceil(LINE_BYTES));
        self.lines.extend(whole.iter().map(|line| Line(*line)));
        if !rest.is_empty() {
            let mut line = EMPTY_LINE;
            line.0[..rest.len()].copy_from_slice(rest);
            self.lines.push(line);
        }
        self.len += tail.len();
    }

    /// Shortens to `len` bytes; does nothing when it is shorter already.
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// The bytes written so far.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.lines)[..self.len]
    }

    /// The bytes written so far, to change in place.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.len]
    }

    /// The elements written so far, to change in place.
    ///
    /// # Panics
    /// When the length is no multiple of the element's size.
    pub fn values_mut<T: Element>(&mut self) -> &mut [T] {
        bytemuck::cast_slice_mut(self.bytes_mut())
    }

    /// Makes it immutable and shareable, without a copy.
    pub fn freeze(self) -> Buffer {
        Buffer { start: 0, len: self.len, memory: Memory::Lines(Arc::new(self.lines)) }
    }
}

#[derive(Clone)]
enum Memory {
    Lines(Arc<Vec<Line>>),
    Foreign(Arc<dyn AsRef<[u8]> + Send + Sync>),
}

/// Immutable shared bytes; a clone or a slice shares the memory.
#[derive(Clone)]
pub struct Buffer {
    memory: Memory,
    start: usize,
    len: usize,
}

impl Buffer {
    /// Wraps bytes that somebody else allocated (a request's body, a memory map), without a copy. `owner` must give
    /// the same bytes at each call.
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        let len = owner.as_ref().len();
        Buffer { memory: Memory::Foreign(Arc::new(owner)), start: 0, len }
    }

    /// A copy of `bytes`, aligned.
    pub fn copy_of(bytes: &[u8]) -> Self {
        let mut buffer = BufferMut::with_capacity(bytes.len());
        buffer.extend_from_bytes(bytes);
        buffer.freeze()
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        let all: &[u8] = match &self.memory {
            Memory::Lines(lines) => bytemuck::cast_slice(lines),
            Memory::Foreign(owner) => (**owner).as_ref(),
        };
        &all[self.start..self.start + self.len]
    }

    /// A part of the bytes, sharing the memory.
    ///
    /// # Panics
    /// When `range` is not within the buffer.
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "slice {range:?} of {} bytes", self.len);
        Buffer { memory: self.memory.clone(), start: self.start + range.start, len: range.end - range.start }
    }

    /// Whether the bytes can be viewed as elements of `alignment` bytes.
    pub fn is_aligned(&self, alignment: usize) -> bool {
        self.bytes().as_ptr().align_offset(alignment) == 0
    }

    /// Itself when aligned to `alignment`, else an aligned copy.
    #[must_use]
    pub fn aligned(self, alignment: usize) -> Self {
        if self.is_aligned(alignment) { self } else { Buffer::copy_of(self.bytes()) }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Default for Buffer {
    fn default() -> Self {
        BufferMut::new().freeze()
    }
}

impl std::fmt::Debug for Buffer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_buffer_stays_aligned_and_keeps_its_bytes() {
        let mut buffer = BufferMut::new();
        for i in 0..1000u32 {
            buffer.push(i);
        }
        let frozen = buffer.freeze();
        assert!(frozen.is_aligned(LINE_BYTES));
        assert_eq!(bytemuck::cast_slice::<u8, u32>(frozen.bytes()), (0..1000).collect::<Vec<u32>>());
    }

    #[test]
    fn pieces_of_any_length_stand_behind_each_other() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for lengths in [[1, 63, 64, 65], [7, 200, 0, 3], [128, 1, 127, 64]] {
            let (mut buffer, mut expected) = (BufferMut::new(), Vec::new());
            for (place, length) in lengths.into_iter().cycle().take(40).enumerate() {
                buffer.extend_from_bytes(&bytes[place..place + length]);
                expected.extend_from_slice(&bytes[place..place + length]);
                assert_eq!(buffer.bytes(), expected);
                if place % 7 == 6 {
                    buffer.truncate(expected.len() - length / 2);
                    expected.truncate(expected.len() - length / 2);
                }
            }
            assert_eq!(buffer.freeze().bytes(), expected);
        }
    }

    #[test]
    fn a_slice_shares_the_memory() {
        let whole = Buffer::copy_of(&[1, 2, 3, 4, 5]);
        let part = whole.slice(1..4).slice(1..3);
        assert_eq!(part.bytes(), [3, 4]);
        assert_eq!(part.bytes().as_ptr(), whole.bytes()[2..].as_ptr());
    }

    #[test]
    fn foreign_bytes_are_not_copied_unless_alignment_asks_for_it() {
        let body = vec![0u8; 64];
        let address = body.as_ptr();
        let buffer = Buffer::from_owner(body);
        assert_eq!(buffer.bytes().as_ptr(), address);
        let odd = (0..8).map(|i| buffer.slice(i..i + 8)).find(|b| !b.is_aligned(8));
        assert!(odd.expect("one of eight offsets is odd").aligned(8).is_aligned(8));
    }

    #[test]
    fn room_that_was_made_is_written_without_a_move() {
        let mut buffer = BufferMut::new();
        buffer.extend_from_bytes(b"abc");
        buffer.try_reserve(1000).unwrap();
        let (address, room) = (buffer.bytes().as_ptr(), buffer.capacity());
        assert!((1003..1003 + LINE_BYTES).contains(&room), "{room}");
        buffer.extend_from_bytes(&[7; 1000]);
        assert_eq!((buffer.bytes().as_ptr(), buffer.capacity(), buffer.len()), (address, room, 1003));
        let refused = buffer.try_reserve(isize::MAX as usize).unwrap_err();
        assert_eq!((refused.kind(), buffer.len()), (Kind::ResourceExhausted, 1003));
    }

    #[test]
    fn memory_that_is_not_to_be_had_is_a_problem() {
        assert_eq!(
            BufferMut::zeroed(isize::MAX as usize - 64).err().map(|p| p.kind()),
            Some(Kind::ResourceExhausted)
        );
    }
}
