//! Text elements as offsets and bytes, in two allocations for any number of elements.

use std::ops::Range;
use std::sync::Arc;

/// Immutable strings (bytes; UTF-8 is not assumed), shared; a slice shares the memory.
#[derive(Clone, Debug)]
pub struct Strings {
    /// Ends of the elements within `bytes`, with a leading 0: element `i` is `offsets[i]..offsets[i + 1]`.
    offsets: Arc<Vec<usize>>,
    bytes: Arc<Vec<u8>>,
    start: usize,
    len: usize,
}

impl Strings {
    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes of element `index`.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> &[u8] {
        assert!(index < self.len, "element {index} of {}", self.len);
        &self.bytes[self.offsets[self.start + index]..self.offsets[self.start + index + 1]]
    }

    /// The elements in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        (0..self.len).map(|i| self.get(i))
    }

    /// A part, sharing the memory.
    ///
    /// # Panics
    /// When `range` is not within the elements.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len, "slice {range:?} of {} strings", self.len);
        Strings { start: self.start + range.start, len: range.end - range.start, ..self.clone() }
    }

    /// Bytes of all elements together.
    pub fn bytes_total(&self) -> usize {
        self.offsets[self.start + self.len] - self.offsets[self.start]
    }
}

impl PartialEq for Strings {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for Strings {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut strings = StringsMut::new();
        values.into_iter().for_each(|value| strings.push(value.as_ref()));
        strings.freeze()
    }
}

/// Strings under construction.
#[derive(Clone, Debug, Default)]
pub struct StringsMut {
    /// Ends of the elements, with a leading 0; empty, and not allocated, before the first element.
    offsets: Vec<usize>,
    bytes: Vec<u8>,
}

impl StringsMut {
    /// No elements.
    pub const fn new() -> Self {
        StringsMut { offsets: Vec::new(), bytes: Vec::new() }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends an element.
    pub fn push(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.end_element();
    }

    fn end_element(&mut self) {
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        self.offsets.push(self.bytes.len());
    }

    /// Appends an element that is written piece by piece: `write` gets the bytes to append to. When it fails, what it
    /// wrote is taken back.
    ///
    /// # Errors
    /// What `write` returns.
    pub fn push_with<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
        match write(&mut self.bytes) {
            Ok(()) => {
                self.end_element();
                Ok(())
            }
            Err(problem) => {
                self.bytes.truncate(self.offsets.last().copied().unwrap_or(0));
                Err(problem)
            }
        }
    }

    /// Appends all elements of another.
    pub(crate) fn extend_from(&mut self, other: &Strings) {
        other.iter().for_each(|value| self.push(value));
    }

    /// Shortens to `len` elements; does nothing when it is shorter already.
    pub fn truncate(&mut self, len: usize) {
        if len < self.len() {
            self.offsets.truncate(len + 1);
            self.bytes.truncate(self.offsets[len]);
        }
    }

    /// Makes it immutable and shareable, without a copy.
    pub fn freeze(mut self) -> Strings {
        let len = self.len();
        if self.offsets.is_empty() {
            self.offsets.push(0);
        }
        Strings { offsets: Arc::new(self.offsets), bytes: Arc::new(self.bytes), start: 0, len }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_share_memory_and_keep_elements() {
        let strings: Strings = ["a", "", "bcd", "e\0f"].iter().collect();
        let part = strings.slice(1..4).slice(1..3);
        assert_eq!(part.iter().collect::<Vec<_>>(), [&b"bcd"[..], b"e\0f"]);
        assert_eq!(part.get(0).as_ptr(), strings.get(2).as_ptr());
        assert_eq!(strings.bytes_total(), 7);
    }

    #[test]
    fn no_elements_are_elements_too() {
        let strings = StringsMut::new().freeze();
        assert_eq!((strings.len(), strings.bytes_total()), (0, 0));
        let mut none = StringsMut::new();
        assert_eq!(
            none.push_with(|bytes| {
                bytes.push(1);
                Err(())
            }),
            Err(())
        );
        none.truncate(0);
        assert_eq!(none.freeze(), strings.slice(0..0));
    }

    #[test]
    fn a_piecewise_element_that_fails_leaves_nothing_behind() {
        let mut strings = StringsMut::new();
        strings.push(b"kept");
        let failed = strings.push_with(|bytes| {
            bytes.extend_from_slice(b"half");
            Err("no")
        });
        assert_eq!(failed, Err("no"));
        strings.push(b"next");
        assert_eq!(strings.freeze().iter().collect::<Vec<_>>(), [b"kept", b"next"]);
    }
}
