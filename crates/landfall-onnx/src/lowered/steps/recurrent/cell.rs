//! What one step makes of a state: the formulas of `RNN`, `GRU` and `LSTM`.

use super::super::Ask;
use super::activation::Activation;
use crate::lowered::Refusal;

/// Which of the three, and what it leaves open.
pub(super) enum Cell {
    Rnn,
    Gru {
        /// Whether the product with the state is taken before it is reset.
        product_first: bool,
    },
    Lstm {
        /// Whether what is kept is what does not come in.
        couples: bool,
    },
}

/// What a direction multiplies by.
pub(super) struct Weights {
    /// [width, gates × hidden], and [hidden, gates × hidden].
    pub(super) inward: Vec<f32>,
    pub(super) around: Vec<f32>,
    /// By gate.
    pub(super) inward_bias: Vec<f32>,
    pub(super) around_bias: Vec<f32>,
    /// By gate of an LSTM that sees the cell: input, output, forget. Empty where none does.
    pub(super) peepholes: Vec<f32>,
    /// Inputs of activations go no further than this from 0.
    pub(super) clip: f32,
}

impl Cell {
    pub(super) fn of(ask: &Ask<'_>) -> Result<Self, Refusal> {
        Ok(match ask.node.operator {
            "GRU" => Cell::Gru { product_first: ask.flag("linear_before_reset", false)? },
            "LSTM" => Cell::Lstm { couples: ask.flag("input_forget", false)? },
            _ => Cell::Rnn,
        })
    }

    /// Sums of each step, by the length of a state.
    pub(super) fn gates(&self) -> usize {
        match self {
            Cell::Rnn => 1,
            Cell::Gru { .. } => 3,
            Cell::Lstm { .. } => 4,
        }
    }

    /// States that go along: what comes out, and of an LSTM the cell.
    pub(super) fn states(&self) -> usize {
        if matches!(self, Cell::Lstm { .. }) { 2 } else { 1 }
    }

    /// The activations of a direction where a node names none.
    pub(super) fn activations(&self) -> &'static [Activation] {
        use Activation::{Sigmoid, Tanh};
        match self {
            Cell::Rnn => &[Tanh],
            Cell::Gru { .. } => &[Sigmoid, Tanh],
            Cell::Lstm { .. } => &[Sigmoid, Tanh, Tanh],
        }
    }

    /// Takes a step: `states` become the next. `sums` is a workspace of the length of all gates.
    pub(super) fn step(
        &self,
        activations: &[Activation],
        weights: &Weights,
        x: &[f32],
        states: &mut [Vec<f32>],
        sums: &mut [f32],
    ) {
        sums.copy_from_slice(&weights.inward_bias);
        add_product(sums, x, &weights.inward, sums.len(), 0);
        match (self, activations, states) {
            (Cell::Rnn, &[f], [state]) => weights.plain(f, state, sums),
            (Cell::Gru { product_first }, &[f, g], [state]) => {
                weights.gated(*product_first, f, g, state, sums);
            }
            (Cell::Lstm { couples }, &[f, g, h], [state, cell]) => {
                weights.remembering(*couples, [f, g, h], state, cell, sums);
            }
            _ => {}
        }
    }
}

impl Weights {
    fn activate(&self, activation: Activation, values: &mut [f32]) {
        values.iter_mut().for_each(|value| *value = activation.at(value.clamp(-self.clip, self.clip)));
    }

    /// Of all gates, or of those from one on: what the state gives to their sums.
    fn add_state(&self, sums: &mut [f32], state: &[f32], from: usize) {
        add(sums, &self.around_bias[from..]);
        add_product(sums, state, &self.around, self.around_bias.len(), from);
    }

    /// f(x W + h R).
    fn plain(&self, f: Activation, state: &mut [f32], sums: &mut [f32]) {
        self.add_state(sums, state, 0);
        self.activate(f, sums);
        state.copy_from_slice(sums);
    }

    /// Gates: update, reset; then what is new, of which the first says how much does not come.
    fn gated(&self, product_first: bool, f: Activation, g: Activation, state: &mut [f32], sums: &mut [f32]) {
        let hidden = state.len();
        let (gates, new) = sums.split_at_mut(2 * hidden);
        self.add_state(gates, state, 0);
        self.activate(f, gates);
        let (update, reset) = gates.split_at(hidden);
        if product_first {
            let mut product = vec![0f32; hidden];
            self.add_state(&mut product, state, 2 * hidden);
            new.iter_mut()
                .zip(&product)
                .zip(reset)
                .for_each(|((new, product), reset)| *new += product * reset);
        } else {
            let kept: Vec<f32> = state.iter().zip(reset).map(|(state, reset)| state * reset).collect();
            self.add_state(new, &kept, 2 * hidden);
        }
        self.activate(g, new);
        for ((state, new), update) in state.iter_mut().zip(&*new).zip(update) {
            *state = (1.0 - update) * new + update * *state;
        }
    }

    /// Gates: input, output, forget; then what is new.
    fn remembering(
        &self,
        couples: bool,
        [f, g, h]: [Activation; 3],
        state: &mut [f32],
        cell: &mut [f32],
        sums: &mut [f32],
    ) {
        let hidden = state.len();
        self.add_state(sums, state, 0);
        let (input, rest) = sums.split_at_mut(hidden);
        let (output, rest) = rest.split_at_mut(hidden);
        let (forget, new) = rest.split_at_mut(hidden);
        self.see(input, cell, 0);
        self.see(forget, cell, 2);
        self.activate(f, input);
        self.activate(f, forget);
        self.activate(g, new);
        if couples {
            forget.iter_mut().zip(&*input).for_each(|(forget, input)| *forget = 1.0 - input);
        }
        let gates = input.iter().zip(&*forget).zip(&*new);
        for (cell, ((input, forget), new)) in cell.iter_mut().zip(gates) {
            *cell = forget * *cell + input * new;
        }
        self.see(output, cell, 1);
        self.activate(f, output);
        state.iter_mut().zip(&*cell).for_each(|(state, cell)| *state = h.at(*cell));
        state.iter_mut().zip(&*output).for_each(|(state, output)| *state *= output);
    }

    /// A gate sees the cell, where it does.
    fn see(&self, gate: &mut [f32], cell: &[f32], which: usize) {
        let peephole = self.peepholes.chunks(gate.len()).nth(which).unwrap_or_default();
        gate.iter_mut()
            .zip(cell.iter().zip(peephole))
            .for_each(|(gate, (cell, weight))| *gate += cell * weight);
    }
}

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

/// Adds a vector times some columns of a matrix, from one on: row by row, so that all columns go at once.
fn add_product(sums: &mut [f32], vector: &[f32], matrix: &[f32], width: usize, from: usize) {
    for (value, row) in vector.iter().zip(matrix.chunks_exact(width)) {
        add_times(sums, *value, &row[from..]);
    }
}

fn add_times(sums: &mut [f32], value: f32, row: &[f32]) {
    sums.iter_mut().zip(row).for_each(|(sum, weight)| *sum += value * weight);
}
