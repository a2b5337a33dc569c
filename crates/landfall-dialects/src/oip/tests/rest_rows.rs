//! Rows of the protocol checklist, sections 5.2 to 5.7: request and refusal, request and answer.

use super::{answer, decode_rest, refusal, rows_of, signature};
use crate::JsonNan;
use crate::oip::{IndexEntry, ModelFacts, errors, rest};
use landfall_model::{
    Bitmap, Buffer, Call, DType, Dim, Facts, InputSpec, Method, NullRule, OutputSpec, Problem, RowRule,
    Shape, ShapeRule, Signature, Tensor, Timed, Version, VersionState, VersionStatistics,
};
use std::sync::Arc;
use std::time::Duration;

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

#[test]
fn what_does_not_fit_is_refused_in_tritons_words() {
    let x = one(DType::F32, &[2]);
    let two = signature(&[("A", DType::F32, &[2]), ("B", DType::I8, &[1])], &[("Y", DType::F32, &[1])]);
    let a = r#"{"name":"A","shape":[1,2],"datatype":"FP32","data":[1,2]}"#;
    let deep = "[".repeat(101) + "1,2" + &"]".repeat(101);
    let good = r#""inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","data":[1,2]}]"#;
    let with = |more: &str| format!("{{{good},{more}}}");
    let table: Vec<(&str, Arc<Signature>, String, &str)> = vec![
        ("OIP-REST-14", x.clone(), input("FP32", "[1,2]", &deep), "JSON nesting depth exceeds maximum allowed limit (100)"),
        ("OIP-REST-15", x.clone(), input("FLOAT", "[1,2]", "[1,2]"), "invalid datatype for input X"),
        ("OIP-REST-19", one(DType::I32, &[1]), input("INT32", "[1,1]", "[1.0]"), "attempt to access JSON non-signed-integer as signed-integer"),
        ("OIP-REST-19", one(DType::Bool, &[1]), input("BOOL", "[1,1]", "[1]"), "attempt to access JSON non-boolean as boolean"),
        ("OIP-REST-19", x.clone(), input("FP32", "[1,2]", "[1,\"2\"]"), "attempt to access JSON non-number as double"),
        ("OIP-REST-19", one(DType::String, &[1]), input("BYTES", "[1,1]", "[1]"), "Unable to parse JSON bytes array: attempt to access JSON non-string as string"),
        ("OIP-REST-20", one(DType::I8, &[1]), input("INT8", "[1,1]", "[300]"), "(input 'X' row 0: expected INT8, found 300)"),
        ("OIP-REST-20", one(DType::U8, &[1]), input("UINT8", "[2,1]", "[1,-1]"), "(input 'X' row 1: expected UINT8, found -1)"),
        ("OIP-REST-21", x.clone(), input("FP32", "[1,2]", "[1,2,3]"), "Unable to parse 'data': Shape does not match true shape of 'data' field"),
        ("OIP-REST-21", x.clone(), input("FP32", "[1,2]", "[1]"), "hape does not match true shape"),
        ("OIP-REST-22", x.clone(), "{".into(), "failed to parse the request JSON buffer: "),
        ("OIP-REST-22", x.clone(), format!("{{{good}}}x"), "must not be followed by other values. at 70"),
        ("OIP-REST-23", x.clone(), "{}".into(), "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#.into(), "object member 'name'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"name":"X","datatype":"FP32","data":[1,2]}]}"#.into(), "object member 'shape'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"name":"X","shape":[1,2],"data":[1,2]}]}"#.into(), "object member 'datatype'"),
        ("OIP-REST-24", x.clone(), input("FP32", "[-1,2]", "[1,2]"), "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer"),
        ("OIP-REST-24", x.clone(), input("FP32", "[4294967296,4294967296]", "[1,2]"), "causes total element count to exceed maximum size of"),
        ("OIP-REST-26", x.clone(), r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"FP32"}]}"#.into(), "'shared_memory_region' in 'parameters'. But no field is set"),
        ("OIP-REST-26", x.clone(), r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","data":[1,2],"parameters":{"binary_data_size":8}}]}"#.into(), "But set 'data' 'binary_data_size'"),
        ("OIP-REST-31", two.clone(), format!(r#"{{"inputs":[{a},{a}]}}"#), "[request id: <id_unknown>] input 'A' already exists in request"),
        ("OIP-REST-32", two.clone(), format!(r#"{{"inputs":[{a}]}}"#), "expected 2 inputs but got 1 inputs for model 'm'. Got input(s) ['A'], but missing required input(s) ['B']. Please provide all required input(s)."),
        ("OIP-REST-33", x.clone(), r#"{"inputs":[{"name":"Z","shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#.into(), "unexpected inference input 'Z' for model 'm'"),
        ("OIP-REST-33", x.clone(), with(r#""outputs":[{"name":"Z"}]"#), "unexpected inference output 'Z' for model 'm'"),
        ("OIP-REST-34", x.clone(), input("FP32", "[]", "[1]"), "input 'X' has no shape but model requires batch dimension for 'm'"),
        ("OIP-REST-34", two.clone(), format!(r#"{{"inputs":[{a},{{"name":"B","shape":[2,1],"datatype":"INT8","data":[1,2]}}]}}"#), "input 'B' batch size does not match other inputs for 'm'"),
        ("OIP-REST-35", x.clone(), input("INT32", "[1,2]", "[1,2]"), "inference input 'X' data-type is 'INT32', but model 'm' expects 'FP32'"),
        ("OIP-REST-36", x.clone(), input("FP32", "[1,3]", "[1,2,3]"), "unexpected shape for input 'X' for model 'm'. Expected [-1,2], got [1,3]."),
        ("TRITON-PARAM-1", x.clone(), with(r#""parameters":{"p":[1]}"#), "parameter 'p' has invalid type. It should be either 'int', 'bool', or 'string'."),
        ("TRITON-PARAM-2", x.clone(), with(r#""parameters":{"triton_x":1}"#), "parameter keys starting with 'triton_' are reserved for Triton usage and should not be specified."),
        ("TRITON-CLS-4", x.clone(), with(r#""outputs":[{"name":"Y","parameters":{"classification":"1"}}]"#), "Unable to set 'classification'"),
        ("TRITON-SHM-5", x.clone(), r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}]}"#.into(), "parameter 'shared_memory_region' of tensor 'X': shared memory is not supported"),
        ("TRITON-SHM-5", x.clone(), with(r#""outputs":[{"name":"Y","parameters":{"shared_memory_region":"r"}}]"#), "tensor 'Y': shared memory is not supported"),
    ];
    for (row, signature, body, text) in table {
        let found = refusal(decode_rest(&signature, &body));
        assert!(found.contains(text), "{row}: {body}\n  {found}");
    }
}

#[test]
fn a_validation_error_carries_the_requests_id_wherever_it_stands() {
    for body in [
        r#"{"id":"7","inputs":[{"name":"X","shape":[1,2],"datatype":"INT8","data":[1,2]}]}"#,
        r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"INT8","data":[1,2]}],"id":"7"}"#,
    ] {
        assert!(
            refusal(decode_rest(&one(DType::F32, &[2]), body))
                .starts_with("[request id: 7] inference input 'X'")
        );
    }
}

#[test]
fn what_is_refused_for_shared_memory_is_unimplemented() {
    let body = r#"{"inputs":[{"name":"X","shape":[1,2],"datatype":"FP32","parameters":{"shared_memory_region":"r"}}]}"#;
    assert_eq!(errors::rest(&decode_rest(&one(DType::F32, &[2]), body).unwrap_err()).status, 501);
}

#[test]
fn every_datatype_is_read_from_json_and_written_to_it() {
    // OIP-REST-15, -16, -17, -18
    let table = [
        (DType::Bool, "BOOL", "[true,false]", "[true,false]"),
        (DType::I8, "INT8", "[-128,127]", "[-128,127]"),
        (DType::I16, "INT16", "[-32768,32767]", "[-32768,32767]"),
        (DType::I32, "INT32", "[-2147483648,2147483647]", "[-2147483648,2147483647]"),
        (
            DType::I64,
            "INT64",
            "[-9223372036854775808,9223372036854775807]",
            "[-9223372036854775808,9223372036854775807]",
        ),
        (DType::U8, "UINT8", "[0,255]", "[0,255]"),
        (DType::U16, "UINT16", "[0,65535]", "[0,65535]"),
        (DType::U32, "UINT32", "[0,4294967295]", "[0,4294967295]"),
        (DType::U64, "UINT64", "[0,18446744073709551615]", "[0,18446744073709551615]"),
        (DType::F16, "FP16", "[0.5,-2]", "[0.5,-2.0]"),
        (DType::BF16, "BF16", "[0.5,-2]", "[0.5,-2.0]"),
        (DType::F32, "FP32", "[0.1,16777217]", "[0.10000000149011612,16777216.0]"),
        (DType::F64, "FP64", "[0.1,1e300]", "[0.1,1e+300]"),
        (DType::String, "BYTES", r#"["é","a\u0000\"b"]"#, r#"["é","a\u0000\"b"]"#),
    ];
    for (dtype, name, sent, back) in table {
        let signature = signature(&[("X", dtype, &[])], &[("Y", dtype, &[])]);
        let decoded = decode_rest(&signature, &input(name, "[2]", sent)).unwrap();
        let tensor = dense(&decoded.call, 0).clone();
        let (length, body) = answer(&decoded, &[(0, tensor)], JsonNan::Bare);
        let expected = format!(
            r#"{{"model_name":"m","model_version":"1","outputs":[{{"name":"Y","datatype":"{name}","shape":[2],"data":{back}}}]}}"#
        );
        assert_eq!((length, String::from_utf8(body).unwrap()), (None, expected));
    }
}

#[test]
fn nan_and_infinity_are_bare_tokens_both_ways_or_null_when_told() {
    let signature = signature(&[("X", DType::F32, &[])], &[("Y", DType::F32, &[])]);
    let decoded = decode_rest(&signature, &input("FP32", "[3]", "[NaN,Infinity,-Infinity]")).unwrap();
    let tensor = dense(&decoded.call, 0).clone();
    let (_, bare) = answer(&decoded, &[(0, tensor.clone())], JsonNan::Bare);
    assert!(String::from_utf8(bare).unwrap().contains(r#""data":[NaN,Infinity,-Infinity]"#));
    let (_, null) = answer(&decoded, &[(0, tensor)], JsonNan::Null);
    assert!(String::from_utf8(null).unwrap().contains(r#""data":[null,null,null]"#));
}

#[test]
fn keys_of_an_input_come_in_any_order() {
    let parts = [r#""name":"X""#, r#""shape":[2,2]"#, r#""datatype":"FP32""#, r#""data":[[1,2],[3,4.5]]"#];
    let mut tried = 0;
    for first in 0..4 {
        for second in 0..4 {
            for third in 0..4 {
                let order = [first, second, third];
                let Some(last) = (0..4).find(|i| !order.contains(i)) else { continue };
                if first == second || first == third || second == third {
                    continue;
                }
                let keys = [first, second, third, last].map(|i| parts[i]).join(", ");
                let decoded =
                    decode_rest(&one(DType::F32, &[2]), &format!(r#"{{"inputs":[{{{keys}}}]}}"#)).unwrap();
                assert_eq!(dense(&decoded.call, 0).values::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.5]);
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 24);
}

#[test]
fn nested_data_of_any_split_is_flat_data() {
    // OIP-REST-14
    let x = one(DType::I64, &[2]);
    let flat = decode_rest(&x, &input("INT64", "[2,2]", "[1,2,3,4]")).unwrap();
    let most = "[".repeat(100) + "1,2,3,4" + &"]".repeat(100);
    for data in ["[[1,2],[3,4]]", "[[1,2,3],4]", "[[[[1]],2],[],[3,4]]", &most] {
        let nested = decode_rest(&x, &input("INT64", "[2,2]", data)).unwrap();
        assert_eq!(dense(&nested.call, 0), dense(&flat.call, 0), "{data}");
    }
}

#[test]
fn a_missing_value_follows_the_inputs_rule() {
    let with = |null: NullRule| {
        let mut spec = InputSpec::new("X", DType::F32, rows_of(&[2]));
        spec.null = null;
        let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
        Signature::new("s", Method::Predict, vec![spec], outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared()
    };
    let body = input("FP32", "[2,2]", "[1,2,3,null]");
    let refused = refusal(decode_rest(&with(NullRule::Refuse), &body));
    assert!(refused.contains("input \"X\" row 1: the value is missing"), "{refused}");
    assert_eq!(
        dense(&decode_rest(&with(NullRule::Zero), &body).unwrap().call, 0).values::<f32>().unwrap()[3],
        0.0
    );
    assert!(
        dense(&decode_rest(&with(NullRule::Nan), &body).unwrap().call, 0).values::<f32>().unwrap()[3]
            .is_nan()
    );
    assert!(dense(&decode_rest(&with(NullRule::Accept), &body).unwrap().call, 0).is_missing(3));
}

#[test]
fn zero_elements_are_a_valid_batch() {
    // OIP-REST-25
    let decoded = decode_rest(&one(DType::F32, &[2]), &input("FP32", "[0,2]", "[]")).unwrap();
    assert_eq!(decoded.call.rows(), Some(0));
    let (length, body) =
        answer(&decoded, &[(0, Tensor::from_slice::<f32>(&[0, 3], &[]).unwrap())], JsonNan::Bare);
    assert_eq!(length, None);
    assert!(String::from_utf8(body).unwrap().ends_with(r#""shape":[0,3],"data":[]}]}"#));
}

#[test]
fn timeout_and_priority_are_hints_and_zero_is_none() {
    // TRITON-SCHED-1
    let hints = |parameters: &str| {
        let body = format!(
            r#"{{"parameters":{{{parameters}}},"inputs":[{{"name":"X","shape":[1,2],"datatype":"FP32","data":[1,2]}}]}}"#
        );
        decode_rest(&one(DType::F32, &[2]), &body).unwrap().hints
    };
    assert_eq!(hints(r#""timeout":1500,"priority":2"#).timeout, Some(Duration::from_micros(1500)));
    assert_eq!(hints(r#""timeout":1500,"priority":2"#).priority, Some(2));
    assert_eq!(
        (hints(r#""timeout":0,"priority":0"#).timeout, hints(r#""priority":0"#).priority),
        (None, None)
    );
}

#[test]
fn outputs_come_in_the_requests_order_and_by_default_in_the_models() {
    // OIP-REST-12, -13
    let mut on_request = OutputSpec::new("C", DType::F32, None);
    on_request.by_default = false;
    let outputs =
        vec![OutputSpec::new("A", DType::F32, None), OutputSpec::new("B", DType::F32, None), on_request];
    let inputs = vec![InputSpec::new("X", DType::F32, rows_of(&[]))];
    let signature =
        Signature::new("s", Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared();
    let names = |outputs: &str| {
        let body =
            format!(r#"{{"inputs":[{{"name":"X","shape":[1],"datatype":"FP32","data":[1]}}]{outputs}}}"#);
        let decoded = decode_rest(&signature, &body).unwrap();
        let tensor = Tensor::from_slice(&[1], &[1.0f32]).unwrap();
        let all: Vec<_> = decoded.call.wanted().iter().map(|place| (place, tensor.clone())).collect();
        let (_, body) = answer(&decoded, &all, JsonNan::Bare);
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        json["outputs"].as_array().unwrap().iter().map(|o| o["name"].as_str().unwrap()).collect::<String>()
    };
    assert_eq!(names(""), "AB");
    assert_eq!(names(r#","outputs":[]"#), "AB");
    assert_eq!(names(r#","outputs":[{"name":"C"},{"name":"A"},{"name":"C"}]"#), "CA");
}

#[test]
fn another_signature_may_be_named_before_or_after_the_data() {
    let make = |name: &str, input: &str| {
        let inputs = vec![InputSpec::new(input, DType::F32, rows_of(&[]))];
        let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
        Signature::new(name, Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared()
    };
    let signatures = [make("serving_default", "X"), make("other", "Z")];
    let data = r#""inputs":[{"name":"Z","shape":[1],"datatype":"FP32","data":[1]}]"#;
    let named = |name: &str| format!(r#""parameters":{{"signature_name":"{name}"}}"#);
    let decode = |body: String| rest::decode(&Buffer::copy_of(body.as_bytes()), None, &signatures, "m");
    for body in [format!("{{{data},{}}}", named("other")), format!("{{{},{data}}}", named("other"))] {
        assert_eq!(decode(body).unwrap().call.signature().name(), "other");
    }
    let unknown = decode(format!("{{{data},{}}}", named("nope"))).unwrap_err();
    assert!(unknown.to_string().contains("there is no signature \"nope\""));
    assert!(decode(format!("{{{data}}}")).is_err());
}

#[test]
fn the_id_is_echoed_when_it_is_not_empty() {
    // OIP-REST-13
    for (id, head) in [("a\\u0000b", r#"{"id":"a\u0000b","model_name""#), ("", r#"{"model_name""#)] {
        let body = format!(
            r#"{{"id":"{id}","inputs":[{{"name":"X","shape":[1,2],"datatype":"FP32","data":[1,2]}}]}}"#
        );
        let decoded = decode_rest(&one(DType::F32, &[2]), &body).unwrap();
        let (_, body) =
            answer(&decoded, &[(0, Tensor::from_slice(&[1, 3], &[1.0f32; 3]).unwrap())], JsonNan::Bare);
        assert!(body.starts_with(head.as_bytes()), "{}", String::from_utf8_lossy(&body));
    }
}

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
    let free = |count| {
        let inputs = vec![InputSpec::new("X", DType::F32, Some(vec![Dim::Free(None); count]))];
        let outputs = vec![OutputSpec::new("Y", DType::F32, None)];
        Signature::new("s", Method::Predict, inputs, outputs, RowRule::Independent, ShapeRule::Checked)
            .unwrap()
            .shared()
    };
    assert_eq!(dense(&raw(&free(2), &eight, Some("0")).unwrap().call, 0).shape()[..], [1, 2]);
    for (signature, body, text) in [
        (
            &two,
            &eight[..],
            "Raw request must only have 1 input (found 1) to be deduced but got 2 inputs in 'm' model configuration",
        ),
        (&two, b"", "Raw request must only have 1 input"),
        (&free(3), &eight, "more than one variable-sized dimension"),
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

#[test]
fn a_missing_output_is_null_in_json_and_text_must_be_utf8() {
    let decoded = decode_rest(&one(DType::F32, &[2]), &input("FP32", "[1,2]", "[1,2]")).unwrap();
    let mut missing = Bitmap::filled(3, false);
    missing.set(1, true);
    let tensor = Tensor::from_slice(&[1, 3], &[1.0f32, 0.0, 3.0]).unwrap().with_missing(missing);
    let (_, body) = answer(&decoded, &[(0, tensor)], JsonNan::Bare);
    assert!(String::from_utf8(body).unwrap().contains(r#""data":[1.0,null,3.0]"#));

    let mut outputs = landfall_model::Outputs::new();
    let bytes = Tensor::from_strings(Shape::new(&[1]), [&b"\xff"[..]].into_iter().collect()).unwrap();
    outputs.set(0, bytes);
    let version = Version::numbered(1);
    let identity = crate::Identity { model: "m", version: &version };
    let problem = rest::encode(
        &decoded.form,
        identity,
        decoded.call.signature(),
        &outputs,
        JsonNan::Bare,
        &mut Vec::new(),
    );
    assert!(problem.unwrap_err().to_string().contains("binary_data"), "OIP-REST-17");
    outputs.fail_row(0, Problem::invalid("no"));
    let problem = rest::encode(
        &decoded.form,
        identity,
        decoded.call.signature(),
        &outputs,
        JsonNan::Bare,
        &mut Vec::new(),
    );
    assert!(problem.unwrap_err().to_string().contains("row 0 failed"));
}

fn facts<'a>(signature: &'a Signature, facts: &'a Facts, versions: &'a [Version]) -> ModelFacts<'a> {
    ModelFacts { model: "m", versions, signature, facts, max_rows: Some(64), batches: true }
}

#[test]
fn documents_about_server_and_models_have_tritons_fields() {
    let signature = super::ctr();
    let of_onnx = Facts { engine: "onnxruntime", format: "onnx", ..Facts::default() };
    let versions = [Version::numbered(1), Version::numbered(2)];
    let server: serde_json::Value = serde_json::from_slice(&rest::server_metadata("0.1.0")).unwrap();
    assert_eq!(server["name"], "landfall", "OIP-REST-6");
    assert!(server["extensions"].as_array().unwrap().iter().all(|e| e != "sequence"));
    assert_eq!(
        String::from_utf8(rest::model_metadata(facts(&signature, &of_onnx, &versions))).unwrap(),
        r#"{"name":"m","versions":["1","2"],"platform":"onnxruntime_onnx","inputs":[{"name":"dense","datatype":"FP32","shape":[-1,13]},{"name":"ids","datatype":"INT64","shape":[-1,26]}],"outputs":[{"name":"score","datatype":"FP32","shape":[-1,1]}]}"#,
        "OIP-REST-7"
    );
    let config: serde_json::Value =
        serde_json::from_slice(&rest::model_config(facts(&signature, &of_onnx, &versions))).unwrap();
    assert_eq!(config["input"][0]["data_type"], "TYPE_FP32", "OIP-REST-8");
    assert_eq!(config["input"][0]["dims"], serde_json::json!([-1, 13]));
    assert_eq!((&config["max_batch_size"], &config["backend"]), (&0.into(), &"onnxruntime".into()));
    assert_eq!(config["dynamic_batching"]["preferred_batch_size"], serde_json::json!([64]));
}

#[test]
fn statistics_are_numbers_under_tritons_names() {
    // TRITON-STAT-1
    let timed = |count| Timed { count, ns: count * 10 };
    let version = VersionStatistics {
        model: "m".into(),
        version: Version::numbered(3),
        last_inference_ms: 9,
        inferences: 4,
        executions: 2,
        success: timed(1),
        fail: timed(2),
        queue: timed(3),
        compute_input: timed(4),
        compute_infer: timed(5),
        compute_output: timed(6),
        batches: vec![landfall_model::BatchStatistics {
            rows: 2,
            compute_input: timed(1),
            compute_infer: timed(1),
            compute_output: timed(1),
        }],
    };
    let json: serde_json::Value = serde_json::from_slice(&rest::statistics(&[version])).unwrap();
    let model = &json["model_stats"][0];
    assert_eq!((&model["version"], &model["inference_count"]), (&"3".into(), &4.into()));
    assert_eq!(model["inference_stats"]["compute_infer"], serde_json::json!({"count": 5, "ns": 50}));
    assert_eq!(model["inference_stats"]["cache_hit"]["count"], 0);
    assert_eq!(model["batch_stats"][0]["batch_size"], 2);
}

#[test]
fn the_index_names_states_and_reasons() {
    // TRITON-REPO-1
    let entries = [
        IndexEntry {
            model: "a".into(),
            version: Some((Version::numbered(1), VersionState::Available)),
            reason: String::new(),
        },
        IndexEntry {
            model: "b".into(),
            version: Some((Version::numbered(1), VersionState::End)),
            reason: String::new(),
        },
        IndexEntry { model: "c".into(), version: None, reason: String::new() },
    ];
    assert_eq!(
        String::from_utf8(rest::index(&entries, false)).unwrap(),
        r#"[{"name":"a","version":"1","state":"READY"},{"name":"b","version":"1","state":"UNAVAILABLE","reason":"unloaded"},{"name":"c"}]"#
    );
    assert_eq!(rest::index(&entries, true), br#"[{"name":"a","version":"1","state":"READY"}]"#);
    assert!(!rest::index_request(b"").unwrap() && !rest::index_request(b"{}").unwrap());
    assert!(rest::index_request(br#"{"ready":true}"#).unwrap());
    for body in [&br#"{"ready":"yes"}"#[..], b"hello", b"[1]", b"{}x"] {
        assert_eq!(errors::rest(&rest::index_request(body).unwrap_err()).status, 400);
    }
}

#[test]
fn loads_take_no_parameter_and_unloads_ignore_theirs() {
    // TRITON-REPO-2, -9, -10
    for body in [&b""[..], b"{}", br#"{"parameters":{}}"#, br#"{"other":1}"#] {
        assert!(rest::load_request(body).is_ok());
    }
    for (body, text) in [
        (r#"{"parameters":{"config":"{}"}}"#, "unrecognized load parameter 'config'."),
        (r#"{"parameters":[1]}"#, "attempt to get members for non-object"),
        ("hello", "failed to parse the request JSON buffer"),
    ] {
        let problem = rest::load_request(body.as_bytes()).unwrap_err();
        assert!(errors::text(&problem).contains(text));
        assert_eq!(errors::rest(&problem).status, 400);
    }
    assert!(rest::unload_request(br#"{"parameters":{"unload_dependents":"maybe"}}"#).is_ok());
    assert_eq!(rest::loaded("m"), br#"{"name":"m","load":true}"#);
    assert_eq!(rest::unloaded("m"), br#"{"name":"m","unload":true}"#);
}
