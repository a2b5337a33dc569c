//! Single steps before the trees: ONNX Runtime's bits, edges of their types included.

use super::bare;
use super::conformance::same_bits;
use super::dice::Dice;
use super::graphs::{float, floats, integer, integers, matrix, ml_node, stump, text, texts, with};
use crate::support::{Files, Graph, Message, load, node, onnxruntime, run, stored, tensor_type};
use landfall_foreign::Surroundings;
use landfall_model::{Shape, Strings, Tensor};
use landfall_onnx::{Preference, engines};

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
        "LpNormalization 1" => vec![integer("axis", 1), integer("p", 1)],
        "LpNormalization 2" | "Softmax across" => vec![integer("axis", 0)],
        "ReduceSumSquare" | "ReduceLogSumExp" => vec![integers("axes", &[1])],
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
        "Div whole" | "Div none" => matrix(7, 3),
        "Cast bool" | "Less" | "Equal" => matrix(9, 3),
        "OneHotEncoder" => tensor_type(1, None),
        "Concat" => matrix(1, 6),
        "Gather" => matrix(1, 2),
        "ReduceSumSquare" | "ReduceLogSumExp" => matrix(1, 1),
        "Slice front" | "Slice back" | "Slice rows" | "Slice far" | "Slice none" => tensor_type(1, None),
        _ => matrix(1, 3),
    }
}

/// Operator and variant, and the element type of its first input.
const STEPS: [(&str, i64); 51] = [
    ("Scaler", 1),
    ("Scaler", 11),
    ("Scaler", 7),
    ("Imputer", 1),
    ("Binarizer", 1),
    ("Normalizer", 1),
    ("Normalizer", 11),
    ("Normalizer", 7),
    ("Normalizer", 6),
    ("Normalizer L1", 1),
    ("Normalizer L1", 11),
    ("Normalizer L1", 7),
    ("Normalizer L1", 6),
    ("Normalizer L2", 1),
    ("Normalizer L2", 11),
    ("Normalizer L2", 7),
    ("Normalizer L2", 6),
    ("OneHotEncoder", 1),
    ("LabelEncoder", 1),
    ("Cast f64", 1),
    ("Cast i64", 1),
    ("Cast i32", 1),
    ("Cast bool", 1),
    ("Concat", 1),
    ("Gather", 1),
    ("Slice front", 1),
    ("Slice back", 1),
    ("Slice rows", 1),
    ("Slice far", 1),
    ("Slice none", 1),
    ("Add", 1),
    ("Sub", 1),
    ("Mul", 1),
    ("Div", 1),
    ("Div whole", 7),
    ("Max", 1),
    ("Min", 1),
    ("Sum", 1),
    ("Neg", 1),
    ("Abs", 1),
    ("Sqrt", 1),
    ("Relu", 1),
    ("Reciprocal", 1),
    ("Sign", 1),
    ("Floor", 1),
    ("Ceil", 1),
    ("Less", 1),
    ("Equal", 1),
    ("ArgMax", 1),
    ("ArgMin", 1),
    ("Identity", 1),
];

const NEARLY: [&str; 8] = [
    "Sigmoid",
    "LpNormalization 1",
    "LpNormalization 2",
    "Tanh",
    "Softmax",
    "Softmax across",
    "ReduceSumSquare",
    "ReduceLogSumExp",
];

fn whole_numbers(name: &str, values: &[i64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    stored(name, 7, &[values.len() as i64], &bytes)
}

/// Constants that a step reads beside `x`, by their names in its inputs.
fn constants(step: &str) -> Vec<Message> {
    let cut = |starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]| {
        [("starts", starts), ("ends", ends), ("axes", axes), ("steps", steps)]
            .map(|(name, values)| whole_numbers(name, values))
            .to_vec()
    };
    match step {
        "Gather" => vec![whole_numbers("index", &[2, -3])],
        // By −1 the least number is itself.
        "Div whole" => vec![whole_numbers("by", &[3, -1, 7])],
        "Div none" => vec![whole_numbers("by", &[3, 0, 7])],
        "Slice front" => cut(&[0], &[2], &[1], &[1]),
        "Slice back" => cut(&[-1, i64::MAX], &[i64::MIN, 0], &[1, 0], &[-2, -7]),
        "Slice rows" => cut(&[-20, 1], &[i64::MAX, -1], &[0, -1], &[3, 1]),
        "Slice far" => cut(&[-900], &[900], &[-1], &[i64::MAX]),
        "Slice none" => cut(&[2], &[2], &[1], &[1]),
        _ => Vec::new(),
    }
}

/// A graph around one step.
fn file_of(step: &str, element: i64) -> Vec<u8> {
    let operator = step.split(' ').next().unwrap();
    let inputs: &[&str] = match operator {
        _ if matches!(step, "Div whole" | "Div none") => &["x", "by"],
        "Concat" | "Add" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Sum" | "Less" | "Equal" => &["x", "w"],
        "Gather" => &["x", "index"],
        "Slice" => &["x", "starts", "ends", "axes", "steps"],
        _ => &["x"],
    };
    let is_ml = ["Scaler", "Imputer", "Binarizer", "Normalizer", "OneHotEncoder", "LabelEncoder"];
    let is_ml = is_ml.contains(&operator);
    let plain = if is_ml { ml_node(operator, inputs, &["z"]) } else { node(operator, inputs, &["z"]) };
    shown(&with(plain, &attributes(step)), &constants(step), element, &output(step), "w")
}

/// Rows for a step. Which of several NaN a largest one is, and what it is cast to, ONNX Runtime leaves to how it was
/// built.
fn rows(dice: &mut Dice, step: &str, element: i64) -> Tensor {
    let takes_nan =
        !["ArgMax", "ArgMin", "Max", "Min", "Normalizer"].iter().any(|name| step.starts_with(name));
    let mut values = Vec::new();
    while values.len() < 150 {
        let value = dice.value();
        if takes_nan || !value.is_nan() {
            values.push(value);
        }
    }
    let shape = [50, 3];
    match element {
        11 => Tensor::from_slice(&shape, &values.iter().map(|&v| f64::from(v) * 1.1).collect::<Vec<f64>>()),
        7 => Tensor::from_slice(&shape, &values.iter().map(|&v| (v * 9.0) as i64).collect::<Vec<i64>>()),
        6 => {
            Tensor::from_slice(&shape, &values.iter().map(|&v| (v * 9.0) as i32 / 4096).collect::<Vec<i32>>())
        }
        _ => Tensor::from_slice(&shape, &values),
    }
    .unwrap()
}

#[test]
fn steps_give_onnx_runtimes_bits() {
    let Some(theirs) = onnxruntime() else { return };
    for (seed, (step, element)) in STEPS.into_iter().enumerate() {
        let what = format!("{step} over type {element}");
        let files = Files::model(&file_of(step, element));
        let own = load(&*bare(), &files).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        assert_eq!(own.facts().engine, "trees", "{what}");
        let other = load(theirs, &files).unwrap_or_else(|problem| panic!("{what}: {problem}"));
        let mut dice = Dice::new(seed as u64);
        let (x, w) = (rows(&mut dice, step, element), rows(&mut dice, step, 1));
        let given = [("x", &x), ("w", &w)];
        let want = run(&*other, &other.signatures()[0], &given, &[]).unwrap();
        let found = run(&*own, &own.signatures()[0], &given, &[]).unwrap();
        same_bits(&found, &want).unwrap_or_else(|why| panic!("{what}: {why}"));
    }
}

#[test]
fn whole_numbers_are_not_divided_by_zero() {
    let files = Files::model(&file_of("Div none", 7));
    let x = Tensor::from_slice(&[1, 3], &[4i64, 5, 6]).unwrap();
    let w = Tensor::from_slice(&[1, 3], &[0f32; 3]).unwrap();
    let model = load(&*bare(), &files).unwrap();
    let refused = run(&*model, &model.signatures()[0], &[("x", &x), ("w", &w)], &["z"]).unwrap_err();
    assert!(refused.to_string().contains("divided by zero"), "{refused}");
}

#[test]
fn what_functions_and_sums_give_lies_next_to_onnx_runtimes() {
    let Some(theirs) = onnxruntime() else { return };
    for (seed, step) in NEARLY.into_iter().enumerate() {
        let files = Files::model(&file_of(step, 1));
        let own = load(&*bare(), &files).unwrap_or_else(|problem| panic!("{step}: {problem}"));
        let notes = own.facts().notes.join(" ");
        assert!(notes.contains(step.split(' ').next().unwrap()), "it is said: {notes}");
        let other = load(theirs, &files).unwrap_or_else(|problem| panic!("{step}: {problem}"));
        let mut dice = Dice::new(seed as u64);
        let mut values: Vec<f32> = (0..150).map(|_| dice.grid() * 3.0).collect();
        values[..3].fill(0.0);
        let x = Tensor::from_slice(&[50, 3], &values).unwrap();
        let given = [("x", &x), ("w", &x)];
        let want = run(&*other, &other.signatures()[0], &given, &["z"]).unwrap();
        let found = run(&*own, &own.signatures()[0], &given, &["z"]).unwrap();
        let values =
            |outputs: &landfall_model::Outputs| outputs.get(0).unwrap().values::<f32>().unwrap().to_vec();
        for (found, want) in values(&found).iter().zip(values(&want)) {
            assert!((found - want).abs() < 1e-6 * want.abs().max(1.0), "{step}: {found} for {want}");
        }
    }
}

#[test]
fn a_last_bit_that_may_differ_is_left_to_onnx_runtime_where_it_is() {
    if onnxruntime().is_none() {
        return;
    }
    let chosen = engines(Preference::Auto, None, &Surroundings::of_process()).unwrap();
    let model_of = |step: &str| load(&*chosen.engines[0], &Files::model(&file_of(step, 1))).unwrap();
    assert_eq!(model_of("Scaler").facts().engine, "trees");
    let facts = model_of("Sigmoid").facts();
    assert_eq!(facts.engine, "onnxruntime");
    assert!(
        facts.notes.iter().any(|note| note.contains("the last bit may differ in Sigmoid")),
        "{:?}",
        facts.notes
    );
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
    let file = shown(&encode, &[], 1, &tensor_type(1, None), "w");
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    let x = Tensor::from_slice(&[1, 3], &[1f32, 1.0, 2.0]).unwrap();
    let given = [("x", &x), ("w", &x)];
    let text = run(&*model, &model.signatures()[0], &given, &["z"]).unwrap_err().to_string();
    assert!(text.contains(r#"node "z""#) && text.contains("element 2"), "{text}");
    let outputs = run(&*model, &model.signatures()[0], &given, &["y"]).unwrap();
    assert_eq!(outputs.get(1).unwrap().values::<f32>().unwrap(), [2.0]);
}
