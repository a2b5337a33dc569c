//! Graphs of `ai.onnx.ml` written field by field.

use crate::support::{Axis, Graph, Message, node, tensor_type};

/// A node of `ai.onnx.ml`.
pub(super) fn ml_node(operator: &str, inputs: &[&str], outputs: &[&str]) -> Message {
    node(operator, inputs, outputs).text(7, "ai.onnx.ml")
}

pub(super) fn integer(name: &str, value: i64) -> Message {
    Message::new().text(1, name).number(3, value).number(20, 2)
}

pub(super) fn text(name: &str, value: &str) -> Message {
    Message::new().text(1, name).text(4, value).number(20, 3)
}

pub(super) fn float(name: &str, value: f32) -> Message {
    // Field 2, four bytes.
    let mut message = Message::new().text(1, name);
    message.0.push(2 << 3 | 5);
    message.0.extend(value.to_le_bytes());
    message.number(20, 1)
}

pub(super) fn floats(name: &str, values: &[f32]) -> Message {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Message::new().text(1, name).bytes(7, &bytes).number(20, 6)
}

pub(super) fn integers(name: &str, values: &[i64]) -> Message {
    let message =
        values.iter().fold(Message::new().text(1, name), |message, &value| message.number(8, value));
    message.number(20, 7)
}

pub(super) fn texts<T: AsRef<str>>(name: &str, values: &[T]) -> Message {
    let message =
        values.iter().fold(Message::new().text(1, name), |message, value| message.text(9, value.as_ref()));
    message.number(20, 8)
}

pub(super) fn tensor(name: &str, value: &Message) -> Message {
    Message::new().text(1, name).message(5, value).number(20, 4)
}

pub(super) fn with(node: Message, attributes: &[Message]) -> Message {
    attributes.iter().fold(node, |node, attribute| node.message(5, attribute))
}

/// [n, width] of an element type.
pub(super) fn matrix(element: i64, width: i64) -> Message {
    tensor_type(element, Some(&[Axis::Free("n"), Axis::Known(width)]))
}

/// One tree: x0 <= 0.5 gives `low`, else `high`.
pub(super) fn stump(low: f32, high: f32) -> Vec<Message> {
    vec![
        integer("n_targets", 1),
        integers("nodes_treeids", &[0, 0, 0]),
        integers("nodes_nodeids", &[0, 1, 2]),
        integers("nodes_featureids", &[0, 0, 0]),
        integers("nodes_truenodeids", &[1, 0, 0]),
        integers("nodes_falsenodeids", &[2, 0, 0]),
        texts("nodes_modes", &["BRANCH_LEQ", "LEAF", "LEAF"]),
        floats("nodes_values", &[0.5, 0.0, 0.0]),
        integers("target_treeids", &[0, 0]),
        integers("target_nodeids", &[1, 2]),
        integers("target_ids", &[0, 0]),
        floats("target_weights", &[low, high]),
    ]
}

/// A graph of steps from `x` ([n, width]) that end in the stump's `y`.
pub(super) fn behind(steps: &[Message], last: &str, element: i64, width: i64) -> Vec<u8> {
    let graph = steps.iter().fold(Graph::new(), Graph::node_of);
    let trees = with(ml_node("TreeEnsembleRegressor", &[last], &["y"]), &stump(1.0, 2.0));
    graph.node(&trees).input("x", &matrix(element, width)).output("y", &matrix(1, 1)).file()
}

impl Graph {
    fn node_of(self, node: &Message) -> Self {
        self.node(node)
    }
}
