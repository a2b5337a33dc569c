//! The request's document: JSON, its root object, and what is read before the model is known.

use super::{f32s, inputs, one, only, read, refusal, refused};
use crate::tfs::errors::{self, ErrorPlace};
use crate::tfs::rest::check;
use landfall_model::{DType, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Signature, VersionChoice};

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
fn a_signature_without_inputs_is_refused_as_one_that_says_nothing_of_them() {
    let output = vec![OutputSpec::new("y", DType::F32, None)];
    let signature = |name: &str| {
        Signature::new(name, Method::Predict, vec![], output.clone(), RowRule::None, ShapeRule::AsSent)
    };
    let signatures = ["serving_default", "other"].map(|name| signature(name).unwrap().shared());
    for (body, name) in [
        (r#"{"inputs":{}}"#, "DEFAULT"),
        (r#"{"instances":[]}"#, "DEFAULT"),
        (r#"{"inputs":{},"signature_name":"other"}"#, "other"),
        ("{}", "DEFAULT"),
    ] {
        let (_, text) = refusal(body, &signatures);
        assert_eq!(text, format!("Failed to get input map for signature: {name}"), "{body}");
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
