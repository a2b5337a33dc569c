//! Nodes that the embedded engine reads otherwise than the format has them, or leaves out what stands for itself: they are
//! put in words that it takes, or refused by name.

use crate::support::{Axis, Files, Graph, Message, engines, load, node, run, stored, tensor_type};
use landfall_model::{Kind, Outputs, Tensor};
use landfall_onnx::Embedded;

fn integer(name: &str, value: i64) -> Message {
    Message::new().text(1, name).number(3, value).number(20, 2)
}

fn integers(name: &str, values: &[i64]) -> Message {
    let list = Message::new().text(1, name).number(20, 7);
    values.iter().fold(list, |list, &value| list.number(8, value))
}

fn text(name: &str, value: &str) -> Message {
    Message::new().text(1, name).text(4, value).number(20, 3)
}

fn with(node: Message, attributes: &[Message]) -> Message {
    attributes.iter().fold(node, |node, attribute| node.message(5, attribute))
}

/// One node over `x`, in an operator set of a version.
fn file(node: &Message, element: i64, constants: &[Message], version: i64) -> Vec<u8> {
    let graph = constants.iter().fold(Graph::new().node(node), Graph::initializer);
    let graph = graph.input("x", &tensor_type(1, None)).output("y", &tensor_type(element, None));
    let opset = Message::new().text(1, "").number(2, version);
    Message::new().number(1, 8).text(2, "test").message(7, &graph.0).message(8, &opset).0
}

fn answers(file: &[u8], x: &Tensor, mut each: impl FnMut(&'static str, Outputs)) {
    for engine in engines() {
        let model = load(engine, &Files::model(file)).unwrap_or_else(|p| panic!("{}: {p}", engine.name()));
        let signature = &model.signatures()[0];
        each(engine.name(), run(&*model, signature, &[("x", x)], &[]).unwrap());
    }
}

#[test]
fn windows_move_by_one_where_no_strides_are_given() {
    let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
    let x = Tensor::from_slice(&[1, 1, 3, 3], &values).unwrap();
    let ones: Vec<u8> = [1f32; 4].iter().flat_map(|value| value.to_le_bytes()).collect();
    let weights = stored("w", 1, &[1, 1, 2, 2], &ones);
    let kernel = || integers("kernel_shape", &[2, 2]);
    let cases = [
        (with(node("Conv", &["x", "w"], &["y"]), &[]), [8.0, 12.0, 20.0, 24.0]),
        (with(node("Conv", &["x", "w"], &["y"]), &[integers("strides", &[1, 1])]), [8.0, 12.0, 20.0, 24.0]),
        (with(node("Conv", &["x", "w"], &["y"]), &[kernel()]), [8.0, 12.0, 20.0, 24.0]),
        (with(node("MaxPool", &["x"], &["y"]), &[kernel()]), [4.0, 5.0, 7.0, 8.0]),
        (with(node("AveragePool", &["x"], &["y"]), &[kernel()]), [2.0, 3.0, 5.0, 6.0]),
    ];
    for (node, expected) in cases {
        answers(&file(&node, 1, std::slice::from_ref(&weights), 17), &x, |engine, outputs| {
            let y = outputs.get(0).unwrap();
            assert_eq!(y.shape()[..], [1, 1, 2, 2], "{engine}");
            assert_eq!(y.values::<f32>().unwrap(), expected, "{engine}");
        });
    }
}

#[test]
fn the_first_of_equal_ones_is_the_largest() {
    let x = Tensor::from_slice(&[2, 4], &[1f32, 3.0, 3.0, 0.0, 0.0, 0.0, 2.0, 2.0]).unwrap();
    for version in [11, 12, 13, 17] {
        for (operator, places) in [("ArgMax", [1, 2]), ("ArgMin", [3, 0])] {
            for keeps in [0, 1] {
                let node =
                    with(node(operator, &["x"], &["y"]), &[integer("axis", -1), integer("keepdims", keeps)]);
                answers(&file(&node, 7, &[], version), &x, |engine, outputs| {
                    let y = outputs.get(0).unwrap();
                    assert_eq!(y.values::<i64>().unwrap(), places, "{engine}: {operator} {version}");
                    assert_eq!(y.shape().len(), 1 + keeps as usize, "{engine}: {operator} {version}");
                });
            }
        }
    }
}

#[test]
fn old_exponentials_are_taken_over_all_axes_from_one_on() {
    let x = Tensor::from_slice(&[1, 2, 2], &[0f32; 4]).unwrap();
    for (version, share) in [(11, 0.25), (13, 0.5)] {
        let node = with(node("Softmax", &["x"], &["y"]), &[integer("axis", 1)]);
        answers(&file(&node, 1, &[], version), &x, |engine, outputs| {
            let y = outputs.get(0).unwrap();
            assert_eq!(
                (y.shape()[..].to_vec(), y.values::<f32>().unwrap()),
                (vec![1, 2, 2], &[share; 4][..]),
                "{engine}"
            );
        });
    }
}

#[test]
fn what_the_embedded_engine_passes_over_is_refused_by_name() {
    let sizes = stored("sizes", 7, &[4], &[0; 32]);
    for (node, said) in [
        (
            with(
                node("RNN", &["x", "w", "r"], &["y"]),
                &[integer("hidden_size", 2), text("direction", "up")],
            ),
            "RNN with direction",
        ),
        (node("GRU", &["x", "w", "r"], &["y"]), "GRU with no hidden_size"),
        (with(node("Resize", &["x", "", "", "sizes"], &["y"]), &[text("mode", "best")]), "Resize with mode"),
        (node("Pad", &["x", "sizes", "", "axes"], &["y"]), "Pad with axes"),
        (
            with(node("LpPool", &["x"], &["y"]), &[integers("kernel_shape", &[2, 2]), integer("p", 0)]),
            "LpPool with a norm 0",
        ),
        (node("Conv", &["x", "x"], &["y"]), "Conv without kernel_shape"),
        (with(node("GridSample", &["x", "x"], &["y"]), &[text("padding_mode", "none")]), "padding_mode"),
        (node("CastLike", &["x", "unheard_of"], &["y"]), "CastLike"),
    ] {
        let problem =
            load(&Embedded, &Files::model(&file(&node, 1, std::slice::from_ref(&sizes), 18))).err().unwrap();
        assert_eq!(problem.kind(), Kind::Unimplemented, "{problem}");
        let text = problem.to_string();
        assert!(text.contains(said) && text.contains("pip install onnxruntime"), "{said}: {text}");
    }
}

#[test]
fn calculations_with_whole_numbers_that_may_leave_32_bits_are_refused_for_the_call() {
    let whole = tensor_type(7, Some(&[Axis::Free("n"), Axis::Known(2)]));
    let file = |operator: &str, inputs: &[&str]| {
        Graph::new()
            .node(&node("Identity", &["x"], &["same"]))
            .node(&node(operator, inputs, &["y"]).text(3, "here"))
            .initializer(&stored("c", 7, &[], &2i64.to_le_bytes()))
            .initializer(&stored("axis", 7, &[], &0i64.to_le_bytes()))
            .input("x", &whole)
            .output("y", &tensor_type(7, None))
            .file()
    };
    let half = 1i64 << 30;
    let small = Tensor::from_slice(&[2, 2], &[1, -2, 3, 4i64]).unwrap();
    for (file, largest) in [
        (file("Add", &["same", "c"]), i64::from(i32::MAX) - 1),
        (file("Sub", &["c", "same"]), i64::from(i32::MIN) + 1),
        (file("Mul", &["same", "c"]), half),
        (file("Mul", &["same", "same"]), 46_341),
        (file("Neg", &["same"]), i64::from(i32::MIN)),
        (file("CumSum", &["same", "axis"]), half),
        (file("ReduceSum", &["same"]), half),
        (file("Pow", &["same", "c"]), 46_341),
    ] {
        let model = load(&Embedded, &Files::model(&file)).unwrap();
        let signature = &model.signatures()[0];
        let x = Tensor::from_slice(&[2, 2], &[1, -2, largest, 4]).unwrap();
        let problem = run(&*model, signature, &[("x", &x)], &[]).unwrap_err();
        assert_eq!(problem.kind(), Kind::InvalidArgument);
        let text = problem.to_string();
        assert!(text.starts_with(r#"input "x" row 1: "#) && text.contains(r#"node "here""#), "{text}");
        assert!(text.ends_with(&format!("found {:?}", largest.to_string())), "{text}");
        run(&*model, signature, &[("x", &small)], &[]).unwrap();
    }
}

#[test]
fn zero_has_no_sign_and_large_numbers_are_their_own_softplus() {
    let x = Tensor::from_slice(&[8], &[0.0f32, -0.0, 2.5, -3.0, 100.0, -100.0, 1e9, f32::INFINITY]).unwrap();
    use std::f32::consts::LN_2;
    let sign = [0.0, 0.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0];
    let softplus = [LN_2, LN_2, 2.578_89, 0.048_587, 100.0, 0.0, 1e9, f32::INFINITY];
    for (operator, expected) in [("Sign", sign), ("Softplus", softplus)] {
        answers(&file(&node(operator, &["x"], &["y"]), 1, &[], 17), &x, |engine, outputs| {
            let found = outputs.get(0).unwrap().values::<f32>().unwrap();
            for (a, b) in found.iter().zip(expected) {
                assert!(*a == b || (a - b).abs() < 1e-5, "{engine}: {operator}: {a} for {b}");
            }
        });
    }
}

#[test]
fn weights_have_the_axes_of_the_constant_that_they_come_of() {
    let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
    let x = Tensor::from_slice(&[1, 1, 3, 3], &values).unwrap();
    let small = stored("small", 3, &[1, 1, 2, 2], &[1, 1, 1, 1]);
    let scale = stored("scale", 1, &[], &0.5f32.to_le_bytes());
    let dequantised = node("DequantizeLinear", &["small", "scale"], &["w"]);
    let constant = with(
        node("Constant", &[], &["w"]),
        &[Message::new()
            .text(1, "value")
            .message(5, &stored("", 1, &[1, 1, 2, 2], &[0, 0, 0, 0x3f].repeat(4)))
            .number(20, 4)],
    );
    for made in [dequantised, constant] {
        let graph = Graph::new().node(&made).node(&node("Conv", &["x", "w"], &["y"]));
        let graph = graph.initializer(&small).initializer(&scale);
        let graph = graph.input("x", &tensor_type(1, None)).output("y", &tensor_type(1, None));
        answers(&graph.file(), &x, |engine, outputs| {
            assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [4.0, 6.0, 10.0, 12.0], "{engine}");
        });
    }
}

#[test]
fn padding_may_come_first() {
    let values: Vec<f32> = (0..9).map(|value| value as f32).collect();
    let x = Tensor::from_slice(&[1, 1, 3, 3], &values).unwrap();
    let ones: Vec<u8> = [1f32; 4].iter().flat_map(|value| value.to_le_bytes()).collect();
    let weights = stored("w", 1, &[1, 1, 2, 2], &ones);
    let same = |operator: &str, inputs: &[&str], more: &[Message]| {
        let lower = [text("auto_pad", "SAME_LOWER"), integers("kernel_shape", &[2, 2])];
        with(with(node(operator, inputs, &["y"]), &lower), more)
    };
    let strides = || integers("strides", &[1, 1]);
    let sums = [0.0, 1.0, 3.0, 3.0, 8.0, 12.0, 9.0, 20.0, 24.0];
    for (node, expected) in [
        (same("Conv", &["x", "w"], &[strides()]), sums),
        (same("Conv", &["x", "w"], &[integers("dilations", &[1, 1])]), sums),
        (same("MaxPool", &["x"], &[]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]),
        (same("AveragePool", &["x"], &[strides()]), [0.0, 0.5, 1.5, 1.5, 2.0, 3.0, 4.5, 5.0, 6.0]),
    ] {
        answers(&file(&node, 1, std::slice::from_ref(&weights), 17), &x, |engine, outputs| {
            assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), expected, "{engine}");
        });
    }
}

#[test]
fn many_matrices_by_a_vector_are_as_many_vectors() {
    let x = Tensor::from_slice(&[2, 2, 2], &[1f32, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]).unwrap();
    let vector = stored("v", 1, &[2], &[1f32, 10.0].map(f32::to_le_bytes).concat());
    for version in [11, 13] {
        let product = node("MatMul", &["x", "v"], &["y"]);
        answers(&file(&product, 1, std::slice::from_ref(&vector), version), &x, |engine, outputs| {
            let y = outputs.get(0).unwrap();
            assert_eq!(y.shape()[..], [2, 2], "{engine}");
            assert_eq!(y.values::<f32>().unwrap(), [21.0, 43.0, 65.0, 87.0], "{engine}");
        });
    }
}

#[test]
fn a_cast_to_the_type_of_a_known_value_is_a_cast() {
    let x = Tensor::from_slice(&[4], &[0f32, 0.5, -2.0, 7.9]).unwrap();
    let of_type = |element: i64| stored("like", element, &[0], &[]);
    let shape = node("Shape", &["x"], &["shape"]);
    let of = |nodes: &[Message], element: i64, constants: &[Message]| {
        let graph = nodes.iter().fold(Graph::new(), Graph::node);
        let graph = constants.iter().fold(graph, Graph::initializer);
        graph.input("x", &tensor_type(1, None)).output("y", &tensor_type(element, None)).file()
    };
    let cast = |like: &str| node("CastLike", &["x", like], &["y"]);
    let whole = [0, 0, -2, 7];
    for file in [of(&[cast("like")], 7, &[of_type(7)]), of(&[shape, cast("shape")], 7, &[])] {
        answers(&file, &x, |engine, outputs| {
            assert_eq!(outputs.get(0).unwrap().values::<i64>().unwrap(), whole, "{engine}");
        });
    }
    answers(&of(&[cast("like")], 9, &[of_type(9)]), &x, |engine, outputs| {
        assert_eq!(outputs.get(0).unwrap().bools().unwrap(), [0, 1, 1, 1], "{engine}");
    });
}

#[test]
fn activations_that_the_embedded_engine_has_not_are_put_in_words_that_it_has() {
    let x = Tensor::from_slice(&[6], &[-90f32, -1.5, -0.0, 0.75, 2.0, 90.0]).unwrap();
    let float = |name: &str, value: f32| Message::new().text(1, name).float(2, value).number(20, 1);
    for (operator, attributes, expected) in [
        ("Selu", vec![], [-1.758_099, -1.365_814, 0.0, 0.788_026, 2.101_402, 94.563_09]),
        ("Celu", vec![float("alpha", 2.0)], [-2.0, -1.055_267, 0.0, 0.75, 2.0, 90.0]),
        ("Mish", vec![], [0.0, -0.298_100, 0.0, 0.610_018, 1.943_959, 90.0]),
        ("ThresholdedRelu", vec![float("alpha", 0.75)], [0.0, 0.0, 0.0, 0.0, 2.0, 90.0]),
    ] {
        answers(
            &file(&with(node(operator, &["x"], &["y"]), &attributes), 1, &[], 20),
            &x,
            |engine, outputs| {
                let found = outputs.get(0).unwrap().values::<f32>().unwrap();
                for (a, b) in found.iter().zip(expected) {
                    assert!((a - b).abs() <= 2e-6 * b.abs().max(1.0), "{engine}: {operator}: {a} for {b}");
                }
            },
        );
    }
}

#[test]
fn groups_of_channels_are_normalised_and_each_channel_is_scaled() {
    let values: Vec<f32> = (0..16).map(|value| (value * value % 7) as f32).collect();
    let x = Tensor::from_slice(&[2, 4, 2], &values).unwrap();
    let channels =
        |name: &str, values: [f32; 4]| stored(name, 1, &[4], &values.map(f32::to_le_bytes).concat());
    let constants = [channels("s", [1.0, 2.0, 3.0, 4.0]), channels("b", [0.5, -0.5, 0.0, 1.0])];
    let attributes = [integer("num_groups", 2)];
    let node = with(node("GroupNormalization", &["x", "s", "b"], &["y"]), &attributes);
    let graph = constants.iter().fold(Graph::new().node(&node), Graph::initializer);
    let axes = [Axis::Free("n"), Axis::Known(4), Axis::Free("t")];
    let graph = graph.input("x", &tensor_type(1, Some(&axes))).output("y", &tensor_type(1, None));
    let opset = Message::new().text(1, "").number(2, 21);
    let file = Message::new().number(1, 8).text(2, "test").message(7, &graph.0).message(8, &opset).0;
    let mut found: Vec<Vec<f32>> = Vec::new();
    answers(&file, &x, |_, outputs| found.push(outputs.get(0).unwrap().values::<f32>().unwrap().to_vec()));
    for found in found {
        for (place, y) in found.into_iter().enumerate() {
            let group = &values[place / 4 * 4..][..4];
            let mean = group.iter().sum::<f32>() / 4.0;
            let variance = group.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / 4.0;
            let channel = place / 2 % 4;
            let (scale, bias) = ([1.0, 2.0, 3.0, 4.0][channel], [0.5, -0.5, 0.0, 1.0][channel]);
            let expected = (values[place] - mean) / (variance + 1e-5).sqrt() * scale + bias;
            assert!((y - expected).abs() < 1e-4, "{y} for {expected}");
        }
    }
}
