//! A layout for a few rows of oblivious trees: a question for each level, as a slot and a rank ([`crate::conditions`]). The
//! answers are the bits of a leaf's number, and those of many trees are found at once.

use crate::Real;
use crate::conditions::Conditions;
use crate::few::{ByRanks, RowJob, SLOTS, fits};
use crate::trees::Trees;
use std::ops::Range;

/// Levels that a tree may have.
const MAX_LEVELS: usize = 16;
/// Questions that are read at once: so many follow the last tree's.
pub(crate) const AT_ONCE: usize = 64;
/// A rank that no other is above.
const NOWHERE: u8 = u8::MAX;

/// The layout of a forest.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    /// Questions that each tree is filled up to, the lowest bit's first: 8 or 16.
    pub(crate) places: usize,
    pub(crate) slots: Vec<u8>,
    pub(crate) ranks: Vec<u8>,
}

impl Levels {
    /// The layout; `None` where not all trees are oblivious, or they ask too many questions.
    pub(crate) fn of<X: Real, Y: Real>(forest: &Trees<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        let depth = forest.depth();
        let oblivious = forest.trees.iter().all(|tree| tree.is_oblivious) && !forest.trees.is_empty();
        if !oblivious || depth > MAX_LEVELS || !fits(conditions) {
            return None;
        }
        let places = if depth <= MAX_LEVELS / 2 { MAX_LEVELS / 2 } else { MAX_LEVELS };
        let total = forest.trees.len() * places + AT_ONCE;
        let mut levels = Levels { places, slots: vec![0; total], ranks: vec![NOWHERE; total] };
        for (number, tree) in forest.trees.iter().enumerate() {
            for level in 0..tree.depth as usize {
                let (slot, rank) = conditions.place(tree.root as usize + level);
                let place = number * places + tree.depth as usize - 1 - level;
                (levels.slots[place], levels.ranks[place]) = (slot as u8, rank);
            }
        }
        Some(levels)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.slots.len() + self.ranks.len()
    }
}

impl<X: Real, Y: Real> ByRanks<X, Y> for Levels {
    #[inline(always)]
    fn add_leaves<R: Real>(
        &self,
        job: &RowJob<'_, R, X, Y, Self>,
        rows: Range<usize>,
        ranks: &[[u8; SLOTS]],
        sums: &mut [Y],
    ) {
        let outputs = job.forest.outputs;
        let trees = &job.forest.trees[job.trees.clone()];
        for ((row, ranks), sums) in rows.zip(ranks).zip(sums.chunks_exact_mut(outputs)) {
            let leaves = (job.trees.start..).zip(trees).map(|(number, tree)| {
                let questions = number * self.places..number * self.places + tree.depth as usize;
                let asked = self.slots[questions.clone()].iter().zip(&self.ranks[questions]);
                let answers = asked.map(|(&slot, &rank)| u32::from(ranks[usize::from(slot)] > rank));
                answers.rev().fold(0, |leaf, right| 2 * leaf + right)
            });
            job.forest.add_leaves(trees, leaves, job.rows.row(row), sums);
        }
    }
}
