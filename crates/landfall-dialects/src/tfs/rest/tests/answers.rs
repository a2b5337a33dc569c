//! Answers to predictions.

use super::{answer, f32s, i32s, strings};
use crate::JsonNan;
use crate::tfs::rest::{Form, encode};
use landfall_model::{
    DType, Kind, Method, OutputSpec, Outputs, Problem, RowRule, Shape, ShapeRule, Signature, Tensor,
};

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
fn a_type_that_json_cannot_carry_passes_without_values() {
    let empty = |shape: &[usize]| Tensor::from_slice::<half::f16>(shape, &[]).unwrap();
    for (form, shape, expected) in [
        (Form::Columns, &[0][..], "{\n    \"outputs\": []\n}"),
        (Form::Rows, &[1, 0], "{\n    \"predictions\": [[]\n    ]\n}"),
    ] {
        assert_eq!(answer(form, vec![("y", empty(shape))]).unwrap(), expected);
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
    assert_eq!(problem.to_string(), "row 1 failed: no \"good\"");
}
