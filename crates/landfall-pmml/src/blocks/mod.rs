//! Columns instead of rows: what models compute over a block of rows before each row is evaluated.
//!
//! A model whose answer is arithmetic over numbers hands in a [`Block`] when it is read. Rows of a call are then taken a
//! block at a time. Where all that the document's models do is known over columns, a block goes through them as columns
//! from the data to the answered fields ([`BlockCx`]). Else each block's columns are filled once ([`fill`]), all its rows
//! are computed with the rows side by side, and a row's own evaluation finds the result ([`Cx::ahead`]). Either way a row
//! that is not the block's (a value missing that is needed, one that is no number) is computed as ever, alone. All give
//! the same bits.

mod cells;
mod cx;
mod features;
mod fill;
mod simd;
mod straight;
mod way;

pub(crate) use cells::{Answers, Cells, CellsView, best};
pub(crate) use cx::{BlockCx, BlockData, BlockMemory};
pub(crate) use features::{Coding, Feature, Features};
pub(crate) use fill::{BLOCK_ROWS, LEAST_ROWS};
pub(crate) use simd::{Loops, Step, each, exp, power_of_two, widest};

use crate::run::Cx;
use smallvec::SmallVec;
use std::fmt::Debug;
use std::sync::Arc;

/// A model's place among the document's blocks.
pub(crate) type BlockId = usize;

/// What a block gives one row.
pub(crate) type RowValues = SmallVec<[f64; 8]>;

/// Places of classes, one for each value that a block gives.
pub(crate) type RowPlaces = SmallVec<[u32; 8]>;

/// Arithmetic over columns.
pub(crate) trait Block: Send + Sync + Debug {
    /// What it reads.
    fn features(&self) -> &[Feature];

    /// How many values it gives each row.
    fn outputs(&self) -> usize;

    /// Computes: `columns` [features][rows], `values` [outputs][rows].
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>);

    /// As [`Block::run`], of columns in single precision as the data has them, where what is not a number is missing;
    /// `false` where it does not take them.
    fn run_single(&self, _: &[&[f32]], _: &mut [f64], _: &mut Vec<f64>) -> bool {
        false
    }

    /// Makes now what it would else make with the first rows.
    fn prepare(&self) {}

    /// How many trees it stands for.
    fn trees(&self) -> usize {
        0
    }

    /// Bytes of what it has made of its trees so far.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        0
    }
}

/// A thread's memory for one block.
#[derive(Debug, Default)]
pub(crate) struct BlockRows {
    columns: Vec<f64>,
    /// [outputs][rows].
    pub(crate) values: Vec<f64>,
    scratch: Vec<f64>,
    /// Which rows are the block's.
    covered: Vec<bool>,
    /// The block's first row within the call.
    first: usize,
    /// Whether it cannot be computed ahead in this document.
    useless: bool,
}

impl BlockRows {
    /// Begins a block: all rows are its own until one turns out not to be.
    fn start(&mut self, first: usize, rows: usize, features: usize) {
        self.first = first;
        // Each number is written before it is read.
        self.columns.resize(rows * features, 0.0);
        self.covered.clear();
        self.covered.resize(rows, true);
    }

    /// The numbers of one feature.
    fn column(&mut self, place: usize) -> FeatureColumn<'_> {
        let rows = self.covered.len();
        let numbers = &mut self.columns[place * rows..(place + 1) * rows];
        FeatureColumn { numbers, covered: &mut self.covered }
    }

    fn finish(&mut self, block: &dyn Block) {
        let rows = self.covered.len();
        self.values.clear();
        self.values.resize(rows * block.outputs(), 0.0);
        if rows == 0 {
            return;
        }
        block.run(&self.columns, rows, &mut self.values, &mut self.scratch);
    }

    /// [`BlockRows::finish`] of the data's own columns; `false` where the block does not take them.
    fn finish_single(&mut self, block: &dyn Block, columns: &[&[f32]]) -> bool {
        self.values.clear();
        self.values.resize(self.covered.len() * block.outputs(), 0.0);
        !self.covered.is_empty() && block.run_single(columns, &mut self.values, &mut self.scratch)
    }

    /// Forgets the block.
    pub(crate) fn clear(&mut self) {
        self.covered.clear();
    }

    fn of_row(&self, row: usize) -> Option<RowValues> {
        let at = row.checked_sub(self.first)?;
        let covered = *self.covered.get(at)?;
        covered.then(|| self.values.iter().skip(at).step_by(self.covered.len()).copied().collect())
    }
}

/// One feature's numbers in a block of rows.
struct FeatureColumn<'r> {
    numbers: &'r mut [f64],
    covered: &'r mut [bool],
}

impl<B: Block + ?Sized> Block for Arc<B> {
    fn features(&self) -> &[Feature] {
        self.as_ref().features()
    }

    fn outputs(&self) -> usize {
        self.as_ref().outputs()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        self.as_ref().run(columns, rows, values, scratch);
    }

    fn run_single(&self, columns: &[&[f32]], values: &mut [f64], scratch: &mut Vec<f64>) -> bool {
        self.as_ref().run_single(columns, values, scratch)
    }

    fn prepare(&self) {
        self.as_ref().prepare();
    }

    fn trees(&self) -> usize {
        self.as_ref().trees()
    }

    #[cfg(test)]
    fn bytes(&self) -> usize {
        self.as_ref().bytes()
    }
}

impl FeatureColumn<'_> {
    /// The same, for one of several writers.
    fn again(&mut self) -> FeatureColumn<'_> {
        FeatureColumn { numbers: self.numbers, covered: self.covered }
    }

    /// Takes a number for each row; a row without one is not the block's.
    fn fill(self, numbers: impl Iterator<Item = Option<f64>>) {
        for ((place, covered), number) in self.numbers.iter_mut().zip(self.covered).zip(numbers) {
            *place = number.unwrap_or(f64::NAN);
            *covered &= number.is_some();
        }
    }
}

impl Cx<'_> {
    /// What a block has computed for the row that is being evaluated.
    #[inline]
    pub(crate) fn ahead(&self, block: Option<BlockId>) -> Option<RowValues> {
        self.w.blocks[block?].of_row(self.w.row_of_call)
    }
}
