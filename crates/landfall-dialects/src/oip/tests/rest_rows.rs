//! Rows of the protocol checklist, sections 5.2 to 5.7: request and refusal, request and answer.

use super::{answer, decode_rest, dense, input, one, refusal, rows_of, signature};
use crate::JsonNan;
use crate::oip::{errors, rest};
use landfall_model::{
    Bitmap, Buffer, DType, InputSpec, Method, NullRule, OutputSpec, Problem, RowRule, Shape, ShapeRule,
    Signature, Tensor, Version,
};
use std::sync::Arc;
use std::time::Duration;

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
        ("OIP-REST-20", one(DType::U8, &[1]), input("UINT8", "[2,1]", "[1,300]"), "(input 'X' row 1: expected UINT8, found 300)"),
        ("OIP-REST-19", one(DType::U8, &[1]), input("UINT8", "[2,1]", "[1,-1]"), "attempt to access JSON non-unsigned-integer as unsigned-integer (input 'X' row 1: expected UINT8, found -1)"),
        ("OIP-REST-21", x.clone(), input("FP32", "[1,2]", "[1,2,3]"), "Unable to parse 'data': Shape does not match true shape of 'data' field"),
        ("OIP-REST-21", x.clone(), input("FP32", "[1,2]", "[1]"), "Failed to parse 'data' field: shape does not match true shape"),
        ("OIP-REST-22", x.clone(), "{".into(), "failed to parse the request JSON buffer: "),
        ("OIP-REST-22", x.clone(), format!("{{{good}}}x"), "must not be followed by other values. at 70"),
        ("OIP-REST-23", x.clone(), "{}".into(), "Unable to parse 'inputs': attempt to access non-existing object member 'inputs'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"shape":[1,2],"datatype":"FP32","data":[1,2]}]}"#.into(), "object member 'name'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"name":"X","datatype":"FP32","data":[1,2]}]}"#.into(), "object member 'shape'"),
        ("OIP-REST-23", x.clone(), r#"{"inputs":[{"name":"X","shape":[1,2],"data":[1,2]}]}"#.into(), "object member 'datatype'"),
        ("OIP-REST-24", x.clone(), input("FP32", "[-1,2]", "[1,2]"), "Unable to parse 'shape': attempt to access JSON non-unsigned-integer as unsigned-integer"),
        ("OIP-REST-24", x.clone(), input("FP32", "[4294967296,4294967296]", "[1,2]"), "causes total element count to exceed maximum size of"),
        ("OIP-REST-24", x.clone(), input("FP32", "[4611686018427387904,1]", "[1]"), "byte size overflow for input 'X'"),
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
    assert_eq!(hints(r#""priority":2},"parameters":{"priority":3"#).priority, Some(2), "the first counts");
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
    let told = "signature_name (there are serving_default, other): there is no signature \"nope\"";
    assert_eq!(unknown.to_string(), told);
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
