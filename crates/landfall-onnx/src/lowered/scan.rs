//! `Scan`: a graph within the node runs once for each slice of some inputs, and passes others on from one run to the next.

use super::Refusal;
use super::graph::Graph;
use super::program::Program;
use super::steps::{Ask, Built, concatenated, given};
use landfall_model::{DType, Problem, Shape, Tensor};

/// The version from which inputs have no axis of batches.
const WITHOUT_BATCHES: i64 = 9;

/// Along the first axes, from front to back. `compile` makes a program of the graph within, for inputs of some types, and gives
/// the types of its outputs.
pub(super) fn scan<'a>(
    ask: &Ask<'a>,
    compile: impl FnOnce(Graph<'a>, &[DType]) -> Result<(Program, Vec<DType>), Refusal>,
) -> Result<Built, Refusal> {
    let attributes = &ask.node.attributes;
    for name in ["scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions"] {
        if attributes.integers(name)?.iter().any(|&number| number != 0) {
            return Err(Refusal::not(format!("{name} other than 0")));
        }
    }
    let types = (0..ask.types.len()).map(|input| ask.dtype(input)).collect::<Result<Vec<_>, _>>()?;
    let scanned = usize::try_from(ask.integer("num_scan_inputs", 0)?).unwrap_or(0);
    let states = types.len().checked_sub(scanned).filter(|_| scanned > 0);
    let states = states.filter(|_| ask.versions.onnx >= WITHOUT_BATCHES);
    let states = states.ok_or_else(|| Refusal::not(format!("{scanned} inputs to go along")))?;
    let body = attributes.graph("body")?.ok_or_else(|| Refusal::not("no graph within"))?;
    let body = Graph::within(body)?;
    let (program, outputs) = compile(body, &types)?;
    if outputs.get(..states) != types.get(..states) {
        return Err(Refusal::not("a graph within that passes other types on"));
    }
    let is_exact = program.nearly.is_empty();
    let built = Built::exact(outputs, move |inputs| {
        let inputs = (0..inputs.len()).map(|input| given(inputs, input)).collect::<Result<Vec<_>, _>>()?;
        let (states, along) = inputs.split_at(states);
        run(&program, states, along)
    });
    let built = built.costs(usize::MAX);
    Ok(if is_exact { built } else { built.nearly() })
}

fn run(program: &Program, states: &[&Tensor], along: &[&Tensor]) -> Result<Vec<Tensor>, Problem> {
    let mut states: Vec<Tensor> = states.iter().map(|&state| state.clone()).collect();
    let length = along.first().and_then(|input| input.shape().first()).copied().unwrap_or(0);
    if length == 0 || along.iter().any(|input| input.shape().first() != Some(&length)) {
        let shapes: Vec<String> = along.iter().map(|input| input.shape().to_string()).collect();
        return Err(Problem::invalid(format!("shapes {} to go along", shapes.join(", "))));
    }
    let mut stacks: Vec<Vec<Tensor>> = Vec::new();
    for place in 0..length {
        let slices = along.iter().map(|input| {
            let slice = input.rows(place..place + 1);
            let shape = Shape::new(&slice.shape()[1..]);
            slice.reshaped(shape)
        });
        let slices = slices.collect::<Result<Vec<_>, _>>()?;
        let mut made = program.answer(states.iter().cloned().chain(slices))?;
        let rest = made.split_off(states.len());
        states = made;
        stacks.resize_with(rest.len(), Vec::new);
        for (stack, tensor) in stacks.iter_mut().zip(rest) {
            let shape: Shape = std::iter::once(1).chain(tensor.shape().iter().copied()).collect();
            stack.push(tensor.reshaped(shape)?);
        }
    }
    for stack in stacks {
        states.push(concatenated(&stack.iter().collect::<Vec<_>>(), 0)?);
    }
    Ok(states)
}
