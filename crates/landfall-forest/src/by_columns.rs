//! Rows that come as columns: a block takes its columns as they are, instead of out of a matrix.

use crate::kernel::{FEWEST, run_blocks};
use crate::sliced::{Question, Way};
use crate::{Forest, Instructions, Real, Rows};
use std::ops::Range;

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Whether [`Forest::add_margins_of_columns`] takes so many rows: not where the trees ask for whole rows, and not where
    /// rows are so few that other kernels are faster.
    pub fn takes_columns(&self, rows: usize) -> bool {
        let trees = &self.compiled;
        if rows < FEWEST || trees.features == 0 {
            return false;
        }
        let Some(sliced) = self.layouts.sliced::<X>(trees) else { return false };
        let by_row = |way: &Way| matches!(way, Way::Lanes | Way::Upper { .. });
        let of_row = |question: &Question<X>| matches!(question, Question::Node(_));
        !trees.trees.iter().any(|tree| tree.is_linear)
            && !sliced.trees.iter().any(by_row)
            && !sliced.others.iter().any(|asked| of_row(&asked.question))
    }

    /// As [`Forest::add_margins`], with the same sums to the last bit, of one column for each feature. `false`, and nothing
    /// is added, where [`Forest::takes_columns`] says so.
    ///
    /// # Panics
    /// When there are fewer columns than the forest's features, columns are shorter than `sums` has rows, or `trees` is out
    /// of range.
    pub fn add_margins_of_columns(&self, columns: &[&[X]], trees: Range<usize>, sums: &mut [Y]) -> bool {
        self.add_columns(columns, trees, sums)
    }

    /// The same of columns of float32, whatever numbers the trees compare.
    ///
    /// # Panics
    /// As [`Forest::add_margins_of_columns`].
    pub fn add_margins_of_f32_columns(
        &self,
        columns: &[&[f32]],
        trees: Range<usize>,
        sums: &mut [Y],
    ) -> bool {
        self.add_columns(columns, trees, sums)
    }

    fn add_columns<R: Real>(&self, columns: &[&[R]], trees: Range<usize>, sums: &mut [Y]) -> bool {
        let compiled = &self.compiled;
        let rows = sums.len() / compiled.outputs.max(1);
        if !self.takes_columns(rows) {
            return false;
        }
        assert!(columns.len() >= compiled.features && columns.iter().all(|column| column.len() >= rows));
        match self.block_job(Rows::new(&[], rows, 0), columns, trees) {
            Some(job) => run_blocks(Instructions::best(), &job, sums),
            None => return false,
        }
        true
    }
}
