//! One call on TensorFlow.

use super::api::Bytes;
use super::fetch::{self, Workspace};
use super::plan::{Plan, Plans};
use super::value::Value;
use super::{steps, types};
use landfall_model::{Call, Input, Instance, Outputs, Problem, Reason, Tensor};
use std::sync::Arc;

/// One thread's workspace: room for pointers alone, since the session is shared.
pub(super) struct TensorFlowInstance {
    plans: Arc<Plans>,
    workspace: Workspace,
    /// What a run gave, in the order wanted; emptied by each.
    given: Vec<Value>,
}

impl TensorFlowInstance {
    pub(super) fn new(plans: Arc<Plans>) -> Self {
        let workspace = Workspace::new(plans.session.runtime());
        TensorFlowInstance { plans, workspace, given: Vec::new() }
    }
}

impl Instance for TensorFlowInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        if call.wanted().is_empty() {
            return Ok(());
        }
        let plan = plan(&self.plans, call)?;
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
        self.given.clear();
        let values = &mut self.given;
        let mut metadata = call.is_traced().then(Bytes::room);
        let (session, workspace) = (&self.plans.session, &mut self.workspace);
        fetch::run(session, workspace, feeds, fetches, metadata.as_mut(), |value| values.push(value))
            .map_err(|failure| failure.problem())?;
        if let Some(metadata) = metadata {
            outputs.add_steps(steps::of(metadata.made())?);
        }
        if self.given.len() != wanted {
            return Err(engine_problem("a run gave fewer outputs than were asked for".to_owned()));
        }
        for (place, value) in run().zip(self.given.drain(..)) {
            let output = &plan.outputs[place];
            let found = i64::from(value.element());
            if types::dtype(found) != Some(output.dtype) {
                let (name, declared, found) = (&output.name, output.dtype, types::name(found));
                return Err(engine_problem(format!(
                    "output {name:?} is declared as {declared}, and came as {found}"
                )));
            }
            outputs.set(place, value.tensor(output.dtype).map_err(|failure| failure.problem())?);
        }
        Ok(())
    }
}

/// What an input of a call is: as the call has it, else its default.
fn fed<'c>(plan: &'c Plan, call: &'c Call, slot: usize) -> Option<&'c Tensor> {
    let sent = call.inputs().get(slot)?.as_ref().and_then(Input::dense);
    sent.or(plan.inputs[slot].default.as_ref())
}

fn plan<'p>(plans: &'p Plans, call: &Call) -> Result<&'p Plan, Problem> {
    let name = call.signature().name();
    let found = plans.by_signature.iter().find(|plan| plan.signature == name);
    found.ok_or_else(|| Problem::new(Reason::SignatureNotFound { signature: name.to_owned() }))
}

#[cold]
fn engine_problem(text: String) -> Problem {
    Problem::new(Reason::Engine { engine: super::NAME, text })
}
