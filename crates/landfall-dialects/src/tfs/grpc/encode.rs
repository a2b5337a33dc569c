//! Outputs as `PredictResponse`: outputs = 1 (map), model_spec = 2. Elements go into the field of their type, or all of a
//! tensor into its content.

use super::decode::Form;
use super::spec;
use crate::Identity;
use crate::failed_rows;
use crate::protobuf::{Writer, varint_len};
use crate::tfs::names::{answered_dtype, data_type};
use half::{bf16, f16};
use landfall_model::{Call, DType, Input, Outputs, Problem, Scalar, Signature, Tensor, TensorMut};
use std::borrow::Cow;

/// Writes the answer.
///
/// # Errors
/// The first problem of rows that failed alone, naming all of them: this form has no place for them. `out` then holds
/// nothing more than before.
pub fn encode_predict(
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    failed_rows::refuse(outputs)?;
    let start = out.len();
    let written = write_outputs(form, signature, outputs, &mut Writer::new(out));
    if written.is_err() {
        out.truncate(start);
        return written;
    }
    Writer::new(out).message(2, |message| spec::write(message, identity, form.signature()));
    Ok(())
}

/// A `PredictRequest` (model_spec = 1, inputs = 2, output_filter = 3) that asks what a call asks; columns are inputs of
/// their own.
///
/// # Errors
/// Internal, for inputs that are no arrays, or have gaps that their type cannot hold.
pub fn encode_predict_request(identity: Identity<'_>, call: &Call) -> Result<Vec<u8>, Problem> {
    let (signature, mut out) = (call.signature(), Vec::new());
    let mut request = Writer::new(&mut out);
    request.message(1, |message| spec::write(message, identity, signature.name()));
    let mut write = |name: &str, tensor: &Tensor| {
        let tensor = without_gaps(tensor, tensor.dtype())?;
        request.try_message(2, |entry| {
            entry.string_field(1, name);
            entry.try_message(2, |message| write_tensor(&tensor, false, message))
        })
    };
    for (spec, input) in signature.inputs().iter().zip(call.inputs()) {
        match input {
            None => {}
            Some(Input::Dense(tensor)) => write(&spec.name, tensor)?,
            Some(Input::Columns(columns)) => {
                let given = spec.columns.iter().zip(columns);
                given
                    .filter_map(|(column, tensor)| Some((column, tensor.as_ref()?)))
                    .try_for_each(|(column, tensor)| write(&column.name, tensor))?;
            }
            Some(_) => return Err(Problem::internal("only arrays and columns are written")),
        }
    }
    if call.wanted() != signature.default_outputs() {
        call.wanted().iter().for_each(|place| request.string_field(3, &signature.outputs()[place].name));
    }
    Ok(out)
}

fn write_outputs(
    form: &Form,
    signature: &Signature,
    outputs: &Outputs,
    response: &mut Writer<'_>,
) -> Result<(), Problem> {
    for (place, tensor) in outputs.iter() {
        let output = &signature.outputs()[place];
        let tensor = without_gaps(tensor, answered_dtype(output))?;
        response.try_message(1, |entry| {
            entry.string_field(1, &output.name);
            entry.try_message(2, |message| write_tensor(&tensor, form.tensor_content, message))
        })?;
    }
    Ok(())
}

/// The tensor as the type that it is answered as, with NaN for missing floats; missing strings are empty already.
fn without_gaps(tensor: &Tensor, dtype: DType) -> Result<Cow<'_, Tensor>, Problem> {
    let has_gaps = tensor.missing().is_some() && dtype != DType::String;
    if !has_gaps && tensor.dtype() == dtype {
        return Ok(Cow::Borrowed(tensor));
    }
    if !dtype.is_float() {
        let found = tensor.dtype();
        return Err(Problem::internal(format!("an output declared {dtype} came as {found}, or with gaps")));
    }
    let mut filled = TensorMut::with_capacity(dtype, tensor.len());
    for i in 0..tensor.len() {
        let value = match tensor.scalar(i) {
            _ if tensor.is_missing(i) => Scalar::Float(f64::NAN),
            Scalar::Bool(value) => Scalar::Float(f64::from(u8::from(value))),
            value => value,
        };
        filled.push_scalar(&value)?;
    }
    filled.freeze(tensor.shape().clone()).map(Cow::Owned)
}

/// `TensorProto`: dtype = 1, tensor_shape = 2, then the typed field, or tensor_content = 4.
pub(super) fn write_tensor(tensor: &Tensor, content: bool, message: &mut Writer<'_>) -> Result<(), Problem> {
    message.varint_field(1, data_type(tensor.dtype()).1);
    message.message(2, |shape| {
        for &size in tensor.shape().iter() {
            shape.message(2, |dim| {
                if size != 0 {
                    dim.varint_field(1, size as u64);
                }
            });
        }
    });
    if tensor.is_empty() {
        return Ok(());
    }
    if content {
        return write_content(tensor, message);
    }
    let fixed = |message: &mut Writer<'_>, field| {
        message.packed_fixed(field, tensor.bytes().unwrap_or_default());
        Ok(())
    };
    macro_rules! varints {
        ($t:ty, $field:literal, $as_number:expr) => {{
            message.packed_varints($field, tensor.values::<$t>()?.iter().map($as_number));
            Ok(())
        }};
    }
    match tensor.dtype() {
        DType::F32 => fixed(message, 5),
        DType::F64 => fixed(message, 6),
        DType::Complex64 => fixed(message, 9),
        DType::Complex128 => fixed(message, 12),
        DType::I32 => varints!(i32, 7, |&v| i64::from(v) as u64),
        DType::I16 => varints!(i16, 7, |&v| i64::from(v) as u64),
        DType::I8 => varints!(i8, 7, |&v| i64::from(v) as u64),
        DType::U8 => varints!(u8, 7, |&v| u64::from(v)),
        DType::U16 => varints!(u16, 7, |&v| u64::from(v)),
        DType::I64 => varints!(i64, 10, |&v| v as u64),
        DType::U32 => varints!(u32, 16, |&v| u64::from(v)),
        DType::U64 => varints!(u64, 17, |&v| v),
        DType::F16 => varints!(f16, 13, |v| u64::from(v.to_bits())),
        DType::BF16 => varints!(bf16, 13, |v| u64::from(v.to_bits())),
        DType::Bool => {
            message.packed_varints(11, tensor.bools()?.iter().map(|&v| u64::from(v != 0)));
            Ok(())
        }
        DType::String => {
            tensor.strings()?.iter().for_each(|text| message.bytes_field(8, text));
            Ok(())
        }
    }
}

/// Elements little-endian and row by row; of strings all lengths, then all bytes.
fn write_content(tensor: &Tensor, message: &mut Writer<'_>) -> Result<(), Problem> {
    const CONTENT: u32 = 4;
    if let Some(bytes) = tensor.bytes() {
        message.bytes_field(CONTENT, bytes);
        return Ok(());
    }
    let strings = tensor.strings()?;
    let lengths = strings.iter().map(|text| text.len() as u64);
    message.length(CONTENT, lengths.clone().map(varint_len).sum::<usize>() + strings.bytes_total());
    lengths.for_each(|length| message.varint(length));
    strings.iter().for_each(|text| message.out().extend_from_slice(text));
    Ok(())
}
