//! A graph as a list of steps over slots, compiled once.

use super::ensemble::Described;
use super::steps::Run;
use landfall_model::{Call, Outputs, Problem, Tensor};
use std::collections::HashSet;

/// A compiled graph, filled by [`super::making`].
#[derive(Default)]
pub(super) struct Program {
    /// Constants and defaults by slot; `None` for what a call or a step fills.
    pub(super) fixed: Vec<Option<Tensor>>,
    pub(super) steps: Vec<Step>,
    /// Slot of each input of the signature.
    pub(super) inputs: Vec<usize>,
    /// Slot of each output of the signature.
    pub(super) outputs: Vec<usize>,
    pub(super) trees: Vec<Described>,
    /// Operators whose numbers lie next to ONNX Runtime's.
    pub(super) nearly: Vec<String>,
    /// Whether trees look at such numbers.
    pub(super) trees_see_nearly: bool,
    /// Multiplications for a row, roughly, beyond those of plain steps.
    pub(super) work: usize,
    /// Operators in the order in which they run.
    pub(super) operators: Vec<String>,
}

/// A node of a compiled graph.
pub(super) struct Step {
    /// For messages.
    pub(super) node: String,
    pub(super) run: Run,
    pub(super) inputs: Vec<Option<usize>>,
    pub(super) outputs: Vec<Option<usize>>,
    /// By place in the signature: whether that output needs it.
    pub(super) serves: Vec<bool>,
}

impl Program {
    /// All outputs of a graph within a node.
    pub(super) fn answer(&self, inputs: impl Iterator<Item = Tensor>) -> Result<Vec<Tensor>, Problem> {
        let mut slots = self.fixed.clone();
        for (&slot, input) in self.inputs.iter().zip(inputs) {
            slots[slot] = Some(input);
        }
        self.execute(&mut slots, |_| true)?;
        let outputs = self.outputs.iter().map(|&slot| slots[slot].clone());
        outputs.map(|output| output.ok_or_else(not_given)).collect()
    }

    /// Answers a call.
    pub(super) fn run(
        &self,
        call: &Call,
        slots: &mut Vec<Option<Tensor>>,
        outputs: &mut Outputs,
    ) -> Result<(), Problem> {
        slots.clear();
        slots.extend_from_slice(&self.fixed);
        for (input, &slot) in call.inputs().iter().zip(&self.inputs) {
            if let Some(input) = input {
                let tensor = input.dense();
                slots[slot] =
                    Some(tensor.ok_or_else(|| Problem::internal("an ONNX model takes arrays only"))?.clone());
            }
        }
        self.execute(slots, |step| call.wanted().iter().any(|place| step.serves[place]))?;
        for place in call.wanted().iter() {
            outputs.set(place, slots[self.outputs[place]].clone().ok_or_else(not_given)?);
        }
        slots.clear();
        Ok(())
    }

    fn execute(
        &self,
        slots: &mut [Option<Tensor>],
        is_needed: impl Fn(&Step) -> bool,
    ) -> Result<(), Problem> {
        for step in self.steps.iter().filter(|step| is_needed(step)) {
            let given: Vec<Option<&Tensor>> =
                step.inputs.iter().map(|slot| slot.and_then(|slot| slots[slot].as_ref())).collect();
            let made = (step.run)(&given).map_err(|problem| problem.at(format!("node {:?}", step.node)))?;
            for (slot, tensor) in step.outputs.iter().zip(made) {
                if let Some(slot) = slot {
                    slots[*slot] = Some(tensor);
                }
            }
        }
        Ok(())
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        let constants = self.fixed.iter().flatten().map(Tensor::bytes_total);
        constants.chain(self.trees.iter().map(|trees| trees.memory_bytes)).sum()
    }

    /// Splits that a row passes, and multiplications that it takes.
    pub(super) fn work(&self) -> usize {
        let splits = self.trees.iter().map(|trees| trees.trees.saturating_mul(trees.depth));
        splits.fold(self.work, usize::saturating_add)
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }

    /// Follows each output back to the steps that it needs.
    pub(super) fn settle_serves(&mut self) {
        let mut needed: Vec<HashSet<usize>> =
            self.outputs.iter().map(|&slot| HashSet::from([slot])).collect();
        for step in self.steps.iter_mut().rev() {
            for needed in &mut needed {
                let serves = step.outputs.iter().flatten().any(|slot| needed.contains(slot));
                if serves {
                    needed.extend(step.inputs.iter().flatten());
                }
                step.serves.push(serves);
            }
        }
    }
}

#[cold]
fn not_given() -> Problem {
    Problem::internal("an output that no step gave")
}
