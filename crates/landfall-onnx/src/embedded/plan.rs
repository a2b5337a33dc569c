//! What every run of a model needs, made once.

use super::apart::Apart;
use super::broken;
use super::parts::Parts;
use super::range::Ranges;
use super::watched::Watch;
use crate::declared::Declared;
use crate::interface::Interface;
use landfall_model::{Problem, Signature};
use rten::NodeId;
use std::sync::Arc;

/// What every run needs, made once.
pub(super) struct Plan {
    pub(super) model: rten::Model,
    pub(super) signature: Arc<Signature>,
    /// By slot; `None` for an input with a default, which this engine has made a constant of.
    pub(super) inputs: Vec<Option<NodeId>>,
    /// By place.
    pub(super) outputs: Vec<NodeId>,
    /// What is calculated with int64 inputs.
    pub(super) ranges: Option<Ranges>,
    /// Checks before nodes that lose NaN or large numbers, and where each counts them.
    pub(super) watches: Vec<(NodeId, Watch)>,
    /// The first node that loses NaN.
    pub(super) loses_nan: Option<String>,
    /// Steps of our own between runs of the engine.
    pub(super) parts: Option<Parts>,
    pub(super) num_threads: usize,
}

impl Plan {
    pub(super) fn of(
        model: rten::Model,
        interface: &Interface,
        declared: &Declared,
        num_threads: usize,
    ) -> Result<Self, Problem> {
        let node = |what: &str, name: &str| {
            model.find_node(name).ok_or_else(|| broken(&format!("it knows no {what} {name:?}")))
        };
        let mut inputs = Vec::new();
        for value in &declared.inputs {
            inputs.push(if value.has_default { None } else { Some(node("input", &value.name)?) });
        }
        let outputs = interface.tensors().map(|name| node("output", name)).collect::<Result<_, _>>()?;
        let signature = interface.signature.clone();
        let (ranges, watches, loses_nan, parts) = (None, Vec::new(), None, None);
        Ok(Plan { signature, model, inputs, outputs, ranges, watches, loses_nan, parts, num_threads })
    }

    /// Takes checks along.
    pub(super) fn watch(&mut self, watches: Vec<Watch>) -> Result<(), Problem> {
        self.loses_nan = watches.first().map(|watch| watch.node.clone());
        for watch in watches {
            let count = self.model.find_node(&watch.count);
            self.watches.push((count.ok_or_else(|| broken("it knows no check"))?, watch));
        }
        Ok(())
    }

    /// Takes steps along that are done between runs of the engine, once the checks are known.
    pub(super) fn take_apart(&mut self, apart: Option<Apart>, interface: &Interface) -> Result<(), Problem> {
        let Some(apart) = apart else { return Ok(()) };
        let outputs = interface.tensors().zip(self.outputs.iter().copied());
        let counts = self.watches.iter().map(|(count, watch)| (watch.count.as_str(), *count));
        self.parts = Some(Parts::of(apart, &self.model, outputs.chain(counts))?);
        Ok(())
    }
}
