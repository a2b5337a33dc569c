//! Trees whose answers are joined, as one forest: what a `<MiningModel>` of trees runs on where that is exact.
//!
//! Rows that the forest does not cover (a missing value where no side of a split takes it, a value that is no number)
//! are told apart, and go through the trees as the document has them.

mod alone;
mod join;
mod lower;

pub(crate) use alone::Alone;
pub(crate) use join::{Join, Joined, Trees};

use crate::blocks::{Block, Feature, RowValues};
use crate::run::Cx;
use landfall_forest::{Forest, Real, Rows, narrowed};
use smallvec::SmallVec;
use std::fmt::Debug;

/// Values on the stack of one row's evaluation.
const ROW: usize = 64;

/// Rows that are put together at a time.
const TILE: usize = 64;

/// Columns that are written at a time.
const TOGETHER: usize = 4;

/// A forest with the slots that it reads.
#[derive(Debug)]
pub(crate) struct Lowered {
    features: Vec<Feature>,
    outputs: usize,
    forest: Box<dyn Sums>,
}

impl Block for Lowered {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.outputs
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        self.forest.sum(columns, rows, values, scratch);
    }

    fn run_single(&self, columns: &[&[f32]], values: &mut [f64], scratch: &mut Vec<f64>) -> bool {
        self.forest.sum_single(columns, values, scratch)
    }

    fn prepare(&self) {
        self.forest.prepare();
    }

    fn trees(&self) -> usize {
        self.forest.trees()
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.forest.bytes()
    }
}

impl Lowered {
    /// The sums of the row that is being evaluated, alone; `None` where the row is not the forest's. A value that is
    /// refused makes it not: the trees may never come to ask for it.
    fn one_row(&self, cx: &mut Cx<'_>) -> Option<RowValues> {
        let mut numbers: SmallVec<[f64; ROW]> = SmallVec::with_capacity(self.features.len());
        for feature in &self.features {
            numbers.push(feature.number(cx.get(feature.slot).ok()?)?);
        }
        let mut sums = RowValues::from_elem(0.0, self.outputs);
        self.forest.sum(&numbers, 1, &mut sums, &mut Vec::new());
        Some(sums)
    }
}

/// A forest whatever it compares and adds in: columns [features][rows] to sums [outputs][rows]. A row that no leaf of
/// some tree answers gets sums that are not numbers.
trait Sums: Send + Sync + Debug {
    fn sum(&self, columns: &[f64], rows: usize, sums: &mut [f64], scratch: &mut Vec<f64>);
    /// The same of columns in single precision; `false` where it does not take them.
    fn sum_single(&self, columns: &[&[f32]], sums: &mut [f64], scratch: &mut Vec<f64>) -> bool;
    /// Makes its layouts now.
    fn prepare(&self);
    fn trees(&self) -> usize;
    #[cfg(test)]
    fn bytes(&self) -> usize;
}

impl<X: Real, Y: Real> Sums for Forest<X, Y> {
    fn sum(&self, columns: &[f64], rows: usize, sums: &mut [f64], scratch: &mut Vec<f64>) {
        let (width, outputs) = (self.features(), self.outputs());
        scratch.resize(rows * width + sums.len(), 0.0);
        let (matrix, added) = scratch.split_at_mut(rows * width);
        let added = &mut bytemuck::cast_slice_mut::<f64, Y>(added)[..sums.len()];
        added.fill(Y::ZERO);
        let trees = 0..Forest::trees(self);
        let by_columns = rows > 1 && self.takes_columns(rows);
        let narrow = &mut bytemuck::cast_slice_mut::<f64, f32>(matrix)[..rows * width];
        if by_columns && narrowed(columns, narrow) {
            // Compared in half the time.
            let columns: Columns<'_, f32> = narrow.chunks_exact(rows).collect();
            self.add_margins_of_f32_columns(&columns, trees, added);
            return spread(added, outputs, sums);
        }
        let matrix = &mut bytemuck::cast_slice_mut::<f64, X>(matrix)[..rows * width];
        if rows == 1 {
            matrix.iter_mut().zip(columns).for_each(|(own, x)| *own = X::of(*x));
            self.add_margins(Rows::new(matrix, rows, width), trees, added);
        } else if by_columns {
            matrix.iter_mut().zip(columns).for_each(|(own, x)| *own = X::of(*x));
            let columns: Columns<'_, X> = matrix.chunks_exact(rows).collect();
            self.add_margins_of_columns(&columns, trees, added);
        } else {
            transpose(columns, rows, width, matrix);
            self.add_margins(Rows::new(matrix, rows, width), trees, added);
        }
        spread(added, outputs, sums);
    }

    fn sum_single(&self, columns: &[&[f32]], sums: &mut [f64], scratch: &mut Vec<f64>) -> bool {
        scratch.resize(sums.len(), 0.0);
        let added = &mut bytemuck::cast_slice_mut::<f64, Y>(scratch)[..sums.len()];
        added.fill(Y::ZERO);
        if !self.add_margins_of_f32_columns(columns, 0..Forest::trees(self), added) {
            return false;
        }
        spread(added, self.outputs(), sums);
        true
    }

    fn prepare(&self) {
        Forest::prepare(self);
    }

    fn trees(&self) -> usize {
        Forest::trees(self)
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.memory_bytes()
    }
}

/// A column for each feature.
type Columns<'c, X> = SmallVec<[&'c [X]; ROW]>;

/// Sums [rows][outputs] to [outputs][rows].
fn spread<Y: Real>(added: &[Y], outputs: usize, sums: &mut [f64]) {
    let rows = added.len() / outputs.max(1);
    for (place, sums) in sums.chunks_exact_mut(rows.max(1)).enumerate() {
        for (sum, added) in sums.iter_mut().zip(added[place..].iter().step_by(outputs)) {
            *sum = added.wide();
        }
    }
}

/// Columns [width][rows] to rows [rows][width]. A tile's rows stay in the first-level cache while all columns are written
/// into them, some columns at a time.
fn transpose<X: Real>(columns: &[f64], rows: usize, width: usize, matrix: &mut [X]) {
    for (tile, tile_rows) in matrix.chunks_mut((TILE * width).max(1)).enumerate() {
        let count = TILE.min(rows - tile * TILE);
        let column = |place: usize| &columns[place * rows + tile * TILE..][..count];
        let mut place = 0;
        while place + TOGETHER <= width {
            let together: [&[f64]; TOGETHER] = std::array::from_fn(|at| column(place + at));
            for (row, into) in tile_rows.chunks_exact_mut(width).enumerate() {
                if let Some(into) = into[place..].first_chunk_mut::<TOGETHER>() {
                    for (own, column) in into.iter_mut().zip(&together) {
                        *own = X::of(column[row]);
                    }
                }
            }
            place += TOGETHER;
        }
        for place in place..width {
            for (into, value) in tile_rows.chunks_exact_mut(width).zip(column(place)) {
                into[place] = X::of(*value);
            }
        }
    }
}
