//! Arrow values of any type that has a text or a number, as text, as JSON, or as an array.

use super::leaf::{dtype_of, leaf};
use super::lists::{self, Rows};
use super::moments;
use crate::json::{push_string, push_values};
use arrow_array::builder::BinaryBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, BinaryArray};
use arrow_schema::DataType;
use landfall_model::{BufferMut, DType, Problem, Shape, Tensor};

/// Whether [`worded`] has a form for columns of this type.
///
/// # Errors
/// Unimplemented, naming the type.
pub(crate) fn can_be_worded(data_type: &DataType) -> Result<(), Problem> {
    if data_type.is_decimal() || matches!(data_type, DataType::Null | DataType::Timestamp(..)) {
        return Ok(());
    }
    dtype_of(data_type, DType::String).map(drop).map_err(|_| unworded(data_type))
}

#[cold]
fn unworded(data_type: &DataType) -> Problem {
    Problem::unsupported(format!("a column of type {data_type} in this format"), "write Parquet or Arrow")
}

/// The cells of a column, null where they are: texts, dates and times as text (`false`), all others as JSON (`true`),
/// decimals with all their digits.
///
/// # Errors
/// Unimplemented, naming the type.
pub(crate) fn worded(values: &ArrayRef) -> Result<(bool, BinaryArray), Problem> {
    let data_type = values.data_type();
    if lists::is_list(data_type) {
        return Ok((true, by_row(values, |one| list(one, 0))?));
    }
    if data_type.is_decimal() {
        return Ok((true, by_row(values, |one| Ok(decimal(one)))?));
    }
    let tensor = flat(values)?;
    let is_null = nulls(values);
    if let Ok(texts) = tensor.strings() {
        let texts = texts.iter().enumerate().map(|(row, text)| (!is_null(row)).then_some(text));
        return Ok((false, texts.collect()));
    }
    let mut cells = BinaryBuilder::new();
    let mut cell = Vec::new();
    for row in 0..values.len() {
        cell.clear();
        push_values(&tensor, row, &[], &mut cell);
        cells.append_option((!is_null(row)).then_some(&cell));
    }
    Ok((true, cells.finish()))
}

/// The values of a flat column, moments as texts in full.
fn flat(values: &ArrayRef) -> Result<Tensor, Problem> {
    match values.data_type() {
        DataType::Timestamp(..) => moments::stamps(values.as_ref()),
        _ => Ok(leaf(values.as_ref(), DType::String)?.tensor),
    }
}

/// Which values are null, also where the type alone says so.
fn nulls(values: &ArrayRef) -> impl Fn(usize) -> bool + use<> {
    let nulls = values.logical_nulls();
    move |row| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
}

fn by_row(
    values: &ArrayRef,
    json: impl Fn(&ArrayRef) -> Result<Vec<u8>, Problem>,
) -> Result<BinaryArray, Problem> {
    let mut cells = BinaryBuilder::new();
    let is_null = nulls(values);
    for row in 0..values.len() {
        let cell = (!is_null(row)).then(|| json(&values.slice(row, 1))).transpose()?;
        cells.append_option(cell);
    }
    Ok(cells.finish())
}

/// Deeper lists are refused.
const DEPTH: usize = 32;

/// A column of one row as JSON: its list, and the lists within.
fn list(one: &ArrayRef, depth: usize) -> Result<Vec<u8>, Problem> {
    let inner = match one.data_type() {
        _ if nulls(one)(0) => return Ok(b"null".to_vec()),
        _ if depth > DEPTH => return Err(Problem::invalid(format!("lists are nested deeper than {DEPTH}"))),
        DataType::List(_) => one.as_list::<i32>().value(0),
        DataType::LargeList(_) => one.as_list::<i64>().value(0),
        DataType::FixedSizeList(..) => one.as_fixed_size_list().value(0),
        _ => {
            let (json, cells) = worded(one)?;
            let mut out = Vec::new();
            match json {
                true => out.extend_from_slice(cells.value(0)),
                false => push_string(cells.value(0), &mut out),
            }
            return Ok(out);
        }
    };
    let mut out = b"[".to_vec();
    for at in 0..inner.len() {
        if at > 0 {
            out.push(b',');
        }
        out.extend(list(&inner.slice(at, 1), depth + 1)?);
    }
    out.push(b']');
    Ok(out)
}

/// All digits of the one value of a column of decimals.
fn decimal(one: &ArrayRef) -> Vec<u8> {
    let text = match one.data_type() {
        DataType::Decimal32(..) => one.as_primitive::<Decimal32Type>().value_as_string(0),
        DataType::Decimal64(..) => one.as_primitive::<Decimal64Type>().value_as_string(0),
        DataType::Decimal256(..) => one.as_primitive::<Decimal256Type>().value_as_string(0),
        _ => one.as_primitive::<Decimal128Type>().value_as_string(0),
    };
    text.into_bytes()
}

/// The element type of [`array_tensor`].
///
/// # Errors
/// Unimplemented, naming the type.
pub(crate) fn array_dtype(data_type: &DataType) -> Result<DType, Problem> {
    if let DataType::Timestamp(..) = data_type {
        return Ok(DType::String);
    }
    let dtype = dtype_of(data_type, DType::String).map_err(|_| unworded(data_type))?;
    Ok(dtype.unwrap_or(DType::String))
}

/// A column as an array: lists of equal lengths as further axes, missing floats as NaN, missing texts as empty ones.
///
/// # Errors
/// Invalid argument, for other missing values and lists that differ in length.
pub(crate) fn array_tensor(column: &ArrayRef) -> Result<Tensor, Problem> {
    let Rows::Alike { axes, values } = lists::rows(column) else {
        return Err(Problem::invalid(
            "its lists differ in length, or are missing: write JSON Lines, Parquet or Arrow",
        ));
    };
    let shape: Shape = std::iter::once(column.len()).chain(axes).collect();
    let tensor = flat(&values)?.reshaped(shape)?;
    match values.logical_nulls().filter(|nulls| nulls.null_count() > 0) {
        None => Ok(tensor),
        // What is null has an empty text.
        Some(_) if tensor.dtype() == DType::String => Ok(tensor),
        Some(nulls) => {
            let missing: Vec<usize> = (0..nulls.len()).filter(|&place| nulls.is_null(place)).collect();
            with_nan(&tensor, &missing)
        }
    }
}

fn with_nan(tensor: &Tensor, missing: &[usize]) -> Result<Tensor, Problem> {
    let nan: Vec<u8> = match tensor.dtype() {
        DType::F16 => half::f16::NAN.to_ne_bytes().to_vec(),
        DType::F32 => f32::NAN.to_ne_bytes().to_vec(),
        DType::F64 => f64::NAN.to_ne_bytes().to_vec(),
        dtype => {
            return Err(Problem::invalid(format!(
                "a value is missing, and an array of {dtype} holds none such: write CSV, JSON Lines, Parquet or Arrow"
            )));
        }
    };
    let bytes = tensor.bytes().ok_or_else(|| Problem::internal("numbers lie in a plain buffer"))?;
    let mut buffer = BufferMut::with_capacity(bytes.len());
    buffer.extend_from_bytes(bytes);
    for &place in missing {
        buffer.bytes_mut()[place * nan.len()..(place + 1) * nan.len()].copy_from_slice(&nan);
    }
    Tensor::from_buffer(tensor.dtype(), Shape::new(tensor.shape()), buffer.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{NullArray, TimestampSecondArray};
    use std::sync::Arc;

    fn cells(values: ArrayRef) -> (bool, Vec<Option<String>>) {
        let (json, cells) = worded(&values).unwrap();
        (json, cells.iter().map(|cell| cell.map(|cell| String::from_utf8_lossy(cell).into_owned())).collect())
    }

    #[test]
    fn a_column_of_nulls_alone_is_missing_and_no_empty_text() {
        assert_eq!(cells(Arc::new(NullArray::new(2))).1, [None, None]);
    }

    #[test]
    fn lists_hold_what_their_items_are() {
        let moments = Arc::new(TimestampSecondArray::from(vec![Some(0), None])) as ArrayRef;
        let lists = super::super::write::nested(moments, 1, &[2]).unwrap();
        assert_eq!(cells(lists), (true, vec![Some("[\"1970-01-01T00:00:00\",null]".to_owned())]));
    }
}
