//! A graph as lowering sees it: nodes in the order in which they run, their attributes, and constants as tensors.
//!
//! Format: `GraphProto`, `NodeProto`, `AttributeProto` of `onnx.proto`. The file passed [`crate::declared::read`] before.

use super::Refusal;
use super::constant::constant;
use landfall_model::protobuf::Fields;
use landfall_model::{Problem, Tensor};
use std::collections::HashMap;

/// The main graph of a file, or one within a node.
#[derive(Default)]
pub(super) struct Graph<'a> {
    /// Names of inputs and outputs.
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: HashMap<&'a str, Tensor>,
}

/// One node.
pub(crate) struct Node<'a> {
    pub(crate) name: &'a str,
    /// Empty for the default domain.
    pub(crate) domain: &'a str,
    pub(crate) operator: &'a str,
    /// An empty name is an optional input that does not come.
    pub(crate) inputs: Vec<&'a str>,
    pub(crate) outputs: Vec<&'a str>,
    pub(crate) attributes: Attributes<'a>,
}

/// The attributes of a node, each read when it is asked for.
pub(crate) struct Attributes<'a>(Vec<(&'a str, Fields<'a>)>);

impl<'a> Graph<'a> {
    /// Reads the main graph of a file.
    pub(super) fn read(file: &'a str, bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut graph = Graph::default();
        let mut fields = Fields::new(file, bytes);
        while let Some((number, value)) = fields.next()? {
            if number == 7 {
                graph.fill(value.message()?)?;
            }
        }
        graph.sort()?;
        Ok(graph)
    }

    fn fill(&mut self, mut fields: Fields<'a>) -> Result<(), Refusal> {
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.nodes.push(Node::read(value.message()?)?),
                5 => {
                    let (name, tensor) = constant(value.message()?)?;
                    self.constants.insert(name, tensor);
                }
                11 => self.inputs.push(name_of(value.message()?)?),
                12 => self.outputs.push(name_of(value.message()?)?),
                15 => return Err(Refusal::not("a sparse constant")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings nodes into an order in which each comes after those that it reads. Files have them so already, but need
    /// not.
    fn sort(&mut self) -> Result<(), Refusal> {
        let mut givers = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for &output in node.outputs.iter().filter(|name| !name.is_empty()) {
                if givers.insert(output, index).is_some() {
                    return Err(Refusal::not(format!("two nodes that give {output:?}")));
                }
            }
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut waits = vec![0usize; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &giver in node.inputs.iter().filter_map(|name| givers.get(name)) {
                readers[giver].push(index);
                waits[index] += 1;
            }
        }
        let mut order: Vec<usize> = (0..waits.len()).filter(|&node| waits[node] == 0).collect();
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            at += 1;
            for &reader in &readers[node] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    order.push(reader);
                }
            }
        }
        if order.len() != self.nodes.len() {
            return Err(Refusal::not("a cyclic graph"));
        }
        let mut nodes: Vec<Option<Node<'a>>> =
            std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = order.into_iter().filter_map(|index| nodes[index].take()).collect();
        Ok(())
    }
}

impl<'a> Node<'a> {
    /// Reads a `NodeProto`.
    pub(crate) fn read(mut fields: Fields<'a>) -> Result<Self, Problem> {
        let (mut name, mut domain, mut operator) = ("", "", "");
        let (mut inputs, mut outputs, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => inputs.push(value.text()?),
                2 => outputs.push(value.text()?),
                3 => name = value.text()?,
                4 => operator = value.text()?,
                5 => attributes.push(attribute(value.message()?)?),
                7 => domain = value.text()?,
                _ => {}
            }
        }
        let name = if name.is_empty() { outputs.first().copied().unwrap_or_default() } else { name };
        let domain = if domain == "ai.onnx" { "" } else { domain };
        Ok(Node { name, domain, operator, inputs, outputs, attributes: Attributes(attributes) })
    }

    /// For messages: `ai.onnx.ml.Scaler`.
    pub(super) fn full_operator(&self) -> String {
        if self.domain.is_empty() {
            self.operator.to_owned()
        } else {
            format!("{}.{}", self.domain, self.operator)
        }
    }
}

/// The name of an `AttributeProto`, and the whole of it.
fn attribute(fields: Fields<'_>) -> Result<(&str, Fields<'_>), Problem> {
    Ok((name_of(fields.clone())?, fields))
}

/// The name of an `AttributeProto` or `ValueInfoProto`.
fn name_of(mut fields: Fields<'_>) -> Result<&str, Problem> {
    let mut name = "";
    while let Some((number, value)) = fields.next()? {
        if number == 1 {
            name = value.text()?;
        }
    }
    Ok(name)
}

impl<'a> Attributes<'a> {
    /// Names of all attributes.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.0.iter().map(|(name, _)| *name)
    }

    fn find(&self, name: &str) -> Option<Fields<'a>> {
        self.0.iter().find(|(found, _)| *found == name).map(|(_, fields)| fields.clone())
    }

    /// An integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<i64>, Problem> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 3 {
                found = Some(value.signed()?);
            }
        }
        Ok(found)
    }

    /// A float.
    pub(crate) fn float(&self, name: &str) -> Result<Option<f32>, Problem> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 2 {
                value.fixed::<4>(|bytes| found = floats(bytes).next())?;
            }
        }
        Ok(found)
    }

    /// A text, as its bytes.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&'a [u8]>, Problem> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 4 {
                found = Some(value.bytes()?);
            }
        }
        Ok(found)
    }

    /// A list of integers; empty where there is none.
    pub(crate) fn integers(&self, name: &str) -> Result<Vec<i64>, Problem> {
        let (mut fields, mut found) = (self.find(name), Vec::new());
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 8 {
                value.varints(|number| found.push(number as i64))?;
            }
        }
        Ok(found)
    }

    /// A list of floats; empty where there is none.
    pub(super) fn floats(&self, name: &str) -> Result<Vec<f32>, Problem> {
        let (mut fields, mut found) = (self.find(name), Vec::new());
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 7 {
                value.fixed::<4>(|bytes| found.extend(floats(bytes)))?;
            }
        }
        Ok(found)
    }

    /// A list of texts, as their bytes; empty where there is none.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'a [u8]>, Problem> {
        let (mut fields, mut found) = (self.find(name), Vec::new());
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 9 {
                found.push(value.bytes()?);
            }
        }
        Ok(found)
    }

    /// A graph.
    pub(super) fn graph(&self, name: &str) -> Result<Option<Graph<'a>>, Refusal> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 6 {
                let mut graph = Graph::default();
                graph.fill(value.message()?)?;
                graph.sort()?;
                found = Some(graph);
            }
        }
        Ok(found)
    }

    /// All graphs, as their messages.
    pub(crate) fn graphs(&self) -> Result<Vec<Fields<'a>>, Problem> {
        let mut found = Vec::new();
        for (_, fields) in &self.0 {
            let mut fields = fields.clone();
            while let Some((number, value)) = fields.next()? {
                if matches!(number, 6 | 11) {
                    found.push(value.message()?);
                }
            }
        }
        Ok(found)
    }

    /// A tensor, as its message.
    pub(crate) fn stored(&self, name: &str) -> Result<Option<Fields<'a>>, Problem> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 5 {
                found = Some(value.message()?);
            }
        }
        Ok(found)
    }

    /// A tensor.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor>, Refusal> {
        let (mut fields, mut found) = (self.find(name), None);
        while let Some((number, value)) = fields.as_mut().map(Fields::next).transpose()?.flatten() {
            if number == 5 {
                found = Some(constant(value.message()?)?.1);
            }
        }
        Ok(found)
    }
}

/// Little-endian float32 numbers.
fn floats(bytes: &[u8]) -> impl Iterator<Item = f32> + '_ {
    bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes))
}
