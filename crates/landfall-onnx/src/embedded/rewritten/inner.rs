//! Graphs within nodes: there nothing is watched, so that what can be is put in words that keep NaN.

use super::Words;
use crate::message::with_graphs;
use crate::node::Node;
use landfall_model::Problem;

impl<'a> Words<'a> {
    /// A node with the graphs within it in other words; `false` where they may stay.
    pub(super) fn with_graphs(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<bool, Problem> {
        if node.attributes.graphs()?.is_empty() {
            return Ok(false);
        }
        let outer = std::mem::replace(&mut self.is_within, true);
        let changed = with_graphs(bytes, |graph| {
            let mark = self.kinds.enter(graph.clone())?;
            let changed = self.rewritten(graph)?;
            self.kinds.leave(mark);
            Ok(changed)
        })?;
        self.is_within = outer;
        let is_changed = changed.is_some();
        self.nodes.extend(changed);
        Ok(is_changed)
    }

    /// No less than 0, of NaN too.
    pub(super) fn rectified(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let zero = self.float(0.0);
        let is_below = self.made("Less", &[x, &zero], &[]);
        self.gives("Where", &[&is_below, &zero, x], y, &[]);
        Ok(true)
    }

    /// Between two limits, of NaN too.
    pub(super) fn limited(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, limits @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let mut kept = (*x).to_owned();
        for (place, attribute, operator) in [(0, "min", "Less"), (1, "max", "Greater")] {
            let limit = match (
                limits.get(place).filter(|name| !name.is_empty()),
                node.attributes.float(attribute)?,
            ) {
                (Some(limit), _) => (*limit).to_owned(),
                (None, Some(limit)) => self.float(limit),
                (None, None) => continue,
            };
            let is_beyond = self.made(operator, &[&kept, &limit], &[]);
            kept = self.made("Where", &[&is_beyond, &limit, &kept], &[]);
        }
        self.gives("Identity", &[&kept], y, &[]);
        Ok(true)
    }
}
