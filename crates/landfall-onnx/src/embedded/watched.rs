//! Nodes whose kernels make a number of what is none, or another number of one that is too large for a cast, and checks before
//! them.
//!
//! By the operators' definitions NaN stays NaN. This engine's kernels compare, and a comparison with NaN is false: `Relu`
//! gives 0 for it, and a caller would take that for a prediction. Whole numbers have 32 bits, and a cast ends there.
//!
//! A check is a few nodes beside the graph that count what must not come. Nobody pays for it in common calls: it is asked
//! for only where the numbers of a call are so large that what comes is not bounded ([`super::bounds`]).

use super::bounds::Bounds;
use super::message::{Message, integer, main_graph, plain, stored, with_main_graph};
use super::support::refused;
use crate::declared::{Declared, ElementType};
use crate::node::{Node, nodes};
use landfall_model::{Buffer, DType, Kind, Problem, Signature};
use std::collections::{BTreeMap, HashSet};

/// Operators of the default domain whose kernels give a number for NaN, other than ONNX Runtime does.
const LOSING: [&str; 11] = [
    "Relu",
    "Clip",
    "MaxPool",
    "GlobalMaxPool",
    "ReduceMax",
    "ReduceMin",
    "TopK",
    "ArgMax",
    "ArgMin",
    "QuantizeLinear",
    "DynamicQuantizeLinear",
];

/// Operators that are put in other words in the main graph, and computed otherwise than the format has them within nodes.
const REWORDED: [&str; 2] = ["Sign", "Softplus"];

/// Exponents of two at which bounds are looked at: between the least and the largest numbers of float32.
const EXPONENTS: [i32; 19] = [126, 120, 112, 96, 80, 64, 56, 48, 40, 36, 32, 31, 30, 24, 16, 8, 4, 0, -8];

/// A check before a node.
#[derive(Debug)]
pub(super) struct Watch {
    /// The value that counts what must not come.
    pub(super) count: String,
    /// Up to this size of inputs nothing can come; below zero where no size is small enough.
    pub(super) safe: f32,
    /// The node that loses it, with its operator, for messages.
    pub(super) node: String,
    what: What,
}

/// What must not come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum What {
    Nan,
    /// NaN, and numbers further from the middle than half of the range is wide.
    Beyond {
        middle: f64,
        half: f64,
    },
}

impl What {
    /// What a node must not read as its first input.
    fn of(node: &Node<'_>) -> Result<Option<Self>, Problem> {
        if !node.domain.is_empty() {
            return Ok(None);
        }
        match node.operator {
            "Cast" => {}
            other => return Ok(LOSING.contains(&other).then_some(What::Nan)),
        }
        let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
        // Fractions are cut off: what is less than one beyond the range still has a place in it.
        Ok(match to.and_then(|to| ElementType(to).dtype()) {
            Some(DType::U8) => Some(What::Beyond { middle: 127.5, half: 128.5 }),
            Some(DType::I8) => Some(What::Beyond { middle: -0.5, half: 128.5 }),
            Some(DType::I32 | DType::I64) => Some(What::Beyond { middle: 0.0, half: 2_147_483_648.0 }),
            _ => None,
        })
    }

    /// Whether none of it can come of numbers that are no larger.
    fn cannot_come(self, bound: f64) -> bool {
        match self {
            What::Nan => bound.is_finite(),
            What::Beyond { middle, half } => bound + middle.abs() < half,
        }
    }
}

impl Watch {
    /// What is said where it came.
    #[cold]
    pub(super) fn problem(&self) -> Problem {
        let Watch { node, what, .. } = self;
        let text = match what {
            What::Nan => {
                format!("NaN comes to node {node}, where the engine embedded loses it")
            }
            What::Beyond { .. } => format!(
                "NaN, or a number beyond the range that the engine embedded has for it, comes to node {node}"
            ),
        };
        let text = format!("{text} (ONNX Runtime computes it: pip install onnxruntime)");
        Problem::worded(Kind::InvalidArgument, text)
    }
}

/// Adds checks to the main graph of a model. Gives its bytes, and the checks. `within` holds values that are what they are
/// to be.
///
/// # Errors
/// Malformed; unsupported, where such a node lies in a graph within a node.
pub(super) fn watched(
    file: &str,
    bytes: &[u8],
    declared: &Declared,
    signature: &Signature,
    externals: &BTreeMap<String, Buffer>,
    within: &HashSet<String>,
) -> Result<(Option<Vec<u8>>, Vec<Watch>), Problem> {
    let Some(graph) = main_graph(file, bytes)? else { return Ok((None, Vec::new())) };
    let mut bounds = Bounds::read(graph.clone(), signature, externals)?;
    let mut found = Vec::new();
    for node in nodes(graph) {
        let node = node?;
        none_within(&node, &mut bounds, within)?;
        bounds.node(&node)?;
        if let (Some(what), Some(&value)) = (What::of(&node)?, node.inputs.first()) {
            found.push((node.name, node.operator, value, what));
        }
    }
    // It makes of numbers what another value is: which, is not known before it runs.
    if declared.operators.contains_key(&(String::new(), "CastLike".to_owned())) {
        return Err(refused("operator CastLike".to_owned()));
    }
    // What is whole holds no NaN, and is cast as ONNX Runtime casts it.
    let is_cast_whole = |what: &What, value: &str| *what != What::Nan && within.contains(value);
    found.retain(|(_, _, value, what)| !bounds.is_whole(value) && !is_cast_whole(what, value));
    let mut prefix = "watched".to_owned();
    while bounds.names().any(|name| name.starts_with(&prefix)) {
        prefix.push('\'');
    }
    let ladder: Vec<(f32, Vec<f64>)> =
        EXPONENTS.iter().map(|&e| (2f32.powi(e), bounds.at(2f64.powi(e)))).collect();
    let mut added = Added { prefix, made: 0, graph: Message::default() };
    let mut watches: Vec<Watch> = Vec::new();
    for (node, operator, value, what) in found {
        let safe = bounds.slot(value).and_then(|slot| {
            ladder.iter().find(|(_, bounds)| what.cannot_come(bounds[slot])).map(|(size, _)| *size)
        });
        watches.push(Watch {
            count: added.count(value, what),
            safe: safe.unwrap_or(-1.0),
            node: format!("{node:?} ({operator})"),
            what,
        });
    }
    if watches.is_empty() {
        return Ok((None, watches));
    }
    let checked = with_main_graph(file, bytes, |graph| [graph, &added.graph.0])?;
    Ok((Some(checked), watches))
}

/// Nodes within nodes cannot be watched: none of those operators may be there, but on whole numbers, or as they were put in
/// other words.
fn none_within<'a>(
    node: &Node<'a>,
    bounds: &mut Bounds<'a>,
    within: &HashSet<String>,
) -> Result<(), Problem> {
    for graph in node.attributes.graphs()? {
        let mark = bounds.enter(graph.clone())?;
        for node in nodes(graph) {
            let node = node?;
            let is_meant = node.outputs.first().is_some_and(|output| within.contains(*output));
            let is_lost = What::of(&node)?.is_some() || (REWORDED.contains(&node.operator) && !is_meant);
            if is_lost && !node.inputs.first().is_some_and(|value| bounds.is_whole(value)) {
                return Err(refused(format!("operator {} in a graph within a node", node.operator)));
            }
            none_within(&node, bounds, within)?;
            bounds.node(&node)?;
        }
        bounds.leave(&mark);
    }
    Ok(())
}

/// Fields of the graph under construction.
struct Added {
    prefix: String,
    made: usize,
    graph: Message,
}

impl Added {
    fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// The output of a node.
    fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Message]) -> String {
        let output = self.name();
        self.graph.bytes(1, &plain(operator, inputs, &output, attributes).0);
        output
    }

    fn number(&mut self, value: f64) -> String {
        let name = self.name();
        let tensor = stored(&name, ElementType::of(DType::F32), &[], &(value as f32).to_le_bytes());
        self.graph.bytes(5, &tensor.0);
        name
    }

    /// The output that says how many elements of a value are what must not come.
    fn count(&mut self, value: &str, what: What) -> String {
        let float = [integer("to", ElementType::of(DType::F32).0 as i64)];
        let value = self.node("Cast", &[value], &float);
        let is_one = match what {
            What::Nan => self.node("IsNaN", &[&value], &[]),
            What::Beyond { middle, half } => {
                let (middle, half) = (self.number(middle), self.number(half));
                let from_middle = self.node("Sub", &[&value, &middle], &[]);
                let distance = self.node("Abs", &[&from_middle], &[]);
                let is_within = self.node("Less", &[&distance, &half], &[]);
                self.node("Not", &[&is_within], &[])
            }
        };
        let whole = [integer("to", ElementType::of(DType::I32).0 as i64)];
        let ones = self.node("Cast", &[&is_one], &whole);
        let count = self.node("ReduceSum", &[&ones], &[integer("keepdims", 0)]);
        let mut output = Message::default();
        output.bytes(1, count.as_bytes());
        self.graph.bytes(12, &output.0);
        count
    }
}
