//! FlatBuffers, read with every offset held against the bytes that are there.
//!
//! Format: "FlatBuffers internals" of flatbuffers.dev. A table is four bytes with the distance back to its list of
//! fields, which holds the fields' places; text, lists and further tables lie behind offsets.

use landfall_model::reader::Reader;
use landfall_model::{Kind, Problem};
use std::borrow::Cow;
use std::cell::Cell;

/// How many times over a buffer's bytes may be read into lists: tables may be shared, so that a few bytes could stand
/// for any amount of memory.
const TIMES_OVER: usize = 16;

/// Bytes that a buffer of any size may be read into.
const FREE_BYTES: usize = 64 * 1024;

/// One buffer.
pub(crate) struct FlatBuffer<'a> {
    bytes: Reader<'a>,
    left: Cell<usize>,
}

/// A table of a buffer.
#[derive(Clone, Copy)]
pub(crate) struct Table<'b, 'a> {
    buffer: &'b FlatBuffer<'a>,
    at: usize,
    /// Where the list of its fields lies, and its length in bytes.
    fields: usize,
    length: usize,
}

impl<'a> FlatBuffer<'a> {
    pub(crate) fn new(bytes: Reader<'a>) -> Self {
        let left = Cell::new(bytes.remaining().saturating_mul(TIMES_OVER).saturating_add(FREE_BYTES));
        FlatBuffer { bytes, left }
    }

    /// The table that all else hangs on.
    ///
    /// # Errors
    /// Malformed, with the offset.
    pub(crate) fn root(&self) -> Result<Table<'_, 'a>, Problem> {
        self.table(self.offset(0)?)
    }

    fn reader(&self, at: usize) -> Result<Reader<'a>, Problem> {
        let mut reader = self.bytes.clone();
        reader.take(at)?;
        Ok(reader)
    }

    /// The place that an offset at a place leads to.
    fn offset(&self, at: usize) -> Result<usize, Problem> {
        let mut reader = self.reader(at)?;
        let offset = u32::from_le_bytes(reader.array()?) as usize;
        at.checked_add(offset).ok_or_else(|| reader.malformed("an offset beyond all bytes"))
    }

    fn table(&self, at: usize) -> Result<Table<'_, 'a>, Problem> {
        self.spend(size_of::<Table<'_, '_>>())?;
        let mut reader = self.reader(at)?;
        let back = i32::from_le_bytes(reader.array()?);
        let fields = i64::try_from(at).ok().and_then(|at| usize::try_from(at - i64::from(back)).ok());
        let fields = fields.ok_or_else(|| reader.malformed("a table's fields before the first byte"))?;
        let length = usize::from(u16::from_le_bytes(self.reader(fields)?.array()?));
        Ok(Table { buffer: self, at, fields, length })
    }

    fn spend(&self, bytes: usize) -> Result<(), Problem> {
        let left = self.left.get().checked_sub(bytes).ok_or_else(|| {
            let what = "the file's tables share so much that they are too large for it";
            Problem::worded(Kind::ResourceExhausted, what)
        })?;
        self.left.set(left);
        Ok(())
    }
}

impl<'b, 'a> Table<'b, 'a> {
    /// Bytes of a field; `None` where the table has none.
    fn field(&self, slot: usize) -> Result<Option<Reader<'a>>, Problem> {
        let place = 4 + 2 * slot;
        if place + 2 > self.length {
            return Ok(None);
        }
        let distance = u16::from_le_bytes(self.buffer.reader(self.fields + place)?.array()?);
        if distance == 0 {
            return Ok(None);
        }
        self.buffer.reader(self.at + usize::from(distance)).map(Some)
    }

    fn scalar<const N: usize>(&self, slot: usize) -> Result<Option<[u8; N]>, Problem> {
        self.field(slot)?.map(|mut reader| reader.array()).transpose()
    }

    pub(crate) fn i32(&self, slot: usize, default: i32) -> Result<i32, Problem> {
        Ok(self.scalar(slot)?.map_or(default, i32::from_le_bytes))
    }

    pub(crate) fn byte(&self, slot: usize, default: u8) -> Result<u8, Problem> {
        Ok(self.scalar::<1>(slot)?.map_or(default, |[byte]| byte))
    }

    pub(crate) fn f32(&self, slot: usize, default: f32) -> Result<f32, Problem> {
        Ok(self.scalar(slot)?.map_or(default, f32::from_le_bytes))
    }

    pub(crate) fn f64(&self, slot: usize, default: f64) -> Result<f64, Problem> {
        Ok(self.scalar(slot)?.map_or(default, f64::from_le_bytes))
    }

    /// Where what a field leads to lies.
    fn target(&self, slot: usize) -> Result<Option<usize>, Problem> {
        let whole = self.buffer.bytes.offset();
        let Some(reader) = self.field(slot)? else { return Ok(None) };
        self.buffer.offset((reader.offset() - whole) as usize).map(Some)
    }

    pub(crate) fn table(&self, slot: usize) -> Result<Option<Table<'b, 'a>>, Problem> {
        self.target(slot)?.map(|at| self.buffer.table(at)).transpose()
    }

    /// The elements of a list, of `size` bytes each; none where there is no list.
    pub(crate) fn elements(&self, slot: usize, size: usize) -> Result<&'a [u8], Problem> {
        let Some(at) = self.target(slot)? else { return Ok(&[]) };
        let mut reader = self.buffer.reader(at)?;
        let count = u32::from_le_bytes(reader.array()?) as usize;
        let bytes = reader.take(count.saturating_mul(size))?;
        self.buffer.spend(bytes.len())?;
        Ok(bytes)
    }

    fn numbers<T, const N: usize>(&self, slot: usize, read: fn([u8; N]) -> T) -> Result<Vec<T>, Problem> {
        let one = |element: &[u8]| {
            let mut array = [0; N];
            array.copy_from_slice(element);
            read(array)
        };
        Ok(self.elements(slot, N)?.chunks_exact(N).map(one).collect())
    }

    pub(crate) fn i32s(&self, slot: usize) -> Result<Vec<i32>, Problem> {
        self.numbers(slot, i32::from_le_bytes)
    }

    pub(crate) fn u32s(&self, slot: usize) -> Result<Vec<u32>, Problem> {
        self.numbers(slot, u32::from_le_bytes)
    }

    pub(crate) fn f32s(&self, slot: usize) -> Result<Vec<f32>, Problem> {
        self.numbers(slot, f32::from_le_bytes)
    }

    pub(crate) fn f64s(&self, slot: usize) -> Result<Vec<f64>, Problem> {
        self.numbers(slot, f64::from_le_bytes)
    }

    /// Numbers where they stand, or where that cannot be, copied.
    pub(crate) fn f64s_in_place(&self, slot: usize) -> Result<Cow<'a, [f64]>, Problem> {
        if cfg!(target_endian = "little")
            && let Ok(numbers) = bytemuck::try_cast_slice(self.elements(slot, size_of::<f64>())?)
        {
            return Ok(Cow::Borrowed(numbers));
        }
        self.f64s(slot).map(Cow::Owned)
    }

    /// A text; empty where there is none.
    pub(crate) fn text(&self, slot: usize) -> Result<&'a [u8], Problem> {
        self.elements(slot, 1)
    }

    /// Places of what a list of offsets leads to.
    fn places(&self, slot: usize) -> Result<Vec<usize>, Problem> {
        let Some(at) = self.target(slot)? else { return Ok(Vec::new()) };
        let count = self.elements(slot, 4)?.len() / 4;
        (0..count).map(|i| self.buffer.offset(at + 4 + 4 * i)).collect()
    }

    pub(crate) fn tables(&self, slot: usize) -> Result<Vec<Table<'b, 'a>>, Problem> {
        self.places(slot)?.into_iter().map(|at| self.buffer.table(at)).collect()
    }

    /// Texts of a list.
    pub(crate) fn texts(&self, slot: usize) -> Result<Vec<&'a [u8]>, Problem> {
        let text = |at: usize| {
            let mut reader = self.buffer.reader(at)?;
            let length = u32::from_le_bytes(reader.array()?) as usize;
            reader.take(length)
        };
        self.places(slot)?.into_iter().map(text).collect()
    }
}
