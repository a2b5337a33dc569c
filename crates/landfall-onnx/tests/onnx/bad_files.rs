//! Files that are broken, absurd or beyond the engines: refused with a reason, by both, without a panic.

use crate::support::{
    Axis, Files, Graph, Message, engines, fixture, identity, load, node, stored, tensor_type,
};
use landfall_model::Kind;
use landfall_onnx::declared;

fn floats() -> Message {
    tensor_type(1, Some(&[Axis::Free("n")]))
}

/// The engines' words about a file that none may load.
fn refusals(file: &[u8]) -> Vec<String> {
    engines()
        .iter()
        .map(|engine| {
            let problem = load(*engine, &Files::model(file)).err().expect("refused");
            assert!(
                matches!(problem.kind(), Kind::InvalidArgument | Kind::Unimplemented | Kind::Internal),
                "{problem}"
            );
            problem.to_string()
        })
        .collect()
}

#[test]
fn an_operator_that_nobody_knows_is_named() {
    let nodes = [node("Frobnicate", &["x"], &["y"]), node("Frobnicate", &["x"], &["y"]).text(7, "my.own")];
    for unknown in nodes {
        let file = Graph::new().node(&unknown).input("x", &floats()).output("y", &floats()).file();
        for text in refusals(&file) {
            assert!(text.contains("Frobnicate"), "{text}");
        }
    }
}

#[test]
fn a_cyclic_graph_is_refused() {
    let file = Graph::new()
        .node(&node("Add", &["x", "b"], &["a"]).text(3, "first"))
        .node(&node("Neg", &["a"], &["b"]))
        .input("x", &floats())
        .output("b", &floats())
        .file();
    for text in refusals(&file) {
        assert!(text.contains("cyclic") && text.contains("first"), "{text}");
    }
}

#[test]
fn graphs_within_graphs_are_followed_to_a_bound() {
    let mut inner = Graph::new().node(&node("Identity", &["x"], &["z"])).output("z", &floats());
    for _ in 0..5000 {
        let attribute = Message::new().text(1, "then_branch").message(6, &inner.0).number(20, 5);
        let deeper = node("If", &["c"], &["z"]).message(5, &attribute);
        inner = Graph::new().node(&deeper).output("z", &floats());
    }
    for text in refusals(&inner.input("x", &floats()).file()) {
        assert!(text.contains("deep"), "{text}");
    }
    let mut ty = floats();
    for _ in 0..5000 {
        ty = Message::new().message(4, &Message::new().message(1, &ty));
    }
    let file =
        Graph::new().node(&node("Identity", &["x"], &["y"])).input("x", &ty).output("y", &floats()).file();
    for text in refusals(&file) {
        assert!(text.contains("deep"), "{text}");
    }
}

#[test]
fn a_ring_through_an_inner_graph_is_seen() {
    // The inner graph reads `y`, which the node that holds it gives.
    let branch = Graph::new().node(&node("Neg", &["y"], &["z"])).output("z", &floats());
    let attribute = |name: &str| Message::new().text(1, name).message(6, &branch.0).number(20, 5);
    let holder = node("If", &["c"], &["y"])
        .message(5, &attribute("then_branch"))
        .message(5, &attribute("else_branch"));
    let file =
        Graph::new().node(&holder).input("c", &tensor_type(9, Some(&[]))).output("y", &floats()).file();
    assert!(declared::read("f", &file).unwrap_err().to_string().contains("cyclic"));
}

#[test]
fn tensors_that_declare_more_than_they_hold_are_refused() {
    let with = |tensor: &Message| {
        Graph::new()
            .node(&node("Add", &["x", "w"], &["y"]))
            .initializer(tensor)
            .input("x", &floats())
            .output("y", &floats())
            .file()
    };
    let huge = with(&stored("w", 1, &[1 << 40, 1 << 40], &[]));
    let lying = with(&stored("w", 1, &[1_000_000_000], &[0; 8]));
    let negative = with(&stored("w", 1, &[-5], &[0; 8]));
    for file in [huge, lying, negative] {
        for text in refusals(&file) {
            assert!(text.contains(r#"tensor "w""#), "{text}");
        }
    }
}

#[test]
fn broken_files_are_refused() {
    let whole = std::fs::read(fixture("mlp.onnx")).unwrap();
    let cut = &whole[..whole.len() / 2];
    let graphless = Message::new().number(1, 8).0;
    let outputless = Graph::new().node(&node("Identity", &["x"], &["y"])).input("x", &floats()).file();
    let dangling = Graph::new()
        .node(&node("Neg", &["nowhere"], &["y"]))
        .input("x", &floats())
        .output("y", &floats())
        .file();
    let nul = {
        let x = tensor_type(1, Some(&[Axis::Free("n")]));
        Graph::new().node(&node("Neg", &["a\0b"], &["y"])).input("a\0b", &x).output("y", &x).file()
    };
    for file in [&b""[..], b"no model", cut, &graphless, &outputless, &dangling] {
        refusals(file);
    }
    // A NUL in a name is odd, and C cannot say it; whoever accepts it must get it right.
    for engine in engines() {
        if let Err(problem) = load(engine, &Files::model(&nul)) {
            assert_ne!(problem.kind(), Kind::Unavailable, "{problem}");
        }
    }
}

#[test]
fn types_beyond_tensors_of_ours_are_named() {
    for (element, name) in [(17, "float8e4m3fn"), (22, "int4"), (0, "undefined")] {
        for text in refusals(&identity(element)) {
            assert!(text.contains(name), "{text}");
        }
    }
}

#[test]
fn wide_constants_are_refused_where_they_would_be_cut() {
    let ty = tensor_type(7, Some(&[Axis::Free("n")]));
    let with = |value: i64| {
        Graph::new()
            .node(&node("Add", &["x", "w"], &["y"]))
            .initializer(&stored("w", 7, &[1], &value.to_le_bytes()))
            .input("x", &ty)
            .output("y", &ty)
            .file()
    };
    let problem = load(&landfall_onnx::Embedded, &Files::model(&with(1 << 40))).err().unwrap();
    assert!(problem.to_string().contains(r#"constant "w": 1099511627776"#), "{problem}");
    assert!(load(&landfall_onnx::Embedded, &Files::model(&with(i64::MAX))).is_ok(), "the end of an axis");
    assert!(load(&landfall_onnx::Embedded, &Files::model(&with(-5))).is_ok());
}

#[test]
fn changed_files_never_take_the_process_down() {
    let whole = std::fs::read(fixture("mlp.onnx")).unwrap();
    let mut seed = 1u32;
    for _ in 0..300 {
        let mut file = whole.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let at = seed as usize % file.len();
            file[at] = (seed >> 24) as u8;
        }
        for engine in engines() {
            // Whatever it says, it says it.
            let _ = load(engine, &Files::model(&file));
        }
    }
}
