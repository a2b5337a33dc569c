//! Tables: a matrix given by the names of its columns.

use super::{f32s, inputs, model, read, refused};
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
