//! Typed contents of an input: `InferTensorContents`, one repeated field for each family of types.

use crate::oip::errors::Refusal;
use crate::oip::names;
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem, TensorMut};

/// Reads one `InferTensorContents` into `tensor`, whose type is the declared datatype's.
pub(super) fn read(contents: &[u8], tensor: &mut TensorMut, input: &str, model: &str) -> Result<(), Refusal> {
    let dtype = tensor.dtype();
    let expected = field_of(dtype);
    let mut fields = Fields::new("InferTensorContents", contents);
    let mut other = None;
    while let Some((field, value)) = fields.next()? {
        if Some(field) == expected {
            append(value, tensor, input)?;
        } else if (1..=8).contains(&field) && !is_empty(&value) {
            other = Some(field);
        }
    }
    match other {
        Some(_) if !tensor.is_empty() => Err(twice(input, model)),
        Some(field) => Err(other_field(field, dtype, input, model)),
        None => Ok(()),
    }
}

/// The field of `InferTensorContents` for a datatype; half precisions and complex numbers have none.
fn field_of(dtype: DType) -> Option<u32> {
    Some(match dtype {
        DType::Bool => 1,
        DType::I8 | DType::I16 | DType::I32 => 2,
        DType::I64 => 3,
        DType::U8 | DType::U16 | DType::U32 => 4,
        DType::U64 => 5,
        DType::F32 => 6,
        DType::F64 => 7,
        DType::String => 8,
        DType::F16 | DType::BF16 | DType::Complex64 | DType::Complex128 => return None,
    })
}

fn is_empty(value: &Value<'_>) -> bool {
    matches!(value, Value::Bytes(bytes) if bytes.is_at_end())
}

fn append(value: Value<'_>, tensor: &mut TensorMut, input: &str) -> Result<(), Problem> {
    macro_rules! narrow {
        ($t:ty) => {{
            let mut misfit = None;
            value.varints(|n| match <$t>::try_from(n as i64) {
                Ok(n) => tensor.push(n),
                Err(_) => misfit = misfit.or(Some((tensor.len(), n as i64))),
            })?;
            misfit.map_or(Ok(()), |(element, n)| Err(out_of_range(input, element, n, tensor.dtype())))
        }};
    }
    match tensor.dtype() {
        DType::F32 => value.fixed::<4>(|bytes| tensor.plain_mut().extend_from_bytes(bytes)),
        DType::F64 => value.fixed::<8>(|bytes| tensor.plain_mut().extend_from_bytes(bytes)),
        DType::I64 => value.varints(|n| tensor.push(n as i64)),
        DType::U64 => value.varints(|n| tensor.push(n)),
        DType::Bool => value.varints(|n| tensor.push_bool(n != 0)),
        DType::String => value.bytes().map(|bytes| tensor.push_str(bytes)),
        DType::I8 => narrow!(i8),
        DType::I16 => narrow!(i16),
        DType::I32 => narrow!(i32),
        DType::U8 => narrow!(u8),
        DType::U16 => narrow!(u16),
        DType::U32 => narrow!(u32),
        dtype => Err(Problem::internal(format!("{dtype} has no typed contents"))),
    }
}

#[cold]
fn out_of_range(input: &str, element: usize, value: i64, dtype: DType) -> Problem {
    Problem::invalid(format!(
        "input '{input}', element {element}: {value} does not fit into {}",
        names::datatype(dtype)
    ))
}

#[cold]
fn twice(input: &str, model: &str) -> Refusal {
    Refusal::invalid(format!(
        "unexpected explicit tensor data for input tensor '{input}' for model '{model}', binary data was already supplied."
    ))
}

#[cold]
fn other_field(field: u32, expected: DType, input: &str, model: &str) -> Refusal {
    let found = ["BOOL", "INT32", "INT64", "UINT32", "UINT64", "FP32", "FP64", "BYTES"][field as usize - 1];
    Refusal::invalid(format!(
        "unexpected explicit tensor data for input tensor '{input}' for model '{model}' of type '{found}', expected \
         datatype '{}'",
        names::datatype(expected)
    ))
}
