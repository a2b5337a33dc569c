//! Operators that the engine has not, or computes otherwise, in steps of our own between its runs.
//!
//! What comes before such a node is computed first, then the node, then what comes behind it. The graph that the engine
//! reads lacks the node: what it gives is an input there, and what it takes is an output.

use super::message::{Message, main_graph, with_main_graph};
use super::support::refused;
use crate::declared::ElementType;
use crate::lowered::{self, Run};
use crate::node::{Node, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};
use std::collections::{BTreeSet, HashMap};

/// Operators of the default domain, with the types of their inputs.
const OWN: [(&str, &[DType]); 1] =
    [("NonMaxSuppression", &[DType::F32, DType::F32, DType::I64, DType::F32, DType::F32])];

/// The types of the inputs of a node that is computed apart; `None` for others.
pub(super) fn types_of(node: &Node<'_>) -> Option<&'static [DType]> {
    let own = OWN.iter().find(|(operator, _)| *operator == node.operator);
    own.filter(|_| node.domain.is_empty()).map(|(_, types)| *types)
}

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
    /// Names with types; `None` for an optional one that does not come.
    pub(super) inputs: Vec<Option<(String, DType)>>,
    /// Names; empty for one that nobody asks for.
    pub(super) outputs: Vec<String>,
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
    if !all.iter().any(|node| types_of(node).is_some()) {
        return Ok(None);
    }
    let reads = all.iter().map(read_by).collect::<Result<Vec<_>, _>>()?;
    let parts = parts_of(&all, &reads)?;
    let part = |name: &str| parts.get(name).copied().unwrap_or(0);
    let count = parts.values().max().map_or(1, |last| last + 1);
    let mut kept = vec![BTreeSet::new(); count];
    let mut steps: Vec<Vec<Step>> = (0..count).map(|_| Vec::new()).collect();
    let mut made = Message::default();
    for (node, reads) in all.iter().zip(&reads) {
        let here = reads.iter().map(|name| part(name)).max().unwrap_or(0);
        let is_own = types_of(node).is_some();
        for name in reads.iter().filter(|name| is_own || part(name) < here) {
            kept[part(name)].insert((*name).to_owned());
        }
        if is_own {
            let (step, types) = step_of(node, version)?;
            let given = step.outputs.iter().zip(types).filter(|(name, _)| !name.is_empty());
            given.for_each(|(name, dtype)| made.bytes(11, &typed(name, dtype).0));
            steps[here].push(step);
        }
    }
    let outputs = outputs_of(graph)?;
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

/// Names that a node reads, those of graphs within it too.
fn read_by<'a>(node: &Node<'a>) -> Result<Vec<&'a str>, Problem> {
    let mut names: Vec<&str> = node.inputs.iter().copied().filter(|name| !name.is_empty()).collect();
    for graph in node.attributes.graphs()? {
        names.extend(outputs_of(graph.clone())?);
        for node in nodes(graph) {
            names.extend(read_by(&node?)?);
        }
    }
    Ok(names)
}

/// Outputs of a graph.
fn outputs_of(mut graph: Fields<'_>) -> Result<BTreeSet<&str>, Problem> {
    let mut names = BTreeSet::new();
    while let Some((number, value)) = graph.next()? {
        if number == 12 {
            names.insert(crate::declared::name_of(value.message()?)?);
        }
    }
    Ok(names)
}

/// The part in which each value is there: what a step gives comes one part later than what it takes.
fn parts_of<'a>(all: &[Node<'a>], reads: &[Vec<&'a str>]) -> Result<HashMap<&'a str, usize>, Problem> {
    let mut parts: HashMap<&str, usize> = HashMap::new();
    // Nodes come behind what they read; files that have them otherwise take further rounds.
    for _ in 0..=OWN_IN_A_ROW {
        let mut is_settled = true;
        for (node, reads) in all.iter().zip(reads) {
            let before = reads.iter().filter_map(|name| parts.get(name)).max().copied().unwrap_or(0);
            let part = before + usize::from(types_of(node).is_some());
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

fn step_of(node: &Node<'_>, version: i64) -> Result<(Step, Vec<DType>), Problem> {
    let types = types_of(node).unwrap_or_default();
    if node.inputs.len() > types.len() {
        return Err(refused(format!(
            "node {:?}: {} of {} inputs",
            node.name,
            node.operator,
            node.inputs.len()
        )));
    }
    let inputs = node.inputs.iter().zip(types);
    let inputs: Vec<Option<(String, DType)>> =
        inputs.map(|(name, &dtype)| (!name.is_empty()).then(|| ((*name).to_owned(), dtype))).collect();
    let given: Vec<Option<DType>> =
        inputs.iter().map(|input| input.as_ref().map(|(_, dtype)| *dtype)).collect();
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
        let is_own = number == 1 && types_of(&Node::read(value.clone().message()?)?).is_some();
        if !is_own {
            rest.field(number, value)?;
        }
    }
    Ok(rest)
}
