//! `GetModelMetadata`: request model_spec = 1, metadata_field = 2; response model_spec = 1, metadata = 2 (map of `Any`).

use super::spec::{self, ModelSpec};
use super::unreadable;
use crate::protobuf::Writer;
use crate::tfs::names;
use crate::{Address, Identity};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, DeclaredSignature, Dim, Problem, Signature};
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

/// `GetModelMetadataResponse` with the signatures that the model's file declares, as they are; where it declares none in
/// these words, with those that can be called.
pub fn encode_get_model_metadata(
    identity: Identity<'_>,
    signatures: &[Arc<Signature>],
    declared: &[DeclaredSignature],
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut response = Writer::new(&mut out);
    response.message(1, |message| spec::write(message, identity, ""));
    response.message(2, |entry| {
        entry.string_field(1, SIGNATURE_DEF);
        entry.message(2, |any| {
            any.string_field(1, SIGNATURE_DEF_MAP);
            any.message(2, |map| match declared {
                [] => write_signatures(map, signatures),
                declared => declared.iter().for_each(|signature| write_declared(map, signature)),
            });
        });
    });
    out
}

/// `SignatureDefMap`: signature_def = 1 (map); `SignatureDef`: inputs = 1, outputs = 2 (maps), method_name = 3.
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
            });
        });
    }
}

/// An entry of `SignatureDefMap` whose value is there already.
fn write_declared(map: &mut Writer<'_>, signature: &DeclaredSignature) {
    map.message(1, |entry| {
        entry.string_field(1, &signature.name);
        entry.bytes_field(2, &signature.message);
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
