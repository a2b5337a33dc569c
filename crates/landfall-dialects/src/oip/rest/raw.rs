//! A raw binary request: no JSON at all, the whole body is the one input, all outputs go back as binary data.
//!
//! Format: "Raw Binary Request" of Triton's published binary tensor data extension.

use crate::Decoded;
use crate::oip::asked::{Asked, Form};
use crate::oip::blob;
use crate::oip::errors::Refusal;
use landfall_model::{Buffer, Call, DType, Dim, Input, InputSpec, Shape, Signature, Strings, Tensor};
use std::sync::Arc;

/// Decodes the body as the signature's one required input.
pub(super) fn decode(
    body: &Buffer,
    signature: &Arc<Signature>,
    model: &str,
) -> Result<Decoded<Form>, Refusal> {
    let slot = signature.only_required_input().ok_or_else(|| not_one(signature, model))?;
    let spec = &signature.inputs()[slot];
    let tensor = if spec.dtype == DType::String {
        one_string(body, spec)?
    } else {
        let shape = shape(spec, body.len())?;
        blob::tensor(spec.dtype, shape, body.clone(), &spec.name, model)?
    };
    let (wanted, hints, form) = Asked { binary: true, ..Asked::default() }.finish(signature);
    let inputs = (0..=slot).map(|place| (place == slot).then(|| Input::Dense(tensor.clone())));
    Ok(Decoded { call: Call::checked(signature.clone(), inputs, wanted)?, hints, form })
}

/// The body is one string, without a length in front: the one element of a row.
fn one_string(body: &Buffer, spec: &InputSpec) -> Result<Tensor, Refusal> {
    let dims = spec.dims.as_deref().unwrap_or_default();
    let is_one = |(axis, dim): (usize, &Dim)| *dim == Dim::Known(1) || (axis == 0 && dim.takes(1));
    if dims.is_empty() || !dims.iter().enumerate().all(is_one) {
        return Err(Refusal::Validation(format!(
            "For BYTE datatype raw input '{}', the model must have input shape [1]",
            spec.name
        )));
    }
    let strings: Strings = [body.bytes()].into_iter().collect();
    Ok(Tensor::from_strings(dims.iter().map(|_| 1).collect(), strings)?)
}

/// The declared shape with its one free axis as long as the bytes ask for, but no shorter than 1: no bytes are a mistake
/// and not zero rows. Where axis 0 and one more are free, there is one row.
fn shape(spec: &InputSpec, bytes: usize) -> Result<Shape, Refusal> {
    let dims = spec.dims.as_deref().ok_or_else(|| not_deduced(spec))?;
    let mut free: Vec<usize> = (0..dims.len()).filter(|&axis| matches!(dims[axis], Dim::Free(_))).collect();
    if free.len() == 2 && free[0] == 0 {
        free.remove(0);
    }
    if free.len() > 1 {
        return Err(not_deduced(spec));
    }
    let mut shape: Shape = dims.iter().map(|dim| if let Dim::Known(n) = dim { *n } else { 1 }).collect();
    if let [axis] = free[..] {
        let size =
            blob::elements(spec.dtype, &shape, &spec.name)?.saturating_mul(spec.dtype.size().unwrap_or(1));
        let length = bytes.checked_div(size).unwrap_or(0).max(1);
        shape = shape.iter().enumerate().map(|(i, &dim)| if i == axis { length } else { dim }).collect();
    }
    Ok(shape)
}

#[cold]
fn not_one(signature: &Signature, model: &str) -> Refusal {
    Refusal::Validation(format!(
        "Raw request must only have 1 input (found 1) to be deduced but got {} inputs in '{model}' model configuration",
        signature.inputs().len()
    ))
}

#[cold]
fn not_deduced(spec: &InputSpec) -> Refusal {
    Refusal::Validation(format!(
        "The shape of the raw input '{}' can not be deduced because there are more than one variable-sized dimension",
        spec.name
    ))
}
