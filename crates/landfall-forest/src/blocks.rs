//! Blocks of rows through a forest's ranked layout ([`crate::ranked`]): written once, without a branch in its loops, and
//! compiled for each instruction set.

use crate::forest::Forest;
use crate::ranked::{Choice, LANES, MAX_LEAVES, REGISTERS, Ranked, Step};
use crate::{Real, Rows};
use std::ops::Range;

/// Trees over rows, by ranks.
pub(crate) struct Job<'a, X, Y> {
    pub(crate) forest: &'a Forest<X, Y>,
    pub(crate) ranked: &'a Ranked<X>,
    pub(crate) rows: Rows<'a, X>,
    pub(crate) trees: Range<usize>,
}

/// How thresholds are counted.
pub(crate) trait Count<X> {
    /// How many thresholds are below x.
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32;
    /// How many thresholds are at most x.
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32;
}

/// One after the other, as the compiler sees fit.
pub(crate) struct Plainly;

impl<X: Real> Count<X> for Plainly {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold < x)).sum()
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold <= x)).sum()
    }
}

/// A byte for each row of a block. Aligned, so that no access of a vector register lies across two cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Lanes<const N: usize>([u8; N]);

impl<const N: usize> Lanes<N> {
    const ZERO: Self = Lanes([0; N]);
}

/// Rows of a large block: choosing a step's kind costs little against the step.
const LARGE: usize = 1024;
/// Rows of blocks for what large ones leave, and for what those leave.
const MIDDLE: usize = 256;
const SMALL: usize = 64;
impl<X: Real, Y: Real> Job<'_, X, Y> {
    /// Adds the trees' leaves to all rows' sums. Inlined into a function for each instruction set.
    #[inline(always)]
    pub(crate) fn run<C: Count<X>>(&self, sums: &mut [Y], counted: &C) {
        let end = self.rows.len();
        let start = self.blocks::<LARGE, C>(0..end / LARGE * LARGE, sums, counted);
        let start = self.blocks::<MIDDLE, C>(start..start + (end - start) / MIDDLE * MIDDLE, sums, counted);
        self.blocks::<SMALL, C>(start..end, sums, counted);
    }

    /// Rows in blocks of N; gives where they end.
    #[inline(always)]
    fn blocks<const N: usize, C: Count<X>>(&self, rows: Range<usize>, sums: &mut [Y], counted: &C) -> usize {
        if rows.is_empty() {
            return rows.end;
        }
        let mut ranks = vec![Lanes::<N>::ZERO; self.ranked.slots];
        for start in rows.clone().step_by(N) {
            self.block(start, N.min(rows.end - start), &mut ranks, sums, counted);
        }
        rows.end
    }

    #[inline(always)]
    fn block<const N: usize, C: Count<X>>(
        &self,
        start: usize,
        count: usize,
        ranks: &mut [Lanes<N>],
        sums: &mut [Y],
        counted: &C,
    ) {
        if self.ranked.at_most {
            self.rank(start, count, ranks, |thresholds, x| counted.below(thresholds, x));
        } else {
            self.rank(start, count, ranks, |thresholds, x| counted.at_most(thresholds, x));
        }
        let outputs = self.forest.outputs;
        let sums = &mut sums[start * outputs..(start + count) * outputs];
        let mut registers = [Lanes::<N>::ZERO; REGISTERS];
        let mut table = [Y::ZERO; MAX_LEAVES];
        for number in self.trees.clone() {
            let tree = &self.forest.trees[number];
            let Some(steps) = &self.ranked.trees[number] else {
                self.forest.add_tree_by_lanes(self.rows, start..start + count, tree, sums);
                continue;
            };
            if steps.is_empty() {
                registers[0] = Lanes::ZERO;
            }
            for step in &self.ranked.steps[steps.clone()] {
                step.take(&ranks[step.slot as usize], &mut registers);
            }
            let leaves = tree.leaves as usize;
            table[..leaves].copy_from_slice(&self.forest.values[tree.first_value..][..leaves]);
            if outputs == 1 {
                for (sum, &leaf) in sums.iter_mut().zip(&registers[0].0) {
                    *sum = *sum + table[usize::from(leaf)];
                }
            } else {
                let sums = sums[tree.first_output..].iter_mut().step_by(outputs);
                for (sum, &leaf) in sums.zip(&registers[0].0) {
                    *sum = *sum + table[usize::from(leaf)];
                }
            }
        }
    }

    #[inline(always)]
    fn rank<const N: usize>(
        &self,
        start: usize,
        count: usize,
        ranks: &mut [Lanes<N>],
        counted: impl Fn(&[X; LANES], X) -> u32 + Copy,
    ) {
        for feature in &self.ranked.features {
            let mut column = Lanes::<N>::ZERO;
            let mut missing = Lanes::<N>::ZERO;
            for i in 0..count {
                let x = self.rows.row(start + i)[feature.feature];
                column.0[i] = feature.rank(x, counted);
                // Nothing is below what is not a number: its rank is 0.
                missing.0[i] = if x.is_nan() { feature.count } else { 0 };
            }
            if let Some(slot) = feature.missing_left {
                ranks[slot] = column;
            }
            if let Some(slot) = feature.missing_right {
                let both = column.0.iter().zip(&missing.0);
                ranks[slot].0.iter_mut().zip(both).for_each(|(rank, (a, b))| *rank = a | b);
            }
        }
    }
}

impl Step {
    #[inline(always)]
    fn take<const N: usize>(&self, ranks: &Lanes<N>, registers: &mut [Lanes<N>; REGISTERS]) {
        let at = usize::from(self.register);
        let (low, high) = registers.split_at_mut(at + 1);
        let (ranks, here) = (&ranks.0, &mut low[at].0);
        let Step { rank, left, right, .. } = *self;
        match self.choice {
            Choice::Leaves => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, right, left);
                }
            }
            Choice::LeafOrBelow => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, here[i], left);
                }
            }
            Choice::BelowOrLeaf => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, right, here[i]);
                }
            }
            Choice::Below => {
                let next = &high[0].0;
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, next[i], here[i]);
                }
            }
            Choice::BelowSwapped => {
                let next = &high[0].0;
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, here[i], next[i]);
                }
            }
        }
    }
}

/// One of two bytes by arithmetic: written as a choice, the compiler chooses between places to load from, a byte at a
/// time, and the loops around it are not vectorised (twenty times slower).
#[inline(always)]
fn choose(right: bool, if_right: u8, if_left: u8) -> u8 {
    let mask = 0u8.wrapping_sub(u8::from(right));
    (if_right & mask) | (if_left & !mask)
}
