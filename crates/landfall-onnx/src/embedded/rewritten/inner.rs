//! Graphs within nodes: there nothing is watched, so that what loses NaN is put in words that keep it.

use super::Words;
use crate::embedded::message::Message;
use crate::node::Node;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

impl<'a> Words<'a> {
    /// A node with the graphs within it in other words; `false` where they may stay.
    pub(super) fn with_graphs(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<bool, Problem> {
        if node.attributes.graphs()?.is_empty() {
            return Ok(false);
        }
        let outer = std::mem::replace(&mut self.is_within, true);
        let (mut whole, mut is_changed) = (Message::default(), false);
        let mut fields = Fields::new("node", bytes);
        while let Some((number, value)) = fields.next()? {
            if number != 5 {
                whole.field(number, value)?;
                continue;
            }
            let (mut attribute, mut parts) = (Message::default(), value.message()?);
            while let Some((number, value)) = parts.next()? {
                let graph =
                    if matches!(number, 6 | 11) { self.rewritten(value.clone().message()?)? } else { None };
                is_changed |= graph.is_some();
                match graph {
                    Some(graph) => attribute.bytes(number, &graph.0),
                    None => attribute.field(number, value)?,
                }
            }
            whole.bytes(5, &attribute.0);
        }
        self.is_within = outer;
        if is_changed {
            self.nodes.push(whole);
        }
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
