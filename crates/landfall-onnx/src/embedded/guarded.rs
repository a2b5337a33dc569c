//! Checks in graphs within nodes, where no value can be asked for: what loses NaN ([`super::lost`]) reads its value through
//! nodes that fail where NaN comes.

use super::bounds::Bounds;
use super::lost::{Counting, What};
use crate::declared::ElementType;
use crate::message::{
    Message, copy_attributes, integer, main_graph, named, stored, with_graphs, with_main_graph, with_nodes,
};
use crate::node::{IN_GRAPH, Node, keep_apart, nodes};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem, Signature};
use std::collections::{BTreeMap, HashSet};

/// A model with such checks.
pub(super) struct Guarded {
    pub(super) bytes: Vec<u8>,
    /// Values that have passed a check.
    pub(super) values: HashSet<String>,
}

/// Operators that are put in words that keep NaN.
const KEPT: [&str; 2] = ["Relu", "Clip"];

/// Adds checks to all graphs within nodes; `None` where there is nothing to check.
///
/// # Errors
/// Malformed.
pub(super) fn guarded(file: &str, bytes: &[u8], signature: &Signature) -> Result<Option<Guarded>, Problem> {
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let (mut has_graphs, mut prefix) = (false, "guarded".to_owned());
    for node in nodes(graph.clone()) {
        let node = node?;
        has_graphs |= !node.attributes.graphs()?.is_empty();
        keep_apart(&node, &mut prefix)?;
    }
    if !has_graphs {
        return Ok(None);
    }
    let bounds = Bounds::read(graph.clone(), signature, &BTreeMap::new())?;
    let counting = Counting::beside(&prefix, std::iter::empty());
    let mut guard = Guard { bounds, counting, values: HashSet::new(), depth: 0 };
    let Some(graph) = guard.graph(graph)? else { return Ok(None) };
    let mut constants = Message::default();
    guard.counting.constants.iter().for_each(|constant| constants.bytes(5, &constant.0));
    let bytes = with_main_graph(file, bytes, |_| [&graph.0, &constants.0])?;
    Ok(Some(Guarded { bytes, values: guard.values }))
}

struct Guard<'a> {
    bounds: Bounds<'a>,
    counting: Counting,
    values: HashSet<String>,
    /// How many nodes the graph lies within.
    depth: usize,
}

impl<'a> Guard<'a> {
    /// A graph with checks; `None` where it stays.
    fn graph(&mut self, graph: Fields<'a>) -> Result<Option<Message>, Problem> {
        with_nodes(graph, IN_GRAPH, |node| self.node(node))
    }

    /// A node with checks before it, or within; `None` where it stays.
    fn node(&mut self, value: Value<'a>) -> Result<Option<Vec<Message>>, Problem> {
        let bytes = value.clone().bytes()?;
        let node = Node::read(value.message()?)?;
        let inner = self.within(&node, bytes)?;
        let what = What::of(&node)?.filter(|_| self.depth > 0 && !KEPT.contains(&node.operator));
        let first = node.inputs.first().filter(|value| !self.bounds.is_whole(value));
        let checked = match (what, first) {
            (Some(what), Some(value)) => Some(self.checked(&node, bytes, value, what)?),
            _ => inner.map(|inner| vec![inner]),
        };
        self.bounds.node(&node)?;
        Ok(checked)
    }

    /// A node with checks in the graphs within it.
    fn within(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<Option<Message>, Problem> {
        if node.attributes.graphs()?.is_empty() {
            return Ok(None);
        }
        self.depth += 1;
        let changed = with_graphs(bytes, |graph| {
            let mark = self.bounds.enter(graph.clone())?;
            let changed = self.graph(graph)?;
            self.bounds.leave(&mark);
            Ok(changed)
        });
        self.depth -= 1;
        changed
    }

    /// A node that reads its first input through a check: its shape is taken again behind an element that is not there where
    /// something came that must not.
    fn checked(
        &mut self,
        node: &Node<'a>,
        bytes: &[u8],
        value: &str,
        what: What,
    ) -> Result<Vec<Message>, Problem> {
        let counting = &mut self.counting;
        let count = counting.count(value, what);
        let [one, none] = [counting.name(), counting.name()];
        counting.constants.push(stored(&one, ElementType::of(DType::I32), &[], &1i32.to_le_bytes()));
        counting.constants.push(stored(&none, ElementType::of(DType::I32), &[1], &0i32.to_le_bytes()));
        let index = counting.node("Min", &[&count, &one], &[]);
        let zero = counting.name();
        let said = what.said(&format!("{:?} ({})", node.name, node.operator));
        counting.nodes.push(named(&said, "Gather", &[&none, &index], &zero, &[integer("axis", 0)]));
        let shape = counting.node("Shape", &[value], &[]);
        let shape = counting.node("Add", &[&shape, &zero], &[]);
        let safe = counting.node("Reshape", &[value, &shape], &[]);
        let inputs: Vec<&str> =
            std::iter::once(safe.as_str()).chain(node.inputs.iter().skip(1).copied()).collect();
        let mut reading = Message::default();
        inputs.iter().for_each(|input| reading.bytes(1, input.as_bytes()));
        node.outputs.iter().for_each(|output| reading.bytes(2, output.as_bytes()));
        reading.bytes(3, node.name.as_bytes());
        reading.bytes(4, node.operator.as_bytes());
        copy_attributes(bytes, &mut reading, |_| true)?;
        let mut words = std::mem::take(&mut counting.nodes);
        words.push(reading);
        self.values.insert(safe);
        Ok(words)
    }
}
