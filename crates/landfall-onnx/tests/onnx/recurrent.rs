//! Recurrent operators that nothing goes through, which ONNX Runtime itself does not survive. On each engine the call is answered or
//! refused.

use crate::support::{
    Axis, Files, Graph, Message, engines, load, node, onnxruntime, proven, run, stored, tensor_type,
};
use landfall_model::{Problem, Tensor};

const F32: i64 = 1;

fn hidden_size() -> Message {
    Message::new().text(1, "hidden_size").number(3, 1).number(20, 2)
}

/// One state for two values: weights are all 1.
fn weights(name: &str, gates: i64, width: i64) -> Message {
    let ones = 1f32.to_le_bytes().repeat(usize::try_from(gates * width).unwrap());
    stored(name, F32, &[1, gates, width], &ones)
}

/// `y` is the last state of what `x`, of steps, rows and two values, brings; the operator lies in the graph itself, or in a branch
/// or a function.
fn file(operator: &str, gates: i64, place: &str) -> Vec<u8> {
    let last = node(operator, &["x", "w", "r"], &["", "y"]).message(5, &hidden_size());
    let ty = |dims: &[Axis]| tensor_type(F32, Some(dims));
    let x = ty(&[Axis::Free("s"), Axis::Free("n"), Axis::Known(2)]);
    let y = ty(&[Axis::Known(1), Axis::Free("n"), Axis::Known(1)]);
    let graph =
        Graph::new().initializer(&weights("w", gates, 2)).initializer(&weights("r", gates, 1)).input("x", &x);
    let graph = graph.output("y", &y);
    let inner = Graph(Graph::new().node(&last).0.message(12, &Message::new().text(1, "y"))).0;
    let branch = |name: &str| Message::new().text(1, name).message(6, &inner).number(20, 5);
    let either = node("If", &["yes"], &["y"]).message(5, &branch("then_branch"));
    let opset = Message::new().text(1, "").number(2, 17);
    let body = ["x", "w", "r"].iter().fold(Message::new().text(1, "last"), |body, name| body.text(4, name));
    let body = body.text(5, "y").message(7, &last).message(9, &opset).text(10, "own");
    match place {
        "branch" => {
            let yes = graph.initializer(&stored("yes", 9, &[], &[1]));
            yes.node(&either.message(5, &branch("else_branch"))).file()
        }
        "function" => {
            graph.node(&node("last", &["x", "w", "r"], &["y"]).text(7, "own")).file_with(17, &[body])
        }
        _ => graph.node(&last).file(),
    }
}

#[test]
fn nothing_through_a_recurrent_operator_ends_no_process() {
    for engine in engines() {
        for (operator, gates) in [("RNN", 1), ("GRU", 3), ("LSTM", 4)] {
            for place in ["graph", "branch", "function"] {
                let name = format!("{operator} in a {place} on {}", engine.name());
                let model = match load(engine, &Files::model(&file(operator, gates, place))) {
                    Ok(model) => model,
                    Err(problem) => {
                        assert_eq!(engine.name(), "embedded", "{name}: {problem}");
                        continue;
                    }
                };
                let of = |steps: usize, rows: usize| -> Result<Tensor, Problem> {
                    let x = Tensor::from_slice(&[steps, rows, 2], &vec![0.5f32; steps * rows * 2])?;
                    let outputs = run(&*model, &model.signatures()[0], &[("x", &x)], &[])?;
                    Ok(outputs.get(0).unwrap().clone())
                };
                let before = of(3, 2).unwrap();
                assert_eq!(&before.shape()[..], [1, 2, 1], "{name}");
                for (steps, rows) in [(3, 0), (0, 2), (0, 0)] {
                    match of(steps, rows) {
                        Ok(answer) => assert_eq!(&answer.shape()[..], [1, rows, 1], "{name}"),
                        // The library moves branches that are known into the graph, under names of its own.
                        Err(problem) => {
                            let (text, is_named) =
                                (problem.to_string(), engine.name() == "embedded" || place == "branch");
                            assert!(is_named || text.contains(operator), "{name}: {text}");
                        }
                    }
                }
                assert_eq!(of(3, 2).unwrap(), before, "{name}: it answers as before");
            }
        }
    }
}

/// `y` is a sum over the last axis, which ONNX Runtime keeps where there are no rows.
#[test]
fn a_call_of_no_rows_has_the_shape_that_rows_have() {
    let Some(engine) = onnxruntime() else { return };
    let axes = stored("last", 7, &[1], &(-1i64).to_le_bytes());
    let keeps = Message::new().text(1, "keepdims").number(3, 0).number(20, 2);
    let x = tensor_type(F32, Some(&[Axis::Free("n"), Axis::Known(3), Axis::Known(4)]));
    let y = tensor_type(F32, Some(&[Axis::Free("n"), Axis::Free("m")]));
    let graph = Graph::new().node(&node("ReduceSum", &["x", "last"], &["y"]).message(5, &keeps));
    let file = graph.initializer(&axes).input("x", &x).output("y", &y).file();
    let model = load(engine, &Files::model(&file)).unwrap();
    let signature = proven(&*model);
    for rows in [0, 2] {
        let x = Tensor::from_slice(&[rows, 3, 4], &vec![1f32; rows * 12]).unwrap();
        let outputs = run(&*model, &signature, &[("x", &x)], &[]).unwrap();
        assert_eq!(&outputs.get(0).unwrap().shape()[..], [rows, 3], "{rows} rows");
    }
}
