//! A few rows by ranks ([`crate::conditions`]): written once for the layouts that name slots of ranks, and compiled for each
//! instruction set.

use crate::conditions::{Conditions, Count};
use crate::trees::Trees;
use crate::{Real, Rows};
use std::ops::Range;

/// Slots of a row's ranks that a layout can name; no question has the last one, which holds rank 0.
pub(crate) const SLOTS: usize = 256;
/// Questions of their own that are asked of each row, whether a way comes to them or not.
const OTHERS: usize = 16;
/// Rows that are ranked before they go through the trees.
const BLOCK_ROWS: usize = 16;

/// A layout of trees that go by a row's ranks.
pub(crate) trait ByRanks<X, Y>: Sized {
    /// Adds the leaves that these rows of the job come to, each to its row's sums.
    fn add_leaves<R: Real>(
        &self,
        job: &RowJob<'_, R, X, Y, Self>,
        rows: Range<usize>,
        ranks: &[[u8; SLOTS]],
        sums: &mut [Y],
    );
}

/// A few rows of numbers of type `R` through trees.
pub(crate) struct RowJob<'a, R, X, Y, L> {
    pub(crate) forest: &'a Trees<X, Y>,
    pub(crate) conditions: &'a Conditions<R>,
    pub(crate) layout: &'a L,
    pub(crate) rows: Rows<'a, R>,
    pub(crate) trees: Range<usize>,
}

/// Whether a row's ranks have slots for these questions.
pub(crate) fn fits<X: Real>(conditions: &Conditions<X>) -> bool {
    conditions.slots() < SLOTS && conditions.others.len() <= OTHERS
}

impl<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>> RowJob<'_, R, X, Y, L> {
    /// Adds the trees' leaves to all rows' sums. Inlined into a function for each instruction set.
    #[inline(always)]
    pub(crate) fn run<C: Count<R>>(&self, sums: &mut [Y], counted: &C) {
        let conditions = self.conditions;
        if self.rows.len() == 1 {
            let mut ranks = [0; SLOTS];
            conditions.rank_row(self.forest, self.rows.row(0), &mut ranks, counted);
            self.layout.add_leaves(self, 0..1, &[ranks], sums);
            return;
        }
        let outputs = self.forest.outputs;
        let mut ranks = [[0; SLOTS]; BLOCK_ROWS];
        for start in (0..self.rows.len()).step_by(BLOCK_ROWS) {
            let end = self.rows.len().min(start + BLOCK_ROWS);
            for (row, ranks) in (start..end).zip(&mut ranks) {
                conditions.rank_row(self.forest, self.rows.row(row), ranks, counted);
            }
            self.layout.add_leaves(self, start..end, &ranks, &mut sums[start * outputs..end * outputs]);
        }
    }
}
