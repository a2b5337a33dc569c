//! Trees whose answers are joined, as one forest: what a `<MiningModel>` of trees runs on where that is exact.
//!
//! Rows that the forest does not cover (a missing value where no side of a split takes it, a value that is no number)
//! are told apart, and go through the trees as the document has them.

mod join;
mod lower;

pub(crate) use join::{Join, Joined, Trees};

use crate::blocks::{Block, Feature, RowValues};
use crate::run::Cx;
use landfall_forest::{Forest, Real, Rows};
use smallvec::SmallVec;
use std::fmt::Debug;

/// Values on the stack of one row's evaluation.
const ROW: usize = 64;

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

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], _: &mut Vec<f64>) {
        self.forest.sum(columns, rows, values);
    }

    fn trees(&self) -> usize {
        self.forest.trees()
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
        self.forest.sum(&numbers, 1, &mut sums);
        Some(sums)
    }
}

/// A forest whatever it compares and adds in: columns [features][rows] to sums [outputs][rows]. A row that no leaf of
/// some tree answers gets sums that are not numbers.
trait Sums: Send + Sync + Debug {
    fn sum(&self, columns: &[f64], rows: usize, sums: &mut [f64]);
    fn trees(&self) -> usize;
}

impl<X: Real, Y: Real> Sums for Forest<X, Y> {
    fn sum(&self, columns: &[f64], rows: usize, sums: &mut [f64]) {
        let (width, outputs) = (self.features(), self.outputs());
        let mut matrix: SmallVec<[X; ROW]> = SmallVec::from_elem(X::ZERO, rows * width);
        for (place, column) in columns.chunks_exact(rows).enumerate() {
            for (number, value) in matrix[place..].iter_mut().step_by(width).zip(column) {
                *number = X::of(*value);
            }
        }
        let mut added: SmallVec<[Y; ROW]> = SmallVec::from_elem(Y::ZERO, sums.len());
        self.add_margins(Rows::new(&matrix, rows, width), 0..Forest::trees(self), &mut added);
        for (place, sums) in sums.chunks_exact_mut(rows).enumerate() {
            for (sum, added) in sums.iter_mut().zip(added[place..].iter().step_by(outputs)) {
                *sum = added.wide();
            }
        }
    }

    fn trees(&self) -> usize {
        Forest::trees(self)
    }
}
