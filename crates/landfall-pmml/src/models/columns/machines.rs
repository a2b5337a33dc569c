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
    /// The same, some side by side: [`side_by_side`].
    pub(crate) lanes: Vec<f64>,
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

/// Rows that are taken through all support vectors together: their vectors stay in the first-level cache. And support
/// vectors that one row is held against side by side.
pub(crate) const LANES: usize = 64;

/// Rows at a time.
const ROWS: usize = LANES;

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
        // Each arithmetic has its own loops.
        match self.math.float {
            true => self.all(columns, rows, values, scratch, Math { float: true }),
            false => self.all(columns, rows, values, scratch, Math { float: false }),
        }
    }
}

impl KernelMachines {
    #[inline(always)]
    fn all(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>, math: Math) {
        let entries = self.fields.len();
        let alone = self.vectors.len().next_multiple_of(LANES);
        scratch.resize(entries * ROWS + alone, 0.0);
        let mut first = 0;
        while first < rows {
            let few = rows - first < ROWS / 4 && entries > 0;
            let count = if few { 1 } else { ROWS.min(rows - first) };
            let (x, kernels) = scratch.split_at_mut(entries * ROWS);
            for (field, place) in self.fields.iter().zip(x.chunks_exact_mut(ROWS)) {
                field.entries(columns, rows, first, &mut place[..count], math);
            }
            if count == 1 {
                self.kernels_of_row(x, kernels, math);
            }
            for (machine, values) in self.machines.iter().zip(values.chunks_exact_mut(rows)) {
                let sums = &mut values[first..first + count];
                if machine.vectors.is_empty() {
                    self.of_fields(machine, x, sums, math);
                } else if count == 1 {
                    let add = |sum: f64, (vector, c): (&usize, &f64)| {
                        math.round(sum + math.round(kernels[*vector] * c))
                    };
                    sums[0] = machine.vectors.iter().zip(&machine.coefficients).fold(0.0, add);
                } else {
                    self.of_rows(machine, x, sums, math);
                }
                add(sums, machine.intercept, math);
            }
            first += count;
        }
    }

    /// A machine of one coefficient for each entry.
    #[inline(always)]
    fn of_fields(&self, machine: &KernelMachine, x: &[f64], sums: &mut [f64], math: Math) {
        sums.fill(0.0);
        for (entry, coefficient) in x.chunks_exact(ROWS).zip(&machine.coefficients) {
            add_scaled(sums, entry, *coefficient, math);
        }
    }

    /// A machine's sum for rows side by side: `x` [entries][ROWS].
    #[inline(always)]
    fn of_rows(&self, machine: &KernelMachine, x: &[f64], sums: &mut [f64], math: Math) {
        let mut own = [0.0; ROWS];
        let mut kernels = [0.0; ROWS];
        for (vector, coefficient) in machine.vectors.iter().zip(&machine.coefficients) {
            self.kernel.of_many(x, self.vectors[*vector].iter().copied(), &mut kernels, math);
            add_scaled(&mut own, &kernels, *coefficient, math);
        }
        sums.copy_from_slice(&own[..sums.len()]);
    }

    /// One row's kernels with all support vectors, these side by side: the row is the first of `x`.
    #[inline(always)]
    fn kernels_of_row(&self, x: &[f64], kernels: &mut [f64], math: Math) {
        let width = self.fields.len() * LANES;
        for (lanes, kernels) in self.lanes.chunks_exact(width.max(1)).zip(kernels.chunks_exact_mut(LANES)) {
            self.kernel.of_many(lanes, x.iter().step_by(ROWS).copied(), kernels, math);
        }
    }
}

impl VectorField {
    #[inline(always)]
    fn entries(self, columns: &[f64], rows: usize, first: usize, into: &mut [f64], math: Math) {
        let column = |feature: usize| &columns[feature * rows + first..feature * rows + first + into.len()];
        match self {
            VectorField::Number(feature) => {
                let column = column(feature);
                for (own, x) in into.iter_mut().zip(column) {
                    *own = math.round(*x);
                }
            }
            VectorField::Category(feature, value) => {
                let column = column(feature);
                for (own, x) in into.iter_mut().zip(column) {
                    *own = f64::from(u8::from(*x == value));
                }
            }
        }
    }
}

/// The entries of all support vectors, [vectors / LANES][entries][LANES]; zeros behind the last vector.
pub(crate) fn side_by_side(vectors: &[Vec<f64>], entries: usize) -> Vec<f64> {
    let mut lanes = vec![0.0; vectors.len().div_ceil(LANES) * entries * LANES];
    for (place, vector) in vectors.iter().enumerate() {
        for (entry, number) in vector.iter().enumerate() {
            lanes[(place / LANES * entries + entry) * LANES + place % LANES] = *number;
        }
    }
    lanes
}

impl Kernel {
    /// Of `LANES` vectors (`many`: [entries][LANES]) and one, entry by entry.
    #[inline(always)]
    fn of_many(self, many: &[f64], one: impl Iterator<Item = f64>, kernels: &mut [f64], math: Math) {
        kernels.fill(0.0);
        let mut many = many.chunks_exact(LANES);
        let mut one = one;
        if let Kernel::RadialBasis { gamma } = self {
            // Two entries at a time: sums are loaded and stored half as often.
            while let (Some(a), Some(x)) = (many.next(), one.next()) {
                match (many.next(), one.next()) {
                    (Some(b), Some(y)) => {
                        for ((sum, a), b) in kernels.iter_mut().zip(a).zip(b) {
                            let with = math.round(*sum + math.round((a - x) * (a - x)));
                            *sum = math.round(with + math.round((b - y) * (b - y)));
                        }
                    }
                    _ => {
                        for (sum, a) in kernels.iter_mut().zip(a) {
                            *sum = math.round(*sum + math.round((a - x) * (a - x)));
                        }
                    }
                }
            }
            for sum in kernels {
                *sum = math.round(exp(-gamma * *sum));
            }
            return;
        }
        for (entry, y) in many.zip(one) {
            add_scaled(kernels, entry, y, math);
        }
        for dot in kernels {
            *dot = self.of_dot(*dot, math);
        }
    }
}
