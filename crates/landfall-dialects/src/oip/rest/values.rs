//! The `data` of an input: flat or nested JSON arrays straight into a tensor of the declared type.

use crate::json::{Number, Scanner, SyntaxError};
use crate::oip::errors::Refusal;
use crate::oip::{blob, names};
use half::{bf16, f16};
use landfall_model::{BufferMut, DType, Element, NullRule, Shape, Tensor, TensorMut};

/// How deep arrays may stand in each other.
const MAX_DEPTH: usize = 100;

/// What is read, for whom.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The declared type.
    pub(super) dtype: DType,
    /// The declared shape.
    pub(super) shape: &'a Shape,
    /// What a missing value becomes.
    pub(super) null: &'a NullRule,
    /// Whether a value that is none of its type is marked, with what came, and not refused.
    pub(super) accepts_invalid: bool,
    /// The input's name, for messages.
    pub(super) input: &'a str,
}

/// Reads the data that comes next: as many values as the shape says, however they are nested.
pub(super) fn read(scanner: &mut Scanner<'_>, wanted: Wanted<'_>) -> Result<Tensor, Refusal> {
    if scanner.peek() != b'[' {
        return Err(not_an_array(scanner));
    }
    match wanted.dtype {
        DType::F32 => numbers::<f32>(scanner, wanted),
        DType::I64 => numbers::<i64>(scanner, wanted),
        DType::String => strings(scanner, wanted),
        DType::F64 => numbers::<f64>(scanner, wanted),
        DType::I32 => numbers::<i32>(scanner, wanted),
        DType::I16 => numbers::<i16>(scanner, wanted),
        DType::I8 => numbers::<i8>(scanner, wanted),
        DType::U64 => numbers::<u64>(scanner, wanted),
        DType::U32 => numbers::<u32>(scanner, wanted),
        DType::U16 => numbers::<u16>(scanner, wanted),
        DType::U8 => numbers::<u8>(scanner, wanted),
        DType::F16 => numbers::<f16>(scanner, wanted),
        DType::BF16 => numbers::<bf16>(scanner, wanted),
        DType::Bool => numbers::<Truth>(scanner, wanted),
        DType::Complex64 | DType::Complex128 => {
            Err(Refusal::invalid(format!("invalid datatype for input {}", wanted.input)))
        }
    }
}

/// Why a value is none of its type's.
enum Refused {
    Syntax(SyntaxError),
    /// JSON of another kind.
    Kind,
    /// A number beyond the type's.
    Range,
}

impl From<SyntaxError> for Refused {
    fn from(error: SyntaxError) -> Self {
        Refused::Syntax(error)
    }
}

/// A plain value as JSON writes it.
trait Value: Copy + Default {
    /// How it lies in a tensor.
    type Plain: Element;
    /// Reads one; `None` for `null`.
    fn read(scanner: &mut Scanner<'_>) -> Result<Option<Self::Plain>, Refused>;
    /// Reads those before the last of some that stand one after the other and are quickly read; gives how many.
    fn read_some(scanner: &mut Scanner<'_>, values: &mut [Self::Plain]) -> usize;
}

macro_rules! float_values {
    ($($t:ty: $from:expr),*) => { $(
        impl Value for $t {
            type Plain = $t;
            #[inline(always)]
            fn read(scanner: &mut Scanner<'_>) -> Result<Option<$t>, Refused> {
                match scanner.peek() {
                    b'0'..=b'9' | b'-' | b'N' | b'I' => Ok(Some($from(scanner.float()?))),
                    _ => aside(scanner, no_value),
                }
            }
            #[inline(always)]
            fn read_some(scanner: &mut Scanner<'_>, values: &mut [$t]) -> usize {
                scanner.short_numbers(values)
            }
        }
    )* };
}
float_values!(f32: |v| v as f32, f64: |v| v, f16: f16::from_f64, bf16: bf16::from_f64);

macro_rules! integer_values {
    ($($t:ty),*) => { $(
        impl Value for $t {
            type Plain = $t;
            #[inline(always)]
            fn read(scanner: &mut Scanner<'_>) -> Result<Option<$t>, Refused> {
                match scanner.short_integer() {
                    Some(value) => <$t>::try_from(value).map(Some).map_err(|_| Refused::Range),
                    None => aside(scanner, long_integer),
                }
            }
            #[inline(always)]
            fn read_some(scanner: &mut Scanner<'_>, values: &mut [$t]) -> usize {
                scanner.short_numbers(values)
            }
        }
    )* };
}
integer_values!(i64, i32, i16, i8, u64, u32, u16, u8);

/// A bool, one byte in a tensor.
#[derive(Clone, Copy, Default)]
struct Truth;

impl Value for Truth {
    type Plain = u8;
    fn read(scanner: &mut Scanner<'_>) -> Result<Option<u8>, Refused> {
        match scanner.peek() {
            b't' => scanner.word(b"true").map(|()| Some(1)).map_err(Refused::from),
            b'f' => scanner.word(b"false").map(|()| Some(0)).map_err(Refused::from),
            b'n' => no_value(scanner),
            _ => Err(Refused::Kind),
        }
    }

    fn read_some(_: &mut Scanner<'_>, _: &mut [u8]) -> usize {
        0
    }
}

/// Reads with a cursor of its own, so that the loop around keeps the one that it has in registers.
#[inline(always)]
fn aside<T>(
    scanner: &mut Scanner<'_>,
    read: impl FnOnce(&mut Scanner<'_>) -> Result<T, Refused>,
) -> Result<T, Refused> {
    let mut own = scanner.clone();
    let read = read(&mut own);
    *scanner = own;
    read
}

/// `null`, or what is of another kind.
#[cold]
fn no_value<T>(scanner: &mut Scanner<'_>) -> Result<Option<T>, Refused> {
    match scanner.peek() {
        b'n' => scanner.word(b"null").map(|()| None).map_err(Refused::from),
        b'"' | b't' | b'f' | b'{' => Err(Refused::Kind),
        // A malformed value, in the scanner's words.
        _ => scanner.number().map_err(Refused::from).and(Err(Refused::Kind)),
    }
}

#[cold]
fn long_integer<T: TryFrom<i64> + TryFrom<u64>>(scanner: &mut Scanner<'_>) -> Result<Option<T>, Refused> {
    let start = scanner.at();
    let read = match scanner.peek() {
        b'0'..=b'9' | b'-' | b'N' | b'I' => match scanner.number()? {
            Number::Int(value) => T::try_from(value).map_err(|_| Refused::Range),
            Number::UInt(value) => T::try_from(value).map_err(|_| Refused::Range),
            Number::Float(_) => Err(Refused::Kind),
        },
        _ => return no_value(scanner),
    };
    if read.is_err() {
        *scanner = scanner.moved_to(start);
    }
    read.map(Some)
}

fn numbers<T: Value>(scanner: &mut Scanner<'_>, wanted: Wanted<'_>) -> Result<Tensor, Refusal> {
    let start = scanner.at();
    match all_there::<T>(scanner, wanted)? {
        Some(tensor) => Ok(tensor),
        None => {
            *scanner = scanner.moved_to(start);
            some_missing::<T>(scanner, wanted)
        }
    }
}

/// Values into a buffer of the declared size, or of what the rest of the document can hold at most (a value takes two
/// bytes at least); `None` when one is `null`, or to be marked invalid.
fn all_there<T: Value>(start: &mut Scanner<'_>, wanted: Wanted<'_>) -> Result<Option<Tensor>, Refusal> {
    let elements = blob::elements(wanted.dtype, wanted.shape, wanted.input)?;
    let mut scanner = start.clone();
    let room = elements.min(scanner.remaining() / 2 + 1);
    let mut buffer = BufferMut::zeroed(room * size_of::<T::Plain>())?;
    let values = buffer.values_mut::<T::Plain>();
    let mut place = 0;
    let mut nesting = Nesting::new(&mut scanner);
    while nesting.next(&mut scanner)? {
        place += T::read_some(&mut scanner, values.get_mut(place..).unwrap_or_default());
        let at = scanner.at();
        match T::read(&mut scanner) {
            Ok(Some(value)) if place < room => values[place] = value,
            Ok(Some(_)) => return Err(too_many_values(elements, wanted)),
            Ok(None) => return Ok(None),
            Err(Refused::Kind | Refused::Range) if wanted.accepts_invalid => return Ok(None),
            Err(refused) => return Err(refusal(refused, &scanner.moved_to(at), wanted, place)),
        }
        place += 1;
    }
    *start = scanner;
    if place != elements {
        return Err(too_few_values(place, elements, wanted));
    }
    Ok(Some(Tensor::from_buffer(wanted.dtype, Shape::new(wanted.shape), buffer.freeze())?))
}

/// The same with missing values, by the input's rule, and invalid ones.
#[cold]
fn some_missing<T: Value>(scanner: &mut Scanner<'_>, wanted: Wanted<'_>) -> Result<Tensor, Refusal> {
    let elements = blob::elements(wanted.dtype, wanted.shape, wanted.input)?;
    let mut tensor = TensorMut::new(wanted.dtype);
    let mut nesting = Nesting::new(scanner);
    while nesting.next(scanner)? {
        let at = scanner.at();
        if tensor.len() == elements {
            return Err(too_many_values(elements, wanted));
        }
        match T::read(scanner) {
            Ok(Some(value)) => tensor.plain_mut().push(value),
            Ok(None) => {
                let row = row(wanted.shape, tensor.len());
                tensor.push_missing(wanted.null, wanted.input, row)?;
            }
            Err(Refused::Kind | Refused::Range)
                if wanted.accepts_invalid && scanner.moved_to(at).peek() != b'{' =>
            {
                *scanner = scanner.moved_to(at);
                push_invalid(scanner, &mut tensor)?;
            }
            Err(refused) => return Err(refusal(refused, &scanner.moved_to(at), wanted, tensor.len())),
        }
    }
    finish(tensor, elements, wanted)
}

fn push_invalid(scanner: &mut Scanner<'_>, tensor: &mut TensorMut) -> Result<(), SyntaxError> {
    let start = scanner.at();
    if scanner.peek() == b'"' {
        tensor.push_invalid(&scanner.string()?);
    } else {
        scanner.skip_value()?;
        tensor.push_invalid(scanner.since(start));
    }
    Ok(())
}

fn strings(scanner: &mut Scanner<'_>, wanted: Wanted<'_>) -> Result<Tensor, Refusal> {
    let elements = blob::elements(wanted.dtype, wanted.shape, wanted.input)?;
    let mut tensor = TensorMut::new(DType::String);
    let mut nesting = Nesting::new(scanner);
    while nesting.next(scanner)? {
        if tensor.len() == elements {
            return Err(too_many_values(elements, wanted));
        }
        match scanner.peek() {
            b'"' => tensor.strings_mut().push_with(|out| scanner.string_into(out))?,
            b'n' => {
                scanner.word(b"null")?;
                let row = row(wanted.shape, tensor.len());
                tensor.push_missing(wanted.null, wanted.input, row)?;
            }
            _ => return Err(refusal(Refused::Kind, scanner, wanted, tensor.len())),
        }
    }
    finish(tensor, elements, wanted)
}

fn finish(tensor: TensorMut, elements: usize, wanted: Wanted<'_>) -> Result<Tensor, Refusal> {
    match tensor.len() == elements {
        true => Ok(tensor.freeze(wanted.shape.clone())?),
        false => Err(too_few_values(tensor.len(), elements, wanted)),
    }
}

/// Walks arrays within arrays, from value to value.
struct Nesting {
    depth: usize,
    first: bool,
}

impl Nesting {
    /// At the `[` of the outermost array.
    fn new(scanner: &mut Scanner<'_>) -> Self {
        scanner.step();
        Nesting { depth: 1, first: true }
    }

    /// Goes to the next value; false when the outermost array has ended.
    #[inline(always)]
    fn next(&mut self, scanner: &mut Scanner<'_>) -> Result<bool, Refusal> {
        loop {
            if !scanner.next_element(self.first)? {
                self.depth -= 1;
                if self.depth == 0 {
                    return Ok(false);
                }
                self.first = false;
            } else if scanner.peek() == b'[' {
                scanner.step();
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(too_deep());
                }
                self.first = true;
            } else {
                self.first = false;
                return Ok(true);
            }
        }
    }
}

/// The row that an element lies in, from 0.
fn row(shape: &Shape, element: usize) -> usize {
    element / shape.iter().skip(1).product::<usize>().max(1)
}

#[cold]
fn too_deep() -> Refusal {
    Refusal::invalid(format!("JSON nesting depth exceeds maximum allowed limit ({MAX_DEPTH})"))
}

#[cold]
fn not_an_array(scanner: &mut Scanner<'_>) -> Refusal {
    match scanner.skip_value() {
        Ok(()) => Refusal::invalid("Unable to parse 'data': attempt to access JSON non-array as array"),
        Err(error) => error.into(),
    }
}

#[cold]
fn too_many_values(elements: usize, wanted: Wanted<'_>) -> Refusal {
    Refusal::invalid(format!(
        "Unable to parse 'data': Shape does not match true shape of 'data' field (input '{}': shape {} has {elements} \
         elements, more values came)",
        wanted.input, wanted.shape
    ))
}

#[cold]
fn too_few_values(found: usize, elements: usize, wanted: Wanted<'_>) -> Refusal {
    Refusal::invalid(format!(
        "Failed to parse 'data' field: shape does not match true shape (input '{}': shape {} has {elements} elements, \
         {found} values came)",
        wanted.input, wanted.shape
    ))
}

/// A value that is none of its type's, in Triton's words, and where it stands and what it is.
#[cold]
fn refusal(refused: Refused, at: &Scanner<'_>, wanted: Wanted<'_>, element: usize) -> Refusal {
    if let Refused::Syntax(error) = refused {
        return error.into();
    }
    let mut value = at.clone();
    if let Err(error) = value.skip_value() {
        return error.into();
    }
    let text = String::from_utf8_lossy(value.since(at.at())).into_owned();
    let shown: String = text.chars().take(40).collect();
    let words = match (wanted.dtype, refused) {
        (d, Refused::Range) if !(is_unsigned(d) && text.starts_with('-')) => {
            "Unable to parse 'data': the value does not fit the datatype"
        }
        (DType::String, _) => "Unable to parse JSON bytes array: attempt to access JSON non-string as string",
        (DType::Bool, _) => "Unable to parse 'data': attempt to access JSON non-boolean as boolean",
        (d, _) if d.is_float() => "Unable to parse 'data': attempt to access JSON non-number as double",
        (d, _) if is_unsigned(d) => {
            "Unable to parse 'data': attempt to access JSON non-unsigned-integer as unsigned-integer"
        }
        _ => "Unable to parse 'data': attempt to access JSON non-signed-integer as signed-integer",
    };
    Refusal::invalid(format!(
        "{words} (input '{}' row {}: expected {}, found {shown})",
        wanted.input,
        row(wanted.shape, element),
        names::datatype(wanted.dtype)
    ))
}

fn is_unsigned(dtype: DType) -> bool {
    matches!(dtype, DType::U8 | DType::U16 | DType::U32 | DType::U64)
}
