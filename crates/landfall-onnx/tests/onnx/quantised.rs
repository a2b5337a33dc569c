//! Quantised values on the embedded engine: steps as ONNX Runtime rounds them, and sums of whole numbers that are exact.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, stored, tensor_type};
use landfall_model::{Kind, Outputs, Tensor};
use landfall_onnx::Embedded;

const F32: i64 = 1;
const U8: i64 = 2;
const I8: i64 = 3;
const I32: i64 = 6;

/// One node over `x`, with constants; `y` is of a type.
fn file(node: &Message, x: i64, y: i64, constants: &[Message]) -> Vec<u8> {
    let graph = constants.iter().fold(Graph::new().node(node), Graph::initializer);
    graph.input("x", &tensor_type(x, None)).output("y", &tensor_type(y, None)).file()
}

fn each(file: &[u8], x: &Tensor, mut check: impl FnMut(&'static str, Outputs)) {
    for engine in engines() {
        let model = load(engine, &Files::model(file)).unwrap_or_else(|p| panic!("{}: {p}", engine.name()));
        check(engine.name(), run(&*model, &model.signatures()[0], &[("x", x)], &[]).unwrap());
    }
}

fn float(name: &str, dims: &[i64], values: &[f32]) -> Message {
    stored(name, F32, dims, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn integers(name: &str, values: &[i64]) -> Message {
    let list = Message::new().text(1, name).number(20, 7);
    values.iter().fold(list, |list, &value| list.number(8, value))
}

#[test]
fn halves_go_to_the_even_step() {
    // 1 / 0.1 is more than 10: a product by it passes halves that a quotient meets.
    let halves: Vec<f32> = (0..64).map(|step| (step as f32 + 0.5) * 0.1).collect();
    let expected: Vec<u8> = halves.iter().map(|value| (value / 0.1).round_ties_even() as u8 + 3).collect();
    let zero = stored("zero", U8, &[], &[3]);
    for dims in [&[64][..], &[8, 8], &[64, 1]] {
        let x =
            Tensor::from_slice(&dims.iter().map(|&dim| dim as usize).collect::<Vec<_>>(), &halves).unwrap();
        let quantise = node("QuantizeLinear", &["x", "scale", "zero"], &["y"]);
        let constants = [float("scale", &[], &[0.1]), zero.clone()];
        each(&file(&quantise, F32, U8, &constants), &x, |engine, outputs| {
            assert_eq!(outputs.get(0).unwrap().values::<u8>().unwrap(), expected, "{engine}: {dims:?}");
        });
    }
}

#[test]
fn scales_lie_along_the_second_axis_where_none_is_named() {
    let x = Tensor::from_slice(&[1, 2, 2], &[1f32, 2.0, 1.0, 2.0]).unwrap();
    let constants = [float("scale", &[2], &[1.0, 0.1]), stored("zero", I8, &[2], &[0, 1])];
    let quantise = node("QuantizeLinear", &["x", "scale", "zero"], &["y"]);
    let graph = constants.iter().fold(Graph::new().node(&quantise), Graph::initializer);
    let graph = graph.input("x", &tensor_type(F32, Some(&["a", "b", "c"].map(Axis::Free))));
    each(&graph.output("y", &tensor_type(I8, None)).file(), &x, |engine, outputs| {
        assert_eq!(outputs.get(0).unwrap().values::<i8>().unwrap(), [1, 2, 11, 21], "{engine}");
    });
}

#[test]
fn the_range_that_comes_sets_scale_and_zero() {
    let cases: [(&[f32], &[u8], f32, u8); 3] = [
        (&[0.0, 2.0, -3.0, -2.5, 1.34, 0.5], &[153, 255, 0, 26, 221, 179], 0.019_607_844, 153),
        (&[0.0, 0.0], &[0, 0], 1.0, 0),
        (&[-1.0, -255.0], &[254, 0], 1.0, 255),
    ];
    for (values, expected, scale, zero) in cases {
        let graph = Graph::new().node(&node("DynamicQuantizeLinear", &["x"], &["y", "scale", "zero"]));
        let graph = graph.input("x", &tensor_type(F32, None)).output("y", &tensor_type(U8, None));
        let graph = graph.output("scale", &tensor_type(F32, None)).output("zero", &tensor_type(U8, None));
        let x = Tensor::from_slice(&[values.len()], values).unwrap();
        each(&graph.file(), &x, |engine, outputs| {
            assert_eq!(outputs.get(0).unwrap().values::<u8>().unwrap(), expected, "{engine}");
            assert_eq!(outputs.get(1).unwrap().values::<f32>().unwrap(), [scale], "{engine}");
            assert_eq!(outputs.get(2).unwrap().values::<u8>().unwrap(), [zero], "{engine}");
        });
    }
}

#[test]
fn sums_of_whole_numbers_are_exact_however_long() {
    // Of 500 products sums pass what a float holds in one part; of 3,000 they come near what it holds in two.
    for (length, smallest) in
        [3usize, 500, 3000].into_iter().flat_map(|length| [(length, -64i8), (length, i8::MIN)])
    {
        let x = Tensor::from_slice(&[1, length], &vec![255u8; length]).unwrap();
        let mut weights = vec![smallest as u8; length];
        weights[0] += 1;
        let weights = stored("w", I8, &[length as i64, 1], &weights);
        let product = node("MatMulInteger", &["x", "w", "zero"], &["y"]);
        let constants = [weights, stored("zero", U8, &[1], &[1])];
        each(&file(&product, U8, I32, &constants), &x, |engine, outputs| {
            // On x86-64 without VNNI ONNX Runtime adds two products in 16 bits, which hold those of weights up to 64.
            if engine == "onnxruntime" && smallest == i8::MIN {
                return;
            }
            let expected = 254 * (i32::from(smallest) * length as i32 + 1);
            assert_eq!(outputs.get(0).unwrap().values::<i32>().unwrap(), [expected], "{engine}, {smallest}");
        });
    }
}

#[test]
fn sums_that_no_two_parts_hold_are_refused() {
    let long = 9000;
    let product = node("MatMulInteger", &["x", "w"], &["y"]);
    let weights = stored("w", I8, &[long, 1], &vec![128; long as usize]);
    let problem = load(&Embedded, &Files::model(&file(&product, U8, I32, &[weights]))).err().unwrap();
    assert_eq!(problem.kind(), Kind::Unimplemented);
    assert!(problem.to_string().contains("MatMulInteger with"), "{problem}");

    // Where both come with a call, so does their length.
    let square = node("MatMulInteger", &["x", "x"], &["y"]);
    let model = load(&Embedded, &Files::model(&file(&square, U8, I32, &[]))).unwrap();
    let answer = |length: usize| {
        let x = Tensor::from_slice(&[length], &vec![255u8; length]).unwrap();
        run(&*model, &model.signatures()[0], &[("x", &x)], &[])
    };
    assert_eq!(answer(4000).unwrap().get(0).unwrap().values::<i32>().unwrap(), [255 * 255 * 4000]);
    let problem = answer(5000).unwrap_err();
    assert_eq!(problem.kind(), Kind::InvalidArgument);
    assert!(problem.to_string().contains("of more than 4112 products"), "{problem}");
}

#[test]
fn padding_of_whole_numbers_is_their_zero() {
    let x = Tensor::from_slice(&[1, 1, 2, 2], &[7u8, 9, 5, 6]).unwrap();
    let weights = stored("w", I8, &[1, 1, 3, 3], &[1, 1, 1, 1, 2, 1, 1, 1, 255]);
    let convolution =
        node("ConvInteger", &["x", "w", "zero"], &["y"]).message(5, &integers("pads", &[1, 1, 1, 1]));
    let constants = [weights, stored("zero", U8, &[], &[5])];
    each(&file(&convolution, U8, I32, &constants), &x, |engine, outputs| {
        let y = outputs.get(0).unwrap();
        assert_eq!(
            (&y.shape()[..], y.values::<i32>().unwrap()),
            (&[1, 1, 2, 2][..], &[7, 11, 7, 8][..]),
            "{engine}"
        );
    });
}

#[test]
fn quantised_layers_answer_as_onnx_runtime_does() {
    let x: Vec<u8> = (0..72).map(|place| (place * 37 % 256) as u8).collect();
    // Weights of which ONNX Runtime adds two products exactly, with VNNI or without it.
    let w: Vec<u8> = (0..36).map(|place| (place * 53 % 129 - 64) as i8 as u8).collect();
    let scales = |name: &str, values: &[f32]| float(name, if values.len() == 1 { &[] } else { &[2] }, values);
    let bias: Vec<u8> = [900i32, -700].iter().flat_map(|value| value.to_le_bytes()).collect();
    let common = [
        float("xs", &[], &[0.02]),
        stored("xz", U8, &[], &[120]),
        scales("ws", &[0.01, 0.013]),
        float("ys", &[], &[0.09]),
        stored("yz", U8, &[], &[100]),
    ];
    let window = [integers("pads", &[1, 1, 1, 1]), integers("strides", &[2, 1])];
    for operator in ["QLinearConv", "QLinearMatMul"] {
        let is_window = operator == "QLinearConv";
        let (dims, weights, attributes) = if is_window {
            (&[2, 2, 6, 3][..], &[2, 2, 3, 3][..], &window[..])
        } else {
            (&[4, 18][..], &[18, 2][..], &[][..])
        };
        let mut inputs = vec!["x", "xs", "xz", "w", "ws", "wz", "ys", "yz"];
        inputs.extend(is_window.then_some("b"));
        let layer = node(operator, &inputs, &["y"]);
        let layer = attributes.iter().fold(layer, |layer, attribute| layer.message(5, attribute));
        let own =
            [stored("w", I8, weights, &w), stored("wz", I8, &[2], &[0, 0]), stored("b", I32, &[2], &bias)];
        let constants: Vec<Message> = common.iter().chain(&own).cloned().collect();
        let tensor = Tensor::from_slice(dims, &x).unwrap();
        let mut found: Vec<Vec<u8>> = Vec::new();
        each(&file(&layer, U8, U8, &constants), &tensor, |_, outputs| {
            found.push(outputs.get(0).unwrap().values::<u8>().unwrap().to_vec());
        });
        assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{operator}: {found:?}");
        if !is_window {
            let product = |place: usize| {
                let (row, column) = (place / 2, place % 2);
                let factor =
                    |k: usize| (i32::from(x[row * 18 + k]) - 120) * i32::from(w[k * 2 + column] as i8);
                let times = 0.02f32 * [0.01f32, 0.013][column] / 0.09;
                ((0..18).map(factor).sum::<i32>() as f32 * times).round_ties_even() + 100.0
            };
            let expected: Vec<u8> = (0..8).map(|place| product(place) as u8).collect();
            assert_eq!(found[0], expected);
        }
    }
}

#[test]
fn a_number_by_itself_is_one_whatever_comes_behind() {
    let x = Tensor::from_slice(&[4, 1], &[49f32, 98.0, 48.0, 103.0]).unwrap();
    let graph =
        Graph::new().node(&node("Div", &["x", "c"], &["share"])).node(&node("Floor", &["share"], &["y"]));
    let graph = graph.initializer(&float("c", &[], &[49.0]));
    let graph = graph.input("x", &tensor_type(F32, None)).output("y", &tensor_type(F32, None));
    each(&graph.file(), &x, |engine, outputs| {
        assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [1.0, 2.0, 0.0, 2.0], "{engine}");
    });
}

#[test]
fn layers_whose_steps_follow_from_what_comes_answer_as_onnx_runtime_does() {
    let graph = Graph::new()
        .node(&node("DynamicQuantizeLinear", &["x"], &["q", "xs", "xz"]))
        .node(&node("MatMulInteger", &["q", "w", "xz", "wz"], &["sum"]))
        .node(
            &node("Cast", &["sum"], &["f"])
                .message(5, &Message::new().text(1, "to").number(3, F32).number(20, 2)),
        )
        .node(&node("Mul", &["xs", "ws"], &["scale"]))
        .node(&node("Mul", &["f", "scale"], &["y"]))
        .initializer(&stored("w", I8, &[4, 2], &[1, 255, 100, 30, 7, 128, 2, 9]))
        .initializer(&stored("wz", I8, &[], &[3]))
        .initializer(&float("ws", &[], &[0.02]));
    let file = graph.input("x", &tensor_type(F32, None)).output("y", &tensor_type(F32, None)).file();
    let x = [0.5f32, -1.25, 3.0, 0.125, 2.0, 0.25, -0.5, 1.0];
    // Steps of 4.25 / 255, and 0 in the place of 75.
    let q = x.map(|value| (value / (4.25 / 255.0)).round_ties_even() as i32);
    let w = [-2, -4, 97, 27, 4, -131, -1, 6];
    let sum = |row: usize, column: usize| (0..4).map(|k| q[row * 4 + k] * w[k * 2 + column]).sum::<i32>();
    let expected =
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(row, column)| sum(row, column) as f32 * (4.25 / 255.0) * 0.02);
    each(&file, &Tensor::from_slice(&[2, 4], &x).unwrap(), |engine, outputs| {
        for (a, b) in outputs.get(0).unwrap().values::<f32>().unwrap().iter().zip(expected) {
            assert!((a - b).abs() < 1e-4 * b.abs(), "{engine}: {a} for {b}");
        }
    });
}
