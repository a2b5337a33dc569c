//! Checks before nodes of the main graph that lose what is no number ([`super::lost`]).
//!
//! A check is a few nodes beside the graph that count what must not come. Nobody pays for it in common calls: it is asked
//! for only where the numbers of a call are so large that what comes is not bounded ([`super::bounds`]).

use super::bounds::Bounds;
use super::lost::{Counting, What};
use super::support::refused;
use crate::declared::Declared;
use crate::message::{Message, main_graph, with_main_graph};
use crate::node::{Node, nodes};
use landfall_model::{Buffer, Kind, Problem, Signature};
use std::collections::{BTreeMap, HashSet};

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

impl Watch {
    /// What is said where it came.
    #[cold]
    pub(super) fn problem(&self) -> Problem {
        Problem::worded(Kind::InvalidArgument, self.what.said(&self.node))
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
        let Some(what) = What::of(&node)? else { continue };
        let values = What::places(&node).iter().filter_map(|&place| node.inputs.get(place));
        let values = values.filter(|value| !value.is_empty());
        found.extend(values.map(|&value| (node.name, node.operator, value, what)));
    }
    // It makes of numbers what another value is: which, is not known before it runs.
    if declared.operators.contains_key(&(String::new(), "CastLike".to_owned())) {
        return Err(refused("operator CastLike".to_owned()));
    }
    // What is whole holds no NaN, and is cast as ONNX Runtime casts it.
    let is_cast_whole = |what: &What, value: &str| *what != What::Nan && within.contains(value);
    found.retain(|(_, _, value, what)| !bounds.is_whole(value) && !is_cast_whole(what, value));
    let ladder: Vec<(f32, Vec<f64>)> =
        EXPONENTS.iter().map(|&e| (2f32.powi(e), bounds.at(2f64.powi(e)))).collect();
    let mut counting = Counting::beside("watched", bounds.names());
    let mut outputs = Vec::new();
    let mut watches: Vec<Watch> = Vec::new();
    for (node, operator, value, what) in found {
        let safe = bounds.slot(value).and_then(|slot| {
            ladder.iter().find(|(_, bounds)| what.cannot_come(bounds[slot])).map(|(size, _)| *size)
        });
        let count = counting.count(value, what);
        outputs.push(count.clone());
        watches.push(Watch {
            count,
            safe: safe.unwrap_or(-1.0),
            node: format!("{node:?} ({operator})"),
            what,
        });
    }
    if watches.is_empty() {
        return Ok((None, watches));
    }
    let mut added = Message::default();
    counting.nodes.iter().for_each(|node| added.bytes(1, &node.0));
    counting.constants.iter().for_each(|constant| added.bytes(5, &constant.0));
    for name in outputs {
        let mut output = Message::default();
        output.bytes(1, name.as_bytes());
        added.bytes(12, &output.0);
    }
    let checked = with_main_graph(file, bytes, |graph| [graph, &added.0])?;
    Ok((Some(checked), watches))
}

/// Nodes within nodes cannot be watched: none of those operators may be there, but on whole numbers, or behind a check of its
/// own ([`super::guarded`]), or as they were put in other words.
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
            let is_safe = |value: &&str| bounds.is_whole(value) || within.contains(*value);
            if is_lost && !node.inputs.first().is_some_and(is_safe) {
                return Err(refused(format!("operator {} in a graph within a node", node.operator)));
            }
            none_within(&node, bounds, within)?;
            bounds.node(&node)?;
        }
        bounds.leave(&mark);
    }
    Ok(())
}
