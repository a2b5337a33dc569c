//! Recurrent operators in words that cannot end the process: ONNX Runtime (up to 1.31) stops the program where `LSTM` gets no rows, and
//! where `GRU` gets no rows or no steps.
//!
//! What they read goes through a `Reshape` to the lengths that it has, one of which is left to be found: beside an axis of length 0 it
//! cannot be, and the call fails. The library lays nothing out anew for it.

use crate::declared::{Declared, ElementType};
use crate::message::{Message, constant, main_graph, named, stored, with_graphs, with_nodes};
use crate::node::{IN_FUNCTION, IN_GRAPH, Node, keep_apart, nodes_of};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem};

/// What they read is laid out as steps, rows and values. In a `Reshape`, 0 keeps a length and −1 is what is left.
const KEEPS_ROWS: [i64; 3] = [-1, 0, 0];
const KEEPS_STEPS_AND_ROWS: [i64; 3] = [0, 0, -1];

/// Operators that end the process, by domain and name.
const OPERATORS: [(&str, &str, [i64; 3]); 3] = [
    ("", "LSTM", KEEPS_ROWS),
    ("", "GRU", KEEPS_STEPS_AND_ROWS),
    ("com.microsoft", "DynamicQuantizeLSTM", KEEPS_ROWS),
];

/// A model whose recurrent operators fail where there is nothing to go through; `None` where there are none.
///
/// # Errors
/// Malformed.
pub(super) fn guarded(file: &str, bytes: &[u8], declared: &Declared) -> Result<Option<Vec<u8>>, Problem> {
    let is_there = |(domain, operator): &(String, String)| lengths(domain, operator).is_some();
    if !declared.operators.keys().any(is_there) {
        return Ok(None);
    }
    let mut names = Names { prefix: "recurrent".to_owned(), made: 0 };
    if let Some(graph) = main_graph(file, bytes)? {
        nodes_of(graph, IN_GRAPH).try_for_each(|node| keep_apart(&node?, &mut names.prefix))?;
    }
    let (mut model, mut fields) = (Message(Vec::with_capacity(bytes.len())), Fields::new(file, bytes));
    while let Some((number, value)) = fields.next()? {
        let changed = match number {
            7 => within(value.clone().message()?, IN_GRAPH, &mut names)?,
            25 => {
                let function = value.clone().message()?;
                let nodes = || nodes_of(function.clone(), IN_FUNCTION);
                nodes().try_for_each(|node| keep_apart(&node?, &mut names.prefix))?;
                within(function.clone(), IN_FUNCTION, &mut names)?
            }
            _ => None,
        };
        match changed {
            Some(changed) => model.bytes(number, &changed.0),
            None => model.field(number, value)?,
        }
    }
    Ok(Some(model.0))
}

/// What no other value is called.
struct Names {
    prefix: String,
    made: usize,
}

impl Names {
    fn free(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }
}

/// A graph or function with other nodes; `None` where it stays.
fn within<'a>(message: Fields<'a>, of: u32, names: &mut Names) -> Result<Option<Message>, Problem> {
    with_nodes(message, of, |value| node(value, names))
}

/// A node in other words; `None` where it stays.
fn node<'a>(value: Value<'a>, names: &mut Names) -> Result<Option<Vec<Message>>, Problem> {
    let bytes = value.clone().bytes()?;
    let node = Node::read(value.message()?)?;
    if let (Some(lengths), Some(read)) = (lengths(node.domain, node.operator), node.inputs.first()) {
        let (to, checked) = (names.free(), names.free());
        let raw: Vec<u8> = lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
        let tensor = stored(&to, ElementType::of(DType::I64), &[3], &raw);
        let said = format!("{checked}: {} takes no rows and steps that are none", node.operator);
        return Ok(Some(vec![
            constant(&to, &tensor),
            named(&said, "Reshape", &[read, &to], &checked, &[]),
            reading(bytes, &checked)?,
        ]));
    }
    if node.attributes.graphs()?.is_empty() {
        return Ok(None);
    }
    let changed = with_graphs(bytes, |graph| within(graph, IN_GRAPH, names))?;
    Ok(changed.map(|node| vec![node]))
}

/// The lengths that an operator's rows and steps are held against.
fn lengths(domain: &str, operator: &str) -> Option<&'static [i64; 3]> {
    let known = OPERATORS.iter().find(|(of, name, _)| (*of, *name) == (domain, operator));
    known.map(|(_, _, lengths)| lengths)
}

/// The same `NodeProto` with another first input.
fn reading(bytes: &[u8], input: &str) -> Result<Message, Problem> {
    let (mut node, mut fields, mut is_first) = (Message::default(), Fields::new("node", bytes), true);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 if std::mem::take(&mut is_first) => node.bytes(1, input.as_bytes()),
            _ => node.field(number, value)?,
        }
    }
    Ok(node)
}
