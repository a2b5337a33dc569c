//! `ModelInferRequest` to call, in one walk over its fields.

use super::{contents, parameter};
use crate::Decoded;
use crate::oip::asked::{self, Asked, AskedOutput, Form};
use crate::oip::errors::Refusal;
use crate::oip::gathered::{Gathered, Target};
use crate::oip::{blob, chosen, names};
use crate::protobuf::walk::{self, Part, Walk};
use landfall_model::protobuf::Fields;
use landfall_model::{Buffer, DType, Problem, Reason, Shape, Signature, TensorMut};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// What messages are called in problems about their bytes.
const INFER_REQUEST: &str = "ModelInferRequest";
const PARAMETER: &str = "a parameter";

/// Decodes a `ModelInferRequest` for a model. Of `signatures` the first one counts, unless `parameters.signature_name`
/// names another.
///
/// Raw contents are shared with the body where they are aligned.
///
/// # Errors
/// What does not fit the signature, in Triton's words; malformed bytes.
pub fn decode_infer(
    body: &Buffer,
    signatures: &[Arc<Signature>],
    model: &str,
) -> Result<Decoded<Form>, Problem> {
    let attempt = |signature: &Arc<Signature>, asked: Asked| decode_with(body, signature, model, asked);
    chosen::decode(signatures, model, attempt, || scan_asked(body.bytes()))
}

/// The request's id, for an error that has a place for it; empty where there is none.
pub fn infer_id(body: &[u8]) -> Vec<u8> {
    scan_asked(body).id
}

/// Id and signature name, as far as the bytes can be read.
#[cold]
fn scan_asked(body: &[u8]) -> Asked {
    let mut asked = Asked::default();
    let mut fields = Fields::new(INFER_REQUEST, body);
    while let Ok(Some((field, value))) = fields.next() {
        match field {
            3 => asked.id = value.bytes().unwrap_or_default().to_vec(),
            4 => {
                if let Ok(("signature_name", parameter::Parameter::Text(name))) =
                    value.message().and_then(parameter::entry)
                {
                    asked.signature = Some(name.to_owned());
                }
            }
            _ => {}
        }
    }
    asked
}

/// One `InferInputTensor`, before it is known where its data is.
struct Pending<'a> {
    name: &'a str,
    target: Target,
    dtype: DType,
    shape: Shape,
    contents: SmallVec<[Range<usize>; 1]>,
}

fn decode_with(
    body: &Buffer,
    signature: &Arc<Signature>,
    model: &str,
    mut asked: Asked,
) -> Result<Decoded<Form>, Refusal> {
    let bytes = body.bytes();
    let mut gathered = Gathered::new(signature);
    let mut inputs: SmallVec<[Pending<'_>; 4]> = SmallVec::new();
    let mut raw: SmallVec<[Range<usize>; 4]> = SmallVec::new();
    let mut fields = Walk::new(bytes);
    while let Some((field, part)) = fields.next()? {
        match (field, part) {
            (3, part) => asked.id = walk::text(bytes, &part)?.as_bytes().to_vec(),
            (4, part) => {
                let (key, parameter) = parameter::entry(Fields::new(PARAMETER, walk::bytes(bytes, &part)?))?;
                parameter::of_request(&mut asked, key, parameter)?;
            }
            (5, Part::Bytes(range)) => inputs.push(input(bytes, range, &gathered, model)?),
            (6, part) => output(walk::bytes(bytes, &part)?, signature, &mut asked)?,
            (7, Part::Bytes(range)) => raw.push(range),
            (5 | 7, part) => drop(walk::bytes(bytes, &part)?),
            _ => {}
        }
    }
    if raw.len() > inputs.len() {
        return Err(surplus_raw(inputs.len(), raw.len(), model));
    }
    for (place, input) in inputs.into_iter().enumerate() {
        let Pending { name, target, dtype, shape, contents } = input;
        let tensor = match (raw.get(place), contents.is_empty()) {
            (_, false) if !raw.is_empty() => return Err(both(name, model)),
            (Some(range), _) => blob::tensor(dtype, shape, body.slice(range.clone()), name, model)?,
            (None, false) => typed(bytes, &contents, dtype, shape, name, model)?,
            (None, true) if !raw.is_empty() || blob::elements(dtype, &shape, name)? > 0 => {
                return Err(no_data(name, model));
            }
            (None, true) => TensorMut::new(dtype).freeze(shape)?,
        };
        gathered.put(target, tensor)?;
    }
    let (wanted, hints, form) = asked.finish(signature);
    Ok(Decoded { call: gathered.call(wanted)?, hints, form })
}

fn input<'a>(
    bytes: &'a [u8],
    range: Range<usize>,
    gathered: &Gathered<'_>,
    model: &str,
) -> Result<Pending<'a>, Refusal> {
    let (mut name, mut datatype) = ("", "");
    let mut shape = Shape::default();
    let (mut negative, mut shared) = (None, None);
    let mut contents = SmallVec::new();
    let mut fields = Walk::within(bytes, range);
    while let Some((field, part)) = fields.next()? {
        match (field, part) {
            (1, part) => name = walk::text(bytes, &part)?,
            (2, part) => datatype = walk::text(bytes, &part)?,
            (3, part) => Walk::varints(bytes, part, |dim| match usize::try_from(dim as i64) {
                Ok(dim) => shape.push(dim),
                Err(_) => negative = Some(dim as i64),
            })?,
            (4, part) => {
                let (key, _) = parameter::entry(Fields::new(PARAMETER, walk::bytes(bytes, &part)?))?;
                if asked::is_shared_memory(key.as_bytes()) {
                    shared = Some(key.to_owned());
                }
            }
            (5, Part::Bytes(range)) => contents.push(range),
            _ => {}
        }
    }
    // The name may stand behind its parameters.
    if let Some(key) = shared {
        return Err(asked::shared_memory(&key, name).into());
    }
    let target = gathered.target(name)?;
    let dtype = names::dtype(datatype.as_bytes())
        .ok_or_else(|| unknown_datatype(name, datatype, gathered, target, model))?;
    gathered.check_dtype(target, dtype)?;
    if let Some(dim) = negative {
        return Err(negative_dim(name, dim));
    }
    Ok(Pending { name, target, dtype, shape, contents })
}

/// One `InferRequestedOutputTensor`.
fn output(bytes: &[u8], signature: &Signature, asked: &mut Asked) -> Result<(), Problem> {
    let mut fields = Fields::new("InferRequestedOutputTensor", bytes);
    let (mut name, mut classes) = ("", 0);
    let mut shared = None;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => name = value.text()?,
            2 => match parameter::entry(value.message()?)? {
                ("classification", k) => classes = parameter::classification(k)?,
                (key, _) if asked::is_shared_memory(key.as_bytes()) => shared = Some(key.to_owned()),
                // `binary_data` belongs to REST; here all data is binary.
                _ => {}
            },
            _ => {}
        }
    }
    if let Some(key) = shared {
        return Err(asked::shared_memory(&key, name));
    }
    let place = signature
        .output(name)
        .ok_or_else(|| Problem::new(Reason::OutputUnknown { output: name.to_owned() }))?;
    asked.output(AskedOutput { place, classes, binary: Some(true) });
    Ok(())
}

fn typed(
    bytes: &[u8],
    parts: &[Range<usize>],
    dtype: DType,
    shape: Shape,
    input: &str,
    model: &str,
) -> Result<landfall_model::Tensor, Refusal> {
    let elements = blob::elements(dtype, &shape, input)?;
    let mut tensor = TensorMut::new(dtype);
    for part in parts {
        contents::read(&bytes[part.clone()], &mut tensor, input, model)?;
    }
    let found = tensor.len();
    match dtype.size() {
        Some(size) if found != elements => {
            Err(blob::size_mismatch(input, model, elements, size, found * size).into())
        }
        None if found != elements => Err(Refusal::Validation(format!(
            "expected {elements} string elements for inference input '{input}' for model '{model}', got {found}"
        ))),
        _ => Ok(tensor.freeze(shape)?),
    }
}

#[cold]
fn unknown_datatype(
    name: &str,
    datatype: &str,
    gathered: &Gathered<'_>,
    target: Target,
    model: &str,
) -> Refusal {
    let (Target::Whole(slot) | Target::Column(slot, _) | Target::Sparse(slot, _)) = target;
    let expected = names::datatype(gathered.spec(slot).dtype);
    Refusal::Validation(format!(
        "inference input '{name}' data-type is '<invalid>', but model '{model}' expects '{expected}' (found '{datatype}')"
    ))
}

#[cold]
fn negative_dim(name: &str, dim: i64) -> Refusal {
    Refusal::Validation(format!("unexpected shape for input '{name}': dimension {dim}, expected 0 or more"))
}

#[cold]
fn surplus_raw(inputs: usize, raw: usize, model: &str) -> Refusal {
    Refusal::invalid(format!(
        "the number of inputs ({inputs}) does not match the expected number of raw input contents ({raw}) for model \
         '{model}'."
    ))
}

#[cold]
fn both(input: &str, model: &str) -> Refusal {
    Refusal::invalid(format!(
        "contents field must not be specified when using raw_input_contents for '{input}' for model '{model}'"
    ))
}

#[cold]
fn no_data(input: &str, model: &str) -> Refusal {
    Refusal::invalid(format!(
        "unable to find data for input tensor '{input}' for model '{model}' in request."
    ))
}
