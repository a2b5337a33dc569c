//! Small models in every form, written here, and what calls of them give.

use crate::files::load;
use landfall_model::{
    Bitmap, Call, Csr, DType, Input, Model, NullRule, Outputs, Problem, Reason, Shape, Tensor, TensorMut,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Two features, two trees: x0 < 0.5 ? −1 : (x1 < 2 ? 1 : 3), missing right then left; and a leaf of 0.25.
pub(crate) fn xgboost() -> Value {
    let tree = |children: [Value; 2], features: Value, conditions: Value, left: Value| {
        let [lefts, rights] = children;
        let nodes = lefts.as_array().unwrap().len();
        json!({
            "tree_param": {"num_nodes": nodes.to_string(), "num_feature": "2", "size_leaf_vector": "1"},
            "left_children": lefts, "right_children": rights, "split_indices": features,
            "split_conditions": conditions, "default_left": left, "split_type": vec![0; nodes],
            "sum_hessian": vec![4.0; nodes], "categories": [], "categories_nodes": [],
            "categories_segments": [], "categories_sizes": []
        })
    };
    let first = tree(
        [json!([1, -1, 3, -1, -1]), json!([2, -1, 4, -1, -1])],
        json!([0, 0, 1, 0, 0]),
        json!([0.5, -1.0, 2.0, 1.0, 3.0]),
        json!([0, 0, 1, 0, 0]),
    );
    let second = tree([json!([-1]), json!([-1])], json!([0]), json!([0.25]), json!([0]));
    json!({
        "learner": {
            "attributes": {}, "feature_names": ["age", "job"], "feature_types": ["float", "float"],
            "gradient_booster": {"name": "gbtree", "model": {
                "gbtree_model_param": {"num_trees": "2", "num_parallel_tree": "1"},
                "iteration_indptr": [0, 1, 2], "tree_info": [0, 0], "trees": [first, second]
            }},
            "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "2", "num_target": "1"},
            "objective": {"name": "reg:squarederror"}
        },
        "version": [3, 1, 0]
    })
}

/// The same, with a categorical split on named categories in place of the second question.
pub(crate) fn xgboost_with_names() -> Value {
    let mut model = xgboost();
    let inner = &mut model["learner"]["gradient_booster"]["model"];
    let tree = &mut inner["trees"][0];
    tree["split_type"] = json!([0, 0, 1, 0, 0]);
    tree["categories"] = json!([1]);
    tree["categories_nodes"] = json!([2]);
    tree["categories_segments"] = json!([0]);
    tree["categories_sizes"] = json!([1]);
    inner["cats"] = json!({"enc": [
        {"offsets": [], "values": []},
        {"offsets": [0, 3, 8], "values": [114, 101, 100, 103, 114, 101, 101, 110]}
    ]});
    model
}

/// Universal Binary JSON of a document, numbers in typed arrays where all are of a kind.
pub(crate) fn ubjson(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    write_ubjson(value, &mut out);
    out
}

fn write_length(length: usize, out: &mut Vec<u8>) {
    out.push(b'L');
    out.extend((length as i64).to_be_bytes());
}

fn write_ubjson(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(b'Z'),
        Value::Bool(truth) => out.push(if *truth { b'T' } else { b'F' }),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => {
                out.push(b'L');
                out.extend(integer.to_be_bytes());
            }
            None => {
                out.push(b'D');
                out.extend(number.as_f64().unwrap().to_be_bytes());
            }
        },
        Value::String(text) => {
            out.push(b'S');
            write_length(text.len(), out);
            out.extend(text.as_bytes());
        }
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_f64) => {
            out.extend(b"[$d#");
            write_length(values.len(), out);
            values.iter().for_each(|value| out.extend((value.as_f64().unwrap() as f32).to_be_bytes()));
        }
        Value::Array(values) if !values.is_empty() && values.iter().all(Value::is_i64) => {
            out.extend(b"[$l#");
            write_length(values.len(), out);
            values.iter().for_each(|value| out.extend((value.as_i64().unwrap() as i32).to_be_bytes()));
        }
        Value::Array(values) => {
            out.push(b'[');
            values.iter().for_each(|value| write_ubjson(value, out));
            out.push(b']');
        }
        Value::Object(fields) => {
            out.push(b'{');
            for (key, value) in fields {
                write_length(key.len(), out);
                out.extend(key.as_bytes());
                write_ubjson(value, out);
            }
            out.push(b'}');
        }
    }
}

/// The first model in the form before 3.0.
pub(crate) fn binary() -> Vec<u8> {
    fn padded(values: &[i32], bytes: usize) -> Vec<u8> {
        let mut out: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        out.resize(bytes, 0);
        out
    }
    fn named(name: &str) -> Vec<u8> {
        [&(name.len() as u64).to_le_bytes()[..], name.as_bytes()].concat()
    }
    let node = |left: i32, right: i32, feature: u32, value: f32| {
        let mut out = padded(&[-1, left, right], 12);
        out.extend(feature.to_le_bytes());
        out.extend(value.to_le_bytes());
        out
    };
    let left = 1 << 31;
    let first = [
        node(1, 2, 0, 0.5),
        node(-1, -1, 0, -1.0),
        node(3, 4, 1 | left, 2.0),
        node(-1, -1, 0, 1.0),
        node(-1, -1, 0, 3.0),
    ];
    let mut out = [&b"binf"[..], &padded(&[0.5f32.to_bits() as i32, 2, 0, 0, 0, 2, 1, 1], 136)].concat();
    out.extend([named("reg:squarederror"), named("gbtree"), padded(&[2, 1, 2, 0, 0, 0, 1, 0], 160)].concat());
    for nodes in [&first[..], &[node(-1, -1, 0, 0.25)]] {
        out.extend(padded(&[1, nodes.len() as i32], 148));
        out.extend(nodes.concat());
        nodes.iter().for_each(|_| out.extend(padded(&[0, 4f32.to_bits() as i32], 16)));
    }
    out.extend(padded(&[], 8));
    out
}

/// x0 <= 0.5 ? −1 : (x1 in {1, 33} ? 1 : 3), missing by NaN; and a leaf of 0.25.
pub(crate) const LIGHTGBM: &str = "tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=age job=x
feature_infos=[-1:9] 1:33:2
tree_sizes=300 100

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
split_gain=1 1
threshold=0.5 0
decision_type=8 9
left_child=-1 -2
right_child=1 -3
leaf_value=-1 1 3
leaf_weight=1 1 1
leaf_count=2 1 1
internal_value=0 0
internal_weight=0 0
internal_count=4 2
cat_boundaries=0 2
cat_threshold=2 2
is_linear=0
shrinkage=1


Tree=1
num_leaves=1
num_cat=0
split_feature=
threshold=
decision_type=
left_child=
right_child=
leaf_value=0.25
leaf_count=
internal_count=
shrinkage=1


end of trees

feature_importances:
age=1

parameters:
[objective: regression]
[categorical_feature: 1]
end of parameters

pandas_categorical:null
";

/// The same as a dump.
pub(crate) fn lightgbm_dump() -> Value {
    let leaf = |index: usize, value: f64, count: usize| json!({"leaf_index": index, "leaf_value": value, "leaf_count": count});
    json!({
        "name": "tree", "version": "v4", "num_class": 1, "num_tree_per_iteration": 1, "max_feature_idx": 1,
        "objective": "regression", "average_output": false, "feature_names": ["age", "job=x"],
        "tree_info": [
            {"tree_index": 0, "num_leaves": 3, "tree_structure": {
                "split_index": 0, "split_feature": 0, "threshold": 0.5, "decision_type": "<=",
                "default_left": false, "missing_type": "NaN", "internal_count": 4,
                "left_child": leaf(0, -1.0, 2),
                "right_child": {
                    "split_index": 1, "split_feature": 1, "threshold": "1||33", "decision_type": "==",
                    "default_left": false, "missing_type": "NaN", "internal_count": 2,
                    "left_child": leaf(1, 1.0, 1), "right_child": leaf(2, 3.0, 1)
                }
            }},
            {"tree_index": 1, "num_leaves": 1, "tree_structure": {"leaf_value": 0.25}}
        ],
        "pandas_categorical": null
    })
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    crate::rows::numbers(tensor)
}

/// One output of a call.
fn ask(model: &Arc<dyn Model>, inputs: Vec<Option<Input>>, output: &str) -> Result<Outputs, Problem> {
    let signature = model.signatures()[0].clone();
    let wanted = [signature.output(output).unwrap()].into_iter().collect();
    let call = Call::checked(signature, inputs, wanted)?;
    let mut outputs = Outputs::new();
    model.instance()?.run(&call, &mut outputs)?;
    Ok(outputs)
}

fn margins(model: &Arc<dyn Model>, input: Input) -> Result<Vec<f64>, Problem> {
    let outputs = ask(model, vec![Some(input)], "margin")?;
    Ok(numbers(outputs.iter().next().unwrap().1))
}

fn matrix(rows: &[[f32; 2]]) -> Tensor {
    Tensor::from_slice(&[rows.len(), 2], rows.as_flattened()).unwrap()
}

fn xgboost_model(options: &[(&str, &str)]) -> Arc<dyn Model> {
    load("m.json", xgboost().to_string().as_bytes(), options).unwrap()
}

const NAN: f32 = f32::NAN;
const ROWS: [[f32; 2]; 5] = [[0.0, 9.0], [0.5, 1.0], [1.0, 2.0], [NAN, NAN], [NAN, 5.0]];
const MARGINS: [f64; 5] = [-0.25, 1.75, 3.75, 1.75, 3.75];

#[test]
fn one_model_is_the_same_in_all_forms() {
    let forms = [xgboost().to_string().into_bytes(), ubjson(&xgboost()), binary()];
    for bytes in forms {
        let model = load("m", &bytes, &[]).unwrap();
        assert_eq!(margins(&model, Input::Dense(matrix(&ROWS))).unwrap(), MARGINS);
        assert_eq!(model.facts().format, "xgboost");
        let leaf = ask(&model, vec![Some(Input::Dense(matrix(&ROWS[..1])))], "leaf").unwrap();
        assert_eq!(leaf.get(2).unwrap().values::<i32>().unwrap(), [1, 0]);
    }
    let rows = [[0.5, 9.0], [1.0, 33.9], [1.0, -0.5], [f64::NAN, 1.0], [1.0, f64::NAN]];
    for bytes in [LIGHTGBM.as_bytes().to_vec(), lightgbm_dump().to_string().into_bytes()] {
        let model = load("m", &bytes, &[]).unwrap();
        let input = Tensor::from_slice(&[5, 2], rows.as_flattened()).unwrap();
        assert_eq!(margins(&model, Input::Dense(input)).unwrap(), [-0.75, 1.25, 3.25, 1.25, 3.25]);
        assert_eq!(model.facts().format, "lightgbm");
        assert_eq!(model.signatures()[0].inputs()[0].columns[1].name, "job=x");
    }
}

#[test]
fn matrix_columns_and_sparse_rows_are_the_same_input() {
    let model = xgboost_model(&[]);
    let column = |place: usize| {
        let values: Vec<f64> = ROWS.iter().map(|row| row[place].into()).collect();
        Some(Tensor::from_slice(&[values.len()], &values).unwrap())
    };
    assert_eq!(margins(&model, Input::Columns(vec![column(0), column(1)])).unwrap(), MARGINS);
    let problem = margins(&model, Input::Columns(vec![column(0), None])).unwrap_err();
    assert!(matches!(problem.reason(), Reason::InputsMissing { missing, .. } if *missing == ["job"]));
    let csr = |data: &[f32], indices: &[i64], indptr: &[i64]| {
        let tensor = |values: &[i64]| Tensor::from_slice(&[values.len()], values).unwrap();
        let data = Tensor::from_slice(&[data.len()], data).unwrap();
        Input::Csr(Box::new(Csr { data, indices: tensor(indices), indptr: tensor(indptr) }))
    };
    let sparse = csr(&[0.0, 9.0, 0.5, 1.0, 5.0], &[0, 1, 0, 1, 1], &[0, 2, 4, 4, 5]);
    assert_eq!(margins(&model, sparse).unwrap(), [-0.25, 1.75, 1.75, 3.75], "what is left out is missing");
    assert!(margins(&model, csr(&[1.0], &[2], &[0, 1])).unwrap_err().to_string().contains("column 2"));
    assert!(margins(&model, csr(&[1.0], &[-1], &[0, 1])).is_err());
    assert!(margins(&model, csr(&[1.0], &[0], &[0, 5])).is_err());
    assert!(margins(&model, csr(&[1.0], &[0], &[1, 0, 1])).is_err());
}

#[test]
fn a_value_marked_missing_is_missing() {
    let model = xgboost_model(&[]);
    let marks: Bitmap = [true, false].into_iter().collect();
    let input = matrix(&[[0.0, 5.0]]).with_missing(marks);
    assert_eq!(margins(&model, Input::Dense(input)).unwrap(), [3.75]);
}

#[test]
fn options_have_the_librarys_words() {
    let model = xgboost_model(&[("missing", "0")]);
    assert_eq!(margins(&model, Input::Dense(matrix(&[[0.0, 5.0]]))).unwrap(), [3.75]);
    let model = xgboost_model(&[("iteration_range", "1:2")]);
    assert_eq!(margins(&model, Input::Dense(matrix(&[[0.0, 5.0]]))).unwrap(), [0.75]);
    let refused = ask(&model, vec![Some(Input::Dense(matrix(&[[0.0, 5.0]])))], "leaf").unwrap_err();
    assert!(refused.to_string().contains("rounds"), "{refused}");
    let model = xgboost_model(&[("ntree_limit", "1")]);
    assert_eq!(margins(&model, Input::Dense(matrix(&[[0.0, 5.0]]))).unwrap(), [-0.5]);
    for option in [("iteration_range", "0:3"), ("start_iteration", "1"), ("mising", "0")] {
        assert!(load("m.json", xgboost().to_string().as_bytes(), &[option]).is_err(), "{option:?}");
    }
    let model = load("m.txt", LIGHTGBM.as_bytes(), &[("start_iteration", "1")]).unwrap();
    let input = Tensor::from_slice(&[1, 2], &[0.0f64, 0.0]).unwrap();
    assert_eq!(margins(&model, Input::Dense(input)).unwrap(), [0.25]);
}

#[test]
fn the_mean_of_no_rounds_is_no_number_as_in_the_library() {
    let forest = LIGHTGBM.replacen("tree\n", "tree\naverage_output\n", 1);
    let row = || vec![Some(Input::Dense(Tensor::from_slice(&[1, 2], &[0.0f64, 0.0]).unwrap()))];
    for (start, is_number) in [("1", true), ("100", false)] {
        let model = load("m.txt", forest.as_bytes(), &[("start_iteration", start)]).unwrap();
        let told = |output: &str| numbers(ask(&model, row(), output).unwrap().iter().next().unwrap().1);
        assert!(told("margin")[0].is_finite());
        assert_eq!(told("prediction")[0].is_finite(), is_number);
    }
}

#[test]
fn a_base_of_the_callers_own_replaces_the_models() {
    let model = xgboost_model(&[]);
    let base = Tensor::from_slice(&[1], &[10.0f32]).unwrap();
    let inputs = vec![Some(Input::Dense(matrix(&ROWS[..1]))), Some(Input::Dense(base))];
    let outputs = ask(&model, inputs, "margin").unwrap();
    assert_eq!(numbers(outputs.iter().next().unwrap().1), [9.25]);
}

#[test]
fn contributions_add_up_to_the_margin() {
    let model = xgboost_model(&[]);
    let rows = || vec![Some(Input::Dense(matrix(&ROWS)))];
    let contributions = numbers(ask(&model, rows(), "contributions").unwrap().iter().next().unwrap().1);
    let interactions = numbers(ask(&model, rows(), "interactions").unwrap().iter().next().unwrap().1);
    for (row, margin) in MARGINS.iter().enumerate() {
        let sum: f64 = contributions[row * 3..(row + 1) * 3].iter().sum();
        assert!((sum - margin).abs() < 1e-6, "row {row}: {sum} for {margin}");
        let sum: f64 = interactions[row * 9..(row + 1) * 9].iter().sum();
        assert!((sum - margin).abs() < 1e-6, "row {row}: {sum} for {margin}");
    }
}

#[test]
fn named_categories_make_columns_inputs_and_unknown_ones_fail_their_row() {
    let model = load("m.json", xgboost_with_names().to_string().as_bytes(), &[]).unwrap();
    let signature = &model.signatures()[0];
    let kinds: Vec<_> = signature.inputs().iter().map(|input| (input.name.as_str(), input.dtype)).collect();
    assert_eq!(kinds, [("age", DType::F32), ("job", DType::String), ("base_margin", DType::F32)]);
    let age = Tensor::from_slice(&[4], &[1.0f32; 4]).unwrap();
    let mut jobs = TensorMut::new(DType::String);
    jobs.push_str(b"red");
    jobs.push_str(b"green");
    jobs.push_missing(&NullRule::Accept, "job", 2).unwrap();
    jobs.push_str(b"blue");
    let jobs = jobs.freeze(Shape::new(&[4])).unwrap();
    let outputs = ask(&model, vec![Some(Input::Dense(age)), Some(Input::Dense(jobs))], "margin").unwrap();
    assert_eq!(numbers(outputs.iter().next().unwrap().1)[..3], [1.75, 3.75, 1.75]);
    let (row, problem) = &outputs.failed()[0];
    assert_eq!((*row, outputs.failed().len()), (3, 1));
    assert!(
        matches!(problem.reason(), Reason::ValueInvalid { input, text, .. } if input == "job" && text == "blue")
    );
    let codes = &model.signatures()[1];
    assert_eq!((codes.name(), codes.inputs()[0].name.as_str()), ("matrix", "features"));
    let wanted = [1].into_iter().collect();
    let call = Call::checked(codes.clone(), vec![Some(Input::Dense(matrix(&[[1.0, 1.0]])))], wanted).unwrap();
    let mut outputs = Outputs::new();
    model.instance().unwrap().run(&call, &mut outputs).unwrap();
    assert_eq!(numbers(outputs.get(1).unwrap()), [3.75]);
}

#[test]
fn the_facts_tell_the_structure() {
    let facts = xgboost_model(&[]).facts();
    let told = [facts.structure.clone(), facts.later.find()].concat();
    let of = |key: &str| told.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str());
    assert_eq!(of("trees"), Some("2"));
    assert_eq!(of("depth"), Some("2"));
    assert_eq!(of("objective"), Some("reg:squarederror"));
    assert_eq!(of("importance (weight)"), Some("age 1, job 1"));
    assert_eq!(facts.engine, "trees");
}
