//! `RNN`, `GRU` and `LSTM`: states that go along sequences, step by step (`Operators.md` of ONNX).

mod activation;
mod cell;

use super::super::Refusal;
use super::matrix::turned;
use super::{Ask, Built, Give, given};
use crate::owned;
use activation::Activation;
use cell::{Cell, Weights};
use landfall_model::{DType, Problem, Shape, Tensor};

/// Places of inputs: weights of what comes and of the state, biases, lengths of sequences, first states; of an LSTM also how
/// its gates see the cell.
const INWARD: usize = 1;
const AROUND: usize = 2;
const BIAS: usize = 3;
const LENGTHS: usize = 4;
const STATES: usize = 5;
const PEEPHOLES: usize = 7;

/// Elements that a result may have.
const MOST_MADE: usize = 1 << 28;

/// A node, read.
struct Recurrent {
    cell: Cell,
    ways: Vec<Way>,
    hidden: usize,
    /// Whether sequences are the first axis, and steps the second.
    is_by_row: bool,
    clip: f32,
}

/// One way along the sequences.
struct Way {
    is_backward: bool,
    activations: Vec<Activation>,
}

/// One of the three operators, over float32.
pub(super) fn recurrent(ask: &Ask<'_>) -> Result<Built, Refusal> {
    for input in 0..ask.types.len().max(BIAS) {
        if input < BIAS || ask.has(input) {
            ask.one_of(input, &[if input == LENGTHS { DType::I32 } else { DType::F32 }])?;
        }
    }
    let hidden = usize::try_from(ask.integer("hidden_size", 0)?)
        .ok()
        .filter(|hidden| (1..=MOST_MADE).contains(hidden));
    let hidden = hidden.ok_or_else(|| Refusal::not("no hidden_size"))?;
    let attributes = &ask.node.attributes;
    let directions: &[bool] = match attributes.text("direction")?.unwrap_or(b"forward") {
        b"forward" => &[false],
        b"reverse" => &[true],
        b"bidirectional" => &[false, true],
        other => return Err(Refusal::not(format!("direction {:?}", String::from_utf8_lossy(other)))),
    };
    let cell = Cell::of(ask)?;
    let activations = activation::all(attributes, cell.activations(), directions.len())?;
    let activations = activations.chunks(cell.activations().len());
    let ways = directions
        .iter()
        .zip(activations)
        .map(|(&is_backward, activations)| Way { is_backward, activations: activations.to_vec() });
    let recurrent = Recurrent {
        ways: ways.collect(),
        hidden,
        is_by_row: ask.flag("layout", false)?,
        clip: attributes.float("clip")?.filter(|&clip| clip > 0.0).unwrap_or(f32::INFINITY),
        cell,
    };
    let outputs = vec![DType::F32; 1 + recurrent.cell.states()];
    let built = Built::exact(outputs, move |inputs| recurrent.run(inputs));
    Ok(built.nearly().costs(usize::MAX / 2))
}

/// Lengths of the axes of what comes.
struct Sizes {
    steps: usize,
    rows: usize,
    width: usize,
}

impl Recurrent {
    /// All outputs, and the last states.
    fn run(&self, inputs: &[Give<'_>]) -> Result<Vec<Tensor>, Problem> {
        let x = given(inputs, 0)?;
        let sizes = self.sizes(x)?;
        let (hidden, ways) = (self.hidden, self.ways.len());
        let weights = (0..ways).map(|way| self.weights(inputs, way, sizes.width));
        let weights = weights.collect::<Result<Vec<_>, _>>()?;
        let (of_outputs, of_states) = self.shapes(&sizes)?;
        let starts = [floats(inputs, STATES, &of_states)?, floats(inputs, STATES + 1, &of_states)?];
        let mut whole = vec![0f32; of_outputs.elements()?];
        let mut last = vec![vec![0f32; of_states.iter().product()]; self.cell.states()];
        let (x, lengths) = (x.values::<f32>()?, sizes.lengths(inputs)?);
        let mut sums = vec![0f32; self.cell.gates() * hidden];
        for (way, weights) in weights.iter().enumerate() {
            for (row, &length) in lengths.iter().enumerate() {
                let place = hidden * if self.is_by_row { row * ways + way } else { way * sizes.rows + row };
                let start = |all: &&[f32]| {
                    all.get(place..place + hidden).map_or_else(|| vec![0f32; hidden], <[f32]>::to_vec)
                };
                let mut states: Vec<Vec<f32>> = starts.iter().take(last.len()).map(start).collect();
                for step in 0..length {
                    let at = if self.ways[way].is_backward { length - 1 - step } else { step };
                    let x = &x[self.place(&sizes, at, row) * sizes.width..][..sizes.width];
                    self.cell.step(&self.ways[way].activations, weights, x, &mut states, &mut sums);
                    let to = match self.is_by_row {
                        true => self.place(&sizes, at, row) * ways + way,
                        false => (at * ways + way) * sizes.rows + row,
                    };
                    whole[to * hidden..][..hidden].copy_from_slice(&states[0]);
                }
                // Of none, nothing is left: not even the first state.
                for (last, state) in last.iter_mut().zip(&states).filter(|_| length > 0) {
                    last[place..place + hidden].copy_from_slice(state);
                }
            }
        }
        let last = last.into_iter().map(|last| owned::tensor(Shape::new(&of_states), last));
        std::iter::once(owned::tensor(of_outputs, whole)).chain(last).collect()
    }

    /// The shapes of all outputs, and of states.
    fn shapes(&self, sizes: &Sizes) -> Result<(Shape, [usize; 3]), Problem> {
        let (&Sizes { steps, rows, .. }, ways, hidden) = (sizes, self.ways.len(), self.hidden);
        let (whole, states) = match self.is_by_row {
            true => ([rows, steps, ways, hidden], [rows, ways, hidden]),
            false => ([steps, ways, rows, hidden], [ways, rows, hidden]),
        };
        let whole = Shape::new(&whole);
        if whole.elements()?.max(Shape::new(&states).elements()?) > MOST_MADE {
            return Err(Problem::invalid(format!("a result of shape {whole} has too many elements")));
        }
        Ok((whole, states))
    }

    /// Where a step of a row lies, among all of them.
    fn place(&self, sizes: &Sizes, step: usize, row: usize) -> usize {
        if self.is_by_row { row * sizes.steps + step } else { step * sizes.rows + row }
    }

    fn sizes(&self, x: &Tensor) -> Result<Sizes, Problem> {
        let &[first, second, width] = &x.shape()[..] else {
            return Err(Problem::invalid(format!("sequences of shape {}: expected three axes", x.shape())));
        };
        let (steps, rows) = if self.is_by_row { (second, first) } else { (first, second) };
        Ok(Sizes { steps, rows, width })
    }

    /// What one way multiplies by.
    fn weights(&self, inputs: &[Give<'_>], way: usize, width: usize) -> Result<Weights, Problem> {
        let (hidden, ways) = (self.hidden, self.ways.len());
        let gates = self.cell.gates() * hidden;
        let of_way = |input: usize, each: &[usize]| {
            let shape: Vec<usize> = std::iter::once(ways).chain(each.iter().copied()).collect();
            let values = floats(inputs, input, &shape)?;
            let length: usize = each.iter().product();
            Ok::<_, Problem>(values.get(way * length..(way + 1) * length).unwrap_or_default())
        };
        let bias = match of_way(BIAS, &[2 * gates])? {
            [] => vec![0.0; 2 * gates],
            bias => bias.to_vec(),
        };
        let (inward_bias, around_bias) = bias.split_at(gates);
        let has_peepholes = self.cell.states() > 1;
        Ok(Weights {
            inward: turned(of_way(INWARD, &[gates, width])?, gates, width),
            around: turned(of_way(AROUND, &[gates, hidden])?, gates, hidden),
            inward_bias: inward_bias.to_vec(),
            around_bias: around_bias.to_vec(),
            peepholes: if has_peepholes { of_way(PEEPHOLES, &[3 * hidden])?.to_vec() } else { Vec::new() },
            clip: self.clip,
        })
    }
}

/// An input of a shape; nothing for one that does not come.
fn floats<'a>(inputs: &[Give<'a>], input: usize, shape: &[usize]) -> Result<&'a [f32], Problem> {
    match inputs.get(input).copied().flatten() {
        None => Ok(&[]),
        Some(tensor) if tensor.shape()[..] == *shape => tensor.values::<f32>(),
        Some(tensor) => {
            let (found, expected) = (tensor.shape(), Shape::new(shape));
            Err(Problem::invalid(format!("input {input} of shape {found}: expected {expected}")))
        }
    }
}

impl Sizes {
    /// How long each row's sequence is.
    fn lengths(&self, inputs: &[Give<'_>]) -> Result<Vec<usize>, Problem> {
        let Some(lengths) = inputs.get(LENGTHS).copied().flatten() else {
            return Ok(vec![self.steps; self.rows]);
        };
        let values = lengths.values::<i32>()?;
        if values.len() != self.rows {
            return Err(Problem::invalid(format!("{} lengths of {} sequences", values.len(), self.rows)));
        }
        let length = |(row, &length): (usize, &i32)| {
            let fits = usize::try_from(length).ok().filter(|&length| length <= self.steps);
            fits.ok_or_else(|| {
                Problem::invalid(format!("row {row}: a sequence of length {length} within {}", self.steps))
            })
        };
        values.iter().enumerate().map(length).collect()
    }
}
