//! Flat Arrow arrays as flat tensors: without a copy where the elements lie alike.

use super::moments;
use crate::opened::EMPTY_VALUES;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType};
use arrow_buffer::NullBuffer;
use arrow_schema::DataType;
use landfall_model::{Buffer, BufferMut, DType, Problem, Shape, Strings, StringsMut, Tensor};

/// The values of a flat array, [n], and which of them are null (what the tensor holds there means nothing).
pub(super) struct Leaf {
    pub(super) tensor: Tensor,
    pub(super) nulls: Option<NullBuffer>,
}

/// The element type that a column of this Arrow type holds, lists and dictionaries looked through. Dates and times are
/// text where an input of text is to be filled.
///
/// `Ok(None)` for a column of nulls alone.
///
/// # Errors
/// Unimplemented, naming the type.
pub(super) fn dtype_of(data_type: &DataType, expected: DType) -> Result<Option<DType>, Problem> {
    Ok(Some(match data_type {
        DataType::Null => return Ok(None),
        DataType::Boolean => DType::Bool,
        DataType::UInt8 => DType::U8,
        DataType::UInt16 => DType::U16,
        DataType::UInt32 => DType::U32,
        DataType::UInt64 => DType::U64,
        DataType::Int8 => DType::I8,
        DataType::Int16 => DType::I16,
        DataType::Int32 => DType::I32,
        DataType::Int64 => DType::I64,
        DataType::Float16 => DType::F16,
        DataType::Float32 => DType::F32,
        DataType::Float64 => DType::F64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DType::String,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => {
            DType::String
        }
        decimal if decimal.is_decimal() => decimal_dtype(decimal),
        DataType::Dictionary(_, value) => return dtype_of(value, expected),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return dtype_of(item.data_type(), expected);
        }
        moment if moments::is_moment(moment) && expected == DType::String => DType::String,
        DataType::Timestamp(..) if expected == DType::String => {
            return Err(Problem::unsupported(
                format!("a column of type {data_type}"),
                "bring it to UTC, or to times without a zone",
            ));
        }
        other => {
            return Err(Problem::unsupported(
                format!("a column of type {other}"),
                "cast it to numbers, booleans or strings, or to lists of them",
            ));
        }
    }))
}

/// A flat array's values. A column of nulls alone becomes zeros of type `expected`.
///
/// # Errors
/// Unimplemented, naming the type.
pub(super) fn leaf(array: &dyn Array, expected: DType) -> Result<Leaf, Problem> {
    let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
    let tensor = match array.data_type() {
        DataType::Null if array.len() > EMPTY_VALUES => {
            return Err(Problem::invalid(format!("{} nulls that no byte stands for", array.len())));
        }
        DataType::Null => zeros(expected, array.len())?,
        DataType::Boolean => {
            let bits = array.as_boolean().values();
            let bytes: Vec<u8> = bits.iter().map(u8::from).collect();
            Tensor::from_buffer(DType::Bool, Shape::new(&[bytes.len()]), Buffer::copy_of(&bytes))?
        }
        DataType::UInt8 => plain::<UInt8Type>(array, DType::U8)?,
        DataType::UInt16 => plain::<UInt16Type>(array, DType::U16)?,
        DataType::UInt32 => plain::<UInt32Type>(array, DType::U32)?,
        DataType::UInt64 => plain::<UInt64Type>(array, DType::U64)?,
        DataType::Int8 => plain::<Int8Type>(array, DType::I8)?,
        DataType::Int16 => plain::<Int16Type>(array, DType::I16)?,
        DataType::Int32 => plain::<Int32Type>(array, DType::I32)?,
        DataType::Int64 => plain::<Int64Type>(array, DType::I64)?,
        DataType::Float16 => plain::<Float16Type>(array, DType::F16)?,
        DataType::Float32 => plain::<Float32Type>(array, DType::F32)?,
        DataType::Float64 => plain::<Float64Type>(array, DType::F64)?,
        DataType::Utf8 => strings(array.as_string::<i32>().iter().map(bytes_of))?,
        DataType::LargeUtf8 => strings(array.as_string::<i64>().iter().map(bytes_of))?,
        DataType::Utf8View => strings(array.as_string_view().iter().map(bytes_of))?,
        DataType::Binary => strings(array.as_binary::<i32>().iter())?,
        DataType::LargeBinary => strings(array.as_binary::<i64>().iter())?,
        DataType::BinaryView => strings(array.as_binary_view().iter())?,
        DataType::FixedSizeBinary(_) => strings(array.as_fixed_size_binary().iter())?,
        DataType::Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale)?,
        DataType::Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale)?,
        DataType::Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale)?,
        DataType::Decimal256(_, scale) => decimals::<Decimal256Type>(array, *scale)?,
        DataType::Dictionary(..) => dictionary(array, expected)?,
        moment if moments::is_moment(moment) => moments::texts(array)?,
        other => return Err(Problem::unsupported(format!("a column of type {other}"), "")),
    };
    Ok(Leaf { tensor, nulls })
}

fn bytes_of(text: Option<&str>) -> Option<&[u8]> {
    text.map(str::as_bytes)
}

/// Memory of an Arrow array, shared.
struct Shared(arrow_buffer::Buffer);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

fn plain<T: ArrowPrimitiveType>(array: &dyn Array, dtype: DType) -> Result<Tensor, Problem> {
    let values = array.as_primitive::<T>().values();
    let buffer = Buffer::from_owner(Shared(values.inner().clone()));
    Tensor::from_buffer(dtype, Shape::new(&[array.len()]), buffer)
}

/// Digits that every number of 64 bits can hold.
const DIGITS_I64: u8 = 18;

/// Decimals become float64; whole ones int64, where all of them fit.
fn decimal_dtype(data_type: &DataType) -> DType {
    match data_type {
        DataType::Decimal32(digits, 0) | DataType::Decimal64(digits, 0) | DataType::Decimal128(digits, 0)
            if *digits <= DIGITS_I64 =>
        {
            DType::I64
        }
        _ => DType::F64,
    }
}

fn decimals<T: ArrowPrimitiveType>(array: &dyn Array, scale: i8) -> Result<Tensor, Problem>
where
    T::Native: ToString,
{
    let shape = [array.len()];
    let values = array.as_primitive::<T>().iter();
    let beyond = || Problem::invalid(format!("a value beyond {}", array.data_type()));
    if decimal_dtype(array.data_type()) == DType::I64 {
        let value = |value: Option<T::Native>| value.map_or(Ok(0), |v| v.to_string().parse::<i64>());
        let values: Result<Vec<i64>, _> = values.map(value).collect();
        return Tensor::from_slice(&shape, &values.map_err(|_| beyond())?);
    }
    // Read from its digits, a number is rounded once, however many they are.
    let value = |v: T::Native| format!("{}e{}", v.to_string(), -i16::from(scale)).parse::<f64>();
    let values: Result<Vec<f64>, _> = values.map(|v| v.map_or(Ok(0.0), value)).collect();
    Tensor::from_slice(&shape, &values.map_err(|_| beyond())?)
}

fn strings<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<Tensor, Problem> {
    let mut strings = StringsMut::new();
    values.for_each(|value| strings.push(value.unwrap_or_default()));
    tensor_of(strings.freeze())
}

fn tensor_of(strings: Strings) -> Result<Tensor, Problem> {
    let shape = Shape::new(&[strings.len()]);
    Tensor::from_strings(shape, strings)
}

fn zeros(dtype: DType, count: usize) -> Result<Tensor, Problem> {
    match dtype.size() {
        Some(size) => {
            Tensor::from_buffer(dtype, Shape::new(&[count]), BufferMut::zeroed(count * size)?.freeze())
        }
        None => tensor_of(std::iter::repeat_n(b"", count).collect()),
    }
}

/// Each key's value.
fn dictionary(array: &dyn Array, expected: DType) -> Result<Tensor, Problem> {
    let array = array.as_any_dictionary();
    let values = leaf(array.values().as_ref(), expected)?.tensor;
    if values.is_empty() {
        return zeros(values.dtype(), array.len());
    }
    let keys = array.normalized_keys();
    match (values.bytes(), values.dtype().size()) {
        (Some(bytes), Some(size)) => {
            let mut buffer = BufferMut::with_capacity(keys.len() * size);
            keys.iter().for_each(|key| buffer.extend_from_bytes(&bytes[key * size..(key + 1) * size]));
            Tensor::from_buffer(values.dtype(), Shape::new(&[keys.len()]), buffer.freeze())
        }
        _ => {
            let values = values.strings()?;
            tensor_of(keys.iter().map(|&key| values.get(key)).collect())
        }
    }
}
