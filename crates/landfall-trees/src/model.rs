//! A model ready to run, whichever library wrote it.

use crate::compiled::{Compiled, Evaluator};
use crate::run::{Plan, TreeInstance};
use crate::{importance, interface};
use landfall_forest::Real;
use landfall_model::{CostClass, Element, Facts, Instance, Later, Model, Problem, Signature};
use std::sync::Arc;

/// A loaded model.
pub(crate) struct TreeModel<X, Y> {
    plan: Arc<Plan<X, Y>>,
    facts: Facts,
}

impl<X: Real + Element, Y: Real + Element> TreeModel<X, Y> {
    /// # Errors
    /// Invalid argument, when names clash.
    pub(crate) fn new(mut compiled: Compiled<X, Y>) -> Result<Self, Problem> {
        let interface = interface::of(&compiled)?;
        let facts = Facts {
            engine: crate::NAME,
            format: compiled.format,
            threads_inside: 1,
            cost: cost(&compiled),
            structure: std::mem::take(&mut compiled.structure),
            notes: std::mem::take(&mut compiled.notes),
            ..Facts::default()
        };
        Ok(TreeModel { plan: Arc::new(Plan { compiled, interface }), facts })
    }
}

impl<X: Real + Element, Y: Real + Element> Model for TreeModel<X, Y> {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.plan.interface.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(TreeInstance::new(self.plan.clone())))
    }

    fn prepare(&self) {
        if let Evaluator::Forest(forest) = &self.plan.compiled.evaluator {
            forest.prepare();
        }
    }

    fn facts(&self) -> Facts {
        let plan = self.plan.clone();
        Facts {
            memory_bytes: Some(memory_bytes(&plan.compiled) as u64),
            later: Later::new(move || importance::told(&plan.compiled)),
            ..self.facts.clone()
        }
    }
}

/// Splits that a row passes, up to which a call is never worth a hop to another thread.
const TINY_SPLITS: usize = 2000;

fn cost<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> CostClass {
    let splits = match &compiled.evaluator {
        Evaluator::Forest(forest) => forest.trees() * forest.depth(),
        Evaluator::Linear(_) => compiled.features.len() * compiled.groups,
    };
    if splits <= TINY_SPLITS { CostClass::Tiny } else { CostClass::Unknown }
}

/// Bytes held now: layouts of trees are made where they are first asked for.
fn memory_bytes<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> usize {
    let derived = compiled.derived.as_ref().map_or(0, |derived| derived.memory_bytes());
    derived
        + match &compiled.evaluator {
            Evaluator::Forest(forest) => forest.memory_bytes(),
            Evaluator::Linear(linear) => linear.memory_bytes(),
        }
}
