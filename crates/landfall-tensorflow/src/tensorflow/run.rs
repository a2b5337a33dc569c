//! One call on TensorFlow.

use super::model::{Plan, Plans};
use super::session::Workspace;
use super::types;
use super::value::Value;
use landfall_model::{Call, Input, Instance, Outputs, Problem, Reason};
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
        let feeds = call
            .inputs()
            .iter()
            .zip(&plan.inputs)
            .filter_map(|(input, endpoint)| Some((*endpoint, input.as_ref().and_then(Input::dense)?)));
        let fetches = call.wanted().iter().map(|place| plan.outputs[place].endpoint);
        self.given.clear();
        let given = &mut self.given;
        self.plans
            .session
            .run(&mut self.workspace, feeds, fetches, |_, value| given.push(value))
            .map_err(|failure| failure.problem())?;
        if self.given.len() != call.wanted().len() {
            return Err(engine_problem("a run gave fewer outputs than were asked for".to_owned()));
        }
        for (place, value) in call.wanted().iter().zip(self.given.drain(..)) {
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

fn plan<'p>(plans: &'p Plans, call: &Call) -> Result<&'p Plan, Problem> {
    let name = call.signature().name();
    let found = plans.by_signature.iter().find(|plan| plan.signature == name);
    found.ok_or_else(|| Problem::new(Reason::SignatureNotFound { signature: name.to_owned() }))
}

#[cold]
fn engine_problem(text: String) -> Problem {
    Problem::new(Reason::Engine { engine: super::NAME, text })
}
