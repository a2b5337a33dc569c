//! Tables: a matrix given by the names of its columns.

use super::{columns, f32s, inputs, model, read, refused};
use landfall_model::{Column, DType, Dim, InputSpec, NullRule, Signature};
use std::sync::Arc;

fn table(null: NullRule) -> Vec<Arc<Signature>> {
    let mut features = InputSpec::new("features", DType::F32, Some(vec![Dim::Free(None), Dim::Known(3)]));
    features.columns =
        ["age", "job", "pay"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
    features.null = null;
    model(vec![features])
}

#[test]
fn what_is_none_of_its_type_is_marked_where_the_input_takes_that() {
    let of = |dtype, rows: Option<Vec<Dim>>| {
        let mut spec = InputSpec::new("x", dtype, rows);
        spec.accepts_invalid = true;
        model(vec![spec])
    };
    let marked = |body: &str, signatures: &[Arc<Signature>]| {
        let tensor = inputs(body, signatures).remove(0).unwrap();
        let text =
            |one: &landfall_model::Invalid| (one.element, String::from_utf8_lossy(&one.text).into_owned());
        tensor.invalid().iter().map(text).collect::<Vec<_>>()
    };
    let column = || Some(vec![Dim::Free(None)]);
    let expected = [(1, "n/a".to_owned()), (2, "true".to_owned())];
    for body in [
        r#"{"instances":[{"x":1},{"x":"n/a"},{"x":true}]}"#,
        r#"{"inputs":{"x":[1,"n/a",true]}}"#,
        r#"{"instances":[1,"n/a",true]}"#,
    ] {
        assert_eq!(marked(body, &of(DType::F64, column())), expected, "{body}");
        assert_eq!(marked(body, &of(DType::I32, column())), expected, "{body}");
    }
    let whole = [(0, "1.5".to_owned()), (2, "3e9".to_owned()), (3, "300000000000".to_owned())];
    for body in [
        r#"{"instances":[{"x":1.5},{"x":2},{"x":3e9},{"x":300000000000}]}"#,
        r#"{"inputs":{"x":[1.5,2,3e9,300000000000]}}"#,
    ] {
        assert_eq!(marked(body, &of(DType::I32, column())), whole, "{body}");
    }
    for body in [r#"{"instances":[{"x":null}]}"#, r#"{"instances":[{"x":{"b64":"AA=="}}]}"#] {
        assert!(read(body, &of(DType::F64, column())).is_err(), "{body}");
    }
    assert!(read(r#"{"instances":[{"x":7}]}"#, &of(DType::String, column())).is_err(), "7 is no text");
}

#[test]
fn columns_of_a_table_are_given_by_name() {
    let expected = f32s(&[2, 3], &[31.0, 2.0, 1.5, 40.0, 3.0, 2.5]);
    for body in [
        r#"{"instances":[{"age":31,"job":2,"pay":1.5},{"age":40,"job":3.0,"pay":2.5}]}"#,
        r#"{"instances":[{"pay":1.5,"age":31,"job":2},{"job":3,"pay":2.5,"age":40}]}"#,
        r#"{"instances":[[31,2,1.5],[40,3,2.5]]}"#,
        r#"{"instances":[{"features":[31,2,1.5]},{"features":[40,3,2.5]}]}"#,
        r#"{"inputs":[[31,2,1.5],[40,3,2.5]]}"#,
    ] {
        assert_eq!(inputs(body, &table(NullRule::Refuse))[0].as_ref(), Some(&expected), "{body}");
    }
    let gaps = r#"{"instances":[{"pay":1.5,"age":31},{"job":null,"age":40,"pay":2.5}]}"#;
    let zero = f32s(&[2, 3], &[31.0, 0.0, 1.5, 40.0, 0.0, 2.5]);
    assert_eq!(inputs(gaps, &table(NullRule::Zero))[0], Some(zero));
    let kept = inputs(gaps, &table(NullRule::Accept)).remove(0).unwrap();
    assert_eq!(kept.missing().unwrap().ones().collect::<Vec<_>>(), [1, 4]);
    let of = |values: [f32; 2]| Some(f32s(&[2], &values));
    let all = r#"{"inputs":{"age":[31,40],"pay":[1.5,2.5],"job":[2,3]}}"#;
    assert_eq!(columns(all, &table(NullRule::Refuse)), [of([31.0, 40.0]), of([2.0, 3.0]), of([1.5, 2.5])]);
    let gap = r#"{"inputs":{"age":[31,40],"pay":[1.5,2.5]}}"#;
    assert_eq!(columns(gap, &table(NullRule::Zero))[1], of([0.0, 0.0]));
    assert_eq!(
        columns(gap, &table(NullRule::Accept))[1],
        None,
        "an engine that knows missing values decides"
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
fn whole_numbers_and_truths_are_text_where_the_input_takes_them_so() {
    let mut spec = InputSpec::new("city", DType::String, Some(vec![Dim::Free(None)]));
    spec.integers_as_text = true;
    let model = model(vec![spec]);
    for body in [
        r#"{"instances":[{"city":7},{"city":"x"},{"city":-3},{"city":true},{"city":18446744073709551615}]}"#,
        r#"{"inputs":{"city":[7,"x",-3,true,18446744073709551615]}}"#,
        r#"{"instances":[7,"x",-3,true,18446744073709551615]}"#,
    ] {
        let tensor = inputs(body, &model).remove(0).unwrap();
        let texts: Vec<&[u8]> = tensor.strings().unwrap().iter().collect();
        assert_eq!(texts, [&b"7"[..], b"x", b"-3", b"1", b"18446744073709551615"], "{body}");
    }
    for body in [r#"{"instances":[{"city":7.5}]}"#, r#"{"inputs":{"city":[7,1e3]}}"#] {
        assert!(read(body, &model).is_err(), "a float is no category: {body}");
    }
}
