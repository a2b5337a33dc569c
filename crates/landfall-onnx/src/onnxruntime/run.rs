//! One call on ONNX Runtime: inputs are read where they lie, outputs land in buffers of ours where their shape is known.

use super::NAME;
use super::api::{Failure, INVALID_ARGUMENT};
use super::nothing::one_row;
use super::plan::{OutputPlan, Plan};
use super::problem::run_problem;
use super::scores;
use super::value::Value;
use super::workspace::{Feed, Want, Workspace};
use crate::declared::ElementType;
use crate::interface::OutputForm;
use landfall_foreign::divisions;
use landfall_model::{
    BufferMut, Call, DType, Input, Instance, Kind, Outputs, Problem, Reason, RowRule, Shape, Tensor,
};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One thread's workspace: pointers alone, since the session is shared.
pub(super) struct OrtInstance {
    plan: Arc<Plan>,
    workspace: Workspace,
    /// Places that the library is asked for: those wanted, but one of each sequence alone. Made anew by each run.
    asked: Vec<usize>,
    /// Room for what is asked for where its shape is known; emptied by each run.
    rooms: Vec<Option<Room>>,
    /// What the library made itself: position among those asked for, and value; emptied by each run.
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
            asked: Vec::new(),
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
        if let Some(one) = one_row(call)? {
            let mut answer = Outputs::new();
            self.run(&one, &mut answer)?;
            answer.iter().for_each(|(place, tensor)| outputs.set(place, tensor.rows(0..0)));
            return Ok(());
        }
        self.bools.clear();
        for (slot, input) in call.inputs().iter().enumerate() {
            clean_bools(slot, input.as_ref(), &mut self.bools)?;
        }
        self.ask(call);
        let plan = self.plan.clone();
        let has_rooms = plan.is_as_declared.load(Ordering::Relaxed);
        self.make_rooms(call, has_rooms)?;
        let has_rooms = self.rooms.iter().any(Option::is_some);
        let (ran, by_zero) = divisions::watched(|| self.compute(call));
        match ran {
            // Files declare shapes that their outputs do not have; the library says so of room for those.
            Err(failure) if has_rooms && failure.code == INVALID_ARGUMENT => {
                self.make_rooms(call, false)?;
                self.compute(call).map_err(run_problem)?;
                plan.is_as_declared.store(false, Ordering::Relaxed);
            }
            ran => ran.map_err(run_problem)?,
        }
        // Versions before 1.25 do not look for it.
        if by_zero {
            return Err(Problem::worded(Kind::InvalidArgument, format!("{NAME}: {}", divisions::BY_ZERO)));
        }
        self.hand_over(call, outputs)
    }
}

impl OrtInstance {
    fn ask(&mut self, call: &Call) {
        let form = |place: usize| &self.plan.outputs[place].form;
        self.asked.clear();
        for place in call.wanted().iter() {
            let is_asked = |asked: &usize| match (form(*asked), form(place)) {
                (OutputForm::Item(asked), OutputForm::Item(item)) => asked.sequence == item.sequence,
                _ => false,
            };
            if !self.asked.iter().any(is_asked) {
                self.asked.push(place);
            }
        }
    }

    fn make_rooms(&mut self, call: &Call, has_rooms: bool) -> Result<(), Problem> {
        self.rooms.clear();
        for &place in &self.asked {
            self.rooms.push(if has_rooms { room(&self.plan.outputs[place], call)? } else { None });
        }
        Ok(())
    }

    /// Runs the model: outputs are in the rooms, or given.
    fn compute(&mut self, call: &Call) -> Result<(), Failure> {
        let OrtInstance { plan, workspace, asked, rooms, given, bools } = self;
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
        let wants = asked.iter().zip(rooms).map(|(&place, room)| {
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
        given.clear();
        workspace.run(&plan.session, feeds, wants, |index, value| given.push((index, value)))
    }

    fn hand_over(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let plan = &*self.plan;
        for (&place, room) in self.asked.iter().zip(self.rooms.drain(..)) {
            if let Some(Room { buffer, shape }) = room {
                outputs.set(place, Tensor::from_buffer(plan.outputs[place].dtype, shape, buffer.freeze())?);
            }
        }
        for (index, value) in self.given.drain(..) {
            let Some(&asked) = self.asked.get(index) else { continue };
            let OutputForm::Item(one) = &plan.outputs[asked].form else {
                let output = &plan.outputs[asked];
                let tensor = tensor(output, value)?;
                check_rows(output, call, &tensor)?;
                outputs.set(asked, tensor);
                continue;
            };
            for place in call.wanted().iter() {
                let output = &plan.outputs[place];
                if let OutputForm::Item(item) = &output.form
                    && item.sequence == one.sequence
                {
                    let item = value.item(item.place).map_err(run_problem)?;
                    outputs.set(place, tensor(output, item)?);
                }
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

/// What there could have been room for has a row for each of the call, whatever its other axes.
fn check_rows(output: &OutputPlan, call: &Call, tensor: &Tensor) -> Result<(), Problem> {
    let shape = tensor.shape();
    match (&output.row_shape, call.rows(), call.signature().rows()) {
        (Some(_), Some(rows), RowRule::Independent) if shape.first() != Some(&rows) => {
            let name = output.name.to_string_lossy();
            let text = format!(
                "output {name:?} came with shape {shape} for {rows} rows (batch = false in model.toml lets it answer whole \
                 calls)"
            );
            Err(Problem::new(Reason::Engine { engine: super::NAME, text }))
        }
        _ => Ok(()),
    }
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
