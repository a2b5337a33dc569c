//! Small CatBoost models in both forms, written here.

use crate::files::load;
use crate::flatbuffer::{Field, buffer, f32s, f64s, i32s, text};
use crate::rows::{numbers, texts};
use landfall_model::{Call, Input, Model, NullRule, Outputs, Problem, Shape, Tensor, TensorMut};
use serde_json::{Value, json};
use std::sync::Arc;

/// Hashes of the categories, as the library's own files have them.
const RED: u32 = 3_052_168_893;
const BLUE: u32 = 3_431_880_003;

/// The key of one category.
fn key(category: u32) -> u64 {
    const FACTOR: u64 = 0x4906_ba49_4954_cb65;
    let element = i64::from(category.cast_signed()).cast_unsigned();
    FACTOR.wrapping_mul(FACTOR.wrapping_mul(element))
}

/// A number `age` (NaN above all) and a category `job`. The first tree asks age > 0.5 and whether the share of the
/// second class among the job's rows is above a border, the second one whether the job is red. Twice the sum and 10.
pub(crate) fn document() -> Value {
    let projection = json!([{"cat_feature_index": 0, "combination_element": "cat_feature_value"}]);
    let name = json!({"identifier": projection, "type": "Borders"}).to_string();
    json!({
        "features_info": {
            "float_features": [{
                "feature_index": 0, "flat_feature_index": 0, "borders": [0.5, 2.0], "has_nans": true,
                "nan_value_treatment": "AsTrue", "feature_id": "age"
            }],
            "categorical_features": [{
                "feature_index": 0, "flat_feature_index": 1, "feature_id": "job", "values": [RED.cast_signed()]
            }],
            "ctrs": [{
                "elements": projection, "ctr_type": "Borders", "identifier": name, "borders": [7.0],
                "prior_numerator": 0.5, "prior_denomerator": 1, "shift": 0, "scale": 15, "target_border_idx": 0
            }]
        },
        "ctr_data": {
            name: {
                "counter_denominator": 0, "hash_stride": 3,
                "hash_map": [key(RED).to_string(), 1, 3, u64::MAX.to_string(), 0, 0, key(BLUE).to_string(), 4, 0]
            }
        },
        "model_info": {"params": {"loss_function": {"type": "Logloss", "params": {}}}},
        "oblivious_trees": [
            {
                "splits": [{"split_index": 0}, {"split_index": 3}],
                "leaf_values": [1, 2, 4, 8], "leaf_weights": [1, 1, 1, 1]
            },
            {"splits": [{"split_index": 2}], "leaf_values": [0.25, -0.5], "leaf_weights": [2, 2]}
        ],
        "scale_and_bias": [2, [10]]
    })
}

/// The same model as the library's own file; or one whose trees are lists of steps, which only asks age > 0.5.
pub(crate) fn binary(is_nested: bool) -> Vec<u8> {
    let base = || vec![Field::Table(vec![i32s(&[0])]), Field::Byte(0)];
    let bytes = |parts: &[&[u8]]| parts.concat();
    let (splits, sizes, values) = if is_nested {
        (vec![0, 0], vec![2], vec![1.0, 2.0])
    } else {
        (vec![0, 3, 2], vec![2, 1], vec![1.0, 2.0, 4.0, 8.0, 0.25, -0.5])
    };
    let mut trees = vec![
        Field::I32(1),
        i32s(&splits),
        i32s(&sizes),
        Field::Absent,
        Field::Tables(vec![vec![Field::I32(0), Field::I32(1), text("job")]]),
        Field::Tables(vec![vec![
            Field::Byte(1),
            Field::I32(0),
            Field::I32(0),
            f32s(&[0.5, 2.0]),
            text("age"),
            Field::Byte(2),
        ]]),
        Field::Tables(vec![vec![Field::I32(0), i32s(&[RED.cast_signed()])]]),
        Field::Tables(vec![vec![
            Field::Table(vec![
                Field::Table(base()),
                Field::I32(0),
                Field::F32(0.5),
                Field::F32(1.0),
                Field::F32(0.0),
                Field::F32(15.0),
            ]),
            f32s(&[7.0]),
        ]]),
        f64s(&values),
        f64s(&vec![1.0; values.len()]),
    ];
    if is_nested {
        trees.push(Field::List(2, vec![0, 0, 1, 0, 0, 0, 0, 0]));
        trees.push(i32s(&[0, 1]));
    }
    trees.resize_with(14, || Field::Absent);
    trees.extend([Field::F64(2.0), Field::F64(10.0)]);
    let information = vec![text("params"), text(r#"{"loss_function":{"type":"Logloss","params":{}}}"#)];
    let core = buffer(&[
        text("FlabuffersModel_v1"),
        Field::Table(trees),
        Field::Tables(vec![information]),
        Field::Texts(vec!["static_provider_v1"]),
    ]);
    let buckets: [(u64, u32); 3] = [(key(RED), 1), (u64::MAX, 0), (key(BLUE), 0)];
    let buckets: Vec<u8> = buckets
        .iter()
        .flat_map(|(key, place)| [&key.to_le_bytes()[..], &place.to_le_bytes()].concat())
        .collect();
    let counts: Vec<u8> = [4i32, 0, 1, 3].iter().flat_map(|count| count.to_le_bytes()).collect();
    let table = buffer(&[
        Field::Table(base()),
        Field::List(buckets.len(), buckets.clone()),
        Field::List(counts.len(), counts.clone()),
        Field::I32(0),
        Field::I32(2),
    ]);
    let size = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
    bytes(&[b"CBM1", &size(&core), &core, &1u32.to_le_bytes(), &size(&table), &table])
}

/// What a model gives for rows of an age and a job; `None` is a missing one.
pub(crate) fn answer(
    model: &Arc<dyn Model>,
    rows: &[(f32, Option<&str>)],
    output: &str,
) -> Result<Tensor, Problem> {
    let signature = &model.signatures()[0];
    let (mut ages, mut jobs) = (Vec::new(), TensorMut::new(signature.inputs()[1].dtype));
    for (age, job) in rows {
        ages.push(*age);
        match job {
            Some(job) => jobs.push_str(job.as_bytes()),
            None => jobs.push_missing(&NullRule::Accept, "job", 0)?,
        }
    }
    let shape = Shape::new(&[rows.len()]);
    let inputs = vec![
        Some(Input::Dense(Tensor::from_slice(&[rows.len()], &ages)?)),
        Some(Input::Dense(jobs.freeze(shape)?)),
    ];
    let wanted = [signature.output(output).unwrap()].into_iter().collect();
    let call = Call::checked(signature.clone(), inputs, wanted)?;
    let mut outputs = Outputs::new();
    model.instance()?.run(&call, &mut outputs)?;
    let place = call.wanted().iter().next().unwrap();
    Ok(outputs.get(place).unwrap().clone())
}

const ROWS: [(f32, Option<&str>); 4] =
    [(0.0, Some("red")), (1.0, Some("blue")), (f32::NAN, Some("never seen")), (0.0, None)];

fn models(options: &[(&str, &str)]) -> [Arc<dyn Model>; 2] {
    let json = load("model.json", document().to_string().as_bytes(), options).unwrap();
    [json, load("model.cbm", &binary(false), options).unwrap()]
}

#[test]
fn both_forms_give_the_numbers_that_the_trees_say() {
    for model in models(&[]) {
        assert_eq!(numbers(&answer(&model, &ROWS, "prediction").unwrap()), [17.0, 14.5, 26.5, 18.5]);
        assert_eq!(
            numbers(&answer(&model, &ROWS, "leaf").unwrap()),
            [2.0, 1.0, 1.0, 0.0, 3.0, 0.0, 2.0, 0.0]
        );
        assert_eq!(texts(&answer(&model, &ROWS, "class").unwrap()), ["1", "1", "1", "1"]);
    }
    let model = load("model.cbm", &binary(true), &[]).unwrap();
    assert_eq!(numbers(&answer(&model, &ROWS, "prediction").unwrap()), [12.0, 14.0, 14.0, 12.0]);
}

#[test]
fn contributions_add_up_to_the_margin_and_go_to_the_features_alone() {
    for model in models(&[]) {
        let told = numbers(&answer(&model, &ROWS, "contributions").unwrap());
        let sums: Vec<f64> = told.chunks_exact(3).map(|row| row.iter().sum()).collect();
        let margins = numbers(&answer(&model, &ROWS, "margin").unwrap());
        assert!(sums.iter().zip(&margins).all(|(a, b)| (a - b).abs() < 1e-9), "{sums:?}, {margins:?}");
    }
}

#[test]
fn trees_and_types_of_predictions_are_chosen_by_options() {
    for model in models(&[("ntree_start", "1"), ("ntree_end", "2")]) {
        // The bias belongs to the first tree.
        assert_eq!(numbers(&answer(&model, &ROWS[..2], "prediction").unwrap()), [-1.0, 0.5]);
    }
    for model in models(&[("prediction_type", "Probability"), ("ntree_start", "1"), ("ntree_end", "2")]) {
        let second = 1.0 / (1.0 + 1f64.exp());
        let found = numbers(&answer(&model, &ROWS[..1], "prediction").unwrap());
        assert!((found[0] - (1.0 - second)).abs() < 1e-15 && (found[1] - second).abs() < 1e-15);
    }
    for model in models(&[("prediction_type", "Class"), ("ntree_start", "1"), ("ntree_end", "2")]) {
        assert_eq!(texts(&answer(&model, &ROWS[..2], "prediction").unwrap()), ["0", "1"]);
    }
    let refused = load("model.cbm", &binary(false), &[("ntree_end", "3")]).err().unwrap();
    assert!(refused.to_string().contains("the model has 2"), "{refused}");
}

#[test]
fn what_cannot_be_read_is_named() {
    let changed = |pointer: &str, value: Value| {
        let mut model = document();
        *model.pointer_mut(pointer).unwrap() = value;
        load("model.json", model.to_string().as_bytes(), &[]).err().unwrap().to_string()
    };
    let mut with_text = document();
    with_text["features_info"]["text_features"] = json!([{"feature_index": 0, "feature_id": "review"}]);
    let refused = load("model.json", with_text.to_string().as_bytes(), &[]).err().unwrap().to_string();
    assert!(refused.contains("text features (review)"), "{refused}");
    for (pointer, value, expected) in [
        ("/oblivious_trees/0/splits/1/split_index", json!(4), "tree 0"),
        ("/oblivious_trees/0/leaf_values", json!([1, 2, 4]), "tree 0"),
        ("/oblivious_trees/1/leaf_values", json!([1, 2, 4]), "tree 1"),
        ("/features_info/ctrs/0/ctr_type", json!("Sums"), "kind of statistic"),
        ("/features_info/ctrs/0/elements/0/cat_feature_index", json!(3), "statistic 0"),
        ("/features_info/categorical_features/0/flat_feature_index", json!(0), "two features"),
        ("/features_info/categorical_features/0/flat_feature_index", json!(500_000), "of which 2 are listed"),
        ("/scale_and_bias", json!([1, [0, 0]]), "2 biases"),
        ("/ctr_data", json!({}), "its table is not there"),
        ("/features_info/ctrs/0/target_border_idx", json!(1), "save as .cbm"),
    ] {
        let refused = changed(pointer, value);
        assert!(refused.contains(expected), "{pointer}: {refused}");
    }
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    for bytes in [binary(false), binary(true)] {
        for end in 0..bytes.len() {
            assert!(load("model.cbm", &bytes[..end], &[]).is_err(), "{end} bytes");
        }
        assert!(load("model.cbm", &[&bytes[..], &[0]].concat(), &[]).is_err(), "a byte too many");
    }
}
