//! Bounded reading of flatbuffers: every offset is held against the file before it is followed.
//!
//! The format: <https://flatbuffers.dev/internals/>. An offset is a `u32` counted from where it stands; a table starts
//! with an `i32` back to its vtable, which says where each field lies within the table; vectors and strings start with
//! their length. All numbers are little-endian and aligned to their own size within the file.

use landfall_model::Problem;
use std::cell::Cell;

/// A file, and how much of it may still be walked.
///
/// Offsets may lead to one place many times, so the work of a walk is not bound by the file's length. It is counted, and
/// a file that asks for far more steps than it has bytes is refused.
#[derive(Debug)]
pub(super) struct File<'a> {
    name: &'a str,
    bytes: &'a [u8],
    steps_left: Cell<usize>,
}

/// Steps that every file gets, however short.
const STEPS_AT_LEAST: usize = 1 << 20;

/// A table within a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'a> {
    file: &'a File<'a>,
    at: usize,
    /// Bytes of the table's own fields, its vtable offset included.
    length: usize,
    vtable: usize,
    /// Fields that the vtable has entries for.
    slots: usize,
}

/// A vector within a file; its elements lie within the file's bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector<'a> {
    file: &'a File<'a>,
    /// Where the first element lies.
    pub(super) at: usize,
    /// Number of elements.
    pub(super) length: usize,
    element: usize,
}

impl<'a> File<'a> {
    /// Over all bytes of a file; `name` is for messages.
    pub(super) fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        let steps = bytes.len().saturating_mul(4).saturating_add(STEPS_AT_LEAST);
        File { name, bytes, steps_left: Cell::new(steps) }
    }

    /// Length in bytes.
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// The file's name, for messages.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// The table that the file is.
    ///
    /// # Errors
    /// Malformed, when it does not lie within the file.
    pub(super) fn root(&'a self) -> Result<Table<'a>, Problem> {
        let at = self.follow(0)?;
        self.table(at)
    }

    /// Counts steps of a walk.
    ///
    /// # Errors
    /// Malformed, when the file asks for far more steps than it has bytes.
    pub(super) fn spend(&self, steps: usize) -> Result<(), Problem> {
        match self.steps_left.get().checked_sub(steps) {
            Some(left) => {
                self.steps_left.set(left);
                Ok(())
            }
            None => Err(self.malformed(0, "its parts refer to each other over and over")),
        }
    }

    /// A problem at a place of the file.
    #[cold]
    pub(super) fn malformed(&self, at: usize, what: impl Into<String>) -> Problem {
        Problem::malformed(self.name, Some(at as u64), what)
    }

    /// `length` bytes that start at a multiple of `alignment`.
    pub(super) fn bytes(&self, at: usize, length: usize, alignment: usize) -> Result<&'a [u8], Problem> {
        if !at.is_multiple_of(alignment.max(1)) {
            return Err(self.malformed(at, format!("not aligned to {alignment} bytes")));
        }
        at.checked_add(length).and_then(|end| self.bytes.get(at..end)).ok_or_else(|| {
            let there = self.bytes.len().saturating_sub(at);
            self.malformed(at, format!("{length} bytes are announced, {there} are there"))
        })
    }

    fn number<const N: usize>(&self, at: usize) -> Result<[u8; N], Problem> {
        let mut number = [0; N];
        number.copy_from_slice(self.bytes(at, N, N)?);
        Ok(number)
    }

    /// Where the offset at `at` leads to.
    fn follow(&self, at: usize) -> Result<usize, Problem> {
        let offset = u32::from_le_bytes(self.number(at)?) as usize;
        let target = at.checked_add(offset).filter(|&target| offset > 0 && target < self.bytes.len());
        target.ok_or_else(|| {
            let length = self.bytes.len();
            self.malformed(at, format!("an offset of {offset} leads out of the {length} bytes of the file"))
        })
    }

    fn table(&'a self, at: usize) -> Result<Table<'a>, Problem> {
        self.spend(1)?;
        let back = i64::from(i32::from_le_bytes(self.number(at)?));
        let vtable = usize::try_from(at as i64 - back)
            .map_err(|_| self.malformed(at, "the table's vtable lies before the file's start"))?;
        let size = usize::from(u16::from_le_bytes(self.number(vtable)?));
        let length = usize::from(u16::from_le_bytes(self.number(vtable + 2)?));
        if size < 4 || !size.is_multiple_of(2) || length < 4 {
            return Err(self.malformed(vtable, format!("a vtable of {size} bytes for a table of {length}")));
        }
        self.bytes(vtable, size, 2)?;
        self.bytes(at, length, 4)?;
        Ok(Table { file: self, at, length, vtable, slots: (size - 4) / 2 })
    }

    fn vector(&'a self, at: usize, element: usize) -> Result<Vector<'a>, Problem> {
        let length = u32::from_le_bytes(self.number(at)?) as usize;
        let start = at + 4;
        let bytes = length
            .checked_mul(element)
            .ok_or_else(|| self.malformed(at, format!("a vector of {length} elements")))?;
        // Elements of an empty vector lie nowhere, so there is nothing to be aligned.
        self.bytes(start, bytes, if length == 0 { 1 } else { element })?;
        Ok(Vector { file: self, at: start, length, element })
    }
}

impl<'a> Table<'a> {
    /// The file that it lies in.
    pub(super) fn file(&self) -> &'a File<'a> {
        self.file
    }

    /// Where it starts.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Where a field of `size` bytes lies; `None` where the table does not have it.
    ///
    /// # Errors
    /// Malformed, when it lies beyond the table's end or is not aligned.
    pub(super) fn field(&self, slot: usize, size: usize) -> Result<Option<usize>, Problem> {
        if slot >= self.slots {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(self.file.number(self.vtable + 4 + 2 * slot)?));
        if offset == 0 {
            return Ok(None);
        }
        if offset < 4 || offset + size > self.length {
            let what = format!("field {slot} lies at {offset} of a table of {} bytes", self.length);
            return Err(self.file.malformed(self.at, what));
        }
        self.file.bytes(self.at + offset, size, size)?;
        Ok(Some(self.at + offset))
    }

    /// A number of four bytes, or 0.
    pub(super) fn u32(&self, slot: usize) -> Result<u32, Problem> {
        self.field(slot, 4)?.map_or(Ok(0), |at| Ok(u32::from_le_bytes(self.file.number(at)?)))
    }

    /// A number of four bytes, or 0.
    pub(super) fn i32(&self, slot: usize) -> Result<i32, Problem> {
        self.field(slot, 4)?.map_or(Ok(0), |at| Ok(i32::from_le_bytes(self.file.number(at)?)))
    }

    /// A number of eight bytes, or 0.
    pub(super) fn u64(&self, slot: usize) -> Result<u64, Problem> {
        self.field(slot, 8)?.map_or(Ok(0), |at| Ok(u64::from_le_bytes(self.file.number(at)?)))
    }

    /// A number of one byte, or 0.
    pub(super) fn u8(&self, slot: usize) -> Result<u8, Problem> {
        self.field(slot, 1)?.map_or(Ok(0), |at| Ok(self.file.bytes(at, 1, 1)?[0]))
    }

    /// A string; empty where there is none. What is no UTF-8 is replaced.
    ///
    /// # Errors
    /// Malformed, when it leaves the file or does not end in NUL.
    pub(super) fn text(&self, slot: usize) -> Result<String, Problem> {
        let Some(at) = self.field(slot, 4)? else { return Ok(String::new()) };
        let text = self.file.vector(self.file.follow(at)?, 1)?;
        self.file.spend(text.length)?;
        let end = text.at + text.length;
        match self.file.bytes(end, 1, 1)? {
            [0] => Ok(String::from_utf8_lossy(text.bytes()?).into_owned()),
            _ => Err(self.file.malformed(end, "a string does not end in NUL")),
        }
    }

    /// A vector of elements of `element` bytes; `None` where there is none.
    ///
    /// # Errors
    /// Malformed, when it leaves the file.
    pub(super) fn vector(&self, slot: usize, element: usize) -> Result<Option<Vector<'a>>, Problem> {
        let Some(at) = self.field(slot, 4)? else { return Ok(None) };
        self.file.vector(self.file.follow(at)?, element).map(Some)
    }

    /// A vector of `i32`; empty where there is none.
    ///
    /// # Errors
    /// Malformed, when it leaves the file.
    pub(super) fn i32s(&self, slot: usize) -> Result<Vec<i32>, Problem> {
        let Some(vector) = self.vector(slot, 4)? else { return Ok(Vec::new()) };
        self.file.spend(vector.length)?;
        let numbers = vector.bytes()?.as_chunks().0;
        Ok(numbers.iter().map(|number| i32::from_le_bytes(*number)).collect())
    }

    /// Where the offset of a field leads to; `None` where the table does not have it.
    ///
    /// # Errors
    /// Malformed, when that is not within the file.
    pub(super) fn target(&self, slot: usize) -> Result<Option<usize>, Problem> {
        let Some(at) = self.field(slot, 4)? else { return Ok(None) };
        self.file.follow(at).map(Some)
    }

    /// A table that a field refers to; `None` where there is none.
    ///
    /// # Errors
    /// Malformed, when it leaves the file.
    pub(super) fn table(&self, slot: usize) -> Result<Option<Table<'a>>, Problem> {
        let Some(at) = self.field(slot, 4)? else { return Ok(None) };
        self.file.table(self.file.follow(at)?).map(Some)
    }

    /// The tables of a vector; none where there is no vector.
    ///
    /// # Errors
    /// Malformed, when the vector or a table leaves the file.
    pub(super) fn tables(
        &self,
        slot: usize,
    ) -> Result<impl ExactSizeIterator<Item = Result<Table<'a>, Problem>> + use<'a>, Problem> {
        let (start, length) = self.vector(slot, 4)?.map_or((0, 0), |vector| (vector.at, vector.length));
        let file = self.file;
        Ok((0..length).map(move |index| file.table(file.follow(start + 4 * index)?)))
    }
}

impl<'a> Vector<'a> {
    /// All its bytes.
    pub(super) fn bytes(&self) -> Result<&'a [u8], Problem> {
        self.file.bytes(self.at, self.length * self.element, 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one `u32` field and one string, as a writer lays it out.
    fn small() -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&16u32.to_le_bytes()); // root: the table at 16
        bytes.extend_from_slice(b"TEST");
        bytes.extend_from_slice(&[8, 0, 12, 0, 4, 0, 8, 0]); // vtable at 8: two fields, of a table of 12 bytes
        bytes.extend_from_slice(&8i32.to_le_bytes()); // the table at 16: its vtable is 8 before
        bytes.extend_from_slice(&7u32.to_le_bytes());
        bytes.extend_from_slice(&4u32.to_le_bytes()); // the string is 4 on
        bytes.extend_from_slice(&2u32.to_le_bytes());
        bytes.extend_from_slice(b"ab\0\0");
        bytes
    }

    #[test]
    fn fields_are_found_where_the_vtable_says() {
        let bytes = small();
        let file = File::new("f", &bytes);
        let table = file.root().unwrap();
        assert_eq!((table.u32(0).unwrap(), table.text(1).unwrap().as_str()), (7, "ab"));
        assert_eq!((table.u32(2).unwrap(), table.text(9).unwrap().as_str()), (0, ""), "fields not there");
    }

    #[test]
    fn every_cut_and_every_wild_offset_is_refused() {
        let whole = small();
        for length in 0..whole.len() - 1 {
            let file = File::new("f", &whole[..length]);
            assert!(file.root().and_then(|table| table.text(1)).is_err(), "cut to {length} bytes");
        }
        for at in [0, 16, 24, 28] {
            let mut bytes = whole.clone();
            bytes[at..at + 4].copy_from_slice(&0x7fff_fff0u32.to_le_bytes());
            let file = File::new("f", &bytes);
            let problem = file.root().and_then(|table| table.text(1)).unwrap_err();
            assert!(problem.to_string().starts_with("f, byte "), "{problem}");
        }
    }

    #[test]
    fn a_walk_has_an_end_whatever_the_offsets_say() {
        let bytes = small();
        let file = File::new("f", &bytes);
        let mut walked = 0usize;
        while file.root().is_ok() {
            walked += 1;
        }
        assert_eq!(walked, STEPS_AT_LEAST + 4 * bytes.len());
    }
}
