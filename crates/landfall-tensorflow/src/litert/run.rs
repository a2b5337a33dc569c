//! One call on LiteRT: inputs are copied into the library's memory, outputs out of it. Shapes are settled once, and
//! again only when a call brings others.

use super::NAME;
use super::api::Failure;
use super::room::Room;
use super::session::{Compiled, Program, Side};
use super::streamed;
use super::strings::{self, Packed};
use landfall_foreign::divisions;
use landfall_model::{
    BufferMut, Call, DType, Input, Instance, Kind, Outputs, Problem, Reason, Shape, Signature, Strings,
    Tensor,
};
use std::mem;
use std::sync::Arc;

/// What the runs of one signature need: its place in the file, and the types of its ends.
pub(super) struct Plan {
    name: String,
    /// Index among the file's own signatures.
    index: usize,
    inputs: Vec<End>,
    outputs: Vec<DType>,
    /// Whether its numbers come as a stream, which has an end of its own behind those of strings.
    is_streamed: bool,
    /// The outputs that LiteRT has.
    ends: Vec<End>,
}

/// An input or output of LiteRT's.
struct End {
    dtype: DType,
    /// For people: `input "x"`.
    place: String,
}

impl End {
    fn is_strings(&self) -> bool {
        self.dtype == DType::String
    }

    /// What failed, and where.
    #[cold]
    fn problem(&self, failure: Failure) -> Problem {
        engine_problem(failure).at(&*self.place)
    }
}

impl Plan {
    /// Of a signature that is number `index` of the file.
    pub(super) fn of(signature: &Signature, index: usize, is_streamed: bool) -> Self {
        let outputs: Vec<DType> = signature.outputs().iter().map(|output| output.dtype).collect();
        let end = |side: &str, name: &str, dtype| End { dtype, place: format!("{side} {name:?}") };
        let ends = signature.outputs().iter().map(|output| end("output", &output.name, output.dtype));
        let mut ends: Vec<End> = ends.filter(|end| !is_streamed || end.is_strings()).collect();
        if is_streamed {
            ends.push(End { dtype: DType::I8, place: "what outputs of numbers are laid in".to_owned() });
        }
        let inputs = signature.inputs().iter().map(|input| end("input", &input.name, input.dtype)).collect();
        Plan { name: signature.name().to_owned(), index, inputs, outputs, is_streamed, ends }
    }
}

/// Bytes that an output of strings gets beyond the least.
const TEXTS: usize = 4096;
/// Bytes of strings that a signature's memory is kept for from call to call.
const KEPT_TEXTS: usize = 16 << 20;

/// Room for strings that have outgrown theirs: half as much again as they take, so that what grows from call to call
/// seldom does.
fn with_spare(bytes: usize) -> usize {
    bytes.saturating_add(bytes / 2)
}

/// One thread's workspace: an interpreter, and the memory of each signature that was called.
pub(super) struct LiteRtInstance {
    plans: Arc<[Plan]>,
    program: Arc<Program>,
    compiled: Compiled,
    /// By plan. Declared after what points at it, so that it is dropped after it.
    settled: Vec<Option<Settled>>,
    /// By plan and output of LiteRT's: bytes of strings that there is to be room for, as calls have shown.
    texts: Vec<Vec<usize>>,
}

/// Memory for calls of one set of shapes.
struct Settled {
    dims: Vec<Vec<i32>>,
    inputs: Vec<Room>,
    outputs: Vec<Room>,
    /// Shapes of LiteRT's outputs, as far as they are known ahead.
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
        let texts = plans.iter().map(|plan| vec![0; plan.ends.len()]).collect();
        Ok(LiteRtInstance { plans: plans.clone(), program: program.clone(), compiled, settled, texts })
    }

    /// An interpreter anew: what failed amid a run is not to be run again.
    fn start_over(&mut self) -> Result<(), Problem> {
        self.compiled = self.program.compile().map_err(engine_problem)?;
        self.settled.iter_mut().for_each(|settled| *settled = None);
        Ok(())
    }

    /// Lays out a signature's memory for inputs of these shapes, as a call does; else what the library says of them.
    ///
    /// # Errors
    /// When it cannot compile the file anew, where it could not.
    pub(super) fn prepare(&mut self, place: usize, dims: &[Vec<i32>]) -> Result<Result<(), String>, Problem> {
        self.settled[place] = None;
        let Err(failure) = shaped(&mut self.compiled, &self.plans[place], dims) else { return Ok(Ok(())) };
        let said = self.compiled.words().unwrap_or_else(|| failure.to_string());
        self.start_over()?;
        Ok(Err(said))
    }

    /// Settles and fills the memory of a signature.
    fn fill(&mut self, place: usize, tensors: &[&Tensor]) -> Result<(), Problem> {
        let plan = &self.plans[place];
        let fits = |settled: &Settled| {
            settled.dims.iter().zip(tensors).all(|(dims, tensor)| same(dims, tensor.shape()))
        };
        if !self.settled[place].as_ref().is_some_and(fits) {
            let before = self.settled[place].take();
            let texts = &self.texts[place];
            self.settled[place] = Some(settle(&mut self.compiled, plan, tensors, before, texts)?);
        }
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        for (index, (room, tensor)) in settled.inputs.iter_mut().zip(tensors).enumerate() {
            let end = &plan.inputs[index];
            let Ok(strings) = tensor.strings() else {
                fill(room, tensor, end)?;
                continue;
            };
            let memory = strings::packed(strings)?;
            if memory.len() > room.bytes() {
                let larger = self.compiled.room_of_strings(&settled.dims[index], with_spare(memory.len()));
                settled.retired.push(mem::replace(room, larger.map_err(|failure| end.problem(failure))?));
            }
            room.write(&memory).map_err(|failure| end.problem(failure))?;
        }
        for (room, end) in settled.outputs.iter_mut().zip(&plan.ends).filter(|(_, end)| end.is_strings()) {
            // What gave no strings writes nothing: those of the call before are not to be seen again.
            room.write(&[0; 4]).map_err(|failure| end.problem(failure))?;
        }
        Ok(())
    }

    /// Bytes of strings that LiteRT's outputs take (0 for numbers), where the last run failed for want of room for them.
    fn outgrown(&self, place: usize) -> Option<Vec<usize>> {
        let plan = &self.plans[place];
        let settled = self.settled[place].as_ref()?;
        let needed = |(index, end): (usize, &End)| match end.is_strings() {
            true => self.compiled.needed((plan.index, Side::Output, index)).unwrap_or(0),
            false => 0,
        };
        let needed: Vec<usize> = plan.ends.iter().enumerate().map(needed).collect();
        needed.iter().zip(&settled.outputs).any(|(&needed, room)| needed > room.bytes()).then_some(needed)
    }

    /// Gives back memory for more strings than calls have as a rule.
    fn give_back(&mut self, place: usize) -> Result<(), Problem> {
        let (plan, Some(settled)) = (&self.plans[place], &self.settled[place]) else { return Ok(()) };
        let rooms = settled.inputs.iter().zip(&plan.inputs).chain(settled.outputs.iter().zip(&plan.ends));
        let kept: usize = rooms.filter(|(_, end)| end.is_strings()).map(|(room, _)| room.bytes()).sum();
        if kept > KEPT_TEXTS {
            self.texts[place].fill(0);
            // The library points at the memory as long as the interpreter lives.
            self.start_over()?;
        }
        Ok(())
    }

    /// Runs a signature whose memory is settled and filled. `false`: its strings take more than there was room for; now it is
    /// known how much.
    fn run_settled(&mut self, place: usize) -> Result<bool, Problem> {
        let plan = &self.plans[place];
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        let (ran, by_zero) =
            divisions::watched(|| self.compiled.run(plan.index, &settled.inputs, &settled.outputs));
        match ran {
            // Its own operators look for it, others may not.
            Ok(()) if by_zero => {
                Err(Problem::new(Reason::Engine { engine: NAME, text: divisions::BY_ZERO.to_owned() }))
            }
            Ok(()) => {
                settled.retired.clear();
                Ok(true)
            }
            Err(failure) => {
                let (outgrown, words) = (self.outgrown(place), self.compiled.words());
                self.start_over()?;
                let outgrown = outgrown.ok_or_else(|| run_problem(failure, words))?;
                self.texts[place] = outgrown.into_iter().map(with_spare).collect();
                Ok(false)
            }
        }
    }

    /// What the last run gave, output by output.
    fn streamed(&mut self, place: usize) -> Result<Vec<Tensor>, Problem> {
        let plan = &self.plans[place];
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        let none = || Problem::internal("no memory for the outputs of a run");
        let stream = self.compiled.taken().ok_or_else(none)?;
        let kinds: Vec<DType> =
            plan.outputs.iter().copied().filter(|dtype| *dtype != DType::String).collect();
        let mut numbers = streamed::numbers(&stream, &kinds)?.into_iter();
        let shapes = self.compiled.output_shapes(plan.index, plan.ends.len(), false);
        let shapes = shapes.map_err(engine_problem)?;
        let mut texts = settled.outputs.iter_mut().zip(shapes).zip(&plan.ends);
        let next = |dtype: &DType| {
            if *dtype != DType::String {
                return numbers.next().ok_or_else(|| Problem::internal("an output is missing"));
            }
            let next = texts.next().ok_or_else(|| Problem::internal("an output is missing"))?;
            let ((room, dims), end) = next;
            let shape = shape_of(&dims).ok_or_else(|| Problem::internal("a tensor of unknown shape"))?;
            taken(room, &shape, end)
        };
        plan.outputs.iter().map(next).collect()
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
        self.fill(place, &tensors)?;
        if !self.run_settled(place)? {
            self.fill(place, &tensors)?;
            if !self.run_settled(place)? {
                return Err(Problem::internal("a model's strings grew from one run to the next"));
            }
        }
        self.given(place, call, outputs)?;
        self.give_back(place)
    }
}

impl LiteRtInstance {
    /// What the last run gave, as far as it is wanted.
    fn given(&mut self, place: usize, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        if self.plans[place].is_streamed {
            let mut found: Vec<_> = self.streamed(place)?.into_iter().map(Some).collect();
            for wanted in call.wanted().iter() {
                let tensor = found.get_mut(wanted).and_then(Option::take);
                outputs.set(wanted, tensor.ok_or_else(|| Problem::internal("an output is missing"))?);
            }
            return Ok(());
        }
        let plan = &self.plans[place];
        let Some(settled) = &mut self.settled[place] else { return Err(Problem::internal("no memory")) };
        for wanted in call.wanted().iter() {
            let room = &mut settled.outputs[wanted];
            outputs.set(wanted, taken(room, &settled.shapes[wanted], &plan.ends[wanted])?);
        }
        Ok(())
    }
}

fn dense(call: &Call) -> Result<Vec<&Tensor>, Problem> {
    let tensors = call.inputs().iter().map(|input| input.as_ref().and_then(Input::dense));
    let tensors: Option<Vec<&Tensor>> = tensors.collect();
    tensors.ok_or_else(|| Problem::internal("a TensorFlow Lite model takes arrays only"))
}

/// A tensor's shape as LiteRT takes it.
fn dims_of(tensor: &Tensor) -> Result<Vec<i32>, Problem> {
    let lengths: Result<Vec<i32>, _> = tensor.shape().iter().map(|&length| i32::try_from(length)).collect();
    lengths.map_err(|_| Problem::invalid(format!("shape {} is too large for LiteRT", tensor.shape())))
}

/// `None` for lengths that are not known.
fn shape_of(dims: &[i32]) -> Option<Shape> {
    dims.iter().map(|&length| usize::try_from(length).ok()).collect()
}

fn same(dims: &[i32], shape: &Shape) -> bool {
    dims.len() == shape.len()
        && dims.iter().zip(shape.iter()).all(|(&dim, &length)| usize::try_from(dim) == Ok(length))
}

/// Gives the inputs their shapes, and works out the outputs'. A number has none to be given.
fn shaped(compiled: &mut Compiled, plan: &Plan, dims: &[Vec<i32>]) -> Result<Vec<Vec<i32>>, Failure> {
    for (input, lengths) in dims.iter().enumerate().filter(|(_, lengths)| !lengths.is_empty()) {
        compiled.resize(plan.index, input, lengths)?;
    }
    compiled.output_shapes(plan.index, plan.ends.len(), true)
}

/// Gives the inputs their shapes, and makes memory for both ends.
fn settle(
    compiled: &mut Compiled,
    plan: &Plan,
    tensors: &[&Tensor],
    before: Option<Settled>,
    texts: &[usize],
) -> Result<Settled, Problem> {
    let retired = before.map_or_else(Vec::new, |before| {
        before.retired.into_iter().chain(before.inputs).chain(before.outputs).collect()
    });
    let dims = tensors.iter().map(|tensor| dims_of(tensor)).collect::<Result<Vec<_>, Problem>>()?;
    let found = shaped(compiled, plan, &dims);
    let found = found.map_err(|failure| shape_problem(failure, compiled.words(), tensors))?;
    let texts_in: usize =
        tensors.iter().filter_map(|tensor| tensor.strings().ok()).map(Strings::bytes_total).sum();
    let mut shapes = Vec::with_capacity(found.len());
    let mut outputs = Vec::with_capacity(found.len());
    for (index, (lengths, end)) in found.iter().zip(&plan.ends).enumerate() {
        let known = shape_of(lengths).or_else(|| end.is_strings().then(|| Shape::new(&[0])));
        let shape =
            known.ok_or_else(|| Problem::internal("its shape does not show before a run").at(&*end.place))?;
        let bytes = bytes_of(end.dtype, &shape)?;
        let room = if end.is_strings() {
            let guess = bytes.saturating_mul(2).saturating_add(TEXTS).saturating_add(texts_in);
            compiled.room_of_strings(lengths, guess.max(texts[index]))
        } else {
            compiled.room((plan.index, Side::Output, index), end.dtype, lengths, bytes)
        };
        outputs.push(room.map_err(|failure| end.problem(failure))?);
        shapes.push(shape);
    }
    let mut inputs = Vec::with_capacity(tensors.len());
    for (index, (tensor, lengths)) in tensors.iter().zip(&dims).enumerate() {
        let (place, end) = ((plan.index, Side::Input, index), &plan.inputs[index]);
        let room = match tensor.strings() {
            Ok(values) => {
                compiled.room_of_strings(lengths, strings::least(values.len()) + values.bytes_total())
            }
            Err(_) => compiled.room(place, end.dtype, lengths, tensor.bytes_total()),
        };
        inputs.push(room.map_err(|failure| end.problem(failure))?);
    }
    Ok(Settled { dims, inputs, outputs, shapes, retired })
}

/// Bytes of a tensor; of one of strings, those of empty ones.
fn bytes_of(dtype: DType, shape: &Shape) -> Result<usize, Problem> {
    let elements = shape.elements()?;
    let bytes =
        dtype.size().map_or_else(|| Some(strings::least(elements)), |size| elements.checked_mul(size));
    bytes.ok_or_else(|| Problem::invalid(format!("no memory for {dtype} of shape {shape}")))
}

/// Copies an output.
fn taken(room: &mut Room, shape: &Shape, end: &End) -> Result<Tensor, Problem> {
    let problem = |failure| end.problem(failure);
    if end.is_strings() {
        let found = room.look(|memory| Packed::read(memory)?.iter().collect::<Option<Strings>>());
        let none = || Problem::internal("LiteRT gave strings that do not lie in their memory");
        let found = found.map_err(problem)?.ok_or_else(|| none().at(&*end.place))?;
        return Tensor::from_strings(shape.clone(), found);
    }
    let mut buffer = BufferMut::zeroed(bytes_of(end.dtype, shape)?)?;
    room.read(buffer.bytes_mut()).map_err(problem)?;
    Tensor::from_buffer(end.dtype, shape.clone(), buffer.freeze())
}

/// Copies an input of numbers; bytes of a `bool` beyond 0 and 1 are true to us and undefined to C++.
fn fill(room: &mut Room, tensor: &Tensor, end: &End) -> Result<(), Problem> {
    let written = match (tensor.dtype(), tensor.bytes()) {
        (DType::Bool, Some(bytes)) => {
            room.write(&bytes.iter().map(|&byte| u8::from(byte != 0)).collect::<Vec<_>>())
        }
        (_, Some(bytes)) => room.write(bytes),
        (_, None) => return Err(Problem::internal("strings are laid out first")),
    };
    written.map_err(|failure| end.problem(failure))
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
        let empty = match spec.dtype {
            DType::String => Tensor::from_strings(shape, Strings::from_iter([""; 0])),
            dtype => Tensor::from_buffer(dtype, shape, BufferMut::zeroed(0)?.freeze()),
        };
        outputs.set(place, empty?);
    }
    Ok(())
}

#[cold]
fn shape_problem(failure: Failure, words: Option<String>, tensors: &[&Tensor]) -> Problem {
    let shapes: Vec<String> = tensors.iter().map(|tensor| tensor.shape().to_string()).collect();
    let said = words.unwrap_or_else(|| failure.to_string());
    let text = format!("{NAME}: the model does not take inputs of shapes {}: {said}", shapes.join(" and "));
    Problem::worded(Kind::InvalidArgument, text)
}

#[cold]
fn run_problem(failure: Failure, words: Option<String>) -> Problem {
    let why = words.unwrap_or_else(|| {
        "an operator refuses these values: an index beyond the end, or lengths that do not go together"
            .to_owned()
    });
    Problem::new(Reason::Engine { engine: NAME, text: format!("{failure}: {why}") })
}

#[cold]
pub(super) fn engine_problem(failure: Failure) -> Problem {
    Problem::new(Reason::Engine { engine: NAME, text: failure.to_string() })
}

#[cfg(test)]
mod tests {
    use super::super::room::tests::without_memory;
    use super::*;

    #[test]
    fn a_tensor_whose_memory_is_not_there_is_named() {
        let end = |dtype| End { dtype, place: "output \"score\"".to_owned() };
        let row = Tensor::from_slice(&[1], &[1f32]).unwrap();
        for dtype in [DType::F32, DType::String] {
            let told = taken(&mut without_memory(4), &Shape::new(&[1]), &end(dtype)).unwrap_err().to_string();
            assert!(told.contains("output \"score\"") && told.contains("gives nothing"), "{told}");
        }
        let told = fill(&mut without_memory(4), &row, &end(DType::F32)).unwrap_err().to_string();
        assert!(told.contains("output \"score\"") && told.contains("gives nothing"), "{told}");
    }
}
