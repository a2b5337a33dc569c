//! Outputs to the body of an answer: compact JSON, then the binary tensors in its order.

use crate::failed_rows;
use crate::json::write;
use crate::oip::asked::Form;
use crate::oip::errors::not_computed;
use crate::oip::{blob, classes, names};
use crate::{Identity, JsonNan};
use half::{bf16, f16};
use landfall_model::{DType, Element, OutputSpec, Outputs, Problem, Signature, Tensor};
use smallvec::SmallVec;
use std::borrow::Cow;

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoded {
    /// Length of the JSON, for the header `Inference-Header-Content-Length`, where binary data follows it: the content
    /// type is `application/octet-stream` then. `None`: all of it is `application/json`.
    pub header_length: Option<usize>,
}

/// Appends the body of an answer.
///
/// # Errors
/// Rows that failed alone, all named; an output that the classification extension cannot rank; a string that is no UTF-8
/// and was not asked for as binary data; internal, when an output was not computed. `out` then holds a part of the answer.
pub fn encode(
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    nan: JsonNan,
    out: &mut Vec<u8>,
) -> Result<Encoded, Problem> {
    failed_rows::refuse(outputs)?;
    let start = out.len();
    head(form, identity, out);
    let mut blobs: SmallVec<[(Cow<'_, Tensor>, &OutputSpec); 4]> = SmallVec::new();
    for (place, asked) in form.outputs.iter().enumerate() {
        let spec = &signature.outputs()[asked.place];
        let tensor = outputs.get(asked.place).ok_or_else(|| not_computed(&spec.name))?;
        let tensor = match asked.classes {
            0 => Cow::Borrowed(tensor),
            k => Cow::Owned(classes::top(tensor, spec, signature.rows(), k)?),
        };
        if place > 0 {
            out.push(b',');
        }
        described(&tensor, &spec.name, out);
        if asked.binary == Some(true) {
            out.extend_from_slice(b",\"parameters\":{\"binary_data_size\":");
            write::integer(out, blob::length(&tensor));
            out.push(b'}');
            blobs.push((tensor, spec));
        } else {
            out.extend_from_slice(b",\"data\":");
            data(&tensor, &spec.name, nan, out)?;
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    let json = out.len() - start;
    for (tensor, spec) in &blobs {
        blob::write(tensor, &spec.name, out)?;
    }
    Ok(Encoded { header_length: (out.len() > start + json).then_some(json) })
}

fn head(form: &Form, identity: Identity<'_>, out: &mut Vec<u8>) {
    out.push(b'{');
    if !form.id.is_empty() {
        out.extend_from_slice(b"\"id\":");
        write::string(out, &form.id);
        out.push(b',');
    }
    out.extend_from_slice(b"\"model_name\":");
    write::string(out, identity.model.as_bytes());
    out.extend_from_slice(b",\"model_version\":");
    match identity.version.number() {
        Some(number) => {
            out.push(b'"');
            write::integer(out, number);
            out.push(b'"');
        }
        None => write::string(out, identity.version.name().as_bytes()),
    }
    out.extend_from_slice(b",\"outputs\":[");
}

fn described(tensor: &Tensor, name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"name\":");
    write::string(out, name.as_bytes());
    out.extend_from_slice(b",\"datatype\":\"");
    out.extend_from_slice(names::datatype(tensor.dtype()).as_bytes());
    out.extend_from_slice(b"\",\"shape\":[");
    for (axis, &dim) in tensor.shape().iter().enumerate() {
        if axis > 0 {
            out.push(b',');
        }
        write::integer(out, dim);
    }
    out.push(b']');
}

/// The values, flat and row-major; a missing one is `null`.
fn data(tensor: &Tensor, output: &str, nan: JsonNan, out: &mut Vec<u8>) -> Result<(), Problem> {
    match tensor.dtype() {
        DType::F32 => list(tensor, out, |out, value: f32| float(out, value.into(), nan)),
        DType::F64 => list(tensor, out, |out, value: f64| float(out, value, nan)),
        DType::F16 => list(tensor, out, |out, value: f16| float(out, value.to_f64(), nan)),
        DType::BF16 => list(tensor, out, |out, value: bf16| float(out, value.to_f64(), nan)),
        DType::I64 => list(tensor, out, write::integer::<i64>),
        DType::I32 => list(tensor, out, write::integer::<i32>),
        DType::I16 => list(tensor, out, write::integer::<i16>),
        DType::I8 => list(tensor, out, write::integer::<i8>),
        DType::U64 => list(tensor, out, write::integer::<u64>),
        DType::U32 => list(tensor, out, write::integer::<u32>),
        DType::U16 => list(tensor, out, write::integer::<u16>),
        DType::U8 => list(tensor, out, write::integer::<u8>),
        DType::Bool => {
            each(tensor, tensor.bools()?.iter(), out, |out, &value| write::boolean(out, value != 0));
            Ok(())
        }
        DType::String => strings(tensor, output, out),
        DType::Complex64 | DType::Complex128 => Err(Problem::unsupported(
            format!("output '{output}' of complex numbers"),
            "the protocol has no datatype for them",
        )),
    }
}

fn list<T: Element>(
    tensor: &Tensor,
    out: &mut Vec<u8>,
    write: impl Fn(&mut Vec<u8>, T),
) -> Result<(), Problem> {
    each(tensor, tensor.values::<T>()?.iter(), out, |out, &value| write(out, value));
    Ok(())
}

#[inline]
fn each<V>(
    tensor: &Tensor,
    values: impl Iterator<Item = V>,
    out: &mut Vec<u8>,
    write: impl Fn(&mut Vec<u8>, V),
) {
    let misses = tensor.missing().is_some();
    out.push(b'[');
    for (element, value) in values.enumerate() {
        if element > 0 {
            out.push(b',');
        }
        if misses && tensor.is_missing(element) {
            out.extend_from_slice(b"null");
        } else {
            write(out, value);
        }
    }
    out.push(b']');
}

fn strings(tensor: &Tensor, output: &str, out: &mut Vec<u8>) -> Result<(), Problem> {
    let strings = tensor.strings()?;
    if let Some(element) = strings.iter().position(|value| std::str::from_utf8(value).is_err()) {
        return Err(not_text(output, element));
    }
    each(tensor, strings.iter(), out, write::string);
    Ok(())
}

/// The shortest text that reads back as the same double.
#[inline]
fn float(out: &mut Vec<u8>, value: f64, nan: JsonNan) {
    if value.is_finite() {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    } else {
        not_finite(out, value, nan);
    }
}

#[cold]
fn not_finite(out: &mut Vec<u8>, value: f64, nan: JsonNan) {
    out.extend_from_slice(match nan {
        JsonNan::Null => b"null",
        JsonNan::Bare if value.is_nan() => b"NaN",
        JsonNan::Bare if value > 0.0 => b"Infinity",
        JsonNan::Bare => b"-Infinity",
    });
}

#[cold]
fn not_text(output: &str, element: usize) -> Problem {
    Problem::invalid(format!(
        "output '{output}', element {element}: a string that is no UTF-8 cannot go into JSON: ask for it with \
         \"binary_data\": true"
    ))
}
