//! Files of models that were trained for no round, and of features that trained nothing.

use crate::files::load;
use crate::written;
use landfall_model::{Call, DType, Input, Outputs, Tensor};
use serde_json::{Value, json};

/// The margin of a row of two numbers.
fn margin(model: &Value) -> f32 {
    let model = load("model.json", model.to_string().as_bytes(), &[]).unwrap();
    let signature = model.signatures()[0].clone();
    let rows = Tensor::from_slice(&[1, 2], &[1.0f32, 2.0]).unwrap();
    let wanted = std::iter::once(signature.output("margin").unwrap()).collect();
    let call = Call::checked(signature, vec![Some(Input::Dense(rows))], wanted).unwrap();
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call, &mut outputs).unwrap();
    outputs.get(call.wanted().iter().next().unwrap()).unwrap().values::<f32>().unwrap()[0]
}

fn untrained(objective: &str, version: Value, from_average: &str) -> Value {
    let mut model = written::xgboost();
    model["version"] = version;
    model["learner"]["objective"]["name"] = json!(objective);
    model["learner"]["learner_model_param"]["boost_from_average"] = json!(from_average);
    model["learner"]["gradient_booster"]["model"]["trees"] = json!([]);
    model["learner"]["gradient_booster"]["model"]["tree_info"] = json!([]);
    model["learner"]["gradient_booster"]["model"]["iteration_indptr"] = json!([0]);
    model
}

#[test]
fn a_base_score_that_training_never_came_to_estimate_is_the_margin_itself() {
    for version in [json!([3, 2, 0]), json!([2, 0, 3])] {
        let mut model = untrained("count:poisson", version.clone(), "1");
        assert_eq!(margin(&model), 0.5);
        let parameters = model["learner"]["learner_model_param"].as_object_mut().unwrap();
        parameters.remove("boost_from_average");
        assert_eq!(margin(&model), 0.5);
        // One that was given has its link.
        assert_eq!(margin(&untrained("count:poisson", version, "0")), 0.5f32.ln());
    }
    // 3.2 does not read files without trees that are older: they are read as those that wrote them do.
    assert_eq!(margin(&untrained("count:poisson", json!([1, 7, 6]), "1")), 0.5f32.ln());
    let mut linear = untrained("count:poisson", json!([1, 7, 6]), "1");
    linear["learner"]["gradient_booster"] =
        json!({"name": "gblinear", "model": {"boosted_rounds": 0, "weights": []}});
    assert_eq!(margin(&linear), 0.5);
    // As it was written before rounds were counted: trained all the same.
    linear["version"] = json!([1, 3, 3]);
    linear["learner"]["gradient_booster"] = json!({"name": "gblinear", "model": {"weights": [0.25, -2, 1]}});
    assert_eq!(margin(&linear), (1.0 + 0.5f32.ln()) + 0.25 - 4.0);
}

#[test]
fn a_linear_booster_without_weights_adds_nothing() {
    let mut model = untrained("reg:squarederror", json!([3, 2, 0]), "1");
    let booster =
        |weights: Value| json!({"name": "gblinear", "model": {"boosted_rounds": 0, "weights": weights}});
    model["learner"]["gradient_booster"] = booster(json!([]));
    assert_eq!(margin(&model), 0.5);
    model["learner"]["gradient_booster"] = booster(json!([0.25, -2, 1]));
    let facts = load("model.json", model.to_string().as_bytes(), &[]).unwrap().facts();
    let told = facts.later.find().into_iter().find(|(key, _)| key == "importance (weight)");
    assert_eq!(told.as_ref().map(|(_, value)| value.as_str()), Some("age 0.250000, job -2"));
}

#[test]
fn categories_of_a_dump_belong_to_features_by_name() {
    let mut dump = written::lightgbm_dump();
    // The first feature trained nothing: it is not listed.
    dump["feature_infos"] = json!({"job=x": {"min_value": 0, "max_value": 1, "values": [0, 1]}});
    dump["pandas_categorical"] = json!([["red", "green"]]);
    let model = load("dump.json", dump.to_string().as_bytes(), &[]).unwrap();
    let types: Vec<_> = model.signatures()[0].inputs().iter().map(|input| input.dtype).collect();
    assert_eq!(types, [DType::F64, DType::String]);
}
