//! Rows of the protocol checklist, sections 5.4 and 5.5: blobs, raw requests, classes.

use super::{answer, decode_rest, dense, input, one, signature};
use crate::JsonNan;
use crate::oip::{errors, rest};
use landfall_model::{
    Buffer, DType, Dim, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Signature, Tensor,
};
use std::sync::Arc;

#[test]
fn binary_inputs_follow_the_json_in_its_order() {
    // TRITON-BIN-1, -5, -6
    let two = signature(&[("A", DType::F32, &[1]), ("B", DType::String, &[1])], &[("Y", DType::F32, &[1])]);
    let json = r#"{"inputs":[{"name":"B","shape":[1,1],"datatype":"BYTES","parameters":{"binary_data_size":7}},{"name":"A","shape":[1,1],"datatype":"FP32","parameters":{"binary_data_size":4}}]}"#;
    let blobs = [&3u32.to_le_bytes()[..], b"abc", &1.5f32.to_le_bytes()].concat();
    let body = |extra: &[u8]| Buffer::copy_of(&[json.as_bytes(), &blobs, extra].concat());
    let length = json.len().to_string();
    let decode =
        |body: &Buffer, length: &str| rest::decode(body, Some(length), std::slice::from_ref(&two), "m");
    let call = decode(&body(b""), &length).unwrap().call;
    assert_eq!(dense(&call, 0).values::<f32>().unwrap(), [1.5]);
    assert_eq!(dense(&call, 1).strings().unwrap().get(0), b"abc");
    let whole = body(b"").len();
    for (bytes, length, text) in [
        (body(b""), "x", "Unable to parse Inference-Header-Content-Length, got: x".to_owned()),
        (body(b""), "9999", format!("inference header size should be in range (0, {whole}), got: 9999")),
        (body(b""), "-1", format!("inference header size should be in range (0, {whole}), got: -1")),
        (body(b"!"), &length, "unexpected additional input data for model 'm'".into()),
        (
            body(b"").slice(0..whole - 3),
            &length,
            "unexpected size for input 'A', expecting 3 additional bytes for model 'm'".into(),
        ),
    ] {
        let found = errors::text(&decode(&bytes, length).map(|d| d.call).unwrap_err());
        assert!(found.contains(&text), "{found}");
    }
    let all_json = input("FP32", "[1,2]", "[1,2]");
    let length = all_json.len().to_string();
    assert!(
        rest::decode(&Buffer::copy_of(all_json.as_bytes()), Some(&length), &[one(DType::F32, &[2])], "m")
            .is_ok()
    );
}

#[test]
fn an_aligned_blob_is_shared_with_the_body() {
    let data: Vec<u8> = [1.0f32, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let mut json =
        r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}"#
            .to_owned();
    while !json.len().is_multiple_of(64) {
        json.push(' ');
    }
    let body = Buffer::copy_of(&[json.as_bytes(), &data].concat());
    let decoded = rest::decode(&body, Some(&json.len().to_string()), &[one(DType::F32, &[2])], "m").unwrap();
    let tensor = dense(&decoded.call, 0);
    assert_eq!(tensor.bytes().unwrap().as_ptr(), body.bytes()[json.len()..].as_ptr());
}

#[test]
fn binary_outputs_are_asked_for_each_or_for_all() {
    // TRITON-BIN-3, -4
    let outputs = [("A", DType::F32, &[1usize][..]), ("B", DType::I64, &[1])];
    let signature = signature(&[("X", DType::F32, &[])], &outputs);
    let tensors = [
        (0, Tensor::from_slice(&[1, 1], &[1.5f32]).unwrap()),
        (1, Tensor::from_slice(&[1, 1], &[7i64]).unwrap()),
    ];
    let blob_sizes = |more: &str| {
        let body = format!(r#"{{"inputs":[{{"name":"X","shape":[1],"datatype":"FP32","data":[1]}}]{more}}}"#);
        let decoded = decode_rest(&signature, &body).unwrap();
        let (length, body) = answer(&decoded, &tensors, JsonNan::Bare);
        let json: serde_json::Value = serde_json::from_slice(&body[..length.unwrap_or(body.len())]).unwrap();
        let sizes: Vec<_> = json["outputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|o| o["parameters"]["binary_data_size"].as_u64())
            .collect();
        assert_eq!(body.len() - length.unwrap_or(body.len()), sizes.iter().flatten().sum::<u64>() as usize);
        (length.is_some(), sizes)
    };
    let all = r#","parameters":{"binary_data_output":true}"#;
    assert_eq!(blob_sizes(""), (false, vec![None, None]));
    assert_eq!(blob_sizes(all), (true, vec![Some(4), Some(8)]));
    let a = |value| {
        format!(r#","outputs":[{{"name":"A","parameters":{{"binary_data":{value}}}}},{{"name":"B"}}]"#)
    };
    assert_eq!(blob_sizes(&a(true)), (true, vec![Some(4), None]));
    assert_eq!(blob_sizes(&format!("{all}{}", a(false))), (true, vec![None, Some(8)]));
}

#[test]
fn a_raw_request_is_the_one_input() {
    // TRITON-BIN-7, -8
    let raw = |signature: &Arc<Signature>, body: &[u8], header: Option<&str>| {
        rest::decode(&Buffer::copy_of(body), header, std::slice::from_ref(signature), "m")
    };
    let eight = [0u8; 8];
    let decoded = raw(&one(DType::F32, &[2]), &eight, Some("0")).unwrap();
    assert_eq!(dense(&decoded.call, 0).shape()[..], [1, 2]);
    let (length, _) =
        answer(&decoded, &[(0, Tensor::from_slice(&[1, 3], &[1.0f32; 3]).unwrap())], JsonNan::Bare);
    assert!(length.is_some(), "outputs are binary");
    assert_eq!(
        dense(&raw(&one(DType::String, &[]), b"a text", Some("0")).unwrap().call, 0)
            .strings()
            .unwrap()
            .get(0),
        b"a text"
    );
    let two = signature(&[("A", DType::F32, &[1]), ("B", DType::F32, &[1])], &[("Y", DType::F32, &[1])]);
    let of_free = |dtype, count| {
        let inputs = vec![InputSpec::new("X", dtype, Some(vec![Dim::Free(None); count]))];
        let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
        Signature::new("s", Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared()
    };
    let free = |count| of_free(DType::F32, count);
    assert_eq!(dense(&raw(&free(2), &eight, Some("0")).unwrap().call, 0).shape()[..], [1, 2]);
    for (signature, body, text) in [
        (
            &two,
            &eight[..],
            "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'm' model configuration",
        ),
        (&two, b"", "Raw request must only have 1 input"),
        (&free(3), &eight, "more than one variable-sized dimension"),
        (&of_free(DType::String, 2), &eight, "the model must have input shape [1]"),
        (
            &one(DType::String, &[2]),
            &eight,
            "For BYTE datatype raw input 'X', the model must have input shape [1]",
        ),
        (&one(DType::F32, &[2]), &eight[..7], "input byte size mismatch"),
    ] {
        let found = errors::text(&raw(signature, body, Some("0")).map(|d| d.call).unwrap_err());
        assert!(found.contains(text), "{found}");
    }
}

#[test]
fn classes_are_written_as_text_and_as_blobs() {
    // TRITON-CLS-1, -3
    let body = |more: &str| {
        format!(
            r#"{{"inputs":[{{"name":"X","shape":[1,2],"datatype":"FP32","data":[1,2]}}],"outputs":[{{"name":"Y","parameters":{{"classification":2{more}}}}}]}}"#
        )
    };
    let scores = [(0, Tensor::from_slice(&[1, 3], &[1.0f32, 3.0, 2.0]).unwrap())];
    let text = decode_rest(&one(DType::F32, &[2]), &body("")).unwrap();
    let (_, json) = answer(&text, &scores, JsonNan::Bare);
    assert!(
        String::from_utf8(json).unwrap().ends_with(
            r#"{"name":"Y","datatype":"BYTES","shape":[1,2],"data":["3.000000:1","2.000000:2"]}]}"#
        )
    );
    let blob = decode_rest(&one(DType::F32, &[2]), &body(r#","binary_data":true"#)).unwrap();
    let (length, json) = answer(&blob, &scores, JsonNan::Bare);
    assert_eq!(&json[length.unwrap()..], b"\x0a\0\0\x003.000000:1\x0a\0\0\x002.000000:2");
}
