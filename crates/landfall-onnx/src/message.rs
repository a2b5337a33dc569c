//! ONNX messages under construction: models, nodes and their attributes, in the format's field numbers (`onnx.proto`).

use crate::declared::ElementType;
use crate::node::name_of;
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value, push_varint};

/// The main graph of a `ModelProto`.
///
/// # Errors
/// Malformed.
pub(crate) fn main_graph<'a>(file: &'a str, bytes: &'a [u8]) -> Result<Option<Fields<'a>>, Problem> {
    let mut fields = Fields::new(file, bytes);
    while let Some((number, value)) = fields.next()? {
        if number == 7 {
            return Ok(Some(value.message()?));
        }
    }
    Ok(None)
}

/// The same `ModelProto` with another main graph: its fields in two parts, made of those that it has.
///
/// # Errors
/// Malformed.
pub(crate) fn with_main_graph<'a>(
    file: &'a str,
    bytes: &'a [u8],
    parts: impl Fn(&'a [u8]) -> [&'a [u8]; 2],
) -> Result<Vec<u8>, Problem> {
    let mut model = Message(Vec::with_capacity(bytes.len()));
    let mut fields = Fields::new(file, bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            7 => model.joined(7, parts(value.bytes()?)),
            _ => model.field(number, value)?,
        }
    }
    Ok(model.0)
}

/// `NodeProto` of the default domain with one output, named as that.
pub(crate) fn plain(operator: &str, inputs: &[&str], output: &str, attributes: &[Message]) -> Message {
    named(output, operator, inputs, output, attributes)
}

/// The same under a name of its own, for messages.
pub(crate) fn named(
    name: &str,
    operator: &str,
    inputs: &[&str],
    output: &str,
    attributes: &[Message],
) -> Message {
    let mut node = Message::default();
    inputs.iter().for_each(|input| node.bytes(1, input.as_bytes()));
    node.bytes(2, output.as_bytes());
    node.bytes(3, name.as_bytes());
    node.bytes(4, operator.as_bytes());
    attributes.iter().for_each(|attribute| node.bytes(5, &attribute.0));
    node
}

/// `AttributeProto` of an integer.
pub(crate) fn integer(name: &str, value: i64) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, name.as_bytes());
    attribute.number(3, value as u64);
    attribute.number(20, 2);
    attribute
}

/// `AttributeProto` of a float.
pub(crate) fn float(name: &str, value: f32) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, name.as_bytes());
    attribute.fixed32(2, value.to_le_bytes());
    attribute.number(20, 1);
    attribute
}

/// `AttributeProto` of integers.
pub(crate) fn integers(name: &str, values: &[i64]) -> Message {
    let mut attribute = Message::default();
    attribute.bytes(1, name.as_bytes());
    values.iter().for_each(|&value| attribute.number(8, value as u64));
    attribute.number(20, 7);
    attribute
}

/// A protobuf message under construction.
#[derive(Default)]
pub(crate) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, value: u64) {
        push_varint(&mut self.0, value);
    }

    pub(crate) fn number(&mut self, field: u32, value: u64) {
        self.varint(u64::from(field) << 3);
        self.varint(value);
    }

    pub(crate) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn fixed32(&mut self, field: u32, bytes: [u8; 4]) {
        self.varint(u64::from(field) << 3 | 5);
        self.0.extend_from_slice(&bytes);
    }

    /// Parts of one message's bytes, one behind the other.
    pub(crate) fn joined(&mut self, field: u32, parts: [&[u8]; 2]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(parts.iter().map(|part| part.len() as u64).sum());
        parts.iter().for_each(|part| self.0.extend_from_slice(part));
    }

    /// A field as it was read.
    pub(crate) fn field(&mut self, field: u32, value: Value<'_>) -> Result<(), Problem> {
        match value {
            Value::Varint(value) => self.number(field, value),
            Value::Fixed64(bytes) => {
                self.varint(u64::from(field) << 3 | 1);
                self.0.extend_from_slice(&bytes);
            }
            Value::Fixed32(bytes) => self.fixed32(field, bytes),
            value @ Value::Bytes(_) => self.bytes(field, value.bytes()?),
        }
        Ok(())
    }
}

/// `TensorProto` with raw data.
pub(crate) fn stored(name: &str, element: ElementType, dims: &[u64], raw: &[u8]) -> Message {
    let mut tensor = Message::default();
    dims.iter().for_each(|&dim| tensor.number(1, dim));
    tensor.number(2, element.0);
    tensor.bytes(8, name.as_bytes());
    tensor.bytes(9, raw);
    tensor
}

/// `NodeProto` that gives a tensor.
pub(crate) fn constant(name: &str, tensor: &Message) -> Message {
    let mut value = Message::default();
    value.bytes(1, b"value");
    value.bytes(5, &tensor.0);
    value.number(20, 4);
    plain("Constant", &[], name, &[value])
}

/// Hands attributes of a `NodeProto` on.
pub(crate) fn copy_attributes(
    bytes: &[u8],
    to: &mut Message,
    is_meant: impl Fn(&str) -> bool,
) -> Result<(), Problem> {
    let mut fields = Fields::new("node", bytes);
    while let Some((number, value)) = fields.next()? {
        if number == 5 && is_meant(name_of(value.clone().message()?)?) {
            to.field(number, value)?;
        }
    }
    Ok(())
}

/// A message with other nodes, which lie in its field `of`; `None` where `change` leaves all as they are, which is found out before weights are copied.
///
/// # Errors
/// Malformed.
pub(crate) fn with_nodes<'a>(
    message: Fields<'a>,
    of: u32,
    mut change: impl FnMut(Value<'a>) -> Result<Option<Vec<Message>>, Problem>,
) -> Result<Option<Message>, Problem> {
    let (mut changes, mut fields) = (Vec::new(), message.clone());
    while let Some((number, value)) = fields.next()? {
        if number == of {
            changes.push(change(value)?);
        }
    }
    if changes.iter().all(Option::is_none) {
        return Ok(None);
    }
    let (mut whole, mut fields, mut changes) = (Message::default(), message, changes.into_iter());
    while let Some((number, value)) = fields.next()? {
        match if number == of { changes.next().flatten() } else { None } {
            Some(nodes) => nodes.iter().for_each(|node| whole.bytes(of, &node.0)),
            None => whole.field(number, value)?,
        }
    }
    Ok(Some(whole))
}

/// A `NodeProto` with other graphs within it; `None` where `change` leaves all as they are.
///
/// # Errors
/// Malformed.
pub(crate) fn with_graphs<'a>(
    bytes: &'a [u8],
    mut change: impl FnMut(Fields<'a>) -> Result<Option<Message>, Problem>,
) -> Result<Option<Message>, Problem> {
    let (mut whole, mut is_changed) = (Message::default(), false);
    let mut fields = Fields::new("node", bytes);
    while let Some((number, value)) = fields.next()? {
        if number != 5 {
            whole.field(number, value)?;
            continue;
        }
        let (mut attribute, mut parts) = (Message::default(), value.message()?);
        while let Some((number, value)) = parts.next()? {
            let graph = if matches!(number, 6 | 11) { change(value.clone().message()?)? } else { None };
            is_changed |= graph.is_some();
            match graph {
                Some(graph) => attribute.bytes(number, &graph.0),
                None => attribute.field(number, value)?,
            }
        }
        whole.bytes(5, &attribute.0);
    }
    Ok(is_changed.then_some(whole))
}
