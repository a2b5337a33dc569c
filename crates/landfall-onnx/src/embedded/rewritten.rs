//! A model's bytes with nodes in other words: the engine computes the words that it reads as the format has them, and some it
//! reads otherwise, or leaves out what stands for itself.
//!
//! Nodes of the main graph alone; what graphs within nodes say so is refused ([`super::support`]).

use super::message::{Message, integer, integers, named, plain, stored};
use crate::declared::ElementType;
use crate::lowered::graph::Node;
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};
use std::collections::HashMap;

/// The bytes of a model, of a version of the operator set; `None` where all nodes may stay.
///
/// # Errors
/// Malformed.
pub(super) fn rewritten(file: &str, bytes: &[u8], version: i64) -> Result<Option<Vec<u8>>, Problem> {
    let mut graph = Fields::new(file, bytes);
    let graph = loop {
        match graph.next()? {
            Some((7, value)) => break value.message()?,
            Some(_) => {}
            None => return Ok(None),
        }
    };
    if !Graph::read(graph.clone(), version)?.changes(graph.clone())? {
        return Ok(None);
    }
    let graph = Graph::read(graph.clone(), version)?.rewritten(graph)?;
    let mut model = Message::default();
    let mut fields = Fields::new(file, bytes);
    while let Some((number, value)) = fields.next()? {
        match number {
            7 => model.bytes(7, &graph.0),
            _ => model.field(number, value)?,
        }
    }
    Ok(Some(model.0))
}

/// What is known of the graph before its nodes are looked at.
struct Graph<'a> {
    version: i64,
    /// Axes of constants.
    ranks: HashMap<&'a str, usize>,
    /// Names for values begin with what no name of the graph begins with.
    prefix: String,
    made: usize,
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

impl<'a> Graph<'a> {
    fn read(mut fields: Fields<'a>, version: i64) -> Result<Self, Problem> {
        let mut ranks = HashMap::new();
        let mut prefix = "landfall".to_owned();
        let mut nodes = fields.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => {
                    let node = Node::read(value.message()?)?;
                    while node.outputs.iter().any(|name| name.starts_with(&prefix)) {
                        prefix.push('\'');
                    }
                }
                5 => {
                    let (name, rank) = name_and_rank(value.message()?)?;
                    ranks.insert(name, rank);
                }
                _ => {}
            }
        }
        // Constants stand behind nodes in the file. Weights are often constants that were made smaller.
        while let Some((number, value)) = nodes.next()? {
            if number == 1 {
                let node = Node::read(value.message()?)?;
                let rank = match node.operator {
                    "DequantizeLinear" | "Identity" | "Cast" | "Transpose" => {
                        node.inputs.first().and_then(|name| ranks.get(name)).copied()
                    }
                    "Constant" => match node.attributes.stored("value")? {
                        Some(tensor) => Some(name_and_rank(tensor)?.1),
                        None => None,
                    },
                    _ => None,
                };
                if let (Some(rank), Some(&output)) = (rank, node.outputs.first()) {
                    ranks.insert(output, rank);
                }
            }
        }
        Ok(Graph { version, ranks, prefix, made: 0, nodes: Vec::new(), constants: Vec::new() })
    }

    /// Whether any node changes: found out before weights are copied.
    fn changes(mut self, mut fields: Fields<'a>) -> Result<bool, Problem> {
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                let bytes = value.clone().bytes()?;
                if self.take(&Node::read(value.message()?)?, bytes)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// The graph's bytes.
    fn rewritten(mut self, mut fields: Fields<'a>) -> Result<Message, Problem> {
        let mut graph = Message::default();
        while let Some((number, value)) = fields.next()? {
            if number != 1 {
                graph.field(number, value)?;
                continue;
            }
            let bytes = value.clone().bytes()?;
            if self.take(&Node::read(value.message()?)?, bytes)? {
                self.nodes.drain(..).for_each(|node| graph.bytes(1, &node.0));
                self.constants.drain(..).for_each(|constant| graph.bytes(5, &constant.0));
            } else {
                graph.bytes(1, bytes);
            }
        }
        Ok(graph)
    }

    /// Puts a node in other words; `false` where it stays.
    fn take(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        if !node.domain.is_empty() {
            return Ok(false);
        }
        match node.operator {
            "Conv" | "ConvTranspose" => self.convolution(node, bytes),
            "MaxPool" | "AveragePool" => pooling(node, bytes, &mut self.nodes),
            "Cast" => self.truth(node),
            "ArgMax" | "ArgMin" => self.place(node),
            "Softmax" | "LogSoftmax" => self.flat(node),
            "Sign" => self.sign(node),
            "Softplus" => self.softplus(node),
            _ => Ok(false),
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    fn constant(&mut self, values: &[i64]) -> String {
        let name = self.name();
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constants.push(stored(&name, ElementType::of(DType::I64), &[values.len() as u64], &bytes));
        name
    }

    /// Strides, dilations and padding of a convolution are 1, 1 and 0 where it does not say them.
    fn convolution(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let kernel = node.attributes.integers("kernel_shape")?.len();
        let weights = node.inputs.get(1).and_then(|name| self.ranks.get(name)).copied();
        let axes = if kernel > 0 { kernel } else { weights.unwrap_or(0).saturating_sub(2) };
        let lacks = |name: &str| !node.attributes.names().any(|found| found == name);
        // The engine has none of three axes.
        if !(1..=2).contains(&axes) {
            return Ok(false);
        }
        let mut whole = Message(bytes.to_vec());
        for (name, value, count) in [("strides", 1, axes), ("dilations", 1, axes), ("pads", 0, 2 * axes)] {
            if lacks(name) && (name != "pads" || lacks("auto_pad")) {
                whole.bytes(5, &integers(name, &vec![value; count]).0);
            }
        }
        let is_changed = whole.0.len() > bytes.len();
        self.nodes.extend(is_changed.then_some(whole));
        Ok(is_changed)
    }

    /// Whether a number is other than 0: its cast to a truth value leaves 2 as it is, and makes 0 of a half.
    fn truth(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
        let (Some(to), [x], [y]) = (to, &node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        if ElementType(to) != ElementType::of(DType::Bool) {
            return Ok(false);
        }
        // The zero of whatever type it has. Of infinities and NaN the difference is NaN, to which nothing is equal.
        let (zero, is_zero) = (self.name(), self.name());
        self.nodes.push(plain("Sub", &[x, x], &zero, &[]));
        self.nodes.push(plain("Equal", &[x, &zero], &is_zero, &[]));
        self.nodes.push(plain("Not", &[&is_zero], y, &[]));
        Ok(true)
    }

    /// The sign of zero is zero, where the engine's operator has one of a zero's own sign.
    fn sign(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let (zero, is_zero, sign) = (self.name(), self.name(), self.name());
        self.nodes.push(plain("Sub", &[x, x], &zero, &[]));
        self.nodes.push(plain("Equal", &[x, &zero], &is_zero, &[]));
        self.nodes.push(plain("Sign", &[x], &sign, &[]));
        self.nodes.push(plain("Where", &[&is_zero, x, &sign], y, &[]));
        Ok(true)
    }

    /// ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|): the engine's operator overflows from 89 on.
    fn softplus(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let [zero, above, size, below, rest] = [(); 5].map(|()| self.name());
        self.constants.push(stored(&zero, ElementType::of(DType::F32), &[], &0f32.to_le_bytes()));
        self.nodes.push(plain("Max", &[x, &zero], &above, &[]));
        self.nodes.push(plain("Abs", &[x], &size, &[]));
        self.nodes.push(plain("Neg", &[&size], &below, &[]));
        self.nodes.push(plain("Softplus", &[&below], &rest, &[]));
        self.nodes.push(plain("Add", &[&above, &rest], y, &[]));
        Ok(true)
    }

    /// Where the largest is: of equal ones the first, where the engine's operator takes the last.
    fn place(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        // From this version on, `TopK` takes the smallest as well.
        const TOP_K_OF_SMALLEST: i64 = 11;
        let attributes = &node.attributes;
        let flag = |name: &str, default| Ok::<_, Problem>(attributes.integer(name)?.unwrap_or(default) != 0);
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        if flag("select_last_index", 0)? || self.version < TOP_K_OF_SMALLEST {
            return Ok(false);
        }
        let axis = attributes.integer("axis")?.unwrap_or(0);
        let is_largest = i64::from(node.operator == "ArgMax");
        let (one, values) = (self.constant(&[1]), self.name());
        let keeps = flag("keepdims", 1)?;
        let places = if keeps { (*y).to_owned() } else { self.name() };
        let attributes = [integer("axis", axis), integer("largest", is_largest)];
        let name = format!("{} {y}", node.operator);
        let mut top = named(&name, "TopK", &[x, &one], &values, &attributes);
        top.bytes(2, places.as_bytes());
        self.nodes.push(top);
        if !keeps {
            self.squeeze(&places, y, axis);
        }
        Ok(true)
    }

    fn squeeze(&mut self, x: &str, y: &str, axis: i64) {
        // From this version on, axes are an input.
        const AXES_ARE_INPUT: i64 = 13;
        let node = if self.version >= AXES_ARE_INPUT {
            let axes = self.constant(&[axis]);
            plain("Squeeze", &[x, &axes], y, &[])
        } else {
            plain("Squeeze", &[x], y, &[integers("axes", &[axis])])
        };
        self.nodes.push(node);
    }

    /// Before it went along one axis, it took all axes from one on together.
    fn flat(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        const ALONG_ONE: i64 = 13;
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let axis = node.attributes.integer("axis")?.unwrap_or(1);
        if self.version >= ALONG_ONE || axis == -1 {
            return Ok(false);
        }
        let (shape, matrix, shares) = (self.name(), self.name(), self.name());
        self.nodes.push(plain("Shape", &[x], &shape, &[]));
        self.nodes.push(plain("Flatten", &[x], &matrix, &[integer("axis", axis)]));
        self.nodes.push(plain(node.operator, &[&matrix], &shares, &[integer("axis", -1)]));
        self.nodes.push(plain("Reshape", &[&shares, &shape], y, &[]));
        Ok(true)
    }
}

/// Strides of a pooling are 1 where it does not say them.
fn pooling(node: &Node<'_>, bytes: &[u8], nodes: &mut Vec<Message>) -> Result<bool, Problem> {
    let axes = node.attributes.integers("kernel_shape")?.len();
    if axes == 0 || node.attributes.names().any(|name| name == "strides") {
        return Ok(false);
    }
    let mut whole = Message(bytes.to_vec());
    whole.bytes(5, &integers("strides", &vec![1; axes]).0);
    nodes.push(whole);
    Ok(true)
}

/// The name of a `TensorProto`, and how many axes it has.
fn name_and_rank(mut fields: Fields<'_>) -> Result<(&str, usize), Problem> {
    let (mut name, mut rank) = ("", 0);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => value.varints(|_| rank += 1)?,
            8 => name = value.text()?,
            _ => {}
        }
    }
    Ok((name, rank))
}
