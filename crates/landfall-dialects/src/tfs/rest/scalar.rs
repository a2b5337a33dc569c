//! One JSON value into a tensor under construction, by the tensor's type.

use super::base64;
use super::misfit::Misfit;
use crate::json::{FromShort, Number, Scanner};
use landfall_model::{BufferMut, DType, Element, InputSpec, Scalar, TensorMut};

/// Whether a number can start with this byte.
#[inline]
pub(super) fn starts_number(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'N' | b'I')
}

/// Whether values of this type have a JSON form in this dialect.
pub(super) const fn has_json_form(dtype: DType) -> bool {
    use DType::*;
    !matches!(dtype, F16 | BF16 | U16 | Complex64 | Complex128)
}

/// Reads one scalar. What is none of the input's type is marked invalid where the input takes that.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    spec: &InputSpec,
    row: usize,
    values: &mut TensorMut,
) -> Result<(), Misfit> {
    let start = scanner.at();
    match fitting(scanner, spec, row, values) {
        Err(Misfit) if spec.accepts_invalid => {
            *scanner = scanner.moved_to(start);
            invalid(scanner, values)
        }
        read => read,
    }
}

/// Marks a text, a number or a truth value that does not fit with what came. Numbers are no texts for anybody.
#[cold]
fn invalid(scanner: &mut Scanner<'_>, values: &mut TensorMut) -> Result<(), Misfit> {
    let start = scanner.at();
    match scanner.peek() {
        _ if values.dtype() == DType::String => return Err(Misfit),
        b'"' => values.push_invalid(&scanner.string()?),
        byte if starts_number(byte) || matches!(byte, b't' | b'f') => {
            scanner.skip_value()?;
            values.push_invalid(scanner.since(start));
        }
        _ => return Err(Misfit),
    }
    Ok(())
}

fn fitting(
    scanner: &mut Scanner<'_>,
    spec: &InputSpec,
    row: usize,
    values: &mut TensorMut,
) -> Result<(), Misfit> {
    match scanner.peek() {
        b'n' => missing(scanner, spec, row, values),
        b'"' if spec.dtype == DType::String => {
            Ok(values.strings_mut().push_with(|bytes| scanner.string_into(bytes))?)
        }
        b'{' if spec.dtype == DType::String => {
            values.strings_mut().push_with(|bytes| base64::decode(scanner, bytes).ok_or(Misfit))
        }
        b't' | b'f' | b'0'..=b'9' | b'-' if spec.integers_as_text => integer_as_text(scanner, values),
        word @ (b't' | b'f') if spec.dtype == DType::Bool => {
            scanner.word(if word == b't' { b"true" } else { b"false" })?;
            values.push_bool(word == b't');
            Ok(())
        }
        byte if starts_number(byte) => number(scanner, values),
        _ => Err(Misfit),
    }
}

/// A whole number as its decimal text, a truth value as 1 or 0.
fn integer_as_text(scanner: &mut Scanner<'_>, values: &mut TensorMut) -> Result<(), Misfit> {
    let text = match scanner.peek() {
        b't' => scanner.word(b"true").map(|()| "1".to_owned())?,
        b'f' => scanner.word(b"false").map(|()| "0".to_owned())?,
        _ => match scanner.number()? {
            Number::Int(value) => value.to_string(),
            Number::UInt(value) => value.to_string(),
            Number::Float(_) => return Err(Misfit),
        },
    };
    values.push_str(text.as_bytes());
    Ok(())
}

/// Reads one value of a tabular column, which takes any number: floats are rounded, integers checked.
pub(super) fn read_cell(
    scanner: &mut Scanner<'_>,
    spec: &InputSpec,
    row: usize,
    values: &mut TensorMut,
) -> Result<(), Misfit> {
    if !starts_number(scanner.peek()) || !spec.dtype.is_number() {
        return read(scanner, spec, row, values);
    }
    let start = scanner.at();
    let value = match spec.dtype {
        DType::F32 => return one::<f32>(scanner, values),
        DType::F64 => return one::<f64>(scanner, values),
        _ => match scanner.number()? {
            Number::Int(value) => Scalar::Int(value),
            Number::UInt(value) => Scalar::UInt(value),
            Number::Float(value) => Scalar::Float(value),
        },
    };
    match values.push_scalar(&value) {
        Ok(()) => Ok(()),
        Err(_) if spec.accepts_invalid => {
            values.push_invalid(scanner.since(start));
            Ok(())
        }
        Err(_) => Err(Misfit),
    }
}

fn missing(
    scanner: &mut Scanner<'_>,
    spec: &InputSpec,
    row: usize,
    values: &mut TensorMut,
) -> Result<(), Misfit> {
    scanner.word(b"null")?;
    if !has_json_form(spec.dtype) {
        return Err(Misfit);
    }
    values.push_missing(&spec.null, &spec.name, row).map_err(|_| Misfit)
}

fn number(scanner: &mut Scanner<'_>, values: &mut TensorMut) -> Result<(), Misfit> {
    match values.dtype() {
        DType::F32 => one::<f32>(scanner, values),
        DType::F64 => one::<f64>(scanner, values),
        DType::I8 => one::<i8>(scanner, values),
        DType::I16 => one::<i16>(scanner, values),
        DType::I32 => one::<i32>(scanner, values),
        DType::I64 => one::<i64>(scanner, values),
        DType::U8 => one::<u8>(scanner, values),
        DType::U32 => one::<u32>(scanner, values),
        DType::U64 => one::<u64>(scanner, values),
        _ => Err(Misfit),
    }
}

fn one<T: FromNumber>(scanner: &mut Scanner<'_>, values: &mut TensorMut) -> Result<(), Misfit> {
    values.push(T::read(scanner)?);
    Ok(())
}

/// How a stretch of numbers within a list ended.
pub(super) struct Stretch {
    /// How many numbers were read.
    pub(super) numbers: usize,
    /// Whether the list's `]` was read too; else the next value is none that a number starts with.
    pub(super) closed: bool,
}

/// Reads the numbers of a list, from one that is there on. The hot loop of a request.
#[inline]
pub(super) fn read_numbers(scanner: &mut Scanner<'_>, values: &mut TensorMut) -> Result<Stretch, Misfit> {
    match values.dtype() {
        DType::F32 => stretch::<f32>(scanner, values.plain_mut()),
        DType::F64 => stretch::<f64>(scanner, values.plain_mut()),
        DType::I8 => stretch::<i8>(scanner, values.plain_mut()),
        DType::I16 => stretch::<i16>(scanner, values.plain_mut()),
        DType::I32 => stretch::<i32>(scanner, values.plain_mut()),
        DType::I64 => stretch::<i64>(scanner, values.plain_mut()),
        DType::U8 => stretch::<u8>(scanner, values.plain_mut()),
        DType::U32 => stretch::<u32>(scanner, values.plain_mut()),
        DType::U64 => stretch::<u64>(scanner, values.plain_mut()),
        _ => Err(Misfit),
    }
}

/// Numbers collected on the stack before they are appended together: a growing buffer's checks cost as much as a number.
const BLOCK: usize = 32;

fn stretch<T: FromNumber>(place: &mut Scanner<'_>, out: &mut BufferMut) -> Result<Stretch, Misfit> {
    let mut block = [T::zeroed(); BLOCK];
    let mut numbers = 0;
    // A cursor of its own stays in registers.
    let mut scanner = place.clone();
    loop {
        let mut filled = 0;
        let mut closed = None;
        while filled < BLOCK && closed.is_none() {
            filled += scanner.short_numbers(&mut block[filled..BLOCK - 1]);
            block[filled] = T::read(&mut scanner)?;
            filled += 1;
            closed = match scanner.skip_space() {
                b',' => {
                    scanner.step();
                    (!starts_number(scanner.skip_space())).then_some(false)
                }
                b']' => {
                    scanner.step();
                    Some(true)
                }
                _ => return Err(Misfit),
            };
        }
        out.extend(&block[..filled]);
        numbers += filled;
        if let Some(closed) = closed {
            *place = scanner;
            return Ok(Stretch { numbers, closed });
        }
    }
}

/// A type that JSON numbers are read as.
trait FromNumber: Element + FromShort {
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, Misfit>;
}

impl FromNumber for f64 {
    #[inline(always)]
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, Misfit> {
        Ok(scanner.float()?)
    }
}

/// By way of a double, as the original reads it; beyond the range of a float to infinity or zero.
impl FromNumber for f32 {
    #[inline(always)]
    fn read(scanner: &mut Scanner<'_>) -> Result<Self, Misfit> {
        Ok(scanner.float()? as f32)
    }
}

macro_rules! integers {
    ($($t:ty),*) => { $(impl FromNumber for $t {
        #[inline(always)]
        fn read(scanner: &mut Scanner<'_>) -> Result<Self, Misfit> {
            if let Some(value) = scanner.short_integer() {
                return value.try_into().map_err(|_| Misfit);
            }
            match scanner.number()? {
                Number::Int(value) => value.try_into().map_err(|_| Misfit),
                Number::UInt(value) => value.try_into().map_err(|_| Misfit),
                Number::Float(_) => Err(Misfit),
            }
        }
    })* };
}
integers!(i8, i16, i32, i64, u8, u32, u64);
