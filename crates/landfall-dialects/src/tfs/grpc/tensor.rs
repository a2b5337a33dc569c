//! `tensorflow.TensorProto` into a tensor, in all its forms.
//!
//! Elements lie either in `tensor_content` (little-endian, row-major; strings as all lengths, then all bytes) or in the
//! repeated field of their type, where the last value is repeated up to the shape's number of elements, none at all
//! means zeros, and surplus values are passed over. As in TensorFlow (`Tensor::FromProto`), half of a complex number at
//! the end counts for nothing, and a tensor without elements may come with any. Unlike there, a shape of `unknown_rank` is
//! refused, for it is none, and so is a number that does not fit its type; but into `uint8` and `uint16` one of as many
//! bits with a sign fits: so Java's clients, which know no other, write bytes.

use crate::tfs::names;
use half::{bf16, f16};
use landfall_model::protobuf::{Fields, Value, varint};
use landfall_model::reader::Reader;
use landfall_model::{Buffer, BufferMut, DType, Element, Kind, Problem, Shape, Strings, StringsMut, Tensor};

/// `TensorProto`'s fields.
const DTYPE: u32 = 1;
const SHAPE: u32 = 2;
const CONTENT: u32 = 4;
const STRING_VAL: u32 = 8;

/// TensorFlow's own limit.
const MAX_RANK: usize = 254;

/// How many bytes a request may gain by the repeated last value, over all its tensors: a few bytes could else announce
/// any amount of memory.
const MAX_REPEATED_BYTES: usize = 64 << 20;

/// Bytes that the request may still gain by repeated values.
#[derive(Debug)]
pub(super) struct Repeats(usize);

impl Default for Repeats {
    fn default() -> Self {
        Repeats(MAX_REPEATED_BYTES)
    }
}

impl Repeats {
    fn take(&mut self, elements: usize, bytes_each: usize) -> Result<(), Problem> {
        let left = elements.checked_mul(bytes_each).and_then(|bytes| self.0.checked_sub(bytes));
        self.0 = left.ok_or_else(|| {
            Problem::invalid(format!(
                "the shape announces {elements} more elements than came; values are repeated up to \
                 {MAX_REPEATED_BYTES} bytes in a request"
            ))
        })?;
        Ok(())
    }
}

/// Reads a tensor. `body` is what `fields` lies in, so that its bytes can be shared.
pub(super) fn read(body: &Buffer, fields: Fields<'_>, repeats: &mut Repeats) -> Result<Tensor, Problem> {
    let head = Head::read(fields.clone())?;
    let elements = head.shape.elements()?;
    if elements > 0 && !head.content.is_empty() {
        return content(body, &head);
    }
    if head.dtype == DType::String {
        let strings = strings(fields, elements, repeats)?;
        return Tensor::from_strings(head.shape, strings);
    }
    if let Some(whole) = whole_run(body, fields.clone(), &head, elements)? {
        return Ok(whole);
    }
    let mut values = values(fields, head.dtype)?;
    let size = head.dtype.size().unwrap_or(1);
    repeat_last(&mut values, elements, size, repeats)?;
    Tensor::from_buffer(head.dtype, head.shape, values.freeze())
}

/// All but the typed values.
struct Head<'a> {
    dtype: DType,
    shape: Shape,
    content: &'a [u8],
}

impl<'a> Head<'a> {
    fn read(mut fields: Fields<'a>) -> Result<Self, Problem> {
        let (mut number, mut shape, mut content) = (0, Shape::default(), &[][..]);
        while let Some((field, value)) = fields.next()? {
            match field {
                DTYPE => number = value.varint()?,
                SHAPE => read_shape(value.message()?, &mut shape)?,
                CONTENT => content = value.bytes()?,
                _ => {}
            }
        }
        let dtype = names::dtype_of(number)
            .ok_or_else(|| Problem::invalid(format!("data type {number} is none that a model here takes")))?;
        Ok(Head { dtype, shape, content })
    }
}

/// `TensorShapeProto`: dim = 2, unknown_rank = 3.
fn read_shape(mut fields: Fields<'_>, shape: &mut Shape) -> Result<(), Problem> {
    let mut has_rank = true;
    while let Some((field, value)) = fields.next()? {
        match field {
            2 if shape.len() == MAX_RANK => {
                return Err(Problem::invalid(format!("more than {MAX_RANK} dimensions")));
            }
            2 => shape.push(read_size(value.message()?)?),
            3 => has_rank = value.varint()? == 0,
            _ => {}
        }
    }
    match has_rank {
        true => Ok(()),
        false => Err(Problem::invalid("its shape says `unknown_rank`, expected the dimensions")),
    }
}

/// `TensorShapeProto.Dim`: size = 1.
fn read_size(mut dim: Fields<'_>) -> Result<usize, Problem> {
    let mut size = 0;
    while let Some((field, value)) = dim.next()? {
        if field == 1 {
            size = value.signed()?;
        }
    }
    usize::try_from(size).map_err(|_| Problem::invalid(format!("dimension {size} is negative")))
}

/// A part of the body, shared.
fn shared(body: &Buffer, part: &[u8]) -> Buffer {
    // `part` was cut out of the body, so the distance is its offset.
    let start = part.as_ptr() as usize - body.bytes().as_ptr() as usize;
    body.slice(start..start + part.len())
}

fn content(body: &Buffer, head: &Head<'_>) -> Result<Tensor, Problem> {
    let shape = head.shape.clone();
    if head.dtype == DType::String {
        let strings = string_content(head.content, shape.elements()?)?;
        return Tensor::from_strings(shape, strings);
    }
    Tensor::from_buffer(head.dtype, shape, shared(body, head.content))
}

/// The lengths of all strings, then their bytes.
fn string_content(content: &[u8], elements: usize) -> Result<Strings, Problem> {
    let mut reader = Reader::new("tensor_content", content);
    // Each string takes at least the byte of its length.
    if elements > content.len() {
        return Err(reader.malformed(format!("{elements} strings are announced")));
    }
    let lengths = (0..elements).map(|_| varint(&mut reader)).collect::<Result<Vec<u64>, _>>()?;
    let mut strings = StringsMut::new();
    for length in lengths {
        strings.push(reader.take(usize::try_from(length).unwrap_or(usize::MAX))?);
    }
    reader.finish()?;
    Ok(strings.freeze())
}

fn strings(mut fields: Fields<'_>, elements: usize, repeats: &mut Repeats) -> Result<Strings, Problem> {
    let mut strings = StringsMut::new();
    let mut last: &[u8] = b"";
    while let Some((field, value)) = fields.next()? {
        if field == STRING_VAL && strings.len() < elements {
            last = value.bytes()?;
            strings.push(last);
        }
    }
    let missing = elements - strings.len();
    repeats.take(missing, last.len() + size_of::<usize>())?;
    (0..missing).for_each(|_| strings.push(last));
    Ok(strings.freeze())
}

/// Floats and doubles that lie in one packed run of exactly the shape's length need no copy.
fn whole_run(
    body: &Buffer,
    mut fields: Fields<'_>,
    head: &Head<'_>,
    elements: usize,
) -> Result<Option<Tensor>, Problem> {
    let (number, size) = match head.dtype {
        DType::F32 => (5, 4),
        DType::F64 => (6, 8),
        _ => return Ok(None),
    };
    let mut run = None;
    while let Some((field, value)) = fields.next()? {
        if field == number {
            match (value, run) {
                (Value::Bytes(bytes), None) => run = Some(Value::Bytes(bytes).bytes()?),
                _ => return Ok(None),
            }
        }
    }
    match run {
        Some(run) if elements.checked_mul(size) == Some(run.len()) => {
            Tensor::from_buffer(head.dtype, head.shape.clone(), shared(body, run)).map(Some)
        }
        _ => Ok(None),
    }
}

/// The values of a type's repeated field: as many as came.
fn values(fields: Fields<'_>, dtype: DType) -> Result<BufferMut, Problem> {
    match dtype {
        DType::F32 => fixed::<4>(fields, 5),
        DType::F64 => fixed::<8>(fields, 6),
        DType::Complex64 => fixed::<4>(fields, 9),
        DType::Complex128 => fixed::<8>(fields, 12),
        DType::I32 => whole(fields, 7, |v| Some(v as i32)),
        DType::I16 => whole(fields, 7, |v| i16::try_from(v as i32).ok()),
        DType::I8 => whole(fields, 7, |v| i8::try_from(v as i32).ok()),
        DType::U8 => whole(fields, 7, |v| (-0x80..0x100).contains(&(v as i32)).then_some(v as u8)),
        DType::U16 => whole(fields, 7, |v| (-0x8000..0x1_0000).contains(&(v as i32)).then_some(v as u16)),
        DType::I64 => whole(fields, 10, |v| Some(v as i64)),
        DType::Bool => whole(fields, 11, |v| Some(u8::from(v != 0))),
        DType::U32 => whole(fields, 16, |v| Some(v as u32)),
        DType::U64 => whole(fields, 17, Some),
        // The low 16 bits are the half's own.
        DType::F16 => whole(fields, 13, |v| Some(f16::from_bits(v as u16))),
        DType::BF16 => whole(fields, 13, |v| Some(bf16::from_bits(v as u16))),
        DType::String => Err(Problem::internal("strings are no plain values")),
    }
}

fn fixed<const WIDTH: usize>(mut fields: Fields<'_>, number: u32) -> Result<BufferMut, Problem> {
    let mut values = BufferMut::new();
    while let Some((field, value)) = fields.next()? {
        if field == number {
            value.fixed::<WIDTH>(|bytes| values.extend_from_bytes(bytes))?;
        }
    }
    Ok(values)
}

fn whole<T: Element>(
    mut fields: Fields<'_>,
    number: u32,
    narrowed: impl Fn(u64) -> Option<T>,
) -> Result<BufferMut, Problem> {
    let mut values = BufferMut::new();
    let mut beyond = None;
    while let Some((field, value)) = fields.next()? {
        if field == number {
            value.varints(|v| match narrowed(v) {
                Some(value) => values.push(value),
                None => beyond = beyond.or(Some(v as i32)),
            })?;
        }
    }
    match beyond {
        None => Ok(values),
        Some(value) => {
            Err(Problem::worded(Kind::InvalidArgument, format!("{value} does not fit into {}", T::DTYPE)))
        }
    }
}

/// Brings the values to the number of elements: surplus is cut, the last one is repeated, none at all are zeros.
fn repeat_last(
    values: &mut BufferMut,
    elements: usize,
    size: usize,
    repeats: &mut Repeats,
) -> Result<(), Problem> {
    let came = values.len() / size;
    values.truncate(came * size);
    if came >= elements {
        values.truncate(elements * size);
        return Ok(());
    }
    repeats.take(elements - came, size)?;
    if came == 0 {
        *values = BufferMut::zeroed(elements * size)?;
        return Ok(());
    }
    let mut last = [0u8; 16];
    last[..size].copy_from_slice(&values.bytes()[values.len() - size..]);
    (came..elements).for_each(|_| values.extend_from_bytes(&last[..size]));
    Ok(())
}
