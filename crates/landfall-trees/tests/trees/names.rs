//! Names of features that are hard to tell from something else.

use crate::files::load;
use crate::rows::numbers;
use crate::written;
use landfall_model::{Call, Input, Model, Outputs, Problem, Shape, Tensor};
use serde_json::json;
use std::sync::Arc;

/// A model of XGBoost's with two features of these names.
fn named(names: [&str; 2]) -> Arc<dyn Model> {
    let mut model = written::xgboost();
    model["learner"]["feature_names"] = json!(names);
    load("m.json", model.to_string().as_bytes(), &[]).unwrap()
}

/// Names of the inputs of a model's signatures.
fn inputs(model: &Arc<dyn Model>) -> Vec<Vec<&str>> {
    model
        .signatures()
        .iter()
        .map(|signature| signature.inputs().iter().map(|input| input.name.as_str()).collect())
        .collect()
}

fn margins(
    model: &Arc<dyn Model>,
    signature: usize,
    inputs: Vec<Option<Input>>,
) -> Result<Vec<f64>, Problem> {
    let signature = model.signatures()[signature].clone();
    let wanted = [signature.output("margin").unwrap()].into_iter().collect();
    let mut outputs = Outputs::new();
    model.instance()?.run(&Call::checked(signature, inputs, wanted)?, &mut outputs)?;
    Ok(numbers(outputs.iter().next().unwrap().1))
}

fn column(values: [f32; 3]) -> Option<Input> {
    Some(Input::Dense(Tensor::from_slice(&[3], &values).unwrap()))
}

#[test]
fn a_feature_of_lightgbm_is_found_by_the_name_that_it_had_in_training() {
    let mut model = written::lightgbm_dump();
    model["feature_names"] = json!(["the_age", "job_x"]);
    let model = load("m.json", model.to_string().as_bytes(), &[]).unwrap();
    let signature = &model.signatures()[0];
    assert_eq!(signature.slot("the age"), signature.slot("the_age"));
    assert!(signature.slot("job x").is_some_and(|found| found.column == Some(1)));
    assert_eq!(signature.slot("the  age"), None);
    assert_eq!(named(["the_age", "job"]).signatures()[0].slot("the age"), None, "XGBoost keeps blanks");
}

#[test]
fn an_empty_text_is_a_category_where_training_had_one_and_missing_elsewhere() {
    let of = |categories: [&str; 2]| {
        let mut model = written::lightgbm_dump();
        model["pandas_categorical"] = json!([categories]);
        let model = load("m.json", model.to_string().as_bytes(), &[]).unwrap();
        let ages = Some(Input::Dense(Tensor::from_slice(&[3], &[1.0f64; 3]).unwrap()));
        let jobs = Tensor::from_strings(
            Shape::new(&[3]),
            ["", "red", "unknown"].map(str::as_bytes).into_iter().collect(),
        );
        margins(&model, 0, vec![ages, Some(Input::Dense(jobs.unwrap()))]).unwrap()
    };
    // The split asks whether the job is the second category.
    assert_eq!(of(["red", ""]), [1.25, 3.25, 3.25]);
    assert_eq!(of(["red", "green"]), [3.25, 3.25, 3.25]);
}

#[test]
fn a_feature_that_is_called_as_an_input_makes_columns_inputs() {
    let rows = [[0.0, 9.0], [0.5, 1.0], [1.0, 2.0f32]];
    let expected = [-0.25, 1.75, 3.75];
    let matrix = || Some(Input::Dense(Tensor::from_slice(&[3, 2], rows.as_flattened()).unwrap()));
    let columns = || vec![column(rows.map(|row| row[0])), column(rows.map(|row| row[1]))];
    assert_eq!(inputs(&named(["age", "job"])), [["features", "base_margin"]]);
    for (names, default) in [
        (["age", "features"], vec!["age", "features", "base_margin"]),
        (["base_margin", "age"], vec!["base_margin", "age"]),
        (["features", "base_margin"], vec!["features", "base_margin"]),
    ] {
        let model = named(names);
        assert_eq!(inputs(&model), [default, vec!["features", "base_margin"]]);
        assert_eq!(margins(&model, 0, columns()).unwrap(), expected);
        assert_eq!(margins(&model, 1, vec![matrix()]).unwrap(), expected);
        let base = column([10.0; 3]);
        assert_eq!(margins(&model, 1, vec![matrix(), base]).unwrap(), expected.map(|margin| margin + 9.5));
    }
}

#[test]
fn lightgbm_knows_no_base_margin_so_that_the_name_is_free() {
    let text = written::LIGHTGBM.replace("feature_names=age job=x", "feature_names=age base_margin");
    let model = load("m.txt", text.as_bytes(), &[]).unwrap();
    assert_eq!(inputs(&model), [["features"]]);
}

#[test]
fn names_of_lightgbm_end_at_blanks_alone() {
    let text = written::LIGHTGBM.replace("feature_names=age job=x", "feature_names=age\tin\u{b}years job=x");
    let model = load("m.txt", text.as_bytes(), &[]).unwrap();
    let columns = &model.signatures()[0].inputs()[0].columns;
    assert_eq!([&columns[0].name, &columns[1].name], ["age\tin\u{b}years", "job=x"]);
}
