//! What CatBoost makes of missing values, of models that were added up, and of classes that the training data lacked.

use crate::catboost::{answer, document};
use crate::files::load;
use crate::rows::{numbers, texts};
use landfall_model::{Call, Input, Model, Options, Outputs, Tensor};
use landfall_trees::Scorer;
use serde_json::{Value, json};
use std::sync::Arc;

/// A number `age` and one tree of two sums that asks age > 0: (1, 2) below, (3, -1) above.
fn two_sums(info: Value) -> Value {
    json!({
        "features_info": {"float_features": [{
            "feature_index": 0, "flat_feature_index": 0, "borders": [0.0], "has_nans": false,
            "nan_value_treatment": "AsIs", "feature_id": "age"
        }]},
        "model_info": info,
        "oblivious_trees": [{
            "splits": [{"split_index": 0}], "leaf_values": [1, 2, 3, -1], "leaf_weights": [1, 1]
        }],
        "scale_and_bias": [1, [0, 0]]
    })
}

fn loaded(model: &Value, options: &[(&str, &str)]) -> Arc<dyn Model> {
    load("model.json", model.to_string().as_bytes(), options).unwrap()
}

/// An output of two rows, one below and one above.
fn told(model: &Arc<dyn Model>, output: &str) -> Tensor {
    let signature = model.signatures()[0].clone();
    let rows = Tensor::from_slice(&[2, 1], &[-1.0f32, 1.0]).unwrap();
    let wanted = std::iter::once(signature.output(output).unwrap()).collect();
    let call = Call::checked(signature, vec![Some(Input::Dense(rows))], wanted).unwrap();
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call, &mut outputs).unwrap();
    outputs.get(call.wanted().iter().next().unwrap()).unwrap().clone()
}

#[test]
fn a_missing_number_is_an_infinity_of_its_mode() {
    let mut model = document();
    // Beyond float32: an infinite border, as infinite numbers in training leave it. Nothing is above it.
    model["features_info"]["float_features"][0]["borders"] = json!([0.5, 1e39]);
    model["oblivious_trees"][0]["splits"][0]["split_index"] = json!(1);
    let rows = [(f32::NAN, Some("red")), (f32::INFINITY, Some("red")), (0.0, Some("red"))];
    let leaves = |model: &Value| numbers(&answer(&loaded(model, &[]), &rows, "leaf").unwrap());
    assert_eq!(leaves(&model), [2.0, 1.0, 2.0, 1.0, 2.0, 1.0]);
    model["oblivious_trees"][0]["splits"][0]["split_index"] = json!(0);
    assert_eq!(leaves(&model), [3.0, 1.0, 3.0, 1.0, 2.0, 1.0]);
    model["features_info"]["float_features"][0]["borders"] = json!([-1e39, 0.5]);
    model["features_info"]["float_features"][0]["nan_value_treatment"] = json!("AsFalse");
    assert_eq!(leaves(&model), [2.0, 1.0, 3.0, 1.0, 3.0, 1.0]);
}

#[test]
fn a_sum_of_models_has_its_loss_under_a_key_of_its_own() {
    let loss = json!({"type": "MultiLogloss", "params": {}}).to_string();
    let parts = json!({"loss_function": {"type": "RMSE", "params": {}}});
    // Without parameters of its own, or with empty ones, once it was loaded and saved again.
    let infos = [
        json!({"loss_function": loss, "params": parts}),
        json!({"loss_function": loss}),
        json!({"loss_function": loss, "params": ""}),
    ];
    for info in infos {
        let model = loaded(&two_sums(info), &[("prediction_type", "Probability")]);
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        let found = numbers(&told(&model, "prediction"));
        assert_eq!(found, [1.0, 2.0, 3.0, -1.0].map(sigmoid));
        assert_eq!(texts(&told(&model, "class")), ["1", "1", "1", "0"]);
    }
    let uncertain =
        json!({"loss_function": json!({"type": "RMSEWithUncertainty", "params": {}}).to_string()});
    let contributions = told(&loaded(&two_sums(uncertain), &[]), "contributions");
    assert_eq!(contributions.shape().to_vec(), [2, 2], "of the mean alone");
}

fn with_classes(class_params: Value) -> Value {
    let params = json!({"loss_function": {"type": "MultiClass", "params": {}}});
    two_sums(json!({"params": params, "class_params": class_params}))
}

#[test]
fn classes_that_the_training_data_lacked_have_their_places_among_all() {
    let named = with_classes(json!({
        "class_label_type": "String", "class_names": ["a", "b", "c"], "class_to_label": [0, 2], "classes_count": 0
    }));
    let none = f64::NEG_INFINITY;
    let model = loaded(&named, &[("prediction_type", "Probability")]);
    assert_eq!(numbers(&told(&model, "margin")), [1.0, none, 2.0, 3.0, none, -1.0]);
    assert_eq!(texts(&told(&model, "class")), ["c", "a"]);
    let second = 1.0 / (1.0 + (-1f64).exp());
    let found = numbers(&told(&model, "prediction"));
    assert!(
        (found[0] - (1.0 - second)).abs() < 1e-15 && found[1] == 0.0 && (found[2] - second).abs() < 1e-15
    );
    assert_eq!(numbers(&told(&model, "log_probability"))[1], none);
    assert_eq!(told(&model, "contributions").shape().to_vec(), [2, 2, 2], "of the sums there are");
    let names = model.signatures()[0].outputs().iter().find(|output| output.name == "margin").unwrap();
    assert_eq!(names.class_names.as_deref(), Some(&["a", "b", "c"].map(str::to_owned)[..]));
    let mut scores = Vec::new();
    let mut scorer = Scorer::read(named.to_string().as_bytes(), "model", &Options::new()).unwrap();
    scorer.score(&[-1.0, 1.0], &mut scores).unwrap();
    assert_eq!(scores, [1.0, none, 2.0, 3.0, none, -1.0]);
    let counted = with_classes(json!({
        "class_label_type": "Integer", "class_names": [], "class_to_label": [1, 3], "classes_count": 5
    }));
    let model = loaded(&counted, &[]);
    assert_eq!(numbers(&told(&model, "prediction"))[..5], [none, 1.0, none, 2.0, none]);
    assert_eq!(texts(&told(&model, "class")), ["3", "1"]);
}

#[test]
fn classes_that_cannot_be_are_refused() {
    for (places, count, expected) in [
        (json!([0, 7]), 5, "of 5"),
        (json!([3, 3]), 5, "of 5"),
        (json!([0.5, 3]), 5, "of 5"),
        (json!([0, 1]), 100_000, "100000 classes, of which 2 have a sum"),
    ] {
        let model = with_classes(json!({
            "class_label_type": "Integer", "class_names": [], "class_to_label": places, "classes_count": count
        }));
        let refused = load("model.json", model.to_string().as_bytes(), &[]).err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}
