//! What holds for all inputs: the same call however it is written, answers that read back, no panic on any bytes.

use super::{answer, decode_grpc, decode_rest, signature};
use crate::JsonNan;
use crate::oip::{fuzz, rest};
use crate::protobuf::Writer;
use landfall_model::{Buffer, DType, Tensor};
use proptest::prelude::*;

fn bits(tensor: &Tensor) -> Vec<u32> {
    tensor.values::<f32>().unwrap().iter().map(|v| v.to_bits()).collect()
}

proptest! {
    #![proptest_config(crate::seeded::seeded(256))]

    #[test]
    fn a_tensor_is_the_same_in_json_binary_and_grpc(rows in 0usize..5, values in proptest::collection::vec(any::<f32>(), 15)) {
        let values: Vec<f32> = values.iter().map(|v| if v.is_finite() { *v } else { 0.5 }).take(rows * 3).collect();
        let signature = signature(&[("X", DType::F32, &[3])], &[("Y", DType::F32, &[3])]);
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let texts: Vec<String> = values.iter().map(|v| format!("{v:e}")).collect();
        let head = format!(r#"{{"name":"X","shape":[{rows},3],"datatype":"FP32""#);
        let json = decode_rest(&signature, &format!(r#"{{"inputs":[{head},"data":[{}]}}]}}"#, texts.join(","))).unwrap();
        let front = format!(r#"{{"inputs":[{head},"parameters":{{"binary_data_size":{}}}}}]}}"#, bytes.len());
        let body = Buffer::copy_of(&[front.as_bytes(), &bytes].concat());
        let binary = rest::decode(&body, Some(&front.len().to_string()), std::slice::from_ref(&signature), "m").unwrap();
        let mut message = Vec::new();
        let mut w = Writer::new(&mut message);
        w.message(5, |w| {
            w.string_field(1, "X");
            w.string_field(2, "FP32");
            w.packed_varints(3, [rows as u64, 3].into_iter());
        });
        w.bytes_field(7, &bytes);
        let grpc = decode_grpc(&signature, &message).unwrap();
        let dense = |decoded: &crate::Decoded<crate::oip::Form>| decoded.call.input(0).unwrap().dense().unwrap().clone();
        // The shortest text of a single-precision number, read as a double and rounded, is that number.
        prop_assert_eq!(bits(&dense(&json)), bits(&dense(&binary)));
        prop_assert_eq!(bits(&dense(&grpc)), bits(&dense(&binary)));

        let (_, written) = answer(&json, &[(0, dense(&json))], JsonNan::Bare);
        let back: serde_json::Value = serde_json::from_slice(&written).unwrap();
        let read: Vec<f32> =
            back["outputs"][0]["data"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        prop_assert_eq!(read.iter().map(|v| v.to_bits()).collect::<Vec<_>>(), bits(&dense(&json)));
    }

    #[test]
    fn integers_are_exact(values in proptest::collection::vec(any::<i64>(), 1..9)) {
        let signature = signature(&[("X", DType::I64, &[])], &[("Y", DType::I64, &[])]);
        let body = format!(r#"{{"inputs":[{{"name":"X","shape":[{}],"datatype":"INT64","data":{values:?}}}]}}"#, values.len());
        let decoded = decode_rest(&signature, &body).unwrap();
        let tensor = decoded.call.input(0).unwrap().dense().unwrap().clone();
        prop_assert_eq!(tensor.values::<i64>().unwrap(), &values[..]);
        let (_, written) = answer(&decoded, &[(0, tensor)], JsonNan::Bare);
        let back: serde_json::Value = serde_json::from_slice(&written).unwrap();
        prop_assert_eq!(&back["outputs"][0]["data"], &serde_json::json!(values));
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(data in proptest::collection::vec(any::<u8>(), 0..200)) {
        fuzz::rest_infer(&data);
        fuzz::grpc_infer(&data);
    }
}

/// A small generator with a fixed seed: the same run each time.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    /// Changes, drops, doubles or inserts some bytes.
    fn mutate(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut data = seed.to_vec();
        for _ in 0..=self.next(4) {
            let at = self.next(data.len());
            match self.next(4) {
                0 if !data.is_empty() => data[at] = self.next(256) as u8,
                1 => data.truncate(at),
                2 => data.insert(at, b"[]{}\",:0-9eNn\\"[self.next(14)]),
                _ => {
                    let part = data[at..data.len().min(at + 9)].to_vec();
                    data.splice(at..at, part);
                }
            }
        }
        data
    }
}

#[test]
fn mutated_requests_are_answered_or_refused() {
    let json = br#" {"id":"a","inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2.5],[NaN,null]]},{"name":"s","shape":[2,1],"datatype":"BYTES","data":["a","\u00e9"]},{"name":"age","shape":[2],"datatype":"INT64","data":[3,-4]},{"name":"features.data","shape":[1],"datatype":"FP64","data":[1e3]}],"outputs":[{"name":"y","parameters":{"classification":2,"binary_data":true}}],"parameters":{"timeout":5,"priority":1}}"#;
    let mut message = Vec::new();
    let mut w = Writer::new(&mut message);
    w.string_field(3, "id");
    w.message(5, |w| {
        w.string_field(1, "x");
        w.string_field(2, "FP32");
        w.packed_varints(3, [1u64, 2].into_iter());
    });
    w.message(5, |w| {
        w.string_field(1, "s");
        w.string_field(2, "BYTES");
        w.packed_varints(3, [1u64, 1].into_iter());
    });
    w.bytes_field(7, &[0; 8]);
    w.bytes_field(7, b"\x01\0\0\0a");
    let mut seeded = Seeded(0x5eed_1234_5678_9abc);
    for _ in 0..20_000 {
        fuzz::rest_infer(&seeded.mutate(json));
        fuzz::grpc_infer(&seeded.mutate(&message));
    }
}
