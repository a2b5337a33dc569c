//! Status and metadata as JSON, laid out as protobuf's JSON printer does it.

use crate::Identity;
use crate::json::write::Indented;
use crate::tfs::names;
use landfall_model::{DType, DeclaredSignature, Described, Dim, Signature, VersionStatus};
use std::sync::Arc;

const INDENT: usize = 1;

/// The states of versions, in the order given (newest first, in this API). A version whose name is no number is listed
/// without one.
pub fn status(versions: &[VersionStatus]) -> Vec<u8> {
    let mut out = Vec::new();
    Indented::new(&mut out, INDENT).object(|root| {
        root.name("model_version_status").array(|list| {
            for status in versions {
                list.element().object(|version| one_status(version, status));
            }
        });
    });
    out.push(b'\n');
    out
}

fn one_status(version: &mut Indented<'_>, status: &VersionStatus) {
    if let Some(number) = status.version.number() {
        version.name("version").string(&number.to_string());
    }
    version.name("state").string(names::state(status.state).0);
    version.name("status").object(|object| {
        let code = status.problem.as_ref().map_or("OK", |problem| problem.kind().name());
        let text = status.problem.as_ref().map(ToString::to_string).unwrap_or_default();
        object.name("error_code").string(code);
        object.name("error_message").string(&text);
    });
}

/// The signatures that the file of a version declares, as they are; where it declares none in these words, those that can
/// be called.
pub fn metadata(
    identity: Identity<'_>,
    signatures: &[Arc<Signature>],
    declared: &[DeclaredSignature],
) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"{\n\"model_spec\":");
    Indented::new(&mut out, INDENT).object(|spec| {
        spec.name("name").string(identity.model);
        spec.name("signature_name").string("");
        if let Some(number) = identity.version.number() {
            spec.name("version").string(&number.to_string());
        }
    });
    out.extend_from_slice(b"\n,\n\"metadata\": {\"signature_def\": ");
    Indented::new(&mut out, INDENT).object(|map| {
        map.name("signature_def").object(|map| {
            for signature in signatures.iter().filter(|_| declared.is_empty()) {
                map.name(signature.name()).object(|object| one_signature(object, signature));
            }
            for signature in declared {
                described(map.name(&signature.name), &signature.fields);
            }
        });
    });
    out.extend_from_slice(b"\n}\n}\n");
    out
}

fn one_signature(object: &mut Indented<'_>, signature: &Signature) {
    object.name("inputs").object(|inputs| {
        for input in signature.inputs() {
            let name = names::tensor_name(&input.name, &input.tensor);
            inputs.name(&input.name).object(|o| tensor(o, &name, input.dtype, input.dims.as_deref()));
        }
    });
    object.name("outputs").object(|outputs| {
        for output in signature.outputs() {
            let dtype = names::answered_dtype(output);
            let name = names::tensor_name(&output.name, &output.tensor);
            outputs.name(&output.name).object(|o| tensor(o, &name, dtype, output.dims.as_deref()));
        }
    });
    object.name("method_name").string(names::method_name(signature.method()));
    object.name("defaults").object(|_| {});
}

/// What a message holds, as the value that comes next.
fn described(document: &mut Indented<'_>, value: &Described) {
    match value {
        Described::Text(text) => document.string(text),
        Described::Bytes(bytes) => document.string(&base64_simd::STANDARD.encode_to_string(bytes)),
        Described::Number(digits) => document.number(digits),
        Described::Bool(value) => document.boolean(*value),
        Described::List(items) => document.array(|array| {
            items.iter().for_each(|item| described(array.element(), item));
        }),
        Described::Fields(fields) => document.object(|object| {
            fields.iter().for_each(|(name, value)| described(object.name(name), value));
        }),
    }
}

/// A `TensorInfo`.
fn tensor(object: &mut Indented<'_>, name: &str, dtype: DType, dims: Option<&[Dim]>) {
    object.name("dtype").string(names::data_type(dtype).0);
    object.name("tensor_shape").object(|shape| {
        shape.name("dim").array(|list| {
            for dim in dims.unwrap_or_default() {
                list.element().object(|object| {
                    object.name("size").string(&dim.as_signed().to_string());
                    object.name("name").string("");
                });
            }
        });
        shape.name("unknown_rank").boolean(dims.is_none());
    });
    object.name("name").string(name);
}
