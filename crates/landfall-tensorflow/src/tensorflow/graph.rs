//! What a graph is made of, read from a `GraphDef`: nodes, their inputs, the functions that they call. Tensors within are
//! left where they lie.
//!
//! Format: `graph.proto`, `node_def.proto`, `attr_value.proto` and `function.proto` of `tensorflow/core/framework`.

use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};
use std::collections::{BTreeSet, HashMap};

/// Messages within messages that are followed: attributes hold functions, whose attributes hold functions.
const DEPTH: usize = 16;

/// One operation.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) op: &'a str,
    /// As written: `x`, `x:1`, `^x`.
    pub(super) inputs: Vec<&'a str>,
    /// Names of the functions in its attributes.
    pub(super) functions: Vec<&'a str>,
    /// Where an operation that prints writes to.
    pub(super) stream: Option<&'a [u8]>,
}

/// A graph and its library of functions.
#[derive(Debug, Default)]
pub(super) struct GraphDef<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) functions: HashMap<&'a str, Vec<Node<'a>>>,
}

impl<'a> GraphDef<'a> {
    /// Reads a serialised graph; `file` is for messages.
    ///
    /// # Errors
    /// Malformed, with the place.
    pub(super) fn read(file: &'a str, bytes: &'a [u8]) -> Result<Self, Problem> {
        let mut graph = GraphDef::default();
        graph.add(Fields::new(file, bytes))?;
        Ok(graph)
    }

    /// Adds what a part of a graph holds: a message that comes in two parts is both of them.
    ///
    /// # Errors
    /// As [`GraphDef::read`].
    pub(super) fn add(&mut self, mut fields: Fields<'a>) -> Result<(), Problem> {
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => self.nodes.push(node(value)?),
                2 => self.library(value)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn library(&mut self, value: Value<'a>) -> Result<(), Problem> {
        let mut fields = value.message()?;
        while let Some((field, value)) = fields.next()? {
            if field != 1 {
                continue;
            }
            let (mut name, mut nodes) = ("", Vec::new());
            let mut fields = value.message()?;
            while let Some((field, value)) = fields.next()? {
                match field {
                    1 => name = text_at(value, 1)?.unwrap_or(name),
                    3 => nodes.push(node(value)?),
                    _ => {}
                }
            }
            self.functions.entry(name).or_default().extend(nodes);
        }
        Ok(())
    }

    /// Every node that the named tensors or operations need, and those of all functions that these call.
    pub(super) fn needed<'g>(&'g self, roots: impl IntoIterator<Item = &'g str>) -> Vec<&'g Node<'a>> {
        let by_name: HashMap<&str, &Node<'a>> = self.nodes.iter().map(|node| (node.name, node)).collect();
        let mut waiting: Vec<&str> = roots.into_iter().map(operation_of).collect();
        let (mut seen, mut called) = (BTreeSet::new(), BTreeSet::new());
        let mut functions = Vec::new();
        let mut needed = Vec::new();
        while let Some(name) = waiting.pop() {
            let Some(node) = by_name.get(name) else { continue };
            if seen.insert(name) {
                waiting.extend(node.inputs.iter().map(|input| operation_of(input)));
                functions.extend(node.functions.iter().copied().chain([node.op]));
                needed.push(*node);
            }
        }
        while let Some(name) = functions.pop() {
            let Some(nodes) = self.functions.get(name) else { continue };
            if called.insert(name) {
                for node in nodes {
                    functions.extend(node.functions.iter().copied().chain([node.op]));
                    needed.push(node);
                }
            }
        }
        needed
    }
}

/// The operation of a tensor's name: `x` of `x:0`, of `^x` and of `x`.
pub(super) fn operation_of(tensor: &str) -> &str {
    let tensor = tensor.strip_prefix('^').unwrap_or(tensor);
    tensor.split_once(':').map_or(tensor, |(operation, _)| operation)
}

fn node<'a>(value: Value<'a>) -> Result<Node<'a>, Problem> {
    let mut node = Node::default();
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => node.name = value.text()?,
            2 => node.op = value.text()?,
            3 => node.inputs.push(value.text()?),
            5 => attribute(value, &mut node, DEPTH)?,
            _ => {}
        }
    }
    Ok(node)
}

/// An entry of a map of attributes.
fn attribute<'a>(entry: Value<'a>, node: &mut Node<'a>, depth: usize) -> Result<(), Problem> {
    let (mut key, mut held) = ("", None);
    let mut fields = entry.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => key = value.text()?,
            2 => held = Some(value),
            _ => {}
        }
    }
    let Some(held) = held else { return Ok(()) };
    let mut fields = held.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            2 if key == "output_stream" => node.stream = Some(value.bytes()?),
            10 => function(value, node, depth)?,
            1 => {
                let mut list = value.message()?;
                while let Some((field, value)) = list.next()? {
                    if field == 9 {
                        function(value, node, depth)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A function's name with attributes of its own.
fn function<'a>(value: Value<'a>, node: &mut Node<'a>, depth: usize) -> Result<(), Problem> {
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => node.functions.push(value.text()?),
            2 if depth > 0 => attribute(value, node, depth - 1)?,
            2 => return Err(fields.malformed(format!("functions nested more than {DEPTH} deep"))),
            _ => {}
        }
    }
    Ok(())
}

/// The text in a field of a message.
fn text_at<'a>(value: Value<'a>, wanted: u32) -> Result<Option<&'a str>, Problem> {
    let (mut found, mut fields) = (None, value.message()?);
    while let Some((field, value)) = fields.next()? {
        if field == wanted {
            found = Some(value.text()?);
        }
    }
    Ok(found)
}
