//! Pipelines without trees, and trees behind steps whose last bit may differ: on a machine where nothing is installed.

use super::bare;
use super::dice::Dice;
use super::graphs::{behind, float, floats, integer, integers, matrix, ml_node, text, texts, with};
use crate::support::{Axis, Files, Graph, Message, load, node, onnxruntime, run, stored, tensor_type, value};
use landfall_foreign::Surroundings;
use landfall_model::{DType, Outputs, Tensor};
use landfall_onnx::{Preference, engines};

fn grid(dice: &mut Dice, count: usize) -> Vec<f32> {
    (0..count).map(|_| dice.grid()).collect()
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Equal labels, and scores as near as sums in another order are.
fn near(found: &Outputs, want: &Outputs, what: &str) {
    for (place, want) in want.iter() {
        let found = found.get(place).unwrap();
        assert_eq!((found.shape(), found.dtype()), (want.shape(), want.dtype()), "{what}");
        for element in 0..want.len() {
            if want.dtype() != DType::F32 {
                assert_eq!(found.scalar(element), want.scalar(element), "{what}, element {element}");
                continue;
            }
            let [found, want] = [found, want].map(|tensor| tensor.values::<f32>().unwrap()[element]);
            let is_near = (found - want).abs() <= 1e-5 * want.abs().max(1.0);
            assert!(
                is_near || (found.is_nan() && want.is_nan()),
                "{what}, element {element}: {found} for {want}"
            );
        }
    }
}

/// A graph on the bare machine, against ONNX Runtime where it is.
fn compare(file: &[u8], what: &str) {
    let files = Files::model(file);
    let own = load(&*bare(), &files).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    assert_eq!(own.facts().engine, "pipeline", "{what}");
    let x = Tensor::from_slice(&[40, 3], &grid(&mut Dice::new(what.len() as u64), 120)).unwrap();
    let found = run(&*own, &own.signatures()[0], &[("x", &x)], &[]).unwrap();
    let Some(theirs) = onnxruntime() else { return };
    let other = load(theirs, &files).unwrap_or_else(|problem| panic!("{what}: {problem}"));
    near(&found, &run(&*other, &other.signatures()[0], &[("x", &x)], &[]).unwrap(), what);
}

fn classifier(node: &Message, label: i64) -> Vec<u8> {
    let free = |element| tensor_type(element, None);
    let graph = Graph::new().node(node).input("x", &matrix(1, 3));
    graph.output("label", &free(label)).output("scores", &free(1)).file()
}

const TRANSFORMS: [&str; 4] = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"];

#[test]
fn linear_models_give_onnx_runtimes_labels_and_scores() {
    let mut dice = Dice::new(1);
    for transform in TRANSFORMS {
        for targets in [1usize, 2, 4] {
            let own = [
                floats("coefficients", &grid(&mut dice, 3 * targets)),
                floats("intercepts", &grid(&mut dice, targets)),
                text("post_transform", transform),
            ];
            let numbers: Vec<i64> = (0..targets.max(2) as i64).map(|class| 7 - 3 * class).collect();
            let names: Vec<String> = numbers.iter().map(|number| format!("class {number}")).collect();
            let node = ml_node("LinearClassifier", &["x"], &["label", "scores"]);
            for (labels, element) in
                [(integers("classlabels_ints", &numbers), 7), (texts("classlabels_strings", &names), 8)]
            {
                let node = with(with(node.clone(), &own), &[labels]);
                compare(&classifier(&node, element), &format!("LinearClassifier {transform} {targets}"));
            }
            let node = with(ml_node("LinearRegressor", &["x"], &["y"]), &own);
            let node = with(node, &[integer("targets", targets as i64)]);
            let file = Graph::new().node(&node).input("x", &matrix(1, 3)).output("y", &tensor_type(1, None));
            compare(&file.file(), &format!("LinearRegressor {transform} {targets}"));
        }
    }
}

#[test]
fn support_vectors_give_onnx_runtimes_labels_and_scores() {
    let mut dice = Dice::new(2);
    for kernel in ["LINEAR", "POLY", "RBF", "SIGMOID"] {
        for degree in [2.0, 3.0, 4.0] {
            for classes in [2usize, 3, 4] {
                for (has_probabilities, transform) in [(false, "NONE"), (true, "NONE"), (false, "SOFTMAX")] {
                    let (vectors, pairs) = (2 * classes, classes * (classes - 1) / 2);
                    let labels: Vec<i64> = (0..classes as i64).collect();
                    let mut own = vec![
                        text("kernel_type", kernel),
                        floats("kernel_params", &[0.25, 0.5, degree]),
                        text("post_transform", transform),
                        integers("vectors_per_class", &vec![2; classes]),
                        floats("support_vectors", &grid(&mut dice, 3 * vectors)),
                        floats("coefficients", &grid(&mut dice, (classes - 1) * vectors)),
                        floats("rho", &grid(&mut dice, pairs)),
                        integers("classlabels_ints", &labels),
                    ];
                    if has_probabilities {
                        own.push(floats("prob_a", &vec![-1.5; pairs]));
                        own.push(floats("prob_b", &vec![0.25; pairs]));
                    }
                    let node = with(ml_node("SVMClassifier", &["x"], &["label", "scores"]), &own);
                    let what =
                        format!("{kernel} {degree}, {classes} classes, {has_probabilities}, {transform}");
                    compare(&classifier(&node, 7), &what);
                }
            }
            for one_class in [0, 1] {
                let own = [
                    text("kernel_type", kernel),
                    floats("kernel_params", &[0.25, 0.5, degree]),
                    integer("n_supports", 4),
                    floats("support_vectors", &grid(&mut dice, 12)),
                    floats("coefficients", &grid(&mut dice, 4)),
                    floats("rho", &[0.3]),
                    integer("one_class", one_class),
                ];
                let node = with(ml_node("SVMRegressor", &["x"], &["y"]), &own);
                let file =
                    Graph::new().node(&node).input("x", &matrix(1, 3)).output("y", &matrix(1, 1)).file();
                compare(&file, &format!("SVMRegressor {kernel} {degree} {one_class}"));
            }
        }
    }
}

#[test]
fn products_of_matrices_are_added_up_to_onnx_runtimes_sums() {
    let mut dice = Dice::new(3);
    let own = grid(&mut dice, 12);
    let wide = stored("wide", 1, &[3, 4], &bytes(&own));
    let tall = stored("tall", 1, &[4, 3], &bytes(&own));
    let column = stored("column", 1, &[3], &bytes(&own[..3]));
    let row = stored("row", 1, &[4], &bytes(&own[..4]));
    let scale = with(ml_node("Scaler", &["x"], &["z"]), &[floats("offset", &[0.5]), floats("scale", &[2.0])]);
    let gemm = |inputs: &[&str], attributes: &[Message]| with(node("Gemm", inputs, &["y"]), attributes);
    for (what, last) in [
        ("MatMul", node("MatMul", &["z", "wide"], &["y"])),
        ("MatMul column", node("MatMul", &["z", "column"], &["y"])),
        ("Gemm", gemm(&["z", "wide", "row"], &[])),
        (
            "Gemm turned",
            gemm(&["z", "tall", "row"], &[integer("transB", 1), float("alpha", 0.5), float("beta", 2.0)]),
        ),
        ("Gemm alone", gemm(&["z", "wide"], &[])),
    ] {
        let graph = Graph::new().node(&scale).node(&last);
        let graph = [&wide, &tall, &column, &row].into_iter().fold(graph, Graph::initializer);
        let file = graph.input("x", &matrix(1, 3)).output("y", &tensor_type(1, None)).file();
        compare(&file, what);
    }
}

/// Distances of rows from others, as nearest neighbours and Gaussian processes have them.
#[test]
fn a_graph_within_a_node_runs_for_each_slice() {
    let body = Message::new()
        .text(2, "body")
        .message(1, &node("Identity", &["all"], &["on"]))
        .message(1, &node("Sub", &["all", "one"], &["apart"]))
        .message(
            1,
            &with(
                node("ReduceSumSquare", &["apart"], &["far"]),
                &[integers("axes", &[1]), integer("keepdims", 0)],
            ),
        );
    let free = tensor_type(1, None);
    let body = [(11, "all"), (11, "one"), (12, "on"), (12, "far")]
        .into_iter()
        .fold(body, |body, (field, name)| body.message(field, &value(name, &free)));
    let attribute = Message::new().text(1, "body").message(6, &body).number(20, 5);
    let scan =
        with(node("Scan", &["x", "others"], &["same", "y"]), &[attribute, integer("num_scan_inputs", 1)]);
    let others = stored("others", 1, &[2, 3], &bytes(&[0.0, 0.5, 1.0, -1.0, 2.0, 0.25]));
    let ty = tensor_type(1, Some(&[Axis::Known(2), Axis::Free("n")]));
    let file =
        Graph::new().node(&scan).initializer(&others).input("x", &matrix(1, 3)).output("y", &ty).file();
    compare(&file, "Scan");
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    let x = Tensor::from_slice(&[1, 3], &[0f32; 3]).unwrap();
    let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [1.25, 5.0625]);
}

#[test]
fn trees_behind_a_last_bit_that_may_differ_are_left_to_onnx_runtime_where_it_is() {
    let files = Files::model(&behind(&[node("Exp", &["x"], &["z"])], "z", 1, 2));
    let own = load(&*bare(), &files).unwrap();
    assert_eq!(own.facts().engine, "trees");
    let notes = own.facts().notes;
    assert!(notes.iter().any(|note| note.contains("Exp") && note.contains("threshold")), "{notes:?}");
    let x = Tensor::from_slice(&[2, 2], &[-3.0f32, 0.0, 3.0, 0.0]).unwrap();
    let outputs = run(&*own, &own.signatures()[0], &[("x", &x)], &[]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [1.0, 2.0]);
    if onnxruntime().is_some() {
        let chosen = engines(Preference::Auto, None, &Surroundings::of_process()).unwrap();
        assert_eq!(load(&*chosen.engines[0], &files).unwrap().facts().engine, "onnxruntime");
    }
}

#[test]
fn a_network_in_float64_is_computed_in_float64() {
    let weights: Vec<u8> = [0.1f64, 0.2, 0.3].iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = Graph::new()
        .node(&node("MatMul", &["x", "w"], &["y"]))
        .initializer(&stored("w", 11, &[3, 1], &weights))
        .input("x", &matrix(11, 3))
        .output("y", &matrix(11, 1))
        .file();
    let model = load(&*bare(), &Files::model(&file)).unwrap();
    assert_eq!(model.facts().engine, "pipeline", "the embedded engine has no float64");
    let x = Tensor::from_slice(&[1, 3], &[1f64, 1.0, 1.0]).unwrap();
    let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[]).unwrap();
    assert_eq!(outputs.get(0).unwrap().values::<f64>().unwrap(), [0.1 + 0.2 + 0.3]);
}

#[test]
fn linear_models_and_machines_that_do_not_hang_together_are_refused() {
    for (node, why) in [
        (
            with(
                ml_node("LinearRegressor", &["x"], &["y"]),
                &[integer("targets", 2), floats("coefficients", &[1.0; 5])],
            ),
            "5 coefficients for 2 targets",
        ),
        (
            with(
                ml_node("SVMRegressor", &["x"], &["y"]),
                &[integer("n_supports", 2), floats("coefficients", &[1.0; 3]), floats("rho", &[0.0])],
            ),
            "3 coefficients of 2 vectors",
        ),
        (
            with(
                ml_node("SVMRegressor", &["x"], &["y"]),
                &[
                    integer("n_supports", 2),
                    floats("coefficients", &[1.0; 2]),
                    floats("rho", &[0.0]),
                    floats("support_vectors", &[1.0; 5]),
                ],
            ),
            "5 numbers of 2 vectors",
        ),
    ] {
        let file = Graph::new().node(&node).input("x", &matrix(1, 3)).output("y", &matrix(1, 1)).file();
        let text = load(&*bare(), &Files::model(&file)).err().unwrap().to_string();
        assert!(text.contains(why) && text.contains("pip install onnxruntime"), "{text}");
    }
}
