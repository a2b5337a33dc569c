//! A model's bytes with nodes in other words: the engine computes the words that it reads as the format has them, and some it
//! reads otherwise, or leaves out what stands for itself.
//!
//! Nodes of the main graph alone; what graphs within nodes say so is refused ([`super::support`]).

mod activations;
mod numbers;
mod places;
mod products;
mod windows;

use super::kinds::Kinds;
use super::message::{Message, main_graph, stored, with_main_graph};
use crate::declared::ElementType;
use crate::node::{Node, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};

/// The bytes of a model, of a version of the operator set; `None` where all nodes may stay.
///
/// # Errors
/// Malformed.
pub(super) fn rewritten(file: &str, bytes: &[u8], version: i64) -> Result<Option<Vec<u8>>, Problem> {
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let mut words = Words::read(graph.clone(), version)?;
    match words.rewritten(graph)? {
        Some(graph) => with_main_graph(file, bytes, |_| [&graph.0, &[]]).map(Some),
        None => Ok(None),
    }
}

/// Nodes and constants that stand for another node.
struct Words<'a> {
    version: i64,
    kinds: Kinds<'a>,
    /// Names for values begin with what no name of the graph begins with.
    prefix: String,
    made: usize,
    nodes: Vec<Message>,
    constants: Vec<Message>,
}

impl<'a> Words<'a> {
    fn read(graph: Fields<'a>, version: i64) -> Result<Self, Problem> {
        let mut prefix = "landfall".to_owned();
        for node in nodes(graph.clone()) {
            let node = node?;
            while node.outputs.iter().any(|name| name.starts_with(&prefix)) {
                prefix.push('\'');
            }
        }
        let kinds = Kinds::read(graph)?;
        Ok(Words { version, kinds, prefix, made: 0, nodes: Vec::new(), constants: Vec::new() })
    }

    /// The graph's bytes; `None` where all nodes stay, which is found out before weights are copied.
    fn rewritten(&mut self, graph: Fields<'a>) -> Result<Option<Message>, Problem> {
        let mut changes = Vec::new();
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            if number == 1 {
                let bytes = value.clone().bytes()?;
                let is_changed = self.take(&Node::read(value.message()?)?, bytes)?;
                changes.push(is_changed.then(|| std::mem::take(&mut self.nodes)));
            }
        }
        if changes.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut changes = changes.into_iter();
        let (mut rewritten, mut fields) = (Message::default(), graph);
        while let Some((number, value)) = fields.next()? {
            let words = if number == 1 { changes.next().flatten() } else { None };
            match words {
                Some(words) => words.iter().for_each(|node| rewritten.bytes(1, &node.0)),
                None => rewritten.field(number, value)?,
            }
        }
        self.constants.iter().for_each(|constant| rewritten.bytes(5, &constant.0));
        Ok(Some(rewritten))
    }

    /// Puts a node in other words; `false` where it stays.
    fn take(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        if !node.domain.is_empty() {
            return Ok(false);
        }
        match node.operator {
            "Conv" | "ConvTranspose" => self.convolution(node, bytes),
            "MaxPool" | "AveragePool" => self.pooling(node, bytes),
            "Cast" => self.cast(node),
            "CastLike" => self.cast_like(node),
            "ArgMax" | "ArgMin" => self.place(node),
            "Softmax" | "LogSoftmax" => self.flat(node),
            "Sign" => self.sign(node),
            "Softplus" => self.softplus(node),
            "Selu" => self.selu(node),
            "Celu" => self.celu(node),
            "Mish" => self.mish(node),
            "ThresholdedRelu" => self.thresholded(node),
            "GroupNormalization" => self.groups(node),
            "MatMul" => self.by_vector(node),
            _ => Ok(false),
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// A constant of a list of integers: its name.
    fn integers(&mut self, values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DType::I64, &[values.len() as u64], &bytes)
    }

    /// A constant of one float32: its name.
    fn float(&mut self, value: f32) -> String {
        self.constant(DType::F32, &[], &value.to_le_bytes())
    }

    fn constant(&mut self, dtype: DType, dims: &[u64], bytes: &[u8]) -> String {
        let name = self.name();
        self.constants.push(stored(&name, ElementType::of(dtype), dims, bytes));
        name
    }
}
