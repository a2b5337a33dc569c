//! One call on LiteRT: inputs are copied into the library's memory, outputs out of it. Shapes are settled once, and
//! again only when a call brings others.

use super::NAME;
use super::api::Failure;
use super::session::{Compiled, Program, Room, Side};
use landfall_model::{
    BufferMut, Call, DType, Input, Instance, Kind, Outputs, Problem, Reason, Shape, Signature, Tensor,
};
use std::sync::Arc;

/// What the runs of one signature need: its place in the file, and the types of its ends.
pub(super) struct Plan {
    pub(super) name: String,
    /// Index among the file's own signatures.
    pub(super) index: usize,
    pub(super) inputs: Vec<DType>,
    /// Elements of each input as the file was converted.
    pub(super) converted: Vec<usize>,
    pub(super) outputs: Vec<DType>,
}

impl Plan {
    /// Of a signature that is number `index` of the file, and its inputs' elements as the file was converted.
    pub(super) fn of(signature: &Signature, index: usize, converted: Vec<usize>) -> Self {
        Plan {
            name: signature.name().to_owned(),
            index,
            inputs: signature.inputs().iter().map(|input| input.dtype).collect(),
            converted,
            outputs: signature.outputs().iter().map(|output| output.dtype).collect(),
        }
    }
}

/// Bytes that every output gets beyond its own.
const SURPLUS: usize = 4096;

/// One thread's workspace: an interpreter, and the memory of each signature that was called.
pub(super) struct LiteRtInstance {
    plans: Arc<[Plan]>,
    program: Arc<Program>,
    compiled: Compiled,
    /// By plan. Declared after what points at it, so that it is dropped after it.
    settled: Vec<Option<Settled>>,
}

/// Memory for calls of one set of shapes.
struct Settled {
    dims: Vec<Vec<i32>>,
    inputs: Vec<Room>,
    outputs: Vec<Room>,
    shapes: Vec<Shape>,
    /// Memory of the shapes before: the library points at it until the next run.
    retired: Vec<Room>,
}

impl LiteRtInstance {
    /// A workspace.
    ///
    /// # Errors
    /// When the library cannot compile the file.
    pub(super) fn new(program: &Arc<Program>, plans: &Arc<[Plan]>) -> Result<Self, Problem> {
        let compiled = program.compile().map_err(engine_problem)?;
        let settled = plans.iter().map(|_| None).collect();
        Ok(LiteRtInstance { plans: plans.clone(), program: program.clone(), compiled, settled })
    }

    /// An interpreter anew: what failed amid a run, or grew during it, is not to be run again.
    fn start_over(&mut self) -> Result<(), Problem> {
        self.compiled = self.program.compile().map_err(engine_problem)?;
        self.settled.iter_mut().for_each(|settled| *settled = None);
        Ok(())
    }

    /// Runs a signature whose memory is settled and filled. The library learns some outputs' shapes during the run alone,
    /// and writes such an output where its shape from before was to lie.
    fn run_settled(&mut self, place: usize) -> Result<(), Problem> {
        let plan = &self.plans[place];
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        let run = self.compiled.run(plan.index, &settled.inputs, &settled.outputs);
        let after = run.and_then(|()| self.compiled.output_shapes(plan.index, plan.outputs.len(), false));
        match after {
            Ok(after) if after.iter().zip(&settled.shapes).all(|(dims, shape)| same(dims, shape)) => {
                settled.retired.clear();
                Ok(())
            }
            Ok(_) => {
                let text =
                    format!("signature {:?} has outputs whose shapes show during a run alone", plan.name);
                self.start_over()?;
                Err(Problem::unsupported(text, "call it with the shapes that the file was converted with"))
            }
            Err(failure) => {
                self.start_over()?;
                Err(run_problem(failure))
            }
        }
    }
}

impl Instance for LiteRtInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let name = call.signature().name();
        let place = self.plans.iter().position(|plan| plan.name == name);
        let place = place.ok_or_else(|| Problem::internal(format!("no signature {name:?} was loaded")))?;
        let tensors = dense(call)?;
        if tensors.iter().any(|tensor| tensor.is_empty()) {
            return nothing(call, outputs);
        }
        let plan = &self.plans[place];
        let fits = |settled: &Settled| {
            settled.dims.iter().zip(&tensors).all(|(dims, tensor)| same(dims, tensor.shape()))
        };
        if !self.settled[place].as_ref().is_some_and(fits) {
            let before = self.settled[place].take();
            self.settled[place] = Some(settle(&mut self.compiled, plan, &tensors, before)?);
        }
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        for (room, tensor) in settled.inputs.iter_mut().zip(&tensors) {
            fill(room, tensor)?;
        }
        self.run_settled(place)?;
        let plan = &self.plans[place];
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        for wanted in call.wanted().iter() {
            let shape = &settled.shapes[wanted];
            let dtype = plan.outputs[wanted];
            let mut buffer = BufferMut::zeroed(bytes_of(dtype, shape)?)?;
            settled.outputs[wanted].read(buffer.bytes_mut()).map_err(engine_problem)?;
            outputs.set(wanted, Tensor::from_buffer(dtype, shape.clone(), buffer.freeze())?);
        }
        Ok(())
    }
}

fn dense(call: &Call) -> Result<Vec<&Tensor>, Problem> {
    let tensors = call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense));
    let tensors: Option<Vec<&Tensor>> = tensors.collect();
    tensors.ok_or_else(|| Problem::internal("a TensorFlow Lite model takes arrays only"))
}

fn same(dims: &[i32], shape: &Shape) -> bool {
    dims.len() == shape.len()
        && dims.iter().zip(shape.iter()).all(|(&dim, &length)| usize::try_from(dim) == Ok(length))
}

/// Gives the inputs their shapes, and makes memory for both ends.
fn settle(
    compiled: &mut Compiled,
    plan: &Plan,
    tensors: &[&Tensor],
    before: Option<Settled>,
) -> Result<Settled, Problem> {
    let retired = before.map_or_else(Vec::new, |before| {
        before.retired.into_iter().chain(before.inputs).chain(before.outputs).collect()
    });
    let mut dims = Vec::with_capacity(tensors.len());
    for (input, tensor) in tensors.iter().enumerate() {
        let lengths: Result<Vec<i32>, _> = tensor.shape().iter().map(|&n| i32::try_from(n)).collect();
        let lengths = lengths
            .map_err(|_| Problem::invalid(format!("shape {} is too large for LiteRT", tensor.shape())))?;
        if !lengths.is_empty() {
            compiled.resize(plan.index, input, &lengths).map_err(|failure| shape_problem(failure, tensor))?;
        }
        dims.push(lengths);
    }
    let found = compiled.output_shapes(plan.index, plan.outputs.len(), true).map_err(engine_problem)?;
    let grown = tensors
        .iter()
        .zip(&plan.converted)
        .map(|(tensor, &converted)| tensor.len().div_ceil(converted.max(1)));
    let grown = grown.max().unwrap_or(1);
    let mut shapes = Vec::with_capacity(found.len());
    let mut outputs = Vec::with_capacity(found.len());
    for (index, (lengths, &dtype)) in found.iter().zip(&plan.outputs).enumerate() {
        let shape: Result<Shape, _> = lengths.iter().map(|&length| usize::try_from(length)).collect();
        let shape = shape.map_err(|_| {
            Problem::unsupported(
                format!("output {index} of signature {:?}, whose shape depends on values,", plan.name),
                "",
            )
        })?;
        let place = (plan.index, Side::Output, index);
        let bytes = bytes_of(dtype, &shape)?;
        // A shape that the library has not worked out is that of the conversion: the run may need more.
        let surplus = bytes.saturating_mul(grown).saturating_add(SURPLUS);
        let room = compiled.room(place, dtype, lengths, bytes, surplus).map_err(engine_problem)?;
        outputs.push(room);
        shapes.push(shape);
    }
    let mut inputs = Vec::with_capacity(tensors.len());
    for (index, (tensor, lengths)) in tensors.iter().zip(&dims).enumerate() {
        let place = (plan.index, Side::Input, index);
        let room = compiled.room(place, plan.inputs[index], lengths, tensor.bytes_total(), 0);
        inputs.push(room.map_err(engine_problem)?);
    }
    Ok(Settled { dims, inputs, outputs, shapes, retired })
}

fn bytes_of(dtype: DType, shape: &Shape) -> Result<usize, Problem> {
    let bytes = shape.elements()?.checked_mul(dtype.size().unwrap_or(1));
    bytes.ok_or_else(|| Problem::invalid(format!("no memory for {dtype} of shape {shape}")))
}

/// Copies an input; bytes of a `bool` beyond 0 and 1 are true to us and undefined to C++.
fn fill(room: &mut Room, tensor: &Tensor) -> Result<(), Problem> {
    let written = match (tensor.dtype(), tensor.bytes()) {
        (DType::Bool, Some(bytes)) => {
            room.write(&bytes.iter().map(|&byte| u8::from(byte != 0)).collect::<Vec<_>>())
        }
        (_, Some(bytes)) => room.write(bytes),
        (_, None) => return Err(Problem::internal("a TensorFlow Lite model takes no strings")),
    };
    written.map_err(engine_problem)
}

/// Answers a call of no rows: LiteRT has no axes of length 0.
fn nothing(call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
    for place in call.wanted().iter() {
        let spec = &call.signature().outputs()[place];
        let rest = spec.dims.as_ref().and_then(|dims| dims.split_first()).map(|(_, rest)| rest);
        let lengths: Option<Vec<usize>> =
            rest.and_then(|rest| rest.iter().map(|dim| usize::try_from(dim.as_signed()).ok()).collect());
        let Some(lengths) = lengths.filter(|_| call.rows() == Some(0)) else {
            return Err(Problem::invalid("LiteRT takes no axis of length 0"));
        };
        let shape: Shape = std::iter::once(0).chain(lengths).collect();
        outputs.set(place, Tensor::from_buffer(spec.dtype, shape, BufferMut::zeroed(0)?.freeze())?);
    }
    Ok(())
}

#[cold]
fn shape_problem(failure: Failure, tensor: &Tensor) -> Problem {
    let text = format!("{NAME}: {failure}: the model does not take shape {}", tensor.shape());
    Problem::worded(Kind::InvalidArgument, text)
}

#[cold]
fn run_problem(failure: Failure) -> Problem {
    let text = format!(
        "{failure}; LiteRT does not run operators whose outputs' shapes depend on values: serve the SavedModel that the \
         file was made from, if it has any"
    );
    Problem::new(Reason::Engine { engine: NAME, text })
}

#[cold]
pub(super) fn engine_problem(failure: Failure) -> Problem {
    Problem::new(Reason::Engine { engine: NAME, text: failure.to_string() })
}
