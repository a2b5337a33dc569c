//! Nodes that the embedded engine lacks, or has for other types, in words that it has: the same answers on all engines.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, stored, tensor_type};
use landfall_model::{DType, Tensor};

const F32: i64 = 1;
const U8: i64 = 2;
const I64: i64 = 7;
const BOOL: i64 = 9;

fn integer(name: &str, value: i64) -> Message {
    Message::new().text(1, name).number(3, value).number(20, 2)
}

fn float(name: &str, value: f32) -> Message {
    Message::new().text(1, name).float(2, value).number(20, 1)
}

fn integers(name: &str, values: &[i64]) -> Message {
    let list = Message::new().text(1, name).number(20, 7);
    values.iter().fold(list, |list, &value| list.number(8, value))
}

fn text(name: &str, value: &str) -> Message {
    Message::new().text(1, name).text(4, value).number(20, 3)
}

fn graph_of(name: &str, graph: &Message) -> Message {
    Message::new().text(1, name).message(6, graph).number(20, 5)
}

fn with(node: Message, attributes: &[Message]) -> Message {
    attributes.iter().fold(node, |node, attribute| node.message(5, attribute))
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> Message {
    stored(name, F32, dims, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn wholes(name: &str, values: &[i64]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    stored(name, I64, &[values.len() as i64], &bytes)
}

/// One node over `x` with constants, in version 20 of the operator set; `y` is of a type.
fn file(node: &Message, x: i64, rank: usize, y: i64, constants: &[Message]) -> Vec<u8> {
    let axes: Vec<Axis> = ["a", "b", "c", "d"].into_iter().take(rank).map(Axis::Free).collect();
    let graph = constants.iter().fold(Graph::new().node(node), Graph::initializer);
    let graph = graph.input("x", &tensor_type(x, Some(&axes))).output("y", &tensor_type(y, None));
    let opset = Message::new().text(1, "").number(2, 20);
    Message::new().number(1, 8).text(2, "test").message(7, &graph.0).message(8, &opset).0
}

/// What all engines answer, which is the same: its shape, and its numbers.
fn answer(file: &[u8], x: &Tensor) -> (Vec<usize>, Vec<f64>) {
    let mut found: Vec<(Vec<usize>, Vec<f64>)> = Vec::new();
    for engine in engines() {
        let model = load(engine, &Files::model(file)).unwrap_or_else(|p| panic!("{}: {p}", engine.name()));
        let outputs = run(&*model, &model.signatures()[0], &[("x", x)], &[]).unwrap();
        let y = outputs.get(0).unwrap();
        let numbers = match y.dtype() {
            DType::F32 => y.values::<f32>().unwrap().iter().map(|&value| value.into()).collect(),
            DType::U8 => y.values::<u8>().unwrap().iter().map(|&value| value.into()).collect(),
            DType::Bool => y.bools().unwrap().iter().map(|&value| value.into()).collect(),
            other => panic!("{other}"),
        };
        found.push((y.shape().to_vec(), numbers));
    }
    let first = found[0].clone();
    for other in &found {
        assert_eq!(other.0, first.0);
        let is_near = |(a, b): (&f64, &f64)| a == b || (a - b).abs() < 1e-5 || a.is_nan() && b.is_nan();
        assert!(other.1.iter().zip(&first.1).all(is_near), "{:?} and {:?}", other.1, first.1);
    }
    first
}

fn assert_near(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (a, b) in found.iter().zip(expected) {
        assert!(
            a == b || (a - b).abs() < 1e-5 || a.is_nan() && b.is_nan(),
            "{what}: {found:?} for {expected:?}"
        );
    }
}

#[test]
fn whole_numbers_of_eight_bits_wrap_around_at_them() {
    let x = Tensor::from_slice(&[4], &[3u8, 250, 7, 100]).unwrap();
    let other = stored("c", U8, &[4], &[5, 10, 7, 3]);
    for (operator, y, expected) in [
        ("Add", U8, [8.0, 4.0, 14.0, 103.0]),
        ("Sub", U8, [254.0, 240.0, 0.0, 97.0]),
        ("Mul", U8, [15.0, 196.0, 49.0, 44.0]),
        ("Div", U8, [0.0, 25.0, 1.0, 33.0]),
        ("Mod", U8, [3.0, 0.0, 0.0, 1.0]),
        ("Max", U8, [5.0, 250.0, 7.0, 100.0]),
        ("Less", BOOL, [1.0, 0.0, 0.0, 0.0]),
        ("GreaterOrEqual", BOOL, [0.0, 1.0, 1.0, 1.0]),
    ] {
        let file = file(&node(operator, &["x", "c"], &["y"]), U8, 1, y, std::slice::from_ref(&other));
        assert_eq!(answer(&file, &x), (vec![4], expected.to_vec()), "{operator}");
    }
    let limit = stored("c", U8, &[], &[50]);
    let clip = file(&node("Clip", &["x", "", "c"], &["y"]), U8, 1, U8, &[limit]);
    assert_eq!(answer(&clip, &x).1, [3.0, 50.0, 7.0, 50.0]);
}

#[test]
fn single_numbers_go_through_operators_of_other_types_or_none_of_the_engine() {
    let x = Tensor::from_slice(&[5], &[-2f32, 0.25, 3.0, f32::INFINITY, f32::NEG_INFINITY]).unwrap();
    let inf = f64::INFINITY;
    for (node, y, constants, expected) in [
        (node("Pow", &["x", "c"], &["y"]), F32, vec![wholes("c", &[3])], [-8.0, 0.015_625, 27.0, inf, -inf]),
        (
            with(node("IsInf", &["x"], &["y"]), &[integer("detect_negative", 0)]),
            BOOL,
            vec![],
            [0.0, 0.0, 0.0, 1.0, 0.0],
        ),
        (
            with(node("IsInf", &["x"], &["y"]), &[integer("detect_positive", 0)]),
            BOOL,
            vec![],
            [0.0, 0.0, 0.0, 0.0, 1.0],
        ),
        (
            with(node("Shrink", &["x"], &["y"]), &[float("lambd", 0.5), float("bias", 0.25)]),
            F32,
            vec![],
            [-1.75, 0.0, 2.75, inf, -inf],
        ),
    ] {
        assert_near(&answer(&file(&node, F32, 1, y, &constants), &x).1, &expected, "single numbers");
    }
}

#[test]
fn truth_values_are_reduced_and_elements_are_taken_by_them() {
    let yes = Tensor::from_buffer(
        DType::Bool,
        landfall_model::Shape::new(&[2, 2]),
        landfall_model::Buffer::copy_of(&[0, 1, 0, 0]),
    );
    let yes = yes.unwrap();
    let axes = [wholes("c", &[1])];
    for (operator, expected) in [("ReduceMax", [1.0, 0.0]), ("ReduceMin", [0.0, 0.0])] {
        let node = with(node(operator, &["x", "c"], &["y"]), &[integer("keepdims", 0)]);
        assert_eq!(answer(&file(&node, BOOL, 2, BOOL, &axes), &yes), (vec![2], expected.to_vec()));
    }
    let x = Tensor::from_slice(&[2, 3], &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let condition = [stored("c", BOOL, &[3], &[1, 0, 1])];
    let along = with(node("Compress", &["x", "c"], &["y"]), &[integer("axis", 1)]);
    assert_eq!(answer(&file(&along, F32, 2, F32, &condition), &x), (vec![2, 2], vec![1.0, 3.0, 4.0, 6.0]));
    let all = node("Compress", &["x", "c"], &["y"]);
    assert_eq!(answer(&file(&all, F32, 2, F32, &condition), &x), (vec![2], vec![1.0, 3.0]));
}

#[test]
fn some_axes_are_padded_and_blocks_become_channels() {
    let x = Tensor::from_slice(&[2, 2], &[1f32, 2.0, 3.0, 4.0]).unwrap();
    let constants = [wholes("pads", &[1, 0]), floats("value", &[], &[9.0]), wholes("axes", &[-1])];
    let pad = node("Pad", &["x", "pads", "value", "axes"], &["y"]);
    assert_eq!(
        answer(&file(&pad, F32, 2, F32, &constants), &x),
        (vec![2, 3], vec![9.0, 1.0, 2.0, 9.0, 3.0, 4.0])
    );
    let values: Vec<f32> = (0..16).map(|value| value as f32).collect();
    let x = Tensor::from_slice(&[1, 2, 2, 4], &values).unwrap();
    let blocks = with(node("SpaceToDepth", &["x"], &["y"]), &[integer("blocksize", 2)]);
    let (shape, found) = answer(&file(&blocks, F32, 4, F32, &[]), &x);
    assert_eq!(shape, [1, 8, 1, 2]);
    assert_eq!(found, [0.0, 2.0, 8.0, 10.0, 1.0, 3.0, 9.0, 11.0, 4.0, 6.0, 12.0, 14.0, 5.0, 7.0, 13.0, 15.0]);
}

#[test]
fn padding_comes_first_where_windows_move_by_more_than_one() {
    for length in 5..9usize {
        let values: Vec<f32> = (0..length * length).map(|value| (value * value % 11) as f32 - 20.0).collect();
        let x = Tensor::from_slice(&[1, 1, length, length], &values).unwrap();
        for (kernel, stride) in [(3usize, 2usize), (2, 2), (4, 2), (3, 3)] {
            let attributes = [
                text("auto_pad", "SAME_LOWER"),
                integers("kernel_shape", &[kernel as i64; 2]),
                integers("strides", &[stride as i64; 2]),
            ];
            let count = length.div_ceil(stride);
            let all = ((count - 1) * stride + kernel).saturating_sub(length);
            let before = all - all / 2;
            let window = |place: usize| {
                (0..kernel)
                    .filter_map(move |step| (place * stride + step).checked_sub(before))
                    .filter(|&at| at < length)
            };
            let of = |take: &dyn Fn(&mut dyn Iterator<Item = f64>) -> f64| -> Vec<f64> {
                let places = (0..count).flat_map(|y| (0..count).map(move |x| (y, x)));
                let values = &values;
                places
                    .map(|(y, x)| {
                        let mut all =
                            window(y).flat_map(|y| window(x).map(move |x| f64::from(values[y * length + x])));
                        take(&mut all)
                    })
                    .collect()
            };
            let pool = with(node("MaxPool", &["x"], &["y"]), &attributes);
            let largest = of(&|all| all.fold(f64::NEG_INFINITY, f64::max));
            assert_eq!(answer(&file(&pool, F32, 4, F32, &[]), &x).1, largest, "{length} {kernel} {stride}");
            let weights = floats("w", &[1, 1, kernel as i64, kernel as i64], &vec![0.5; kernel * kernel]);
            let convolution = with(node("Conv", &["x", "w"], &["y"]), &attributes);
            let sums = of(&|all| all.sum::<f64>() * 0.5);
            assert_near(&answer(&file(&convolution, F32, 4, F32, &[weights]), &x).1, &sums, "sums");
        }
    }
}

#[test]
fn normalisations_and_the_largest_follow_their_formulas() {
    let x = Tensor::from_slice(&[2, 3], &[1f32, 3.0, 3.0, -1.0, -2.0, -4.0]).unwrap();
    let hardmax = node("Hardmax", &["x"], &["y"]);
    assert_eq!(answer(&file(&hardmax, F32, 2, F32, &[]), &x).1, [0.0, 1.0, 0.0, 1.0, 0.0, 0.0]);
    let ones = [floats("s", &[3], &[1.0; 3])];
    for (outputs, expected) in
        [(["n", "y", ""], [7.0 / 3.0, -7.0 / 3.0]), (["n", "", "y"], [1.060_651, 0.801_782])]
    {
        let layer = node("LayerNormalization", &["x", "s"], &outputs);
        let (shape, found) = answer(&file(&layer, F32, 2, F32, &ones), &x);
        assert_eq!(shape, [2, 1]);
        assert_near(&found, &expected, "LayerNormalization");
    }
    let places = Tensor::from_slice(&[2], &[1f32, -1.0]).unwrap();
    let constants = [floats("depth", &[], &[3.0]), floats("values", &[2], &[0.5, 2.0])];
    let chosen = node("OneHot", &["x", "depth", "values"], &["y"]);
    let (shape, found) = answer(&file(&chosen, F32, 1, F32, &constants), &places);
    assert_eq!((shape, found), (vec![2, 3], vec![0.5, 2.0, 0.5, 0.5, 0.5, 2.0]));
}

#[test]
fn channels_are_weakened_by_those_beside_them() {
    let values = [1f32, 2.0, 3.0, 4.0];
    let x = Tensor::from_slice(&[1, 4, 1, 1], &values).unwrap();
    let attributes = [integer("size", 3), float("alpha", 0.3), float("beta", 0.5), float("bias", 2.0)];
    let (_, found) = answer(&file(&with(node("LRN", &["x"], &["y"]), &attributes), F32, 4, F32, &[]), &x);
    let expected: Vec<f64> = (0..4usize)
        .map(|at| {
            let beside = values[at.saturating_sub(1)..(at + 2).min(4)].iter();
            let squares: f64 = beside.map(|&value| f64::from(value * value)).sum();
            f64::from(values[at]) / (2.0 + 0.1 * squares).sqrt()
        })
        .collect();
    assert_near(&found, &expected, "LRN");
}

#[test]
fn nan_stays_in_graphs_within_nodes() {
    let branch = |nodes: &[Message]| {
        let graph = nodes.iter().fold(Message::new(), |graph, node| graph.message(1, node));
        graph.text(2, "branch").message(12, &Message::new().text(1, "inner"))
    };
    let limited = |x: &str, y: &str| node("Clip", &[x, "low", "high"], &[y]);
    let x = Tensor::from_slice(&[5], &[f32::NAN, -3.0, 0.5, 9.0, -0.25]).unwrap();
    for (nodes, expected) in [
        (vec![node("Relu", &["x"], &["inner"])], [f64::NAN, 0.0, 0.5, 9.0, 0.0]),
        (vec![limited("x", "inner")], [f64::NAN, -1.0, 0.5, 2.0, -0.25]),
        (vec![node("Sign", &["x"], &["a"]), limited("a", "inner")], [f64::NAN, -1.0, 1.0, 1.0, -1.0]),
        (vec![node("Softplus", &["x"], &["inner"])], [f64::NAN, 0.048_587, 0.974_077, 9.000_123, 0.575_939]),
    ] {
        let branch = branch(&nodes);
        let choice = |graph: &Message| {
            with(
                node("If", &["yes"], &["y"]),
                &[graph_of("then_branch", graph), graph_of("else_branch", graph)],
            )
        };
        let constants =
            [stored("yes", BOOL, &[], &[1]), floats("low", &[], &[-1.0]), floats("high", &[], &[2.0])];
        assert_near(&answer(&file(&choice(&branch), F32, 1, F32, &constants), &x).1, &expected, "within");
    }
}

#[test]
fn axes_of_one_name_or_none_may_differ() {
    for name in ["", "n"] {
        let graph = Graph::new()
            .node(&node("Shape", &["x"], &["shape"]))
            .node(&node("Cast", &["shape"], &["y"]).message(5, &integer("to", F32)));
        let graph = graph.input("x", &tensor_type(F32, Some(&[Axis::Free(name), Axis::Free(name)])));
        let file = graph.output("y", &tensor_type(F32, None)).file();
        let x = Tensor::from_slice(&[2, 3], &[0f32; 6]).unwrap();
        assert_eq!(answer(&file, &x).1, [2.0, 3.0], "{name:?}");
    }
}
