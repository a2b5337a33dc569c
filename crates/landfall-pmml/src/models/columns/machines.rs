//! Support vector machines.

use super::add;
use super::kernels::{LANES, Vectors};
use crate::blocks::{Block, Feature, Loops, RowValues, widest};
use crate::models::Math;
use smallvec::SmallVec;
use std::ops::Range;

/// Machines over columns: the value of each.
#[derive(Debug)]
pub(crate) struct KernelMachines {
    features: Vec<Feature>,
    /// The entries of vectors, in order.
    fields: Vec<VectorField>,
    vectors: Vectors,
    /// Vectors whose kernels are made, and then added up, at a time.
    part: usize,
    machines: Vec<KernelMachine>,
    math: Math,
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
    /// Coefficients of support vectors, or of entries, by their places, in the document's order: it is the one in which
    /// libraries add them up, and what long sums lose shows where libraries are compared.
    weights: Vec<(usize, f64)>,
    of_entries: bool,
    intercept: f64,
    /// For each part of the vectors the weights that are of them.
    parts: Vec<Range<usize>>,
}

/// Entries on the stack of one row's evaluation.
const ROW: usize = 64;

/// From so many rows on they go side by side, though some places stay empty.
const FEWEST: usize = 4;

/// Vectors whose kernels with rows side by side stay in the first-level cache.
const PART: usize = 128;

impl KernelMachine {
    pub(crate) fn new(weights: Vec<(usize, f64)>, of_entries: bool, intercept: f64) -> Self {
        KernelMachine { weights, of_entries, intercept, parts: Vec::new() }
    }

    /// Finds the weights of each part of so many vectors; one part of all has all.
    fn divide(&mut self, part: usize, all: usize) {
        let mut from = 0;
        for first in (0..all).step_by(part) {
            let end = if part < all { first + part } else { usize::MAX };
            let count = self.weights[from..].iter().take_while(|(vector, _)| *vector < end).count();
            self.parts.push(from..from + count);
            from += count;
        }
    }
}

/// Adds columns [columns][N], by their places from `first` on, times their weights to sums of N rows.
struct Weighted<'m, const N: usize> {
    weights: &'m [(usize, f64)],
    first: usize,
    math: Math,
}

impl<const N: usize> Loops for Weighted<'_, N> {
    #[inline(always)]
    fn run(&self, columns: &[f64], _: usize, sums: &mut [f64], _: &mut Vec<f64>) {
        // Each arithmetic has its own loops.
        match self.math.float {
            true => self.add(columns, sums, Math { float: true }),
            false => self.add(columns, sums, Math { float: false }),
        }
    }
}

impl<const N: usize> Weighted<'_, N> {
    #[inline(always)]
    fn add(&self, columns: &[f64], sums: &mut [f64], math: Math) {
        let (columns, _) = columns.as_chunks::<N>();
        let mut own = [0.0; N];
        own[..sums.len()].copy_from_slice(sums);
        for (place, coefficient) in self.weights {
            let column = &columns[place - self.first];
            for row in 0..N {
                own[row] = math.round(own[row] + math.round(column[row] * coefficient));
            }
        }
        sums.copy_from_slice(&own[..sums.len()]);
    }
}

impl Block for KernelMachines {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.machines.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        let mut first = 0;
        while first < rows {
            let left = rows - first;
            if left < FEWEST {
                self.rows::<1>(columns, first..first + 1, rows, values, scratch);
                first += 1;
            } else {
                let side_by_side = first..first + left.min(LANES);
                first = side_by_side.end;
                self.rows::<LANES>(columns, side_by_side, rows, values, scratch);
            }
        }
    }
}

impl KernelMachines {
    pub(crate) fn new(
        features: Vec<Feature>,
        fields: Vec<VectorField>,
        vectors: Vectors,
        mut machines: Vec<KernelMachine>,
        math: Math,
    ) -> Self {
        let ascend = |machine: &KernelMachine| machine.weights.is_sorted_by_key(|(vector, _)| *vector);
        let part = if machines.iter().all(ascend) { PART } else { vectors.count().max(LANES) };
        for machine in machines.iter_mut().filter(|machine| !machine.of_entries) {
            machine.divide(part, vectors.count());
        }
        KernelMachines { features, fields, vectors, part, machines, math }
    }

    /// The values of a row of entries.
    pub(crate) fn of_row(&self, x: &[f64]) -> RowValues {
        let mut values = RowValues::from_elem(0.0, self.machines.len());
        let mut x: SmallVec<[[f64; 1]; ROW]> = x.iter().map(|x| [*x]).collect();
        let mut kernels = vec![0.0; self.part_of::<1>()];
        self.machines_of(&mut x, &mut kernels, 0..1, 1, &mut values);
        values
    }

    /// How many vectors N rows are held against at a time: one row's kernels with all take little memory.
    fn part_of<const N: usize>(&self) -> usize {
        if N == 1 { self.vectors.count().max(LANES) } else { self.part }
    }

    /// At most N rows of the block.
    fn rows<const N: usize>(
        &self,
        columns: &[f64],
        of: Range<usize>,
        rows: usize,
        values: &mut [f64],
        scratch: &mut Vec<f64>,
    ) {
        scratch.resize((self.fields.len() + self.part_of::<N>()) * N, 0.0);
        let (x, kernels) = scratch.split_at_mut(self.fields.len() * N);
        let (x, _) = x.as_chunks_mut::<N>();
        for (field, into) in self.fields.iter().zip(&mut *x) {
            field.entries(&columns[field.feature() * rows..][of.clone()], into, self.math);
        }
        self.machines_of::<N>(x, kernels, of, rows, values);
    }

    /// The machines' values for rows of entries, [entries][N].
    fn machines_of<const N: usize>(
        &self,
        x: &mut [[f64; N]],
        kernels: &mut [f64],
        of: Range<usize>,
        rows: usize,
        values: &mut [f64],
    ) {
        let math = self.math;
        for (machine, values) in self.machines.iter().zip(values.chunks_exact_mut(rows)) {
            let sums = &mut values[of.clone()];
            sums.fill(0.0);
            if machine.of_entries {
                let weighted = Weighted::<N> { weights: &machine.weights, first: 0, math };
                widest(&weighted, x.as_flattened(), N, sums, &mut Vec::new());
            }
        }
        let ends = self.vectors.prepared(x);
        for (number, first) in (0..self.vectors.count()).step_by(self.part_of::<N>()).enumerate() {
            self.vectors.kernels(x, ends, first, kernels);
            for (machine, values) in self.machines.iter().zip(values.chunks_exact_mut(rows)) {
                let part =
                    if N == 1 { Some(0..machine.weights.len()) } else { machine.parts.get(number).cloned() };
                if let Some(part) = part.filter(|_| !machine.of_entries) {
                    let weighted = Weighted::<N> { weights: &machine.weights[part], first, math };
                    widest(&weighted, kernels, N, &mut values[of.clone()], &mut Vec::new());
                }
            }
        }
        for (machine, values) in self.machines.iter().zip(values.chunks_exact_mut(rows)) {
            add(&mut values[of.clone()], machine.intercept, math);
        }
    }
}

impl VectorField {
    fn feature(self) -> usize {
        match self {
            VectorField::Number(feature) | VectorField::Category(feature, _) => feature,
        }
    }

    fn entries(self, column: &[f64], into: &mut [f64], math: Math) {
        for (own, x) in into.iter_mut().zip(column) {
            *own = match self {
                VectorField::Number(_) => math.round(*x),
                VectorField::Category(_, value) => f64::from(u8::from(*x == value)),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::support_vector::Kernel;

    const VECTORS: usize = 300;
    const DOUBLE: Math = Math { float: false };

    fn number(seed: usize) -> f64 {
        (seed * 7_919 % 1_009) as f64 / 1_009.0 - 0.5
    }

    fn weights(mut order: Vec<usize>, step: usize) -> Vec<(usize, f64)> {
        order.dedup();
        order.into_iter().map(|vector| (vector, number(vector + step))).collect()
    }

    /// The machines' values of rows by their formula, and by machines over columns: as many rows as there are.
    fn check(orders: &[Vec<usize>], rows: usize) {
        let kernel = Kernel::RadialBasis { gamma: 0.7 };
        let vectors: Vec<Vec<f64>> =
            (0..VECTORS).map(|vector| (0..3).map(|entry| number(vector * 3 + entry)).collect()).collect();
        let mut machines: Vec<KernelMachine> = orders
            .iter()
            .enumerate()
            .map(|(step, order)| KernelMachine::new(weights(order.clone(), step), false, 0.25))
            .collect();
        machines.push(KernelMachine::new(vec![(0, 2.0), (1, -1.0), (2, 0.5)], true, -1.0));
        let all = KernelMachines::new(
            Vec::new(),
            (0..3).map(VectorField::Number).collect(),
            Vectors::new(&vectors, 3, kernel, (10.0, false), DOUBLE),
            machines,
            DOUBLE,
        );
        let columns: Vec<f64> = (0..3 * rows).map(|at| number(at * 31)).collect();
        let mut values = vec![0.0; (orders.len() + 1) * rows];
        all.run(&columns, rows, &mut values, &mut Vec::new());
        for row in 0..rows {
            let x: Vec<f64> = columns[row..].iter().step_by(rows).copied().collect();
            let alone = all.of_row(&x);
            for (machine, value) in values[row..].iter().step_by(rows).enumerate() {
                assert_eq!(
                    value.to_bits(),
                    alone[machine].to_bits(),
                    "machine {machine}, row {row} of {rows}"
                );
                let expected = match orders.get(machine) {
                    Some(order) => {
                        weights(order.clone(), machine).into_iter().fold(0.25, |sum, (vector, c)| {
                            let square: f64 =
                                x.iter().zip(&vectors[vector]).map(|(x, y)| (x - y) * (x - y)).sum();
                            sum + c * (-0.7 * square).exp()
                        })
                    }
                    None => 2.0 * x[0] - x[1] + 0.5 * x[2] - 1.0,
                };
                assert!((value - expected).abs() < 1e-13, "machine {machine}: {value}, expected {expected}");
            }
        }
    }

    #[test]
    fn a_row_that_is_no_number_or_infinitely_far_away_says_so_beside_others() {
        let vectors: Vec<Vec<f64>> = (0..20).map(|vector| vec![number(vector)]).collect();
        let order: Vec<usize> = (0..20).collect();
        let machines = vec![KernelMachine::new(weights(order, 0), false, 0.25)];
        let kernel = Kernel::RadialBasis { gamma: 0.7 };
        let vectors = Vectors::new(&vectors, 1, kernel, (10.0, false), DOUBLE);
        let all = KernelMachines::new(Vec::new(), vec![VectorField::Number(0)], vectors, machines, DOUBLE);
        let columns = [0.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e200];
        let mut values = [0.0; 5];
        all.run(&columns, 5, &mut values, &mut Vec::new());
        for (x, value) in columns.iter().zip(values) {
            assert_eq!(all.of_row(&[*x])[0].to_bits(), value.to_bits(), "{x}");
        }
        assert!(values[0] != 0.25 && values[1].is_nan(), "{values:?}");
        assert_eq!(values[2..], [0.25; 3], "no vector is near");
    }

    #[test]
    fn machines_that_share_vectors_have_their_formula_for_any_number_of_rows() {
        let ascending = [(0..VECTORS).collect(), (100..VECTORS).step_by(3).collect(), vec![0, 127, 128, 299]];
        let mixed = [(0..VECTORS).rev().collect(), (0..50).chain(20..30).collect::<Vec<_>>()];
        for rows in [1, 3, 4, 16, 21, 37] {
            check(&ascending, rows);
            check(&mixed, rows);
        }
    }
}
