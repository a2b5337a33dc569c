//! A model's bytes with nodes in other words: the engine computes the words that it reads as the format has them, and some it
//! reads otherwise, or leaves out what stands for itself.
//!
//! Graphs within nodes too, where types and axes are known less often: what stays is refused there ([`super::unusual`],
//! [`super::watched`]).

mod activations;
mod axes;
mod doubles;
mod inner;
mod normalised;
mod numbers;
mod places;
mod products;
mod quantised;
mod shapes;
mod small;
mod whole;
mod windows;

use crate::declared::ElementType;
use crate::kinds::{Kinds, stored_name};
use crate::message::{Message, main_graph, plain, stored, with_main_graph};
use crate::node::{Node, keep_apart, nodes};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem};
use std::collections::{HashMap, HashSet};

/// A model with nodes in other words.
pub(super) struct Rewritten {
    pub(super) bytes: Vec<u8>,
    /// Values that no check need look at, by how they are made: floats that casts leave as they are, and parts of formulas.
    pub(super) within: HashSet<String>,
}

/// A model, of a version of the operator set; `None` where all nodes may stay.
///
/// # Errors
/// Malformed.
pub(super) fn rewritten(file: &str, bytes: &[u8], version: i64) -> Result<Option<Rewritten>, Problem> {
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let mut words = Words::read(graph.clone(), version)?;
    let Some(graph) = words.rewritten(graph)? else { return Ok(None) };
    let bytes = with_main_graph(file, bytes, |_| [&graph.0, &[]])?;
    Ok(Some(Rewritten { bytes, within: words.within }))
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
    /// Constants of the graph (`TensorProto`), by name.
    stored: HashMap<&'a str, Fields<'a>>,
    within: HashSet<String>,
    /// Values of which it matters on which side of a step they lie.
    stepped_on: HashSet<&'a str>,
    /// Values that are calculated with.
    calculated: HashSet<&'a str>,
    /// Whether the graph is one within a node.
    is_within: bool,
}

/// Operators that have steps.
const STEPPING: [&str; 12] = [
    "Floor",
    "Ceil",
    "Round",
    "Cast",
    "Mod",
    "Sign",
    "Equal",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "QuantizeLinear",
];

impl<'a> Words<'a> {
    fn read(graph: Fields<'a>, version: i64) -> Result<Self, Problem> {
        let mut prefix = "landfall".to_owned();
        let (mut stored, mut stepped_on) = (HashMap::new(), HashSet::new());
        for node in nodes(graph.clone()) {
            let node = node?;
            if let (Some(tensor), Some(&name)) = (node.attributes.tensor("value")?, node.outputs.first()) {
                stored.insert(name, tensor);
            }
            if STEPPING.contains(&node.operator) {
                stepped_on.extend(node.inputs.iter().copied());
            }
            keep_apart(&node, &mut prefix)?;
        }
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            if number == 5 {
                let tensor = value.message()?;
                stored.insert(stored_name(tensor.clone())?, tensor);
            }
        }
        let mut calculated = HashSet::new();
        doubles::calculated(graph.clone(), &mut calculated)?;
        let kinds = Kinds::read(graph)?;
        let (nodes, constants, within) = (Vec::new(), Vec::new(), HashSet::new());
        Ok(Words {
            version,
            kinds,
            prefix,
            made: 0,
            nodes,
            constants,
            stored,
            within,
            stepped_on,
            calculated,
            is_within: false,
        })
    }

    /// The graph's bytes; `None` where all nodes stay, which is found out before weights are copied.
    fn rewritten(&mut self, graph: Fields<'a>) -> Result<Option<Message>, Problem> {
        let mut changes = Vec::new();
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            changes.push(match number {
                1 => self.node(value)?,
                11..=13 => axes::without_names(value.message()?)?.map(|value| vec![value]),
                _ => None,
            });
        }
        if changes.iter().all(Option::is_none) {
            return Ok(None);
        }
        let (mut rewritten, mut fields, mut changes) = (Message::default(), graph, changes.into_iter());
        while let Some((number, value)) = fields.next()? {
            match changes.next().flatten() {
                Some(words) => words.iter().for_each(|message| rewritten.bytes(number, &message.0)),
                None => rewritten.field(number, value)?,
            }
        }
        if !self.is_within {
            // Graphs within nodes see them from there.
            self.constants.iter().for_each(|constant| rewritten.bytes(5, &constant.0));
        }
        Ok(Some(rewritten))
    }

    /// A node in other words; `None` where it stays.
    fn node(&mut self, value: Value<'a>) -> Result<Option<Vec<Message>>, Problem> {
        let bytes = value.clone().bytes()?;
        let is_changed = self.take(&Node::read(value.message()?)?, bytes)?;
        let words = std::mem::take(&mut self.nodes);
        Ok(is_changed.then_some(words))
    }

    /// Puts a node in other words; `false` where it stays.
    fn take(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<bool, Problem> {
        if !node.domain.is_empty() {
            return Ok(false);
        }
        match node.operator {
            "Conv" | "ConvTranspose" => self.convolution(node, bytes),
            "MaxPool" | "AveragePool" => self.pooling(node, bytes),
            "Constant" => self.constant_wide(node),
            "Cast" => self.cast(node),
            "CastLike" => self.cast_like(node),
            "ArgMax" | "ArgMin" => self.place(node),
            "Softmax" | "LogSoftmax" => self.flat(node),
            "Sign" => self.sign(node),
            "Softplus" => self.softplus(node),
            "Asinh" | "Acosh" => self.hyperbolic(node),
            "Selu" => self.selu(node),
            "Celu" => self.celu(node),
            "Mish" => self.mish(node),
            "ThresholdedRelu" => self.thresholded(node),
            "GroupNormalization" => self.groups(node),
            "MatMul" => self.by_vector(node),
            "Div" => Ok(self.eight_bits(node, bytes)? || self.by_single(node)?),
            "QuantizeLinear" => self.quantise(node),
            "DynamicQuantizeLinear" => self.quantise_by_range(node),
            "QLinearMatMul" => self.quantised_product(node),
            "QLinearConv" => self.quantised_convolution(node, bytes),
            "MatMulInteger" => self.whole_product(node),
            "ConvInteger" => self.whole_convolution(node, bytes),
            "Pow" => self.power(node),
            "OneHot" => self.one_hot(node, bytes),
            "LayerNormalization" => self.layer(node, bytes),
            "LRN" => self.local_response(node),
            "Hardmax" => self.hardmax(node),
            "Shrink" => self.shrunk(node),
            "IsInf" => self.infinite(node),
            "Pad" => self.padding(node, bytes),
            "SpaceToDepth" => self.blocks(node),
            "Compress" => self.taken(node),
            "ReduceMax" | "ReduceMin" => self.truths(node, bytes),
            "Add" | "Sub" | "Mul" | "Mod" | "Max" | "Min" | "Equal" | "Less" | "LessOrEqual" | "Greater"
            | "GreaterOrEqual" | "Where" => self.eight_bits(node, bytes),
            "Relu" if self.is_within => self.rectified(node),
            "Clip" if self.is_within => self.limited(node),
            "Clip" => self.eight_bits(node, bytes),
            _ => self.with_graphs(node, bytes),
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// A node with a value of its own: its name.
    fn made(&mut self, operator: &str, inputs: &[&str], attributes: &[Message]) -> String {
        let name = self.name();
        self.gives(operator, inputs, &name, attributes);
        name
    }

    /// A node that gives a value.
    fn gives(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Message]) {
        self.nodes.push(plain(operator, inputs, output, attributes));
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
