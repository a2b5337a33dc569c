//! `GetModelMetadata`: request model_spec = 1, metadata_field = 2; response model_spec = 1, metadata = 2 (map of `Any`).

use super::encode;
use super::spec::{self, ModelSpec};
use super::unreadable;
use crate::protobuf::Writer;
use crate::tfs::names;
use crate::{Address, Identity};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Dim, Problem, Signature, Tensor};
use std::sync::Arc;

const SIGNATURE_DEF: &str = "signature_def";
const SIGNATURE_DEF_MAP: &str = "type.googleapis.com/tensorflow.serving.SignatureDefMap";

/// For whom a `GetModelMetadataRequest` is.
///
/// # Errors
/// Invalid argument, in the original's words: nobody is named, no field or an unknown one is asked for.
pub fn decode_get_model_metadata(body: &[u8]) -> Result<Address, Problem> {
    let (spec, asked) = read(body).map_err(unreadable)?;
    let address = ModelSpec::address(spec)?;
    if asked.is_empty() {
        return Err(Problem::invalid("GetModelMetadataRequest must specify at least one metadata_field"));
    }
    match asked.iter().find(|&&field| field != SIGNATURE_DEF) {
        Some(field) => Err(Problem::invalid(format!("Metadata field {field} is not supported"))),
        None => Ok(address),
    }
}

fn read(body: &[u8]) -> Result<(Option<ModelSpec>, Vec<&str>), Problem> {
    let (mut spec, mut asked) = (None::<ModelSpec>, Vec::new());
    let mut fields = Fields::new("GetModelMetadataRequest", body);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => spec.get_or_insert_default().merge(value.message()?)?,
            2 => asked.push(value.text()?),
            _ => {}
        }
    }
    Ok((spec, asked))
}

/// `GetModelMetadataResponse` with all signatures, and the names and operations of those that only a loader runs.
pub fn encode_get_model_metadata(
    identity: Identity<'_>,
    signatures: &[Arc<Signature>],
    opening: &[(String, String)],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut response = Writer::new(&mut out);
    response.message(1, |message| spec::write(message, identity, ""));
    response.message(2, |entry| {
        entry.string_field(1, SIGNATURE_DEF);
        entry.message(2, |any| {
            any.string_field(1, SIGNATURE_DEF_MAP);
            any.message(2, |map| {
                write_signatures(map, signatures);
                opening.iter().for_each(|(name, operation)| write_opening(map, name, operation));
            });
        });
    });
    out
}

/// `SignatureDefMap`: signature_def = 1 (map); `SignatureDef`: inputs = 1, outputs = 2 (maps), method_name = 3,
/// defaults = 4 (map).
fn write_signatures(map: &mut Writer<'_>, signatures: &[Arc<Signature>]) {
    for signature in signatures {
        map.message(1, |entry| {
            entry.string_field(1, signature.name());
            entry.message(2, |definition| {
                for input in signature.inputs() {
                    let tensor = names::tensor_name(&input.name, &input.tensor);
                    let info = Info { tensor: &tensor, dtype: input.dtype, dims: input.dims.as_deref() };
                    write_tensor(definition, 1, &input.name, &info);
                }
                for output in signature.outputs() {
                    let tensor = names::tensor_name(&output.name, &output.tensor);
                    let dtype = names::answered_dtype(output);
                    let info = Info { tensor: &tensor, dtype, dims: output.dims.as_deref() };
                    write_tensor(definition, 2, &output.name, &info);
                }
                definition.string_field(3, names::method_name(signature.method()));
                for input in signature.inputs() {
                    if let Some(default) = &input.default {
                        write_default(definition, &input.name, default);
                    }
                }
            });
        });
    }
}

/// An entry of the map of defaults.
fn write_default(definition: &mut Writer<'_>, name: &str, default: &Tensor) {
    definition.message(4, |entry| {
        entry.string_field(1, name);
        // Every type that a tensor here can have has a field.
        let _ = entry.try_message(2, |message| encode::write_tensor(default, false, message));
    });
}

/// A signature without tensors: one output, named as it, which is an operation.
fn write_opening(map: &mut Writer<'_>, name: &str, operation: &str) {
    map.message(1, |entry| {
        entry.string_field(1, name);
        entry.message(2, |definition| {
            definition.message(2, |entry| {
                entry.string_field(1, name);
                entry.message(2, |info| {
                    info.string_field(1, operation);
                    info.message(3, |shape| shape.bool_field(3, true));
                });
            });
        });
    });
}

/// A `TensorInfo`: name = 1, dtype = 2, tensor_shape = 3.
struct Info<'a> {
    tensor: &'a str,
    dtype: DType,
    dims: Option<&'a [Dim]>,
}

/// A map entry with a `TensorInfo`.
fn write_tensor(definition: &mut Writer<'_>, field: u32, name: &str, of: &Info<'_>) {
    definition.message(field, |entry| {
        entry.string_field(1, name);
        entry.message(2, |info| {
            info.string_field(1, of.tensor);
            info.varint_field(2, names::data_type(of.dtype).1);
            info.message(3, |shape| {
                for dim in of.dims.unwrap_or_default() {
                    shape.message(2, |message| match dim.as_signed() {
                        0 => {}
                        size => message.signed_field(1, size),
                    });
                }
                if of.dims.is_none() {
                    shape.bool_field(3, true);
                }
            });
        });
    });
}
