//! What the embedded engine's kernels would make another number of: NaN that comes up within a model, and floats that are
//! cast beyond the range of whole numbers. Each call is answered as ONNX Runtime answers it, or refused naming the node.

use crate::support::{
    Axis, Files, Graph, Message, engines, load, node, onnxruntime, run, stored, tensor_type,
};
use landfall_model::{Kind, Outputs, Problem, Tensor};
use landfall_onnx::Embedded;

fn integer(name: &str, value: i64) -> Message {
    Message::new().text(1, name).number(3, value).number(20, 2)
}

fn integers(name: &str, values: &[i64]) -> Message {
    let list = Message::new().text(1, name).number(20, 7);
    values.iter().fold(list, |list, &value| list.number(8, value))
}

fn floats(name: &str, dims: &[i64], values: &[f32]) -> Message {
    stored(name, 1, dims, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

fn with(node: Message, attributes: &[Message]) -> Message {
    attributes.iter().fold(node, |node, attribute| node.message(5, attribute))
}

/// A graph over `x`, float32 [n, 4], with `y` of an element type.
fn file(nodes: &[Message], element: i64) -> Vec<u8> {
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(4)]));
    let graph = nodes.iter().fold(Graph::new(), Graph::node);
    let graph = graph
        .initializer(&floats("big", &[], &[1e30]))
        .initializer(&floats("w", &[4, 4], &[0.5; 16]))
        .initializer(&floats("low", &[], &[0.0]))
        .initializer(&floats("high", &[], &[6.0]))
        .initializer(&stored("one", 7, &[1], &1i64.to_le_bytes()));
    graph.input("x", &x).output("y", &tensor_type(element, None)).file()
}

fn answered(engine: &dyn landfall_model::Engine, file: &[u8], x: &[f32]) -> Result<Outputs, Problem> {
    let model = load(engine, &Files::model(file))?;
    let x = Tensor::from_slice(&[x.len() / 4, 4], x).unwrap();
    run(&*model, &model.signatures()[0], &[("x", &x)], &[])
}

/// Ways to `a`, NaN among them for numbers below zero or large ones.
fn sources() -> Vec<(&'static str, Vec<Message>, [f32; 4])> {
    vec![
        ("root", vec![node("Sqrt", &["x"], &["a"])], [4.0, -1.0, 9.0, 16.0]),
        ("logarithm", vec![node("Log", &["x"], &["a"])], [4.0, 3.0, 2.0, -2.0]),
        (
            "difference of infinities",
            vec![
                node("Mul", &["x", "big"], &["large"]),
                node("Mul", &["large", "big"], &["infinite"]),
                node("Sub", &["infinite", "infinite"], &["a"]),
            ],
            [0.0, 0.0, 3.0, 0.0],
        ),
        (
            "quotient of zeros",
            vec![node("Sub", &["x", "x"], &["zero"]), node("Div", &["zero", "x"], &["a"])],
            [4.0, 0.0, 3.0, 2.0],
        ),
    ]
}

fn losing() -> Vec<(Message, i64)> {
    let along = || integer("axis", 1);
    vec![
        (node("Relu", &["a"], &["y"]), 1),
        (node("Clip", &["a", "low", "high"], &["y"]), 1),
        (with(node("ReduceMax", &["a"], &["y"]), &[integers("axes", &[1])]), 1),
        (with(node("ReduceMin", &["a"], &["y"]), &[integers("axes", &[1])]), 1),
        (with(node("ArgMax", &["a"], &["y"]), &[along()]), 7),
        (with(node("TopK", &["a", "one"], &["y", "places"]), &[along()]), 1),
        (with(node("Cast", &["a"], &["y"]), &[integer("to", 7)]), 7),
        (with(node("Cast", &["a"], &["y"]), &[integer("to", 3)]), 3),
    ]
}

#[test]
fn nan_that_comes_up_within_a_model_is_refused_and_never_becomes_a_number() {
    for (name, source, missing) in sources() {
        for (last, element) in losing() {
            let file = file(&[source.clone(), vec![last]].concat(), element);
            let what = format!("{name}, element type {element}");
            let plain = if name == "difference of infinities" { [0.0; 4] } else { [1.0, 4.0, 9.0, 16.0] };
            let found = answered(&Embedded, &file, &plain).unwrap_or_else(|p| panic!("{what}: {p}"));
            if let Some(engine) = onnxruntime() {
                let expected = answered(engine, &file, &plain).unwrap();
                assert_eq!(found.get(0).unwrap(), expected.get(0).unwrap(), "{what}");
            }
            let problem = answered(&Embedded, &file, &[plain, missing].concat()).unwrap_err();
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{what}: {problem}");
            let text = problem.to_string();
            assert!(text.contains("NaN") && text.contains("ONNX Runtime"), "{what}: {text}");
        }
    }
}

#[test]
fn nan_that_stays_is_answered() {
    let nodes = [node("Sqrt", &["x"], &["a"]), node("Sigmoid", &["a"], &["y"])];
    let outputs = answered(&Embedded, &file(&nodes, 1), &[4.0, -1.0, 9.0, 16.0]).unwrap();
    let found = outputs.get(0).unwrap().values::<f32>().unwrap();
    assert!(found[1].is_nan() && found[0] > 0.8, "{found:?}");
}

#[test]
fn layers_are_bounded_so_that_only_huge_numbers_are_looked_at() {
    let nodes = [
        node("MatMul", &["x", "w"], &["a"]),
        node("Relu", &["a"], &["b"]),
        node("MatMul", &["b", "w"], &["c"]),
        node("Neg", &["c"], &["d"]),
        node("Add", &["c", "d"], &["e"]),
        node("Relu", &["e"], &["y"]),
    ];
    let file = file(&nodes, 1);
    for engine in engines() {
        let outputs = answered(engine, &file, &[1e20; 8]).unwrap();
        assert_eq!(outputs.get(0).unwrap().values::<f32>().unwrap(), [0.0; 8], "{}", engine.name());
    }
    // Infinities, whose difference is no number.
    let text = answered(&Embedded, &file, &[3e38; 8]).unwrap_err().to_string();
    assert!(text.contains("NaN comes to node \"y\" (Relu)"), "{text}");
    // Numbers are as large, but none is NaN before they are cut off.
    let numbers = answered(&Embedded, &file, &[3e38, -3e38, 0.0, 0.0]).unwrap();
    assert_eq!(numbers.get(0).unwrap().values::<f32>().unwrap(), [0.0; 4]);
}

#[test]
fn whole_numbers_beyond_the_engines_range_are_refused_where_floats_are_cast() {
    let cast = |to: i64| with(node("Cast", &["x"], &["y"]), &[integer("to", to)]);
    for (to, fits, does_not) in [
        (7, [2_147_483_520.0, -2_147_483_520.0, 0.5, -0.5], 2_147_483_648.0),
        (6, [2_147_483_520.0, -2_147_483_520.0, 0.5, -0.5], -3e9),
        (3, [127.9, -128.9, 0.0, 1.0], 128.0),
        (2, [255.9, -0.9, 0.0, 1.0], 256.0),
        (2, [255.9, -0.9, 0.0, 1.0], -1.0),
    ] {
        let file = file(&[cast(to)], to);
        let found = answered(&Embedded, &file, &fits).unwrap();
        if let Some(engine) = onnxruntime() {
            assert_eq!(found.get(0).unwrap(), answered(engine, &file, &fits).unwrap().get(0).unwrap());
        }
        let row = [fits, [0.0, does_not, 0.0, 0.0]].concat();
        let text = answered(&Embedded, &file, &row).unwrap_err().to_string();
        assert!(text.contains("node \"y\" (Cast)") && text.contains("range"), "{to}: {text}");
    }
}

/// An `If` that takes one branch: a node over `x`.
fn choice(inner: &Message, element: i64) -> Vec<u8> {
    let y = Message::new().text(1, "inner");
    let branch = Message::new().message(1, inner).text(2, "branch").message(12, &y);
    let of = |name: &str| Message::new().text(1, name).message(6, &branch).number(20, 5);
    let yes = stored("yes", 9, &[], &[1]);
    let node = with(node("If", &["yes"], &["y"]), &[of("then_branch"), of("else_branch")]);
    let x = tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(4)]));
    let graph = Graph::new().node(&node).initializer(&yes).input("x", &x);
    graph
        .initializer(&stored("one", 7, &[1], &1i64.to_le_bytes()))
        .output("y", &tensor_type(element, None))
        .file()
}

#[test]
fn what_is_lost_within_a_node_fails_the_call_and_other_calls_are_answered() {
    let along = || integer("axis", 1);
    for (inner, element, loses) in [
        (node("Abs", &["x"], &["inner"]), 1, false),
        (node("Relu", &["x"], &["inner"]), 1, false),
        (node("Softplus", &["x"], &["inner"]), 1, false),
        (with(node("ReduceMax", &["x"], &["inner"]), &[integers("axes", &[1])]), 1, true),
        (with(node("ReduceMin", &["x"], &["inner"]), &[integers("axes", &[1])]), 1, true),
        (with(node("ArgMax", &["x"], &["inner"]), &[along()]), 7, true),
        (with(node("TopK", &["x", "one"], &["inner", "at"]), &[along()]), 1, true),
        (with(node("Cast", &["x"], &["inner"]), &[integer("to", 7)]), 7, true),
    ] {
        let file = choice(&inner, element);
        let row = [1.5, -2.5, 3.5, 0.0];
        let found = answered(&Embedded, &file, &row).unwrap();
        if let Some(engine) = onnxruntime() {
            let expected = answered(engine, &file, &row).unwrap();
            assert_eq!(found.get(0).unwrap().shape(), expected.get(0).unwrap().shape());
        }
        // What a root makes of it is not seen before the call.
        let nodes = [node("Sqrt", &["x"], &["root"]), node("Add", &["x", "root"], &["y"])];
        assert!(answered(&Embedded, &self::file(&nodes, 1), &row).is_ok());
        let problem = answered(&Embedded, &file, &[1.0, f32::NAN, 0.0, 0.0]);
        assert_eq!(problem.is_err(), loses, "{problem:?}");
        if let Err(problem) = problem {
            let text = problem.to_string();
            assert_eq!(problem.kind(), Kind::InvalidArgument, "{text}");
            assert!(text.contains("NaN") && text.contains("node \"inner\""), "{text}");
        }
    }
}

#[test]
fn places_that_may_lie_one_off_within_a_node_are_refused() {
    let resize = |mode: &str| {
        let mode = Message::new().text(1, "mode").text(4, mode).number(20, 3);
        choice(&with(node("Resize", &["x", "", "scales"], &["inner"]), &[mode]), 1)
    };
    for mode in ["nearest", "cubic"] {
        let text = load(&Embedded, &Files::model(&resize(mode))).err().unwrap().to_string();
        assert!(text.contains("Resize") && text.contains("within a node"), "{text}");
    }
}

#[test]
fn gates_and_attention_are_given_numbers_alone() {
    let gated = with(node("LSTM", &["steps", "in", "around"], &["y"]), &[integer("hidden_size", 1)]);
    let heads = [integer("q_num_heads", 2), integer("kv_num_heads", 2)];
    let attention = with(node("Attention", &["steps", "steps", "steps"], &["y"]), &heads);
    for (operator, node) in [("LSTM", gated), ("Attention", attention)] {
        let graph = Graph::new()
            .node(&crate::support::node("Unsqueeze", &["x", "one"], &["steps"]))
            .node(&node)
            .initializer(&stored("one", 7, &[1], &1i64.to_le_bytes()))
            .initializer(&floats("in", &[1, 4, 4], &[0.25; 16]))
            .initializer(&floats("around", &[1, 4, 1], &[0.5; 4]))
            .input("x", &tensor_type(1, Some(&[Axis::Free("n"), Axis::Known(4)])))
            .output("y", &tensor_type(1, None));
        let opset = Message::new().text(1, "").number(2, 23);
        let file = Message::new().number(1, 10).message(7, &graph.0).message(8, &opset).0;
        for engine in engines() {
            assert!(answered(engine, &file, &[1.0, 2.0, -3.0, 4.0]).is_ok(), "{}: {operator}", engine.name());
        }
        for none in [f32::NAN, f32::INFINITY] {
            let text = answered(&Embedded, &file, &[1.0, none, -3.0, 4.0]).unwrap_err().to_string();
            assert!(text.contains(operator), "{text}");
        }
    }
}

#[test]
fn numbers_whose_double_is_infinite_have_inverse_hyperbolic_functions_all_the_same() {
    for (operator, row, expected) in [
        (
            "Asinh",
            [-3e38, 1.5e38, f32::NAN, f32::INFINITY],
            [-89.289_986, 88.596_84, f32::NAN, f32::INFINITY],
        ),
        ("Acosh", [3e38, 1.5e38, f32::NAN, 1.5], [89.289_986, 88.596_84, f32::NAN, 0.962_424]),
    ] {
        let file = file(&[node(operator, &["x"], &["y"])], 1);
        for engine in engines() {
            let found = answered(engine, &file, &row).unwrap();
            for (a, b) in found.get(0).unwrap().values::<f32>().unwrap().iter().zip(expected) {
                let is_same = *a == b || (a - b).abs() < 1e-4 || a.is_nan() && b.is_nan();
                assert!(is_same, "{}: {operator}: {a} for {b}", engine.name());
            }
        }
    }
}
