//! A layout for many rows at once: the answers to a question are the bits of one register for hundreds of rows, and a tree
//! becomes one operation on such registers for each split, whatever its shape.
//!
//! Leaves are numbered from left to right, so that each split stands between two neighbours and divides all leaves into
//! those before and those behind it. Whether a row ends behind split s follows from s's own answer and from the nearest
//! splits above it that it lies to the left of (a) and to the right of (b):
//!
//! ```text
//! behind(s) = behind(a) or (behind(b) and right(s))
//! ```
//!
//! How many splits a row ends behind is its leaf's number. As the splits that a row is behind are always the first ones,
//! bit k of that count is the exclusive or of `behind` at every 2^k-th split. The idea of answers as bits is that of
//! QuickScorer (Lucchese and others, "QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of Regression
//! Trees"), turned by a right angle: bits stand for rows, not for leaves. No row's way decides where the next load or
//! jump goes.

use crate::Real;
use crate::filled::Filled;
use crate::trees::{Tree, Trees};
use std::ops::Range;

/// The layout of a forest; trees that it cannot hold have no place, and are left to [`crate::lanes`].
#[derive(Clone, Debug)]
pub(crate) struct Sliced<X, Y> {
    pub(crate) groups: Vec<Group>,
    pub(crate) runs: Vec<Run>,
    pub(crate) above: Vec<Above>,
    pub(crate) others: Vec<Asked<X>>,
    pub(crate) trees: Vec<Way>,
    pub(crate) steps: Vec<Step>,
    /// Questions of full trees, by their places in their groups: level by level, the root's first.
    pub(crate) full: Vec<u16>,
    /// Leaves of trees that were filled up.
    pub(crate) tables: Vec<Y>,
    /// Nodes below the upper levels of large trees.
    pub(crate) starts: Vec<u32>,
    /// By part of the conditions: where its ranks are among those that are needed.
    pub(crate) ranked: Vec<Option<usize>>,
    /// Answers that the largest group has.
    pub(crate) most_asked: usize,
}

/// Trees that share answers.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) trees: Range<usize>,
    /// Its questions about ranks.
    pub(crate) runs: Range<usize>,
    /// Its other questions.
    pub(crate) others: Range<usize>,
}

/// Questions about the ranks among one part's thresholds.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) part: usize,
    /// Whether the answer is yes where there is no value.
    pub(crate) missing_right: bool,
    /// Its part of `above`.
    pub(crate) asked: Range<usize>,
}

/// Whether ranks are above this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Above {
    pub(crate) rank: u8,
    /// Where trees of the group look for the answer.
    pub(crate) place: u16,
}

/// Another question of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<X> {
    pub(crate) question: Question<X>,
    /// Where trees of the group look for the answer.
    pub(crate) place: u16,
}

/// How a question is answered for a block of rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<X> {
    /// A column's values against a threshold.
    Value { column: u32, threshold: X, at_most: bool, missing_right: bool },
    /// A node, row by row.
    Node(u32),
}

/// How a tree is evaluated.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// By steps.
    Steps(Range<usize>),
    /// All nodes of a level ask the same: the answers are the bits of the leaf's number, of 16 at most. The steps name the
    /// questions, the root's first.
    Oblivious(Range<usize>),
    /// All leaves lie equally deep, or are repeated until they do: an answer of each level, chosen among those of its nodes
    /// by the answers of the levels above, is a bit of the leaf's number. The questions of its `levels` begin at `asked`,
    /// and its leaves at `table` where some are repeated and no other layout has them so.
    Full { asked: usize, levels: usize, table: Option<usize> },
    /// The upper [`UPPER`] levels as of a full tree, and on row by row from the nodes that they lead to, whose list begins at
    /// `starts`.
    Upper { asked: usize, starts: usize },
    /// Row by row.
    Lanes,
}

/// Levels of large trees that are answered for all rows at once: a question costs as much, whether few rows come to it or all.
pub(crate) const UPPER: usize = 6;

/// One split, from the root down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Its question's place in its group.
    pub(crate) asked: u16,
    /// Its number from the left.
    pub(crate) at: u8,
    /// The nearest split above that it lies to the left of; 255 for none.
    pub(crate) before: u8,
    /// One more than the nearest split above that it lies to the right of; 0 for none.
    pub(crate) behind: u8,
}

impl<X: Real, Y: Real> Sliced<X, Y> {
    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.groups.len() * size_of::<Group>()
            + self.runs.len() * size_of::<Run>()
            + self.above.len() * size_of::<Above>()
            + self.others.len() * size_of::<Asked<X>>()
            + self.trees.len() * size_of::<Way>()
            + self.steps.len() * size_of::<Step>()
            + self.full.len() * 2
            + self.tables.len() * size_of::<Y>()
            + self.starts.len() * 4
            + self.ranked.len() * size_of::<Option<usize>>()
    }

    /// Whether all trees go row by row, below their upper levels or from the root.
    pub(crate) fn goes_by_row(&self) -> bool {
        self.trees.iter().all(|way| matches!(way, Way::Upper { .. } | Way::Lanes))
    }

    /// What a tree's leaves add to its output `k`, by their numbers, either where they stand or written to `space`; the
    /// numbers have `bits` bits.
    #[inline(always)]
    pub(crate) fn leaves<'t>(
        &'t self,
        forest: &'t Trees<X, Y>,
        filled: Option<&'t Filled<Y>>,
        number: usize,
        k: usize,
        bits: usize,
        space: &'t mut [Y],
    ) -> &'t [Y] {
        let tree: &Tree = &forest.trees[number];
        let all = 1usize << bits;
        if let Way::Full { table: Some(table), .. } = self.trees[number] {
            return &self.tables[table + k * all..][..all];
        }
        let leaves = tree.leaves as usize;
        if let (true, Way::Full { .. }, Some(filled)) =
            (leaves != all, &self.trees[number], filled.and_then(|filled| filled.of_tree(number, bits)))
        {
            return filled;
        }
        let values = &forest.values[tree.first_value..][..leaves * tree.width];
        if tree.width == 1 && leaves == all {
            return values;
        }
        let space = &mut space[..all];
        for (slot, values) in space.iter_mut().zip(values.chunks_exact(tree.width)) {
            *slot = values[k];
        }
        space
    }
}
