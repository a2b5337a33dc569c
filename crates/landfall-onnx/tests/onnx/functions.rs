//! Functions that the file itself defines: ONNX Runtime puts their nodes in the place of each call, and ends the process where that
//! has no end.

use crate::support::{Axis, Graph, Message, node, tensor_type};

/// `FunctionProto` of the domain `own`.
pub(crate) fn function(name: &str, inputs: &[&str], outputs: &[&str], nodes: &[Message]) -> Message {
    let opset = |domain: &str, version| Message::new().text(1, domain).number(2, version);
    let head = Message::new().text(1, name).text(10, "own");
    let head = inputs.iter().fold(head, |function, input| function.text(4, input));
    let head = outputs.iter().fold(head, |function, output| function.text(5, output));
    let head = head.message(9, &opset("", 17)).message(9, &opset("own", 1));
    nodes.iter().fold(head, |function, node| function.message(7, node))
}

/// A node that calls a function.
pub(crate) fn call(name: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    node(name, inputs, outputs).text(7, "own")
}

fn vector() -> Message {
    tensor_type(7, Some(&[Axis::Free("n")]))
}

/// Why a file is refused, whatever the engine.
fn refusal(file: &[u8]) -> String {
    landfall_onnx::declared::read("model.onnx", file).unwrap_err().to_string()
}

#[test]
fn functions_that_call_each_other_without_end_are_refused() {
    let one = function("one", &["p"], &["r"], &[node("Neg", &["p"], &["s"]), call("other", &["s"], &["r"])]);
    let other = function("other", &["p"], &["r"], &[call("one", &["p"], &["r"])]);
    let graph = Graph::new().node(&call("one", &["a"], &["y"])).input("a", &vector()).output("y", &vector());
    let problem = refusal(&graph.file_with(17, &[one, other]));
    assert!(problem.contains("of domain \"own\" calls itself, or lies more than 48 deep"), "{problem}");
}

/// As deep as anything is followed: each function calls the next within branches within branches.
#[test]
fn functions_within_branches_within_functions_leave_the_stack_whole() {
    let truth = Message::new().text(1, "to").number(3, 9).number(20, 2);
    let nested = |name: &str| {
        (0..22).fold(call(name, &["p"], &["r"]), |inner, _| {
            let graph = Graph::new().node(&inner);
            let graph = Graph(graph.0.message(12, &Message::new().text(1, "r"))).0;
            let branch = |name: &str| Message::new().text(1, name).message(6, &graph).number(20, 5);
            // The other branch is small: what lies within twice would double with each level.
            let other = Graph::new().node(&node("Identity", &["p"], &["r"]));
            let other = Graph(other.0.message(12, &Message::new().text(1, "r"))).0;
            let other = Message::new().text(1, "else_branch").message(6, &other).number(20, 5);
            node("If", &["yes"], &["r"]).message(5, &branch("then_branch")).message(5, &other)
        })
    };
    let functions: Vec<Message> = (0..26)
        .map(|depth| {
            let yes = node("Cast", &["p"], &["yes"]).message(5, &truth);
            function(&format!("f{depth}"), &["p"], &["r"], &[yes, nested(&format!("f{}", depth + 1))])
        })
        .chain([function("f26", &["p"], &["r"], &[node("Neg", &["p"], &["r"])])])
        .collect();
    let graph = Graph::new().node(&call("f0", &["a"], &["y"])).input("a", &vector()).output("y", &vector());
    let problem = refusal(&graph.file_with(17, &functions));
    assert!(problem.contains("more than 48 deep"), "{problem}");
}

/// Sixty lines of a file that come to a million million nodes.
#[test]
fn functions_that_double_what_they_call_are_refused() {
    let twice = |depth: usize| {
        let next = format!("f{}", depth + 1);
        let nodes = [call(&next, &["p"], &["s"]), call(&next, &["s"], &["r"])];
        function(&format!("f{depth}"), &["p"], &["r"], &nodes)
    };
    let last = |depth: usize| function(&format!("f{depth}"), &["p"], &["r"], &[node("Neg", &["p"], &["r"])]);
    let graph =
        || Graph::new().node(&call("f0", &["a"], &["y"])).input("a", &vector()).output("y", &vector());
    let of =
        |depth: usize| graph().file_with(17, &(0..depth).map(twice).chain([last(depth)]).collect::<Vec<_>>());
    let problem = refusal(&of(40));
    assert!(problem.contains("nodes with those of functions"), "{problem}");
    assert!(landfall_onnx::declared::read("model.onnx", &of(10)).is_ok());
}
