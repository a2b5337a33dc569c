//! A small writer of protobuf messages, and of graphs made of them.

use landfall_model::protobuf::push_varint;

/// One message under construction.
#[derive(Clone, Default)]
pub(crate) struct Message(pub(crate) Vec<u8>);

impl Message {
    pub(crate) fn new() -> Self {
        Message::default()
    }

    fn varint(mut self, value: u64) -> Self {
        push_varint(&mut self.0, value);
        self
    }

    pub(crate) fn number(self, field: u32, value: i64) -> Self {
        self.varint(u64::from(field) << 3).varint(value as u64)
    }

    pub(crate) fn bytes(self, field: u32, bytes: &[u8]) -> Self {
        let mut message = self.varint(u64::from(field) << 3 | 2).varint(bytes.len() as u64);
        message.0.extend_from_slice(bytes);
        message
    }

    pub(crate) fn text(self, field: u32, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(crate) fn message(self, field: u32, inner: &Message) -> Self {
        self.bytes(field, &inner.0)
    }
}

/// A node: name, operator, inputs, attributes.
pub(crate) fn node(name: &str, op: &str, inputs: &[&str], attributes: &[(&str, Message)]) -> Message {
    let node = Message::new().text(1, name).text(2, op);
    let node = inputs.iter().fold(node, |node, input| node.text(3, input));
    attributes
        .iter()
        .fold(node, |node, (key, value)| node.message(5, &Message::new().text(1, key).message(2, value)))
}

/// An attribute that is a type, by its number.
pub(crate) fn of_type(number: i64) -> Message {
    Message::new().number(6, number)
}

/// A graph of nodes.
pub(crate) fn graph(nodes: &[Message]) -> Message {
    nodes.iter().fold(Message::new(), |graph, node| graph.message(1, node))
}

/// A SavedModel of one graph with the tag `serve`, and a signature from tensor `x:0` to the named one.
pub(crate) fn saved_model(graph: &Message, output: &str, dtype: i64) -> Message {
    Message::new().number(1, 1).message(2, &with_graph(graph, output, dtype))
}

/// Its one meta graph.
pub(crate) fn with_graph(graph: &Message, output: &str, dtype: i64) -> Message {
    let info = |name: &str, dtype| {
        let free = Message::new().message(2, &Message::new().number(1, -1));
        Message::new().text(1, name).number(2, dtype).message(3, &free)
    };
    let entry = |key: &str, value: &Message| Message::new().text(1, key).message(2, value);
    let signature = Message::new()
        .message(1, &entry("x", &info("x:0", dtype)))
        .message(2, &entry("y", &info(output, dtype)))
        .text(3, "tensorflow/serving/predict");
    Message::new()
        .message(1, &Message::new().text(4, "serve"))
        .message(2, graph)
        .message(5, &entry("serving_default", &signature))
}
