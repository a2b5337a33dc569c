//! Layers of neurons.

use super::{add, weighted_sums};
use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::Math;
use crate::models::neural::Activation;
use crate::models::normalization::Normalization;

/// A network over columns: the values of its output neurons.
#[derive(Debug)]
pub(crate) struct Layers {
    /// One for each input neuron, in order.
    pub(crate) features: Vec<Feature>,
    /// In the order of evaluation; an input neuron's place is its feature's.
    pub(crate) neurons: Vec<LayersNeuron>,
    /// Neurons that are normalised together after they are all evaluated: from, to, how.
    pub(crate) normalised: Vec<(usize, usize, Normalization)>,
    /// Places of the neurons that are asked for.
    pub(crate) outputs: Vec<usize>,
    pub(crate) math: Math,
}

/// One neuron.
#[derive(Debug)]
pub(crate) struct LayersNeuron {
    pub(crate) bias: f64,
    pub(crate) activation: Activation,
    pub(crate) threshold: f64,
    /// Neuron by place, and weight.
    pub(crate) connections: Vec<(usize, f64)>,
}

impl Block for Layers {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.outputs.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Layers {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        let inputs = self.features.len();
        scratch.resize((inputs + self.neurons.len()) * rows, 0.0);
        for (place, x) in scratch.iter_mut().zip(columns) {
            *place = self.math.round(*x);
        }
        let mut normalised = self.normalised.iter().peekable();
        for (at, neuron) in self.neurons.iter().enumerate() {
            let (before, rest) = scratch.split_at_mut((inputs + at) * rows);
            self.evaluate(neuron, before, &mut rest[..rows]);
            if let Some((from, _, how)) = normalised.next_if(|(_, to, _)| *to == inputs + at + 1) {
                self.normalise(&mut scratch[from * rows..(inputs + at + 1) * rows], rows, *how);
            }
        }
        for (output, value) in self.outputs.iter().zip(values.chunks_exact_mut(rows)) {
            value.copy_from_slice(&scratch[output * rows..(output + 1) * rows]);
        }
    }
}

impl Layers {
    #[inline(always)]
    fn evaluate(&self, neuron: &LayersNeuron, before: &[f64], sums: &mut [f64]) {
        // Each arithmetic has its own loops.
        match self.math.float {
            true => neuron.evaluate(before, sums, Math { float: true }),
            false => neuron.evaluate(before, sums, Math { float: false }),
        }
    }

    fn normalise(&self, layer: &mut [f64], rows: usize, how: Normalization) {
        let mut of_row = vec![0.0; layer.len() / rows];
        for row in 0..rows {
            of_row
                .iter_mut()
                .zip(layer.iter().skip(row).step_by(rows))
                .for_each(|(own, value)| *own = *value);
            how.all(&mut of_row, self.math);
            layer.iter_mut().skip(row).step_by(rows).zip(&of_row).for_each(|(value, own)| *value = *own);
        }
    }
}

impl LayersNeuron {
    #[inline(always)]
    fn evaluate(&self, before: &[f64], sums: &mut [f64], math: Math) {
        weighted_sums(before, sums.len(), 0, &self.connections, sums, math);
        add(sums, self.bias, math);
        match self.activation {
            Activation::Rectifier => {
                for z in sums {
                    *z = math.round(z.max(0.0));
                }
            }
            Activation::Identity => {}
            Activation::Logistic => {
                for z in sums {
                    *z = math.round(Activation::Logistic.of(*z, 0.0));
                }
            }
            activation => {
                for z in sums {
                    *z = math.round(activation.of(*z, self.threshold));
                }
            }
        }
    }
}
