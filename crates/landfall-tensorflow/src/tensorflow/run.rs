//! One call on TensorFlow.

use super::api::{Bytes, Failure};
use super::fetch::{self, Workspace};
use super::interface::Defaults;
use super::plan::{self, Plan, Plans};
use super::value::Value;
use super::{steps, types};
use landfall_foreign::divisions;
use landfall_model::{Call, Input, Instance, Outputs, Problem, Reason, Signature, Tensor};
use std::sync::Arc;

/// One thread's workspace: room for pointers alone, since the session is shared.
pub(super) struct TensorFlowInstance {
    plans: Arc<Plans>,
    workspace: Workspace,
    /// What a run gave, in the order wanted; emptied by each.
    given: Vec<Value>,
    /// That of the joint signature, once a call was made with it.
    joint: Option<Plan>,
}

impl TensorFlowInstance {
    pub(super) fn new(plans: Arc<Plans>) -> Self {
        let workspace = Workspace::new(plans.session.runtime());
        TensorFlowInstance { plans, workspace, given: Vec::new(), joint: None }
    }
}

impl Instance for TensorFlowInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        if call.wanted().is_empty() {
            return Ok(());
        }
        let TensorFlowInstance { plans, workspace, given: values, joint } = self;
        let plan = plan(plans, joint, call.signature())?;
        if call.inputs().iter().flatten().any(|input| input.dense().is_none()) {
            return Err(Problem::internal("a TensorFlow model takes arrays only"));
        }
        let given = |slot: usize| fed(plan, call, slot);
        let feeds =
            (0..plan.inputs.len()).filter_map(|slot| Some((plan.inputs[slot].endpoint, given(slot)?)));
        let passed = |place: usize| plan.outputs[place].fed.and_then(given);
        let run = || call.wanted().iter().filter(|&place| passed(place).is_none());
        for place in call.wanted().iter() {
            if let Some(tensor) = passed(place) {
                outputs.set(place, tensor.clone());
            }
        }
        let wanted = run().count();
        if wanted == 0 {
            return Ok(());
        }
        let fetches = run().map(|place| plan.outputs[place].endpoint);
        values.clear();
        let mut metadata = call.is_traced().then(Bytes::room);
        let (ran, by_zero) = divisions::watched(|| {
            fetch::run(&plans.session, workspace, feeds, fetches, metadata.as_mut(), |v| values.push(v))
        });
        ran.map_err(|failure| failure.problem())?;
        // Its own operators look for it, others may not.
        if by_zero {
            return Err(engine_problem(divisions::BY_ZERO.to_owned()));
        }
        if let Some(metadata) = metadata {
            outputs.add_steps(steps::of(metadata.made())?);
        }
        if values.len() != wanted {
            return Err(engine_problem("a run gave fewer outputs than were asked for".to_owned()));
        }
        for (place, value) in run().zip(values.drain(..)) {
            let output = &plan.outputs[place];
            let found = i64::from(value.element());
            if types::dtype(found) != Some(output.dtype) {
                let (name, declared, found) = (&output.name, output.dtype, types::name(found));
                return Err(engine_problem(format!(
                    "output {name:?} is declared as {declared}, and came as {found}"
                )));
            }
            let tensor = value.tensor(output.dtype);
            let named = |failure: Failure| failure.problem().at(format!("output {:?}", output.name));
            outputs.set(place, tensor.map_err(named)?);
        }
        Ok(())
    }
}

/// What an input of a call is: as the call has it, else its default.
fn fed<'c>(plan: &'c Plan, call: &'c Call, slot: usize) -> Option<&'c Tensor> {
    let sent = call.inputs().get(slot)?.as_ref().and_then(Input::dense);
    sent.or(plan.inputs[slot].default.as_ref())
}

/// A signature's plan; that of the joint one is made with its first call, from the names of its tensors.
fn plan<'p>(
    plans: &'p Plans,
    joint: &'p mut Option<Plan>,
    signature: &Signature,
) -> Result<&'p Plan, Problem> {
    let name = signature.name();
    if let Some(found) = plans.by_signature.iter().find(|plan| plan.signature == name) {
        return Ok(found);
    }
    let known = joint.take().filter(|known| known.signature == name);
    Ok(joint.insert(match known {
        Some(known) => known,
        None => plan::plan(&plans.session, signature, &Defaults::new())?,
    }))
}

#[cold]
fn engine_problem(text: String) -> Problem {
    Problem::new(Reason::Engine { engine: super::NAME, text })
}
