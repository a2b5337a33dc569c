//! Single steps before the trees: ONNX Runtime's bits, edges of their types included.

use super::bare;
use super::conformance::same_bits;
use super::dice::Dice;
use super::graphs::{float, floats, integer, integers, matrix, ml_node, stump, text, texts, with};
use crate::support::{Files, Graph, Message, load, node, onnxruntime, run, stored};
use landfall_model::{Shape, Strings, Tensor};

/// A graph that shows what a step gives as `z`, and lets trees look at it.
fn shown(step: &Message, constants: &[Message], input: i64, output: &Message, trees_over: &str) -> Vec<u8> {
    let trees = with(ml_node("TreeEnsembleRegressor", &[trees_over], &["y"]), &stump(1.0, 2.0));
    let graph = Graph::new().node(step).node(&trees);
    let graph = constants.iter().fold(graph, Graph::initializer);
    let graph = graph.input("x", &matrix(input, 3)).input("w", &matrix(1, 3));
    graph.output("z", output).output("y", &matrix(1, 1)).file()
}

fn attributes(step: &str) -> Vec<Message> {
    let pair = |scale: f32| [floats("offset", &[0.1, -2.0, 3e38]), floats("scale", &[scale, 0.3, 7.0])];
    match step {
        "Scaler" => pair(1.7).to_vec(),
        "Imputer" => {
            vec![float("replaced_value_float", f32::NAN), floats("imputed_value_floats", &[1.0, 2.0, 3.0])]
        }
        "Binarizer" => vec![float("threshold", 0.25)],
        "Normalizer L1" => vec![text("norm", "L1")],
        "Normalizer L2" => vec![text("norm", "L2")],
        "OneHotEncoder" => vec![integers("cats_int64s", &[1, 0, -2, 7])],
        "LabelEncoder" => {
            vec![floats("keys_floats", &[0.0, 1.5, -1.0]), floats("values_floats", &[5.0, 6.0, 7.0])]
        }
        "Cast f64" => vec![integer("to", 11)],
        "Cast i64" => vec![integer("to", 7)],
        "Cast i32" => vec![integer("to", 6)],
        "Cast bool" => vec![integer("to", 9)],
        "Concat" | "Gather" => vec![integer("axis", 1)],
        "ArgMax" | "ArgMin" => vec![integer("axis", 1)],
        _ => Vec::new(),
    }
}

/// What a step gives, as a type of rank 2 (one-hot: 3).
fn output(step: &str) -> Message {
    match step {
        "Cast f64" => matrix(11, 3),
        "Cast i64" | "ArgMax" | "ArgMin" => matrix(7, if step == "Cast i64" { 3 } else { 1 }),
        "Cast i32" => matrix(6, 3),
        "Cast bool" | "Less" | "Equal" => matrix(9, 3),
        "OneHotEncoder" => crate::support::tensor_type(1, None),
        "Concat" => matrix(1, 6),
        "Gather" => matrix(1, 2),
        _ => matrix(1, 3),
    }
}

#[test]
fn steps_give_onnx_runtimes_bits() {
    let Some(theirs) = onnxruntime() else { return };
    let index = stored("index", 7, &[2], &[2i64.to_le_bytes(), (-3i64).to_le_bytes()].concat());
    let steps = [
        "Scaler",
        "Imputer",
        "Binarizer",
        "Normalizer",
        "Normalizer L1",
        "Normalizer L2",
        "OneHotEncoder",
        "LabelEncoder",
        "Cast f64",
        "Cast i64",
        "Cast i32",
        "Cast bool",
        "Concat",
        "Gather",
        "Add",
        "Sub",
        "Mul",
        "Div",
        "Max",
        "Min",
        "Sum",
        "Neg",
        "Abs",
        "Sqrt",
        "Floor",
        "Ceil",
        "Less",
        "Equal",
        "ArgMax",
        "ArgMin",
        "Identity",
    ];
    for (seed, step) in steps.into_iter().enumerate() {
        let operator = step.split(' ').next().unwrap();
        let inputs: &[&str] = match operator {
            "Concat" | "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Sum" | "Less" | "Equal" => {
                &["x", "w"]
            }
            "Gather" => &["x", "index"],
            _ => &["x"],
        };
        let is_ml = matches!(
            operator,
            "Scaler" | "Imputer" | "Binarizer" | "Normalizer" | "OneHotEncoder" | "LabelEncoder"
        );
        let plain = if is_ml { ml_node(operator, inputs, &["z"]) } else { node(operator, inputs, &["z"]) };
        let file =
            shown(&with(plain, &attributes(step)), std::slice::from_ref(&index), 1, &output(step), "w");
        let files = Files::model(&file);
        let own = load(&*bare(), &files).unwrap_or_else(|problem| panic!("{step}: {problem}"));
        let other = load(theirs, &files).unwrap_or_else(|problem| panic!("{step}: {problem}"));
        let mut dice = Dice::new(seed as u64);
        // Which of several NaN a largest one is, and what it is cast to, ONNX Runtime leaves to how it was built.
        let takes_nan = !matches!(operator, "ArgMax" | "ArgMin" | "Max" | "Min" | "Normalizer");
        let mut value = || loop {
            let value = dice.value();
            if takes_nan || !value.is_nan() {
                break value;
            }
        };
        let mut rows =
            || Tensor::from_slice(&[50, 3], &(0..150).map(|_| value()).collect::<Vec<f32>>()).unwrap();
        let (x, w) = (rows(), rows());
        let given = [("x", &x), ("w", &w)];
        let want = run(&*other, &other.signatures()[0], &given, &[]).unwrap();
        let found = run(&*own, &own.signatures()[0], &given, &[]).unwrap();
        same_bits(&found, &want).unwrap_or_else(|what| panic!("{step}: {what}"));
    }
}

#[test]
fn texts_become_numbers_and_unknown_ones_the_default() {
    let encode = with(
        ml_node("LabelEncoder", &["x"], &["z"]),
        &[
            texts("keys_strings", &["a", "é", "a"]),
            floats("values_floats", &[1.0, 2.0, 3.0]),
            float("default_float", 9.0),
        ],
    );
    let file = shown(&encode, &[], 8, &matrix(1, 3), "z");
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    let x: Strings = ["a", "é", "", "A", "a", "é "].into_iter().collect();
    let x = Tensor::from_strings(Shape::new(&[2, 3]), x).unwrap();
    let w = Tensor::from_slice(&[2, 3], &[0f32; 6]).unwrap();
    let outputs = run(&*model, &model.signatures()[0], &[("x", &x), ("w", &w)], &[]).unwrap();
    assert_eq!(
        outputs.get(0).unwrap().values::<f32>().unwrap(),
        [1.0, 2.0, 9.0, 9.0, 1.0, 9.0],
        "the first key wins"
    );
    assert_eq!(outputs.get(1).unwrap().values::<f32>().unwrap(), [2.0, 2.0]);
}

#[test]
fn only_what_is_wanted_is_calculated() {
    // The category is unknown, and the model refuses unknown ones; the trees do not look at it.
    let encode =
        with(ml_node("OneHotEncoder", &["x"], &["z"]), &[integers("cats_int64s", &[1]), integer("zeros", 0)]);
    let file = shown(&encode, &[], 1, &crate::support::tensor_type(1, None), "w");
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    let x = Tensor::from_slice(&[1, 3], &[1f32, 1.0, 2.0]).unwrap();
    let given = [("x", &x), ("w", &x)];
    let text = run(&*model, &model.signatures()[0], &given, &["z"]).unwrap_err().to_string();
    assert!(text.contains(r#"node "z""#) && text.contains("element 2"), "{text}");
    let outputs = run(&*model, &model.signatures()[0], &given, &["y"]).unwrap();
    assert_eq!(outputs.get(1).unwrap().values::<f32>().unwrap(), [2.0]);
}
