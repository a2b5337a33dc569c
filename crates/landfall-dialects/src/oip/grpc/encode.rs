//! Outputs to `ModelInferResponse`: all tensors as raw contents, in the order in which they are listed.

use crate::Identity;
use crate::failed_rows;
use crate::json::write;
use crate::oip::asked::Form;
use crate::oip::errors::not_computed;
use crate::oip::{blob, classes, names};
use crate::protobuf::Writer;
use landfall_model::{Outputs, Problem, Signature, Tensor};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Appends a `ModelInferResponse`.
///
/// # Errors
/// Rows that failed alone, all named; an output that the classification extension cannot rank; internal, when an output
/// was not computed. `out` then holds a part of the answer.
pub fn encode_infer(
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    response(&mut Writer::new(out), form, identity, signature, outputs, false)
}

/// Appends a `ModelStreamInferResponse` with an answer, marked as the request's last one.
///
/// # Errors
/// As [`encode_infer`].
pub fn encode_stream(
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    Writer::new(out).try_message(2, |w| response(w, form, identity, signature, outputs, true))
}

/// Appends a `ModelStreamInferResponse` with an error: the stream goes on. `from_model` says whether the model itself
/// failed, not the request's validation; such an answer is marked as the request's last one.
pub fn encode_stream_error(message: &str, id: &[u8], from_model: bool, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.string_field(1, message);
    writer.message(2, |w| {
        if !id.is_empty() {
            w.bytes_field(3, id);
        }
        if from_model {
            final_response(w);
        }
    });
}

fn response(
    w: &mut Writer<'_>,
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    in_stream: bool,
) -> Result<(), Problem> {
    failed_rows::refuse(outputs)?;
    w.string_field(1, identity.model);
    // Text is framed as a message is; the number is written in place.
    w.message(2, |w| match identity.version.number() {
        Some(number) => write::integer(w.out(), number),
        None => w.out().extend_from_slice(identity.version.name().as_bytes()),
    });
    if !form.id.is_empty() {
        w.bytes_field(3, &form.id);
    }
    if in_stream {
        final_response(w);
    }
    let mut tensors: SmallVec<[(Cow<'_, Tensor>, &str); 4]> = SmallVec::new();
    for asked in &form.outputs {
        let spec = &signature.outputs()[asked.place];
        let tensor = outputs.get(asked.place).ok_or_else(|| not_computed(&spec.name))?;
        let tensor = match asked.classes {
            0 => Cow::Borrowed(tensor),
            k => Cow::Owned(classes::top(tensor, spec, signature.rows(), k)?),
        };
        w.message(5, |w| {
            w.string_field(1, &spec.name);
            w.string_field(2, names::datatype(tensor.dtype()));
            w.packed_varints(3, tensor.shape().iter().map(|&dim| dim as u64));
        });
        tensors.push((tensor, &spec.name));
    }
    for (tensor, name) in &tensors {
        w.length(6, blob::length(tensor));
        blob::write(tensor, name, w.out())?;
    }
    Ok(())
}

/// `parameters["triton_final_response"].bool_param = true`
fn final_response(w: &mut Writer<'_>) {
    w.message(4, |entry| {
        entry.string_field(1, "triton_final_response");
        entry.message(2, |value| value.bool_field(1, true));
    });
}
