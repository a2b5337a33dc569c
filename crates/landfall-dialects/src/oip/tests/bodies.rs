//! The request bodies of the benchmark folder: one call, however it is written.

use super::{ctr, shared, signature};
use crate::oip::{grpc, rest};
use landfall_model::{Buffer, Call, DType, Signature, Tensor};
use std::path::Path;
use std::sync::Arc;

fn tensors(call: &Call) -> Vec<Tensor> {
    call.inputs().iter().map(|input| input.as_ref().unwrap().dense().unwrap().clone()).collect()
}

/// JSON, binary extension and gRPC of one stem.
fn all_forms(folder: &Path, stem: &str, header: &str, signature: &Arc<Signature>) -> [Vec<Tensor>; 3] {
    let read = |name: String| Buffer::from_owner(std::fs::read(folder.join(name)).unwrap());
    let of = std::slice::from_ref(signature);
    let json = rest::decode(&read(format!("{stem}_oip.json")), None, of, stem).unwrap();
    let binary = rest::decode(&read(format!("{stem}_oip_binary.bin")), Some(header), of, stem).unwrap();
    let message = grpc::decode_infer(&read(format!("{stem}_grpc_oip.pb")), of, stem).unwrap();
    [tensors(&json.call), tensors(&binary.call), tensors(&message.call)]
}

#[test]
fn one_call_is_the_same_in_json_binary_and_grpc() {
    let Some(folder) = shared("data/bench") else { return };
    let tiny = signature(&[("x", DType::F32, &[4])], &[("y", DType::F32, &[3])]);
    for (stem, header, signature, rows) in
        [("ctr", "249", ctr(), 1), ("ctr32", "254", ctr(), 32), ("mlp_tiny", "153", tiny, 1)]
    {
        let [json, binary, message] = all_forms(&folder, stem, header, &signature);
        assert_eq!(json, binary, "{stem}");
        assert_eq!(json, message, "{stem}");
        assert_eq!(json[0].shape()[0], rows, "{stem}");
    }
}
