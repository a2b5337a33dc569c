//! Rows and columns: how lists and objects become tensors.

use super::{f32s, i32s, inputs, model, one, only, read, refusal, refused, strings, two};
use landfall_model::{DType, Dim, InputSpec, Method, OutputSpec, RowRule, ShapeRule, Signature};

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
    let (_, text) = refusal(r#"{"instances":[{"b64":"aGVsbG8="}]}"#, &ab);
    assert!(text.starts_with("instances is a plain list"), "TFS-REST-59");
}

/// Bodies for a model with one float input, and what is wrong with which element.
fn elements_refused(cases: &[(&str, &str, &str)]) {
    let x = one(DType::F32);
    for (row, body, text) in cases {
        let text = format!("Failed to process element: {text}");
        assert_eq!(refusal(body, &x), (400, text), "{row} {body}");
    }
}

#[test]
fn elements_of_other_types_and_names_are_refused_by_number() {
    elements_refused(&[
        (
            "TFS-REST-51",
            r#"{"instances":[1,"a"]}"#,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: \"a\" Type: String is not of expected type: float",
        ),
        (
            "TFS-REST-51",
            r#"{"instances":[{"x":1},{"x":true}]}"#,
            "1 key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: true Type: True is not of expected type: float",
        ),
        (
            "TFS-REST-61",
            r#"{"instances":[{"b64":"AA==","other":1}]}"#,
            "0 key: b64 of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: b64",
        ),
        (
            "TFS-REST-51",
            r#"{"instances":[{"x":1,"x":2}]}"#,
            "0 key: x of 'instances' list. Error: INVALID_ARGUMENT: JSON object: has named input more than once: x",
        ),
    ]);
}

#[test]
fn elements_of_other_shapes_are_refused_by_number() {
    elements_refused(&[
        (
            "TFS-REST-52",
            r#"{"instances":[[1,2],[3,4],[5,6,7]]}"#,
            "2 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 2 but got: 3",
        ),
        (
            "TFS-REST-53",
            r#"{"instances":[[1,2],[3,4],[[5,6]]]}"#,
            "2 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [2] but got: [1,2]",
        ),
        (
            "TFS-REST-53",
            r#"{"instances":[1,[1]]}"#,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting shape [] but got: [1]",
        ),
        (
            "TFS-REST-54",
            r#"{"instances":[[[1,2],[3]]]}"#,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: Encountered list at unexpected size: 1 at level: 1 expected size: 2",
        ),
        (
            "TFS-REST-55",
            r#"{"instances":[[1,[2]]]}"#,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: Encountered list at unexpected level: 1 expected < 1",
        ),
        (
            "TFS-REST-56",
            r#"{"instances":[[[1],2]]}"#,
            "0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2",
        ),
        (
            "TFS-REST-57",
            r#"{"instances":[[],[1]]}"#,
            "1 of 'instances' list. Error: INVALID_ARGUMENT: Expecting tensor size: 0 but got: 1",
        ),
    ]);
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
