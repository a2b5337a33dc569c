//! Every row of the checklist on the REST API that this crate answers for.

use super::{Form, check, decode, encode, metadata, status, unimplemented};
use crate::tfs::errors::{self, ErrorPlace};
use crate::tfs::fuzz;
use crate::{Decoded, Identity, JsonNan};
use landfall_model::{
    Buffer, Column, DType, Dim, Input, InputSpec, Kind, Method, NullRule, OutputSpec, Outputs, Problem,
    RowRule, Scalar, Shape, ShapeRule, Signature, Tensor, Version, VersionChoice, VersionState,
    VersionStatus,
};
use proptest::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn model(inputs: Vec<InputSpec>) -> Vec<Arc<Signature>> {
    let outputs = vec![OutputSpec::new("y", DType::F32, None)];
    let signature =
        Signature::new("serving_default", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent);
    vec![signature.unwrap().shared()]
}

fn one(dtype: DType) -> Vec<Arc<Signature>> {
    model(vec![InputSpec::new("x", dtype, None)])
}

fn two(a: DType, b: DType) -> Vec<Arc<Signature>> {
    model(vec![InputSpec::new("a", a, None), InputSpec::new("b", b, None)])
}

fn read(body: &str, signatures: &[Arc<Signature>]) -> Result<Decoded<Form>, Problem> {
    decode(&Buffer::copy_of(body.as_bytes()), signatures)
}

fn inputs(body: &str, signatures: &[Arc<Signature>]) -> Vec<Option<Tensor>> {
    let decoded = read(body, signatures).unwrap_or_else(|problem| panic!("{body}: {problem}"));
    decoded.call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense).cloned()).collect()
}

fn only(body: &str, dtype: DType) -> Tensor {
    inputs(body, &one(dtype)).remove(0).unwrap()
}

fn i32s(shape: &[usize], values: &[i32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

fn f32s(shape: &[usize], values: &[f32]) -> Tensor {
    Tensor::from_slice(shape, values).unwrap()
}

fn strings(shape: &[usize], values: &[&str]) -> Tensor {
    Tensor::from_strings(Shape::new(shape), values.iter().collect()).unwrap()
}

/// The text under which a body is refused, and the status.
fn refusal(body: &str, signatures: &[Arc<Signature>]) -> (u16, String) {
    let problem = read(body, signatures).err().unwrap_or_else(|| panic!("{body} was read"));
    let status = errors::rest(&problem, &ErrorPlace::call("m", &VersionChoice::Default)).status;
    (status, problem.to_string())
}

fn refused(cases: &[(&str, &str, &[Arc<Signature>], &str)]) {
    for (row, body, signatures, text) in cases {
        let (status, found) = refusal(body, signatures);
        assert_eq!((status, found.as_str()), (400, *text), "{row} {body}");
    }
}

#[test]
fn json_that_is_malformed_is_refused_with_reason_and_offset() {
    let x = one(DType::F32);
    refused(&[
        ("TFS-REST-25", "", &x, "JSON Parse error: The document is empty"),
        ("TFS-REST-26", "instances = [1, 2]", &x, "JSON Parse error: Invalid value. at offset: 0"),
        ("TFS-REST-27", "   ", &x, "JSON Parse error: The document is empty. at offset: 3"),
        (
            "TFS-REST-26",
            r#"{"instances":["a", "b"}"#,
            &x,
            "JSON Parse error: Missing a comma or ] after an array element. at offset: 22",
        ),
        (
            "TFS-REST-76",
            r#"{"instances":[1e400]}"#,
            &x,
            "JSON Parse error: Number too big to be stored in double. at offset: 14",
        ),
        ("TFS-REST-77", r#"{"instances":[nan]}"#, &x, "JSON Parse error: Invalid value. at offset: 15"),
        ("TFS-REST-30", "[1,2]", &x, "JSON Value: [\n    1,\n    2\n] Is not object"),
    ]);
    // A value that does not fit never hides that the JSON behind it is broken.
    let (_, text) = refusal(r#"{"instances":["no float"], "a":}"#, &x);
    assert_eq!(text, "JSON Parse error: Invalid value. at offset: 31");
    assert_eq!(only("{\"instances\":[1.0]}garbage", DType::F32), f32s(&[1], &[1.0]), "TFS-REST-28");
    assert_eq!(only("\u{feff}{\"instances\":[1.0]}", DType::F32), f32s(&[1], &[1.0]), "TFS-REST-29");
}

#[test]
fn any_nesting_is_survived() {
    let deep = "[".repeat(500_000) + &"]".repeat(500_000);
    let x = one(DType::F32);
    let unrelated = format!(r#"{{"deep":{deep},"instances":[1.0]}}"#);
    assert_eq!(inputs(&unrelated, &x)[0], Some(f32s(&[1], &[1.0])), "TFS-REST-31");
    let name = format!(r#"{{"signature_name":{deep},"instances":[1.0]}}"#);
    assert!(refusal(&name, &x).1.contains("'signature_name' key must be a string value"), "TFS-REST-31");
    for body in [format!(r#"{{"instances":{deep}}}"#), format!(r#"{{"inputs":[{deep},{deep}]}}"#)] {
        assert!(refusal(&body, &x).1.contains("a tensor has at most 254 dimensions"));
    }
    let objects = format!(r#"{{"instances":[{}1{}]}}"#, r#"{"x":"#.repeat(100_000), "}".repeat(100_000));
    assert!(refusal(&objects, &x).1.contains("Type: Object is not of expected type: float"));
}

#[test]
fn the_root_object_is_read_as_the_original_reads_it() {
    let x = one(DType::F32);
    let fine = f32s(&[1], &[1.0]);
    for (row, body) in [
        ("TFS-REST-32", r#"{"instances":[1.0],"foo":1}"#),
        ("TFS-REST-34", r#"{"signature_name":"","instances":[1.0]}"#),
        ("TFS-REST-34", r#"{"instances":[1.0],"signature_name":"serving_default"}"#),
        ("TFS-REST-40", r#"{"instances":[1.0],"instances":["x"]}"#),
        ("TFS-REST-40", r#"{"signature_name":"","signature_name":"nope","instances":[1.0]}"#),
        ("TFS-REST-32", r#"{"inst\u0061nces":[1.0]}"#),
    ] {
        assert_eq!(inputs(body, &x)[0].as_ref(), Some(&fine), "{row} {body}");
    }
    refused(&[
        (
            "TFS-REST-33",
            r#"{"signature_name":100}"#,
            &x,
            "JSON Value: {\n    \"signature_name\": 100\n} not formatted correctly. 'signature_name' key must be a \
             string value.",
        ),
        (
            "TFS-REST-35",
            r#"{"inputs":1,"instances":[1]}"#,
            &x,
            "JSON Value: {\n    \"inputs\": 1,\n    \"instances\": [\n        1\n    ]\n} Not formatted correctly \
             expecting only one of 'inputs' or 'instances' keys to exist ",
        ),
        ("TFS-REST-36", "{}", &x, "Missing 'inputs' or 'instances' key"),
        ("TFS-REST-36", r#"{"signature_name":"serving_default"}"#, &x, "Missing 'inputs' or 'instances' key"),
        (
            "TFS-REST-37",
            r#"{"instances":1}"#,
            &x,
            "JSON Value: {\n    \"instances\": 1\n} Expecting 'instances' to be an list/array",
        ),
        (
            "TFS-REST-38",
            r#"{"instances":[]}"#,
            &x,
            "JSON Value: {\n    \"instances\": []\n} No values in 'instances' array",
        ),
    ]);
    for body in [r#"{"instances":{}}"#, r#"{"instances":null}"#] {
        assert!(
            refusal(body, &x).1.ends_with("Expecting 'instances' to be an list/array"),
            "TFS-REST-37 {body}"
        );
    }
    let long = format!(r#"{{"instances":1,"a":"{}"}}"#, "x".repeat(1000));
    let (_, text) = refusal(&long, &x);
    assert!(
        text.starts_with("JSON Value: {\n    \"instances\": 1,") && text.len() < 330,
        "TFS-REST-39 {text}"
    );
}

#[test]
fn the_parts_that_come_before_the_model_are_checked_alone() {
    for (body, refused) in [
        (r#"{"instances":["no model is asked"]}"#, false),
        (r#"{"instances":[1"#, true),
        ("[]", true),
        (r#"{"signature_name":1}"#, true),
        (r#"{}"#, false),
    ] {
        assert_eq!(check(body.as_bytes()).is_err(), refused, "TFS-REST-20 {body}");
    }
}

#[test]
fn a_signature_may_be_named_before_or_after_the_data() {
    let mut signatures = one(DType::F32);
    let output = vec![OutputSpec::new("z", DType::F32, None)];
    let input = vec![InputSpec::new("x", DType::I64, None)];
    let other = Signature::new("other", Method::Predict, input, output, RowRule::None, ShapeRule::AsSent);
    signatures.push(other.unwrap().shared());
    for body in
        [r#"{"signature_name":"other","instances":[3]}"#, r#"{"instances":[3],"signature_name":"other"}"#]
    {
        let decoded = read(body, &signatures).unwrap();
        assert_eq!(decoded.call.signature().name(), "other");
        assert_eq!(decoded.call.input(0).unwrap().dense().unwrap().values::<i64>().unwrap(), [3]);
    }
    let (_, text) = refusal(r#"{"instances":[3.5],"signature_name":"other"}"#, &signatures);
    assert!(text.contains("not of expected type: int64"), "{text}");
    let problem = read(r#"{"signature_name":"nope","instances":[1]}"#, &signatures).unwrap_err();
    let http = errors::rest(&problem, &ErrorPlace::call("m", &VersionChoice::Default));
    assert_eq!(http.status, 400, "TFS-REST-21");
    assert!(String::from_utf8(http.body).unwrap().contains(r#"name: \"nope\" not found"#), "TFS-REST-21");
}

#[test]
fn rows_become_tensors() {
    let ab = two(DType::I32, DType::F32);
    assert_eq!(
        only(r#"{"instances":[[1,2],[3,4],[5,6]]}"#, DType::I32),
        i32s(&[3, 2], &[1, 2, 3, 4, 5, 6]),
        "TFS-REST-42"
    );
    assert_eq!(
        only(r#"{"instances":[1.0,2.0,5.0]}"#, DType::F32),
        f32s(&[3], &[1.0, 2.0, 5.0]),
        "TFS-REST-43"
    );
    assert_eq!(
        only(r#"{"instances":[{"x":1.0},{"x":2.0}]}"#, DType::F32),
        f32s(&[2], &[1.0, 2.0]),
        "TFS-REST-44"
    );
    assert_eq!(
        inputs(r#"{"instances":[ {"a":[1,2],"b":0.5} , {"b" : 1.5 , "a" : [ 3 , 4 ] } ]}"#, &ab),
        [Some(i32s(&[2, 2], &[1, 2, 3, 4])), Some(f32s(&[2], &[0.5, 1.5]))],
        "TFS-REST-45"
    );
    assert_eq!(only(r#"{"instances":[[]]}"#, DType::F32), f32s(&[1, 0], &[]), "TFS-REST-57");
    assert_eq!(only(r#"{"instances":[[[],[]]]}"#, DType::F32), f32s(&[1, 2, 0], &[]), "TFS-REST-57");
    assert_eq!(only(r#"{"instances":[[1,2]]}"#, DType::F32), f32s(&[1, 2], &[1.0, 2.0]), "TFS-REST-58");
    let b64 = model(vec![InputSpec::new("b64", DType::String, None)]);
    assert_eq!(
        inputs(r#"{"instances":[{"b64":"aGVsbG8="}]}"#, &b64)[0],
        Some(strings(&[1], &["hello"])),
        "TFS-REST-60"
    );
}

#[test]
fn rows_that_do_not_fit_are_refused_by_number() {
    let (x, ab) = (one(DType::F32), two(DType::I32, DType::F32));
    let element = "Failed to process element: ";
    refused(&[
        (
            "TFS-REST-46",
            r#"{"instances":[[1,2]]}"#,
            &ab,
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per \
             tensorinfo_map",
        ),
        (
            "TFS-REST-47",
            r#"{"instances":[{"x":1},[2]]}"#,
            &x,
            "Expecting object but got list at item 1 of input list",
        ),
        (
            "TFS-REST-48",
            r#"{"instances":[1,{"x":2}]}"#,
            &x,
            "Expecting value/list but got object at item 1 of input list",
        ),
        (
            "TFS-REST-49",
            r#"{"instances":[{"x":1,"foo":2}]}"#,
            &x,
            "Failed to process element: 0 key: foo of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does \
             not have named input: foo",
        ),
        (
            "TFS-REST-50",
            r#"{"instances":[{"b":1}]}"#,
            &ab,
            "Failed to process element: 0 of 'instances' list. JSON object: {\n    \"b\": 1\n} keys must be equal \
             to: a,b",
        ),
        (
            "TFS-REST-50",
            r#"{"instances":[{}]}"#,
            &ab,
            "Failed to process element: 0 of 'instances' list. JSON object: {} keys must be equal to: a,b",
        ),
    ]);
    for (row, body, signatures, text) in [
        (
            "TFS-REST-51",
            r#"{"instances":[1,"a"]}"#,
            &x,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: \"a\" Type: String is not of expected type: float",
        ),
        (
            "TFS-REST-51",
            r#"{"instances":[{"x":1},{"x":true}]}"#,
            &x,
            "1 key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: true Type: True is not of expected type: float",
        ),
        (
            "TFS-REST-52",
            r#"{"instances":[[1,2],[3,4],[5,6,7]]}"#,
            &x,
            "2 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 3",
        ),
        (
            "TFS-REST-53",
            r#"{"instances":[[1,2],[3,4],[[5,6]]]}"#,
            &x,
            "2 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [2] but got: [1,2]",
        ),
        (
            "TFS-REST-53",
            r#"{"instances":[1,[1]]}"#,
            &x,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]",
        ),
        (
            "TFS-REST-54",
            r#"{"instances":[[[1,2],[3]]]}"#,
            &x,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            "TFS-REST-55",
            r#"{"instances":[[1,[2]]]}"#,
            &x,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            "TFS-REST-56",
            r#"{"instances":[[[1],2]]}"#,
            &x,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (
            "TFS-REST-57",
            r#"{"instances":[[],[1]]}"#,
            &x,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 0 but got: 1",
        ),
        (
            "TFS-REST-61",
            r#"{"instances":[{"b64":"AA==","other":1}]}"#,
            &x,
            "0 key: b64 of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: b64",
        ),
        (
            "TFS-REST-51",
            r#"{"instances":[{"x":1,"x":2}]}"#,
            &x,
            "0 key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON object: has named input more than once: x",
        ),
    ] {
        assert_eq!(refusal(body, signatures), (400, format!("{element}{text}")), "{row} {body}");
    }
    let (_, text) = refusal(r#"{"instances":[{"b64":"aGVsbG8="}]}"#, &ab);
    assert!(text.starts_with("instances is a plain list"), "TFS-REST-59");
}

#[test]
fn columns_become_tensors() {
    let ab = two(DType::I32, DType::F32);
    for body in [r#"{"inputs":[3.0,4.0]}"#, r#"{"inputs":{"x":[3.0,4.0]}}"#] {
        assert_eq!(only(body, DType::F32), f32s(&[2], &[3.0, 4.0]), "TFS-REST-62");
    }
    assert_eq!(only(r#"{"inputs":5.0}"#, DType::F32), f32s(&[], &[5.0]), "TFS-REST-63");
    assert_eq!(only(r#"{"inputs":[]}"#, DType::F32), f32s(&[0], &[]), "TFS-REST-64");
    assert_eq!(
        inputs(r#"{"inputs":{"a":[[1,2],[3,4]],"b":[1.0]}}"#, &ab),
        [Some(i32s(&[2, 2], &[1, 2, 3, 4])), Some(f32s(&[1], &[1.0]))],
        "TFS-REST-65"
    );
    assert_eq!(
        only(r#"{"inputs":{"zzz":1,"x":[2],"x":"no"}}"#, DType::F32),
        f32s(&[1], &[2.0]),
        "TFS-REST-68"
    );
    assert_eq!(
        only(r#"{"inputs":{"b64":"aGVsbG8="}}"#, DType::String),
        strings(&[], &["hello"]),
        "TFS-REST-71"
    );
    refused(&[
        (
            "TFS-REST-66",
            r#"{"inputs":[1]}"#,
            &ab,
            "inputs is a plain value/list, but expecting an object as multiple input tensors required as per \
             tensorinfo_map",
        ),
        ("TFS-REST-67", r#"{"inputs":{"a":[1]}}"#, &ab, "Missing named input: b in 'inputs' object."),
        (
            "TFS-REST-69",
            r#"{"inputs":["x"]}"#,
            &one(DType::F32),
            "JSON Value: \"x\" Type: String is not of expected type: float",
        ),
    ]);
}

#[test]
fn types_without_a_json_form_are_not_implemented() {
    for (dtype, word) in [
        (DType::F16, "half"),
        (DType::BF16, "bfloat16"),
        (DType::U16, "uint16"),
        (DType::Complex64, "complex64"),
    ] {
        let text = format!("Conversion of JSON Value: 1 to type: {word}");
        assert_eq!(refusal(r#"{"inputs":[1]}"#, &one(dtype)), (501, text.clone()), "TFS-REST-70");
        let row = format!("Failed to process element: 0 of 'instances' list. Error: UNIMPLEMENTED: {text}");
        assert_eq!(refusal(r#"{"instances":[1]}"#, &one(dtype)), (400, row), "TFS-REST-70");
    }
}

#[test]
fn values_are_taken_as_their_type_takes_them() {
    use DType::*;
    let f = |body: &str| only(&format!(r#"{{"inputs":[{body}]}}"#), F32).values::<f32>().unwrap().to_vec();
    assert_eq!(f("1, 2.0, 3, 5.003"), [1.0, 2.0, 3.0, 5.003], "TFS-REST-73");
    assert_eq!(f("1435774380, 1435774380.0"), [1_435_774_336.0; 2], "TFS-REST-74");
    assert_eq!(f("1.7976931348623157e308"), [f32::INFINITY], "TFS-REST-75");
    assert_eq!(f("-2.2250738585072014e-308")[0].to_bits(), (-0.0f32).to_bits(), "TFS-REST-75");
    assert_eq!(f("1e-400"), [0.0], "TFS-REST-76");
    assert_eq!(
        f("Inf, Infinity, -Inf, -Infinity"),
        [f32::INFINITY, f32::INFINITY, f32::NEG_INFINITY, f32::NEG_INFINITY]
    );
    assert!(f("NaN, -NaN").iter().all(|v| v.is_nan()), "TFS-REST-77");

    let fits = |dtype, body: &str| read(&format!(r#"{{"inputs":[{body}]}}"#), &one(dtype)).is_ok();
    for (row, dtype, body, expected) in [
        ("TFS-REST-78", I32, "NaN", false),
        ("TFS-REST-79", I32, "2147483647, -2147483648", true),
        ("TFS-REST-79", I32, "2147483648", false),
        ("TFS-REST-79", I32, "1.0", false),
        ("TFS-REST-79", I32, "1e2", false),
        ("TFS-REST-80", I8, "127, -128", true),
        ("TFS-REST-80", I8, "300", false),
        ("TFS-REST-80", U8, "255", true),
        ("TFS-REST-80", U8, "-1", false),
        ("TFS-REST-80", I16, "40000", false),
        ("TFS-REST-81", I64, "9223372036854775807, -9223372036854775808, -0", true),
        ("TFS-REST-81", I64, "9223372036854775808", false),
        ("TFS-REST-81", I64, "-9223372036854775809", false),
        ("TFS-REST-81", U32, "4294967295", true),
        ("TFS-REST-81", U32, "4294967296", false),
        ("TFS-REST-81", U64, "18446744073709551615", true),
        ("TFS-REST-81", U64, "18446744073709551616", false),
        ("TFS-REST-81", U64, "-1", false),
        ("TFS-REST-82", Bool, "true, false", true),
        ("TFS-REST-82", Bool, "1", false),
        ("TFS-REST-82", Bool, r#""true""#, false),
        ("TFS-REST-83", String, r#""a", {"b64":"AA=="}"#, true),
        ("TFS-REST-83", String, "1", false),
    ] {
        assert_eq!(fits(dtype, body), expected, "{row} {dtype} {body}");
    }
    assert_eq!(only(r#"{"inputs":[-0, 7]}"#, I64).values::<i64>().unwrap(), [0, 7], "TFS-REST-81");
    assert_eq!(only(r#"{"inputs":[true,false]}"#, Bool).bools().unwrap(), [1, 0], "TFS-REST-82");
    let bytes = model(vec![InputSpec::new("image_bytes", String, None)]);
    assert_eq!(
        inputs(r#"{"instances":["a\u0000b"]}"#, &bytes)[0],
        Some(strings(&[1], &["a\0b"])),
        "TFS-REST-41, -89"
    );
    assert_eq!(
        only(r#"{"instances":[[{"b64":"aGVsbG8="},"x"]]}"#, String),
        strings(&[1, 2], &["hello", "x"]),
        "TFS-REST-84"
    );
}

#[test]
fn values_of_the_wrong_type_are_named() {
    let value = |body: &str| format!(r#"{{"inputs":[{body}]}}"#);
    for (row, dtype, body, text) in [
        (
            "TFS-REST-72",
            DType::F32,
            r#""x""#,
            "JSON Value: \"x\" Type: String is not of expected type: float",
        ),
        ("TFS-REST-78", DType::I32, "NaN", "JSON Value: NaN Type: Number is not of expected type: int32"),
        ("TFS-REST-80", DType::U8, "300", "JSON Value: 300 Type: Number is not of expected type: uint8"),
        ("TFS-REST-83", DType::String, "1", "JSON Value: 1 Type: Number is not of expected type: string"),
        ("TFS-REST-85", DType::String, r#"{"b64":"!!!"}"#, "Unable to base64 decode"),
        (
            "TFS-REST-86",
            DType::String,
            r#""a",{"x":1}"#,
            "JSON Value: {\n    \"x\": 1\n} not formatted correctly for base64 data",
        ),
        (
            "TFS-REST-87",
            DType::F32,
            r#"{"b64":"AA=="}"#,
            "JSON Value: {\n    \"b64\": \"AA==\"\n} Type: Object is not of expected type: float",
        ),
        ("TFS-REST-88", DType::F64, "null", "JSON Value: null Type: Null is not of expected type: double"),
        ("TFS-REST-82", DType::Bool, "1", "JSON Value: 1 Type: Number is not of expected type: bool"),
    ] {
        assert_eq!(refusal(&value(body), &one(dtype)), (400, text.to_owned()), "{row}");
    }
}

#[test]
fn null_follows_the_inputs_rule() {
    let with = |dtype, rule| {
        let mut input = InputSpec::new("x", dtype, None);
        input.null = rule;
        model(vec![input])
    };
    let body = r#"{"instances":[[1,null],[null,4]]}"#;
    let of = |signatures: &[Arc<Signature>]| inputs(body, signatures).remove(0).unwrap();
    assert_eq!(of(&with(DType::I32, NullRule::Zero)), i32s(&[2, 2], &[1, 0, 0, 4]));
    assert_eq!(of(&with(DType::I32, NullRule::Default(Scalar::Int(9)))), i32s(&[2, 2], &[1, 9, 9, 4]));
    let nan = of(&with(DType::F32, NullRule::Nan));
    assert!(nan.values::<f32>().unwrap()[1].is_nan() && nan.values::<f32>().unwrap()[2].is_nan());
    let kept = of(&with(DType::F64, NullRule::Accept));
    assert_eq!(kept.missing().unwrap().ones().collect::<Vec<_>>(), [1, 2]);
    assert!(refusal(body, &one(DType::F32)).1.contains("Type: Null is not of expected type: float"));
}

fn table(null: NullRule) -> Vec<Arc<Signature>> {
    let mut features = InputSpec::new("features", DType::F32, Some(vec![Dim::Free(None), Dim::Known(3)]));
    features.columns =
        ["age", "job", "pay"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    features.null = null;
    model(vec![features])
}

#[test]
fn columns_of_a_table_are_given_by_name() {
    let expected = f32s(&[2, 3], &[31.0, 2.0, 1.5, 40.0, 3.0, 2.5]);
    for body in [
        r#"{"instances":[{"age":31,"job":2,"pay":1.5},{"age":40,"job":3.0,"pay":2.5}]}"#,
        r#"{"instances":[{"pay":1.5,"age":31,"job":2},{"job":3,"pay":2.5,"age":40}]}"#,
        r#"{"instances":[[31,2,1.5],[40,3,2.5]]}"#,
        r#"{"instances":[{"features":[31,2,1.5]},{"features":[40,3,2.5]}]}"#,
        r#"{"inputs":{"age":[31,40],"pay":[1.5,2.5],"job":[2,3]}}"#,
        r#"{"inputs":[[31,2,1.5],[40,3,2.5]]}"#,
    ] {
        assert_eq!(inputs(body, &table(NullRule::Refuse))[0].as_ref(), Some(&expected), "{body}");
    }
    let gaps = r#"{"instances":[{"pay":1.5,"age":31},{"job":null,"age":40,"pay":2.5}]}"#;
    let zero = f32s(&[2, 3], &[31.0, 0.0, 1.5, 40.0, 0.0, 2.5]);
    assert_eq!(inputs(gaps, &table(NullRule::Zero))[0], Some(zero.clone()));
    let kept = inputs(gaps, &table(NullRule::Accept)).remove(0).unwrap();
    assert_eq!(kept.missing().unwrap().ones().collect::<Vec<_>>(), [1, 4]);
    assert_eq!(
        inputs(r#"{"inputs":{"age":[31,40],"pay":[1.5,2.5]}}"#, &table(NullRule::Zero))[0],
        Some(zero)
    );
    refused(&[
        (
            "a column that a row lacks",
            r#"{"instances":[{"age":1,"job":1,"pay":1},{"age":1,"pay":1}]}"#,
            &table(NullRule::Refuse),
            "Failed to process element: 1 of 'instances' list. JSON object: {\n    \"age\": 1,\n    \"pay\": 1\n} \
             keys must be equal to: age,job,pay",
        ),
        (
            "text in a column",
            r#"{"instances":[{"job":"nurse","age":1,"pay":1}]}"#,
            &table(NullRule::Refuse),
            "Failed to process element: 0 key: job of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: \
             \"nurse\" Type: String is not of expected type: float",
        ),
    ]);
    assert!(read(r#"{"instances":[{"age":1,"age":1,"job":1,"pay":1}]}"#, &table(NullRule::Zero)).is_err());
    assert!(read(r#"{"inputs":{"age":[1,2],"job":[1],"pay":[1,2]}}"#, &table(NullRule::Refuse)).is_err());
}

#[test]
fn scalars_fill_inputs_with_a_trailing_one() {
    let input = |name: &str, dtype| InputSpec::new(name, dtype, Some(vec![Dim::Free(None), Dim::Known(1)]));
    let signature = Signature::new(
        "serving_default",
        Method::Predict,
        vec![input("age", DType::F32), input("job", DType::String)],
        vec![OutputSpec::new("y", DType::F32, None)],
        RowRule::Independent,
        ShapeRule::Checked,
    );
    let signatures = [signature.unwrap().shared()];
    let body = r#"{"instances":[{"age":31,"job":"nurse"},{"age":40,"job":"cook"}]}"#;
    assert_eq!(
        inputs(body, &signatures),
        [Some(f32s(&[2, 1], &[31.0, 40.0])), Some(strings(&[2, 1], &["nurse", "cook"]))]
    );
    assert_eq!(read(body, &signatures).unwrap().call.rows(), Some(2));
}

#[test]
fn an_optional_input_is_given_in_all_rows_or_in_none() {
    let mut extra = InputSpec::new("extra", DType::F32, None);
    extra.optional = true;
    let signatures = model(vec![InputSpec::new("x", DType::F32, None), extra]);
    assert_eq!(inputs(r#"{"instances":[1,2]}"#, &signatures), [Some(f32s(&[2], &[1.0, 2.0])), None]);
    assert_eq!(inputs(r#"{"instances":[{"x":1}]}"#, &signatures), [Some(f32s(&[1], &[1.0])), None]);
    assert!(inputs(r#"{"instances":[{"x":1,"extra":2}]}"#, &signatures)[1].is_some());
    for body in
        [r#"{"instances":[{"x":1,"extra":2},{"x":1}]}"#, r#"{"instances":[{"x":1},{"x":1,"extra":2}]}"#]
    {
        assert_eq!(refusal(body, &signatures).0, 400, "{body}");
    }
}

fn answer(form: Form, outputs: Vec<(&str, Tensor)>) -> Result<String, Problem> {
    let specs = outputs.iter().map(|(name, tensor)| OutputSpec::new(*name, tensor.dtype(), None)).collect();
    let signature =
        Signature::new("s", Method::Predict, vec![], specs, RowRule::None, ShapeRule::AsSent).unwrap();
    let mut set = Outputs::new();
    outputs.into_iter().enumerate().for_each(|(place, (_, tensor))| set.set(place, tensor));
    let mut out = Vec::new();
    encode(&form, &signature, &set, JsonNan::Bare, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn answers_are_laid_out_as_the_original_lays_them_out() {
    let scores = || f32s(&[3], &[2.5, 3.0, 4.5]);
    let nested = || f32s(&[2, 1], &[0.5, 1.5]);
    let kinds = || i32s(&[2], &[1, -2]);
    for (row, form, outputs, text) in [
        (
            "TFS-REST-103",
            Form::Rows,
            vec![("y", scores())],
            "{\n    \"predictions\": [2.5, 3.0, 4.5\n    ]\n}",
        ),
        (
            "TFS-REST-90",
            Form::Columns,
            vec![("y", scores())],
            "{\n    \"outputs\": [\n        2.5,\n        3.0,\n        4.5\n    ]\n}",
        ),
        ("TFS-REST-96", Form::Rows, vec![("y", nested())], "{\n    \"predictions\": [[0.5], [1.5]\n    ]\n}"),
        (
            "TFS-REST-91",
            Form::Rows,
            vec![("y", nested()), ("kind", kinds())],
            "{\n    \"predictions\": [\n        {\n            \"y\": [0.5],\n            \"kind\": 1\n        },\n        {\n            \"y\": [1.5],\n            \"kind\": -2\n        }\n    ]\n}",
        ),
        (
            "TFS-REST-91",
            Form::Columns,
            vec![("y", nested()), ("kind", f32s(&[], &[7.0]))],
            "{\n    \"outputs\": {\n        \"y\": [\n            [\n                0.5\n            ],\n            [\n                1.5\n            ]\n        ],\n        \"kind\": 7.0\n    }\n}",
        ),
        ("TFS-REST-93", Form::Columns, vec![("y", f32s(&[], &[5.0]))], "{\n    \"outputs\": 5.0\n}"),
        ("TFS-REST-95", Form::Rows, vec![("y", f32s(&[0, 2], &[]))], "{\n    \"predictions\": []\n}"),
        ("TFS-REST-64", Form::Columns, vec![("y", f32s(&[0], &[]))], "{\n    \"outputs\": []\n}"),
        (
            "TFS-REST-100",
            Form::Rows,
            vec![("s", strings(&[2], &["a\"b", "é"]))],
            "{\n    \"predictions\": [\"a\\\"b\", \"é\"\n    ]\n}",
        ),
        (
            "TFS-REST-100",
            Form::Rows,
            vec![("s_bytes", strings(&[1], &["hello"]))],
            "{\n    \"predictions\": [{\"b64\": \"aGVsbG8=\"}\n    ]\n}",
        ),
        (
            "TFS-REST-98",
            Form::Rows,
            vec![("y", f32s(&[2], &[f32::NAN, f32::NEG_INFINITY]))],
            "{\n    \"predictions\": [NaN, -Infinity\n    ]\n}",
        ),
        (
            "TFS-REST-99",
            Form::Rows,
            vec![("y", Tensor::from_slice(&[1], &[u64::MAX]).unwrap())],
            "{\n    \"predictions\": [18446744073709551615\n    ]\n}",
        ),
        (
            "TFS-REST-99",
            Form::Rows,
            vec![("y", Tensor::from_slice(&[2], &[i64::MIN, i64::MAX]).unwrap())],
            "{\n    \"predictions\": [-9223372036854775808, 9223372036854775807\n    ]\n}",
        ),
    ] {
        assert_eq!(answer(form, outputs).unwrap(), text, "{row}");
    }
}

#[test]
fn outputs_that_json_cannot_carry_are_refused() {
    let rows = |n: usize| f32s(&[n, 3], &vec![0.0; 3 * n]);
    let half = Tensor::from_slice(&[1], &[half::f16::ONE]).unwrap();
    let bad = Tensor::from_strings(Shape::new(&[1]), [b"\xff"].iter().collect()).unwrap();
    for (row, form, outputs, text) in [
        (
            "TFS-REST-92",
            Form::Rows,
            vec![("a", rows(2)), ("b", rows(1))],
            "Tensor name: b has inconsistent batch size: 1 expecting: 2",
        ),
        (
            "TFS-REST-93",
            Form::Rows,
            vec![("y", f32s(&[], &[1.0]))],
            "Tensor name: y has no shape information ",
        ),
        (
            "TFS-REST-102",
            Form::Columns,
            vec![("y", half)],
            "Failed to write JSON value for tensor type: half",
        ),
        (
            "TFS-REST-101",
            Form::Rows,
            vec![("s", bad)],
            "Tensor name: s has a string that is no UTF-8; outputs of bytes need a name that ends in _bytes",
        ),
    ] {
        let problem = answer(form, outputs).unwrap_err();
        assert_eq!((problem.kind(), problem.to_string().as_str()), (Kind::InvalidArgument, text), "{row}");
    }
}

#[test]
fn a_row_that_fails_alone_has_its_error_in_its_place() {
    let specs = vec![OutputSpec::new("y", DType::F32, None)];
    let signature =
        Signature::new("s", Method::Predict, vec![], specs, RowRule::None, ShapeRule::AsSent).unwrap();
    let mut outputs = Outputs::new();
    let mut missing = landfall_model::Bitmap::filled(3, false);
    missing.set(2, true);
    outputs.set(0, f32s(&[3], &[1.0, 0.0, 0.0]).with_missing(missing));
    outputs.fail_row(1, Problem::invalid("no \"good\""));
    let mut out = Vec::new();
    encode(&Form::Rows, &signature, &outputs, JsonNan::Bare, &mut out).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\n    \"predictions\": [1.0, {\"error\": \"no \\\"good\\\"\"}, null\n    ]\n}"
    );
    let problem = encode(&Form::Columns, &signature, &outputs, JsonNan::Bare, &mut Vec::new()).unwrap_err();
    assert_eq!(problem.to_string(), "rows failed: 1; the first of them: no \"good\"");
}

#[test]
fn states_are_written_as_protobufs_printer_writes_them() {
    let broken = Problem::new(landfall_model::Reason::FileMissing { file: "a.onnx".into() });
    let of = |version, state, problem| VersionStatus { version, state, problem };
    let body = status(&[
        of(Version::numbered(124), VersionState::Available, None),
        of(Version::named("blue"), VersionState::End, Some(broken)),
    ]);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "{\n \"model_version_status\": [\n  {\n   \"version\": \"124\",\n   \"state\": \"AVAILABLE\",\n   \"status\": \
         {\n    \"error_code\": \"OK\",\n    \"error_message\": \"\"\n   }\n  },\n  {\n   \"state\": \"END\",\n   \
         \"status\": {\n    \"error_code\": \"NOT_FOUND\",\n    \"error_message\": \"a.onnx is missing\"\n   }\n  }\n \
         ]\n}\n",
        "TFS-REST-120, -121, -122"
    );
}

#[test]
fn verbs_that_are_not_built_say_what_to_do() {
    let problem = unimplemented("classify");
    let http = errors::rest(&problem, &ErrorPlace::call("m", &VersionChoice::Default));
    assert_eq!(http.status, 501);
    assert!(problem.to_string().contains(":predict"), "{problem}");
}

#[test]
fn metadata_describes_every_signature() {
    let version = Version::numbered(123);
    let mut signatures = one(DType::F32);
    let input = InputSpec::new("ids", DType::I64, Some(vec![Dim::Free(None), Dim::Known(26)]));
    signatures.extend(model(vec![input]));
    let body = metadata(Identity { model: "half_plus_two", version: &version }, &signatures[1..]);
    let text: String = String::from_utf8(body.clone()).unwrap().split_whitespace().collect();
    assert_eq!(
        text,
        concat!(
            r#"{"model_spec":{"name":"half_plus_two","signature_name":"","version":"123"},"metadata":{"#,
            r#""signature_def":{"signature_def":{"serving_default":{"inputs":{"ids":{"dtype":"DT_INT64","#,
            r#""tensor_shape":{"dim":[{"size":"-1","name":""},{"size":"26","name":""}],"unknown_rank":false},"#,
            r#""name":"ids:0"}},"outputs":{"y":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[],"unknown_rank":true},"#,
            r#""name":"y:0"}},"method_name":"tensorflow/serving/predict","defaults":{}}}}}}"#
        ),
        "TFS-REST-126, -127, -129"
    );
    let mut scanner = crate::json::Scanner::new(&body);
    assert!(scanner.skip_value().is_ok() && scanner.skip_space() == 0);
}

#[test]
fn the_same_rows_come_out_of_every_form() {
    let shared = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let bodies = shared.join("data/bench");
    if !bodies.is_dir() {
        println!("left out: the request bodies of {} are not here", bodies.display());
        return;
    }
    let dense = InputSpec::new("dense", DType::F32, Some(vec![Dim::Free(None), Dim::Known(13)]));
    let ids = InputSpec::new("ids", DType::I64, Some(vec![Dim::Free(None), Dim::Known(26)]));
    let signatures = model(vec![dense, ids]);
    for (stem, rows) in [("ctr", 1), ("ctr32", 32)] {
        let body =
            |form: &str| Buffer::from_owner(std::fs::read(bodies.join(format!("{stem}_{form}"))).unwrap());
        let dense = |decoded: &landfall_model::Call| {
            let tensors = decoded.inputs().iter().map(|input| input.as_ref().and_then(Input::dense).cloned());
            tensors.collect::<Option<Vec<_>>>().unwrap()
        };
        let by_rows = dense(&decode(&body("tfs.json"), &signatures).unwrap().call);
        let by_columns = dense(&decode(&body("tfs_columnar.json"), &signatures).unwrap().call);
        let by_grpc = crate::tfs::grpc::decode_predict(&body("grpc_tfs.pb"), &signatures).unwrap();
        assert_eq!(by_rows, by_columns);
        assert_eq!(by_rows, dense(&by_grpc.call));
        assert_eq!((&by_rows[0].shape()[..], &by_rows[1].shape()[..]), (&[rows, 13][..], &[rows, 26][..]));
        // Row 0 has the ids 0, 1 and 9999.
        let ids = &by_rows[1].values::<i64>().unwrap()[..26];
        assert!([0, 1, 9999].iter().all(|id| ids.contains(id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn what_is_written_reads_back(shape in proptest::collection::vec(1usize..4, 1..4), seed: u64) {
        let count = shape.iter().product();
        let mut state = seed;
        let mut next = || { state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407); state };
        let floats: Vec<f32> =
            (0..count).map(|_| f32::from_bits((next() >> 32) as u32)).map(|v| if v.is_finite() { v } else { 0.5 }).collect();
        let tensor = Tensor::from_slice(&shape, &floats).unwrap();
        for (form, from, to) in [(Form::Rows, "predictions", "instances"), (Form::Columns, "outputs", "inputs")] {
            let text = answer(form, vec![("x", tensor.clone())]).unwrap().replace(from, to);
            prop_assert_eq!(only(&text, DType::F32), tensor.clone());
        }
        let whole: Vec<i64> = (0..count).map(|_| next() as i64).collect();
        let tensor = Tensor::from_slice(&shape, &whole).unwrap();
        let text = answer(Form::Rows, vec![("x", tensor.clone())]).unwrap().replace("predictions", "instances");
        prop_assert_eq!(only(&text, DType::I64), tensor);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        fuzz::rest_predict(&bytes);
        fuzz::json(&bytes);
    }

    #[test]
    fn no_body_of_likely_pieces_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..25)) {
        for start in ["", r#"{"instances":["#, r#"{"inputs":{"#] {
            let body = format!("{start}{}", pieces.concat());
            fuzz::rest_predict(body.as_bytes());
            fuzz::json(body.as_bytes());
        }
    }

    #[test]
    fn every_refusal_says_what_does_not_fit(pieces in proptest::collection::vec(value(), 1..6)) {
        let list = pieces.join(",");
        for body in [format!(r#"{{"instances":[{list}]}}"#), format!(r#"{{"inputs":[{list}]}}"#)] {
            for dtype in [DType::F32, DType::I8, DType::String, DType::Bool, DType::F16] {
                if let Err(problem) = read(&body, &one(dtype)) {
                    prop_assert!(!problem.to_string().contains("does not fit the model's signature"), "{body}");
                }
            }
        }
    }
}

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(","),
        Just(":"),
        Just(" "),
        Just("null"),
        Just("true"),
        Just("1"),
        Just("-2.5e3"),
        Just("300"),
        Just("NaN"),
        Just("\"x\""),
        Just("\"i\""),
        Just("\"s\""),
        Just("\"a\""),
        Just("\"b\""),
        Just("\"b64\""),
        Just("\"AA==\""),
        Just("{\"x\":1,\"i\":[2]}"),
        Just("\"signature_name\""),
        Just("\"other\""),
        Just("\"inputs\""),
        Just("\"features\""),
    ]
    .prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1"),
        Just("-300"),
        Just("2.5"),
        Just("null"),
        Just("true"),
        Just("\"t\""),
        Just("{\"b64\":\"AA==\"}"),
        Just("{\"b64\":\"!\"}"),
        Just("{\"x\":1}"),
        Just("{}"),
        Just("NaN"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        proptest::collection::vec(inner, 0..4).prop_map(|values| format!("[{}]", values.join(",")))
    })
}
