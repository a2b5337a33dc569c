//! The dialect as its clients see it: checklist rows, bodies of other programs, answers of real servers.

mod binary_rows;
mod bodies;
mod documents;
mod golden;
mod grpc_rows;
mod properties;
mod rest_rows;
mod tabular;

use super::{Form, grpc, rest};
use crate::{Decoded, Identity, JsonNan};
use landfall_model::{
    Buffer, Call, DType, Dim, InputSpec, Method, OutputSpec, Outputs, Problem, RowRule, ShapeRule, Signature,
    Tensor, Version,
};
use std::path::PathBuf;
use std::sync::Arc;

/// `[-1, …]`
pub(crate) fn rows_of(dims: &[usize]) -> Option<Vec<Dim>> {
    Some([Dim::Free(None)].into_iter().chain(dims.iter().map(|&n| Dim::Known(n))).collect())
}

/// A signature of inputs and outputs with rows.
pub(crate) fn signature(
    inputs: &[(&str, DType, &[usize])],
    outputs: &[(&str, DType, &[usize])],
) -> Arc<Signature> {
    let inputs =
        inputs.iter().map(|(name, dtype, dims)| InputSpec::new(*name, *dtype, rows_of(dims))).collect();
    let outputs =
        outputs.iter().map(|(name, dtype, dims)| OutputSpec::new(*name, *dtype, rows_of(dims))).collect();
    Signature::new(
        "serving_default",
        Method::Predict,
        inputs,
        outputs,
        RowRule::Independent,
        ShapeRule::Checked,
    )
    .unwrap()
    .shared()
}

/// The click-through model of the shared cases.
pub(crate) fn ctr() -> Arc<Signature> {
    signature(&[("dense", DType::F32, &[13]), ("ids", DType::I64, &[26])], &[("score", DType::F32, &[1])])
}

/// One input X of this type and row width, one output Y.
fn one(dtype: DType, width: &[usize]) -> Arc<Signature> {
    signature(&[("X", dtype, width)], &[("Y", DType::F32, &[3])])
}

fn input(datatype: &str, shape: &str, data: &str) -> String {
    format!(r#"{{"inputs":[{{"name":"X","shape":{shape},"datatype":"{datatype}","data":{data}}}]}}"#)
}

fn dense(call: &Call, slot: usize) -> &Tensor {
    call.input(slot).unwrap().dense().unwrap()
}

fn decode_rest(signature: &Arc<Signature>, body: &str) -> Result<Decoded<Form>, Problem> {
    rest::decode(&Buffer::copy_of(body.as_bytes()), None, std::slice::from_ref(signature), "m")
}

fn decode_grpc(signature: &Arc<Signature>, body: &[u8]) -> Result<Decoded<Form>, Problem> {
    grpc::decode_infer(&Buffer::copy_of(body), std::slice::from_ref(signature), "m")
}

/// The text of a refusal, as the caller sees it.
fn refusal(outcome: Result<Decoded<Form>, Problem>) -> String {
    super::errors::text(&outcome.map(|decoded| decoded.call).unwrap_err())
}

/// The answer to a decoded call, as HTTP sends it: length of the JSON where blobs follow, and the body.
fn answer(decoded: &Decoded<Form>, tensors: &[(usize, Tensor)], nan: JsonNan) -> (Option<usize>, Vec<u8>) {
    let mut outputs = Outputs::new();
    tensors.iter().for_each(|(place, tensor)| outputs.set(*place, tensor.clone()));
    let version = Version::numbered(1);
    let identity = Identity { model: "m", version: &version };
    let mut body = Vec::new();
    let encoded =
        rest::encode(&decoded.form, identity, decoded.call.signature(), &outputs, nan, &mut body).unwrap();
    (encoded.header_length, body)
}

/// The folder of shared cases, where it is there; says so in one line where it is not.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let found = root.join(path);
    if !found.exists() {
        println!("left out: {path} is not in the folder of shared cases (LANDFALL_SHARED)");
        return None;
    }
    Some(found)
}
