//! Bodies of fuzz targets: whatever the bytes, the decoders answer or refuse.

use super::{grpc, rest};
use landfall_model::{
    Buffer, Column, DType, Dim, InputSpec, Method, NullRule, OutputSpec, RowRule, ShapeRule, Signature,
};
use std::sync::Arc;

/// A signature with most of what decoders know: several types, optional inputs, a matrix with named columns.
fn signature() -> Arc<Signature> {
    let dims = |known: &[usize]| {
        Some([Dim::Free(None)].into_iter().chain(known.iter().map(|&n| Dim::Known(n))).collect::<Vec<_>>())
    };
    let mut inputs = vec![
        InputSpec::new("x", DType::F32, dims(&[2])),
        InputSpec::new("i", DType::I8, dims(&[])),
        InputSpec::new("s", DType::String, dims(&[1])),
        InputSpec::new("b", DType::Bool, None),
        InputSpec::new("features", DType::F64, dims(&[2])),
    ];
    inputs.iter_mut().for_each(|input| input.optional = true);
    inputs[0].null = NullRule::Nan;
    inputs[4].columns = ["age", "job"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    inputs[4].null = NullRule::Zero;
    let outputs = vec![OutputSpec::new("y", DType::F32, None), OutputSpec::new("z", DType::I64, None)];
    Signature::new(
        "serving_default",
        Method::Predict,
        inputs,
        outputs,
        RowRule::Independent,
        ShapeRule::Checked,
    )
    .expect("names differ")
    .shared()
}

/// The body of an inference over HTTP; the first byte chooses a header length.
pub fn rest_infer(data: &[u8]) {
    let Some((&first, body)) = data.split_first() else { return };
    let buffer = Buffer::copy_of(body);
    let lengths =
        [None, Some("0".to_owned()), Some(body.len().to_string()), Some((body.len() / 2).to_string())];
    let length = lengths[usize::from(first) % lengths.len()].as_deref();
    let _ = rest::decode(&buffer, length, &[signature()], "m");
    let _ = rest::index_request(body);
    let _ = rest::load_request(body);
}

/// A message of an inference over gRPC, and the service's smaller requests.
pub fn grpc_infer(data: &[u8]) {
    let _ = grpc::infer_address(data);
    let _ = grpc::decode_infer(&Buffer::copy_of(data), &[signature()], "m");
    let _ = grpc::infer_id(data);
    let _ = grpc::model_request(data);
    let _ = grpc::index_request(data);
    let _ = grpc::load_request(data);
    let _ = grpc::unload_request(data);
}
