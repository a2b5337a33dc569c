//! Support vector machines.

use super::{add, add_scaled};
use crate::blocks::{Block, Feature, Loops, exp, widest};
use crate::models::Math;
use crate::models::support_vector::Kernel;
use std::sync::Arc;

/// Machines over columns: the value of each.
#[derive(Debug)]
pub(crate) struct KernelMachines {
    pub(crate) features: Vec<Feature>,
    /// The entries of vectors, in order.
    pub(crate) fields: Vec<VectorField>,
    pub(crate) kernel: Kernel,
    pub(crate) vectors: Arc<Vec<Vec<f64>>>,
    pub(crate) machines: Vec<KernelMachine>,
    pub(crate) math: Math,
}

/// One entry of a vector, by the feature's place.
#[derive(Clone, Copy, Debug)]
pub(crate) enum VectorField {
    Number(usize),
    /// 1 where the feature has this number, else 0.
    Category(usize, f64),
}

/// One machine.
#[derive(Debug)]
pub(crate) struct KernelMachine {
    /// Support vectors by place; empty where the coefficients are of fields.
    pub(crate) vectors: Vec<usize>,
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
}

/// Rows that are taken through all support vectors together: their vectors stay in the first-level cache.
const ROWS: usize = 64;

impl Block for KernelMachines {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.machines.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for KernelMachines {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.resize((self.fields.len() + 1) * ROWS, 0.0);
        for first in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - first);
            let (x, kernels) = scratch.split_at_mut(self.fields.len() * ROWS);
            for (field, place) in self.fields.iter().zip(x.chunks_exact_mut(ROWS)) {
                self.entries(*field, columns, rows, first, &mut place[..count]);
            }
            for (machine, values) in self.machines.iter().zip(values.chunks_exact_mut(rows)) {
                self.evaluate(machine, x, kernels, &mut values[first..first + count]);
            }
        }
    }
}

impl KernelMachines {
    #[inline(always)]
    fn entries(&self, field: VectorField, columns: &[f64], rows: usize, first: usize, into: &mut [f64]) {
        let column = |feature: usize| &columns[feature * rows + first..feature * rows + first + into.len()];
        match field {
            VectorField::Number(feature) => {
                let column = column(feature);
                into.iter_mut().zip(column).for_each(|(own, x)| *own = self.math.round(*x));
            }
            VectorField::Category(feature, value) => {
                let column = column(feature);
                into.iter_mut().zip(column).for_each(|(own, x)| *own = f64::from(u8::from(*x == value)));
            }
        }
    }

    #[inline(always)]
    fn evaluate(&self, machine: &KernelMachine, x: &[f64], kernels: &mut [f64], sums: &mut [f64]) {
        sums.fill(0.0);
        let math = self.math;
        if machine.vectors.is_empty() {
            for (entry, coefficient) in x.chunks_exact(ROWS).zip(&machine.coefficients) {
                add_scaled(sums, entry, *coefficient, math);
            }
        }
        for (vector, coefficient) in machine.vectors.iter().zip(&machine.coefficients) {
            self.kernel.of_rows(x, &self.vectors[*vector], kernels, math);
            add_scaled(sums, kernels, *coefficient, math);
        }
        add(sums, machine.intercept, math);
    }
}

impl Kernel {
    /// Of one vector and `ROWS` rows: `x` [entries][ROWS].
    #[inline(always)]
    fn of_rows(self, x: &[f64], vector: &[f64], kernels: &mut [f64], math: Math) {
        kernels.fill(0.0);
        if let Kernel::RadialBasis { gamma } = self {
            for (entry, y) in x.chunks_exact(ROWS).zip(vector) {
                for (sum, x) in kernels.iter_mut().zip(entry) {
                    *sum = math.round(*sum + math.round((x - y) * (x - y)));
                }
            }
            kernels.iter_mut().for_each(|sum| *sum = math.round(exp(-gamma * *sum)));
            return;
        }
        for (entry, y) in x.chunks_exact(ROWS).zip(vector) {
            add_scaled(kernels, entry, *y, math);
        }
        kernels.iter_mut().for_each(|dot| *dot = self.of_dot(*dot, math));
    }
}
