//! A run in parts: the engine's, and steps of our own between them ([`super::apart`]).

use super::apart::{Apart, Given, Step};
use super::broken;
use super::convert::{from_engine, to_engine};
use landfall_model::{Problem, Tensor};
use rten::{NodeId, Value, ValueOrView};
use std::collections::HashMap;

/// What a run in parts needs, made once.
pub(super) struct Parts {
    parts: Vec<Part>,
    /// The part in which a value is there that a call may ask for.
    part_of: HashMap<NodeId, usize>,
}

struct Part {
    /// What later parts, and steps, take of it.
    kept: Vec<NodeId>,
    /// What is done behind it.
    steps: Vec<Placed>,
}

/// A step, and where its values are: none for constants.
struct Placed {
    step: Step,
    inputs: Vec<Option<NodeId>>,
    outputs: Vec<Option<NodeId>>,
}

impl Parts {
    /// Places of all values; `asked` are those that a call may ask for.
    ///
    /// # Errors
    /// A value that the engine does not know.
    pub(super) fn of<'n>(
        apart: Apart,
        model: &rten::Model,
        asked: impl Iterator<Item = (&'n str, NodeId)>,
    ) -> Result<Self, Problem> {
        let find =
            |name: &str| model.find_node(name).ok_or_else(|| broken(&format!("it knows no value {name:?}")));
        let part_of = asked.map(|(name, node)| (node, apart.part(name))).collect();
        let mut parts = Vec::new();
        for (kept, steps) in apart.kept.iter().zip(apart.steps) {
            let kept = kept.iter().map(|name| find(name)).collect::<Result<_, _>>()?;
            let placed = steps.into_iter().map(|step| {
                let inputs = step.inputs.iter().map(|input| match input {
                    Some(Given::Value { name, .. }) => find(name).map(Some),
                    Some(Given::Constant(_)) | None => Ok(None),
                });
                let inputs = inputs.collect::<Result<_, _>>()?;
                let outputs =
                    step.outputs.iter().map(|name| (!name.is_empty()).then(|| find(name)).transpose());
                let outputs = outputs.collect::<Result<_, _>>()?;
                Ok::<_, Problem>(Placed { step, inputs, outputs })
            });
            parts.push(Part { kept, steps: placed.collect::<Result<_, _>>()? });
        }
        Ok(Parts { parts, part_of })
    }

    /// Computes what is wanted of a call; `engine` gives values of some inputs.
    ///
    /// # Errors
    /// The engine's, and those of steps, with the node.
    pub(super) fn run(
        &self,
        inputs: &[(NodeId, ValueOrView<'_>)],
        wanted: &[NodeId],
        engine: impl Fn(Vec<(NodeId, ValueOrView<'_>)>, &[NodeId]) -> Result<Vec<Value>, Problem>,
    ) -> Result<Vec<Value>, Problem> {
        let mut known: HashMap<NodeId, Value> = HashMap::new();
        let part_of = |node: &NodeId| self.part_of.get(node).copied().unwrap_or(0);
        let last = wanted.iter().map(part_of).max().unwrap_or(0);
        for (place, part) in self.parts.iter().enumerate().take(last + 1) {
            let is_last = place == last;
            let kept = part.kept.iter().filter(|_| !is_last);
            let mut asked: Vec<NodeId> =
                kept.chain(wanted.iter().filter(|node| part_of(node) == place)).copied().collect();
            asked.retain(|node| !known.contains_key(node));
            asked.sort_unstable();
            asked.dedup();
            if !asked.is_empty() {
                let views = inputs.iter().map(|(node, value)| (*node, value.as_view().into()));
                let is_input = |node: &NodeId| inputs.iter().any(|(input, _)| input == node);
                let made = known.iter().filter(|(node, _)| !is_input(node));
                let views = views.chain(made.map(|(node, value)| (*node, value.as_view().into())));
                let values = engine(views.collect(), &asked)?;
                known.extend(asked.into_iter().zip(values));
            }
            for placed in part.steps.iter().filter(|_| !is_last) {
                placed.run(&mut known)?;
            }
        }
        let value = |node: &NodeId| known.get(node).cloned().ok_or_else(|| broken("a part gave no value"));
        wanted.iter().map(value).collect()
    }
}

impl Placed {
    fn run(&self, known: &mut HashMap<NodeId, Value>) -> Result<(), Problem> {
        let Placed { step, inputs, outputs } = self;
        let mut given: Vec<Option<Tensor>> = Vec::with_capacity(inputs.len());
        for (input, node) in step.inputs.iter().zip(inputs) {
            let tensor = match (input, node.and_then(|node| known.get(&node))) {
                (Some(Given::Constant(constant)), _) => Some(constant.clone()),
                (Some(Given::Value { name, dtype }), Some(value)) => {
                    Some(from_engine(name, *dtype, value.clone())?)
                }
                (Some(Given::Value { .. }), None) => return Err(broken("a step lacks an input")),
                (None, _) => None,
            };
            given.push(tensor);
        }
        let given: Vec<Option<&Tensor>> = given.iter().map(Option::as_ref).collect();
        let made = (step.run)(&given).map_err(|problem| problem.at(format!("node {}", step.node)))?;
        for ((node, name), tensor) in outputs.iter().zip(&step.outputs).zip(&made) {
            if let Some(node) = node {
                known.insert(*node, to_engine(name, tensor)?.into_owned());
            }
        }
        Ok(())
    }
}
