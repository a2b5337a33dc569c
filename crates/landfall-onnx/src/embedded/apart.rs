//! Operators that the engine has not, or computes otherwise, in steps of our own between its runs.
//!
//! What comes before such a node is computed first, then the node, then what comes behind it. The graph that the engine
//! reads lacks the node: what it gives is an input there, and what it takes is an output.

use super::own::types_of;
use super::support::refused;
use crate::declared::ElementType;
use crate::kinds::{Kinds, stored_name};
use crate::lowered::{self, Run};
use crate::message::{Message, main_graph, with_main_graph};
use crate::node::{Node, name_of, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem, Tensor};
use std::collections::{BTreeSet, HashMap};

/// A graph in parts: the engine computes one after the other, and steps between them.
#[derive(Default)]
pub(super) struct Apart {
    /// By part: what later parts and steps take of it.
    pub(super) kept: Vec<BTreeSet<String>>,
    /// By part: steps behind it.
    pub(super) steps: Vec<Vec<Step>>,
    /// The part in which a value is there, where that is not the first.
    parts: HashMap<String, usize>,
}

/// A node that is computed apart.
pub(super) struct Step {
    /// Name and operator, for messages.
    pub(super) node: String,
    pub(super) run: Run,
    /// `None` for an optional one that does not come.
    pub(super) inputs: Vec<Option<Given>>,
    /// Names; empty for one that nobody asks for.
    pub(super) outputs: Vec<String>,
}

/// An input of a step.
pub(super) enum Given {
    /// That of the file.
    Constant(Tensor),
    /// A value of the graph.
    Value { name: String, dtype: DType },
}

impl Apart {
    /// The part in which a value is computed.
    pub(super) fn part(&self, name: &str) -> usize {
        self.parts.get(name).copied().unwrap_or(0)
    }
}

/// Takes nodes out of the main graph of a model of a version of the operator set. Gives its bytes without them; `None` where
/// there is no such node.
///
/// # Errors
/// Malformed; unsupported, where a step cannot be made of a node.
pub(super) fn apart(file: &str, bytes: &[u8], version: i64) -> Result<Option<(Vec<u8>, Apart)>, Problem> {
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let all = nodes(graph.clone()).collect::<Result<Vec<_>, _>>()?;
    let own = all.iter().map(|node| Ok(types_of(node)?.is_some())).collect::<Result<Vec<bool>, Problem>>()?;
    if !own.contains(&true) {
        return Ok(None);
    }
    let reads = all.iter().map(read_by).collect::<Result<Vec<_>, _>>()?;
    let (constants, kinds) = (constants(graph.clone())?, Kinds::read(graph.clone())?);
    let parts = parts_of(&all, &own, &reads)?;
    let part = |name: &str| parts.get(name).copied().unwrap_or(0);
    let count = parts.values().max().map_or(1, |last| last + 1);
    let mut kept = vec![BTreeSet::new(); count];
    let mut steps: Vec<Vec<Step>> = (0..count).map(|_| Vec::new()).collect();
    let mut made = Message::default();
    for ((node, &is_own), reads) in all.iter().zip(&own).zip(&reads) {
        let here = reads.iter().map(|name| part(name)).max().unwrap_or(0);
        let step = if is_own { Some(step_of(node, version, &constants, &kinds)?) } else { None };
        // What lies in the file is there in every part.
        let needs = |name: &&&str| match &step {
            Some((step, _)) => step.reads(name),
            None => part(name) < here && !constants.contains_key(**name),
        };
        for name in reads.iter().filter(needs) {
            kept[part(name)].insert((*name).to_owned());
        }
        if let Some((step, types)) = step {
            let given = step.outputs.iter().zip(types).filter(|(name, _)| !name.is_empty());
            given.for_each(|(name, dtype)| made.bytes(11, &typed(name, dtype).0));
            steps[here].push(step);
        }
    }
    let outputs = declared(graph, OUTPUTS)?;
    // What steps make is at hand, and no output of the graph.
    let own: BTreeSet<&str> =
        steps.iter().flatten().flat_map(|step| step.outputs.iter().map(String::as_str)).collect();
    let wanted: BTreeSet<&String> =
        kept.iter().flatten().filter(|name| !own.contains(name.as_str())).collect();
    for name in wanted.into_iter().filter(|name| !outputs.contains(name.as_str())) {
        let mut output = Message::default();
        output.bytes(1, name.as_bytes());
        made.bytes(12, &output.0);
    }
    let rest = without_own(main_graph(file, bytes)?)?;
    let bytes = with_main_graph(file, bytes, |_| [&rest.0, &made.0])?;
    let parts = parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect();
    Ok(Some((bytes, Apart { kept, steps, parts })))
}

/// Names that a node reads, those that graphs within it read from outside too.
fn read_by<'a>(node: &Node<'a>) -> Result<Vec<&'a str>, Problem> {
    let mut names: Vec<&str> = node.inputs.iter().copied().filter(|name| !name.is_empty()).collect();
    for graph in node.attributes.graphs()? {
        let (mut read, mut own) = (declared(graph.clone(), OUTPUTS)?, declared(graph.clone(), INPUTS)?);
        own.extend(constants(graph.clone())?.into_keys());
        for node in nodes(graph) {
            let node = node?;
            read.extend(read_by(&node)?);
            own.extend(node.outputs);
        }
        names.extend(read.difference(&own));
    }
    Ok(names)
}

/// Names of what a graph declares: in field 11 its inputs, in field 12 its outputs.
fn declared(mut graph: Fields<'_>, field: u32) -> Result<BTreeSet<&str>, Problem> {
    let mut names = BTreeSet::new();
    while let Some((number, value)) = graph.next()? {
        if number == field {
            names.insert(name_of(value.message()?)?);
        }
    }
    Ok(names)
}

const INPUTS: u32 = 11;
const OUTPUTS: u32 = 12;

/// The part in which each value is there: what a step gives comes one part later than what it takes.
fn parts_of<'a>(
    all: &[Node<'a>],
    own: &[bool],
    reads: &[Vec<&'a str>],
) -> Result<HashMap<&'a str, usize>, Problem> {
    let mut parts: HashMap<&str, usize> = HashMap::new();
    // Nodes come behind what they read; files that have them otherwise take further rounds.
    for _ in 0..=OWN_IN_A_ROW {
        let mut is_settled = true;
        for ((node, &is_own), reads) in all.iter().zip(own).zip(reads) {
            let before = reads.iter().filter_map(|name| parts.get(name)).max().copied().unwrap_or(0);
            let part = before + usize::from(is_own);
            for &name in node.outputs.iter().filter(|name| !name.is_empty() && part > 0) {
                is_settled &= parts.insert(name, part) == Some(part);
            }
        }
        if is_settled {
            return Ok(parts);
        }
    }
    Err(refused(format!("a graph that takes more than {OWN_IN_A_ROW} parts")))
}

/// Parts that a graph may have.
const OWN_IN_A_ROW: usize = 64;

/// Constants of the graph (`TensorProto`), by name.
fn constants<'a>(graph: Fields<'a>) -> Result<HashMap<&'a str, Fields<'a>>, Problem> {
    let mut constants = HashMap::new();
    let mut fields = graph.clone();
    while let Some((number, value)) = fields.next()? {
        if number == 5 {
            let tensor = value.message()?;
            constants.insert(stored_name(tensor.clone())?, tensor);
        }
    }
    for node in nodes(graph) {
        let node = node?;
        let tensor = match (node.operator, node.inputs.first()) {
            ("Constant", _) => node.attributes.tensor("value")?,
            ("Identity", Some(name)) => constants.get(name).cloned(),
            _ => None,
        };
        if let (Some(&name), Some(tensor)) = (node.outputs.first(), tensor) {
            constants.insert(name, tensor);
        }
    }
    Ok(constants)
}

impl Step {
    /// Whether it takes a value of the graph.
    fn reads(&self, name: &str) -> bool {
        let mut values = self.inputs.iter().flatten();
        values.any(|input| matches!(input, Given::Value { name: value, .. } if value == name))
    }
}

fn step_of(
    node: &Node<'_>,
    version: i64,
    constants: &HashMap<&str, Fields<'_>>,
    kinds: &Kinds<'_>,
) -> Result<(Step, Vec<DType>), Problem> {
    let types = types_of(node)?.unwrap_or_default();
    if node.inputs.len() > types.len() {
        return Err(refused(format!(
            "node {:?}: {} of {} inputs",
            node.name,
            node.operator,
            node.inputs.len()
        )));
    }
    let given: Vec<Option<DType>> =
        node.inputs.iter().zip(types).map(|(name, dtype)| (!name.is_empty()).then_some(*dtype)).collect();
    for (name, dtype) in node.inputs.iter().zip(&given) {
        let found = kinds.element(name).and_then(ElementType::dtype);
        if let (Some(found), Some(dtype)) = (found, dtype)
            && found.is_float() != dtype.is_float()
        {
            return Err(refused(format!("node {:?}: {} over {found}", node.name, node.operator)));
        }
    }
    let inputs = node.inputs.iter().zip(&given).map(|(&name, dtype)| {
        let dtype = (*dtype)?;
        let stored = constants.get(name).and_then(|stored| lowered::stored(stored.clone()));
        Some(match stored.filter(|stored| stored.dtype() == dtype) {
            Some(constant) => Given::Constant(constant),
            None => Given::Value { name: name.to_owned(), dtype },
        })
    });
    let inputs = inputs.collect();
    let (run, types) = lowered::step(node, &given, version)
        .map_err(|why| refused(format!("node {:?}: {} with {why}", node.name, node.operator)))?;
    let outputs = node.outputs.iter().map(|name| (*name).to_owned()).collect();
    let node = format!("{:?} ({})", node.name, node.operator);
    Ok((Step { node, run, inputs, outputs }, types))
}

/// `ValueInfoProto` of a tensor of a type.
fn typed(name: &str, dtype: DType) -> Message {
    let [mut tensor, mut ty, mut value] = [(); 3].map(|()| Message::default());
    tensor.number(1, ElementType::of(dtype).0);
    ty.bytes(1, &tensor.0);
    value.bytes(1, name.as_bytes());
    value.bytes(2, &ty.0);
    value
}

fn without_own(graph: Option<Fields<'_>>) -> Result<Message, Problem> {
    let mut rest = Message::default();
    let Some(mut fields) = graph else { return Ok(rest) };
    while let Some((number, value)) = fields.next()? {
        let is_own = number == 1 && types_of(&Node::read(value.clone().message()?)?)?.is_some();
        if !is_own {
            rest.field(number, value)?;
        }
    }
    Ok(rest)
}
