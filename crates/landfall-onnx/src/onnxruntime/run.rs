//! One call on ONNX Runtime: inputs are read where they lie, outputs land in buffers of ours where their shape is known.

use super::model::{OutputPlan, Plan, run_problem};
use super::scores;
use super::session::{Feed, Want, Workspace};
use super::value::Value;
use crate::declared::ElementType;
use crate::interface::OutputForm;
use landfall_model::{
    BufferMut, Call, DType, Input, Instance, Outputs, Problem, Reason, RowRule, Shape, Tensor,
};
use std::sync::Arc;

/// One thread's workspace: pointers alone, since the session is shared.
pub(super) struct OrtInstance {
    plan: Arc<Plan>,
    workspace: Workspace,
    /// Room for outputs of known shape, in the order wanted; emptied by each run.
    rooms: Vec<Option<Room>>,
    /// What the library made itself: position among those wanted, and value; emptied by each run.
    given: Vec<(usize, Value)>,
    /// `bool` inputs that held bytes beyond 0 and 1, by slot; emptied by each run.
    bools: Vec<(usize, Vec<u8>)>,
}

struct Room {
    buffer: BufferMut,
    shape: Shape,
}

impl OrtInstance {
    pub(super) fn new(plan: Arc<Plan>) -> Self {
        OrtInstance {
            plan,
            workspace: Workspace::default(),
            rooms: Vec::new(),
            given: Vec::new(),
            bools: Vec::new(),
        }
    }
}

impl Instance for OrtInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        if call.wanted().is_empty() {
            return Ok(());
        }
        let plan = &*self.plan;
        self.rooms.clear();
        self.given.clear();
        self.bools.clear();
        for (slot, input) in call.inputs().iter().enumerate() {
            clean_bools(slot, input.as_ref(), &mut self.bools)?;
        }
        for place in call.wanted().iter() {
            self.rooms.push(room(&plan.outputs[place], call)?);
        }
        let bools = &self.bools;
        let feeds = call.inputs().iter().enumerate().filter_map(|(slot, input)| {
            let tensor = input.as_ref()?.dense()?;
            let shape = &tensor.shape()[..];
            let feed = match (tensor.bytes(), tensor.strings()) {
                (Some(bytes), _) => {
                    let clean = bools.iter().find(|(dirty, _)| *dirty == slot);
                    let bytes = clean.map_or(bytes, |(_, clean)| clean);
                    Feed::Plain { bytes, element: ElementType::of(tensor.dtype()), shape }
                }
                (None, Ok(strings)) => Feed::Strings { strings, shape },
                (None, Err(_)) => return None,
            };
            Some((plan.inputs[slot].as_c_str(), feed))
        });
        let wants = call.wanted().iter().zip(&mut self.rooms).map(|(place, room)| {
            let output = &plan.outputs[place];
            let want = match room {
                None => Want::Given,
                Some(room) => Want::Into {
                    bytes: room.buffer.bytes_mut(),
                    element: ElementType::of(output.dtype),
                    shape: &room.shape,
                },
            };
            (output.name.as_c_str(), want)
        });
        let given = &mut self.given;
        plan.session
            .run(&mut self.workspace, feeds, wants, |index, value| given.push((index, value)))
            .map_err(run_problem)?;
        for (place, room) in call.wanted().iter().zip(self.rooms.drain(..)) {
            if let Some(Room { buffer, shape }) = room {
                outputs.set(place, Tensor::from_buffer(plan.outputs[place].dtype, shape, buffer.freeze())?);
            }
        }
        for (index, value) in self.given.drain(..) {
            if let Some(place) = call.wanted().iter().nth(index) {
                outputs.set(place, tensor(&plan.outputs[place], value)?);
            }
        }
        missing(plan, call, outputs)
    }
}

/// Bytes of a `bool` tensor beyond 0 and 1 are true to us and undefined to C++.
fn clean_bools(slot: usize, input: Option<&Input>, bools: &mut Vec<(usize, Vec<u8>)>) -> Result<(), Problem> {
    let Some(input) = input else { return Ok(()) };
    let tensor = input.dense().ok_or_else(|| Problem::internal("an ONNX model takes arrays only"))?;
    if tensor.dtype() == DType::Bool {
        let bytes = tensor.bools()?;
        if bytes.iter().any(|&byte| byte > 1) {
            bools.push((slot, bytes.iter().map(|&byte| u8::from(byte != 0)).collect()));
        }
    }
    Ok(())
}

/// Room for an output, where its shape follows from the call's rows. Only rows that are proven to be rows give it.
fn room(output: &OutputPlan, call: &Call) -> Result<Option<Room>, Problem> {
    let (Some(rest), Some(rows), RowRule::Independent) =
        (&output.row_shape, call.rows(), call.signature().rows())
    else {
        return Ok(None);
    };
    let shape: Shape = std::iter::once(rows).chain(rest.iter().copied()).collect();
    let bytes = shape.elements()?.checked_mul(output.dtype.size().unwrap_or(1));
    let bytes =
        bytes.ok_or_else(|| Problem::internal(format!("no memory for an output of shape {shape}")))?;
    Ok(Some(Room { buffer: BufferMut::zeroed(bytes)?, shape }))
}

/// A value of the library's as a tensor of the declared type.
fn tensor(output: &OutputPlan, value: Value) -> Result<Tensor, Problem> {
    if output.form == OutputForm::Maps {
        return scores::tensor(&value, &output.classes);
    }
    if output.dtype == DType::String {
        let (element, shape) = value.tensor().map_err(run_problem)?;
        check_type(output, element)?;
        let strings = value.strings(shape.elements()?).map_err(run_problem)?;
        return Tensor::from_strings(shape, strings);
    }
    let (element, shape, buffer) = value.plain().map_err(run_problem)?;
    check_type(output, element)?;
    Tensor::from_buffer(output.dtype, shape, buffer)
}

fn check_type(output: &OutputPlan, element: ElementType) -> Result<(), Problem> {
    if element == ElementType::of(output.dtype) {
        return Ok(());
    }
    let name = output.name.to_string_lossy();
    let text = format!("output {name:?} is declared as {}, and came as {element}", output.dtype);
    Err(Problem::new(Reason::Engine { engine: super::NAME, text }))
}

/// An optional output that holds nothing cannot be answered with.
fn missing(plan: &Plan, call: &Call, outputs: &Outputs) -> Result<(), Problem> {
    match call.wanted().iter().find(|&place| outputs.get(place).is_none()) {
        None => Ok(()),
        Some(place) => {
            let name = plan.outputs[place].name.to_string_lossy();
            Err(Problem::new(Reason::Engine {
                engine: super::NAME,
                text: format!("output {name:?} holds nothing for this call"),
            }))
        }
    }
}
