//! What files of single versions of XGBoost and LightGBM have differently.

use crate::files::load;
use crate::written;
use landfall_model::{Call, Input, Options, Outputs, Tensor};
use landfall_trees::Scorer;
use serde_json::{Value, json};

/// What makes files of later versions mean what they say.
const BY_FILE: &[(&str, &str)] = &[("rules", "file")];

/// Outputs of a row of two numbers.
fn ask(model: &Value, output: &str) -> Vec<f32> {
    ask_by(model, output, &[])
}

fn ask_by(model: &Value, output: &str, options: &[(&str, &str)]) -> Vec<f32> {
    let model = load("model.json", model.to_string().as_bytes(), options).unwrap();
    let signature = model.signatures()[0].clone();
    let rows = Tensor::from_slice(&[1, 2], &[1.0f32, 1.0]).unwrap();
    let wanted = std::iter::once(signature.output(output).unwrap()).collect();
    let call = Call::checked(signature, vec![Some(Input::Dense(rows))], wanted).unwrap();
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call, &mut outputs).unwrap();
    outputs.get(call.wanted().iter().next().unwrap()).unwrap().values::<f32>().unwrap().to_vec()
}

#[test]
fn a_base_score_that_is_certain_of_a_class_is_kept_from_it() {
    let mut model = written::xgboost();
    model["learner"]["objective"]["name"] = json!("binary:logistic");
    for (score, margin) in [("[0E0]", -13.815_51), ("1E-20", -13.815_51), ("[1E0]", 13.745_16)] {
        model["learner"]["learner_model_param"]["base_score"] = json!(score);
        assert_eq!(ask(&model, "margin"), [margin + 1.0 + 0.25], "{score}");
    }
}

#[test]
fn weights_of_dart_stand_beside_the_booster_or_with_its_trees() {
    let trees = written::xgboost()["learner"]["gradient_booster"].clone();
    let mut older = written::xgboost();
    older["learner"]["gradient_booster"] =
        json!({"name": "dart", "gbtree": trees, "weight_drop": [0.5, 2.0]});
    assert_eq!(ask(&older, "margin"), [0.5 + 0.5 + 0.5]);
    let mut newer = written::xgboost();
    newer["learner"]["gradient_booster"]["model"]["weight_drop"] = json!([0.5, 2.0]);
    assert_eq!(ask_by(&newer, "margin", BY_FILE), [0.5 + 0.5 + 0.5]);
    assert_eq!(ask(&newer, "margin"), [0.5 + 1.0 + 0.25], "as 3.2 reads it");
    let notes = load("model.json", newer.to_string().as_bytes(), &[]).unwrap().facts().notes;
    assert!(notes[0].contains("dart") && notes[0].contains("rules=file"), "{notes:?}");
    newer["learner"]["gradient_booster"]["model"]["weight_drop"] = json!([0.5]);
    let found = ask_by(&newer, "margin", BY_FILE);
    assert_eq!(found, [0.5 + 0.5 + 0.25], "trees that came after dart have no weight");
}

#[test]
fn quantiles_are_put_in_order_by_the_rules_of_versions_that_do_so() {
    let mut model = written::xgboost();
    model["learner"]["objective"]["name"] = json!("reg:quantileerror");
    model["learner"]["learner_model_param"]["base_score"] = json!("[5E0,0E0,3E0]");
    assert_eq!(ask_by(&model, "prediction", BY_FILE), [6.25, 0.0, 3.0]);
    model["version"] = json!([3, 4, 1]);
    assert_eq!(ask(&model, "prediction"), [6.25, 0.0, 3.0]);
    assert_eq!(ask_by(&model, "margin", BY_FILE), [6.25, 0.0, 3.0]);
    assert_eq!(ask_by(&model, "prediction", BY_FILE), [0.0, 3.0, 6.25]);
}

#[test]
fn the_largest_threshold_of_a_dump_is_infinite_from_version_three_on() {
    let mut dump = written::lightgbm_dump();
    dump["tree_info"][0]["tree_structure"]["threshold"] = json!(1e300);
    for (version, beyond) in [("v2", 1.25), ("v3", -0.75), ("v4", -0.75)] {
        dump["version"] = json!(version);
        let mut scorer = Scorer::read(dump.to_string().as_bytes(), "dump", &Options::new()).unwrap();
        let mut found = Vec::new();
        scorer.score(&[3e38, 1.0, f32::INFINITY, 1.0, f32::NAN, 1.0], &mut found).unwrap();
        assert_eq!(found, [-0.75, beyond, 1.25], "{version}");
    }
}
