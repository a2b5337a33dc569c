//! One call on the embedded engine.

use super::broken;
use super::convert::{from_engine, to_engine};
use super::nan;
use super::plan::Plan;
use landfall_model::{Call, Instance, Kind, Outputs, Problem};
use rten::{NodeId, RunErrorKind, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::AsView;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// One thread's workspace: the thread, or threads, that its runs take place on.
pub(super) struct EmbeddedInstance {
    plan: Arc<Plan>,
    pool: Arc<ThreadPool>,
    wanted: Vec<NodeId>,
}

impl EmbeddedInstance {
    pub(super) fn new(plan: Arc<Plan>, pool: Arc<ThreadPool>) -> Self {
        EmbeddedInstance { plan, pool, wanted: Vec::new() }
    }

    fn compute(&self, inputs: Vec<(NodeId, ValueOrView<'_>)>) -> Result<Vec<Value>, Problem> {
        match &self.plan.parts {
            Some(parts) => parts.run(&inputs, &self.wanted, |inputs, wanted| self.engine(inputs, wanted)),
            None => self.engine(inputs, &self.wanted),
        }
    }

    fn engine(
        &self,
        inputs: Vec<(NodeId, ValueOrView<'_>)>,
        wanted: &[NodeId],
    ) -> Result<Vec<Value>, Problem> {
        let options = RunOptions::default().with_thread_pool(Some(self.pool.clone()));
        let run = || self.plan.model.run(inputs, wanted, Some(options));
        // A panic in the engine must cost this call alone; a model is not changed by a run.
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(Ok(values)) => Ok(values),
            Ok(Err(error)) => Err(match error.kind() {
                // The model itself was accepted: an operator that refuses its inputs (an index out of range, shapes
                // that do not fit each other) refuses what this call brought.
                RunErrorKind::InvalidInput | RunErrorKind::OperatorError => {
                    Problem::worded(Kind::InvalidArgument, format!("{}: {error}", super::NAME))
                }
                _ => broken(&error.to_string()),
            }),
            Err(_) => Err(broken("it panicked on this call")),
        }
    }
}

impl Instance for EmbeddedInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let plan = self.plan.clone();
        let mut inputs = Vec::with_capacity(plan.inputs.len());
        let mut largest = 0f32;
        for (slot, input) in call.inputs().iter().enumerate() {
            let Some(input) = input else { continue };
            let name = &plan.signature.inputs()[slot].name;
            let node = plan.inputs[slot].ok_or_else(|| constant(name))?;
            let tensor = input.dense().ok_or_else(|| Problem::internal("an ONNX model takes arrays only"))?;
            if !plan.watches.is_empty() {
                largest = largest.max(nan::largest(name, tensor, plan.loses_nan.as_deref())?);
            }
            inputs.push((node, to_engine(name, tensor)?));
        }
        if let Some(ranges) = &plan.ranges {
            ranges.check(call)?;
        }
        self.wanted.clear();
        self.wanted.extend(call.wanted().iter().map(|place| plan.outputs[place]));
        if self.wanted.is_empty() {
            return Ok(());
        }
        let watches = plan.watches.iter().filter(|(_, watch)| watch.safe < largest);
        self.wanted.extend(watches.clone().map(|(count, _)| *count));
        let mut values = self.compute(inputs)?.into_iter();
        let outputs_of_call: Vec<Value> = values.by_ref().take(call.wanted().len()).collect();
        for ((_, watch), count) in watches.zip(values) {
            if !matches!(count, Value::Int32Tensor(ref count) if count.item() == Some(&0)) {
                return Err(watch.problem());
            }
        }
        for (place, value) in call.wanted().iter().zip(outputs_of_call) {
            let spec = &plan.signature.outputs()[place];
            outputs.set(place, from_engine(&spec.name, spec.dtype, value)?);
        }
        Ok(())
    }
}

fn constant(name: &str) -> Problem {
    Problem::unsupported(
        format!("another value than the default of input {name:?}, by the engine embedded,"),
        super::WAY_OUT,
    )
}
