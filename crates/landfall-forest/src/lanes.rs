//! Eight ways down at a time: one row through eight trees, or eight rows through one. A way down waits for memory and
//! for comparisons at each split; eight that do not depend on each other overlap. The leaves are the definition's, and
//! are added in its order.

use crate::node::{Node, SplitKinds};
use crate::real::widened;
use crate::trees::{Tree, Trees};
use crate::{Real, Rows};
use std::hint::select_unpredictable;
use std::ops::Range;

/// Ways down at a time.
const LANES: usize = 8;
/// Rows that go through a tree before the next one is taken.
const BLOCK_ROWS: usize = 64;

impl<X: Real, Y: Real> Trees<X, Y> {
    /// Adds the leaves of `trees` to the sums of all rows.
    pub(crate) fn add_by_lanes<R: Real>(&self, rows: Rows<'_, R>, trees: Range<usize>, sums: &mut [Y]) {
        if rows.len() < LANES {
            for (row, sums) in sums.chunks_exact_mut(self.outputs).enumerate() {
                self.add_row(rows.row(row), trees.clone(), sums);
            }
            return;
        }
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let block = start..rows.len().min(start + BLOCK_ROWS);
            let sums = &mut sums[block.start * self.outputs..block.end * self.outputs];
            for tree in &self.trees[trees.clone()] {
                self.add_tree_by_lanes(rows, block.clone(), tree, sums);
            }
        }
    }

    /// One row through all trees, eight at a time.
    fn add_row<R: Real>(&self, row: &[R], trees: Range<usize>, sums: &mut [Y]) {
        let mut groups = self.trees[trees].chunks_exact(LANES);
        for group in &mut groups {
            if group.iter().any(|tree| tree.is_oblivious) {
                group.iter().for_each(|tree| self.add_leaf(tree, self.leaf(tree, row) as usize, row, sums));
                continue;
            }
            let leaves = self.leaves(std::array::from_fn(|lane| group[lane].root), [row; LANES]);
            self.add_leaves(group, leaves, row, sums);
        }
        for tree in groups.remainder() {
            self.add_leaf(tree, self.leaf(tree, row) as usize, row, sums);
        }
    }

    /// One tree for a block of rows, eight at a time.
    fn add_tree_by_lanes<R: Real>(
        &self,
        rows: Rows<'_, R>,
        block: Range<usize>,
        tree: &Tree,
        sums: &mut [Y],
    ) {
        let whole = if tree.is_oblivious { 0 } else { block.len() / LANES * LANES };
        let mut sums = sums.chunks_exact_mut(self.outputs);
        for start in (block.start..block.start + whole).step_by(LANES) {
            let group: [&[R]; LANES] = std::array::from_fn(|lane| rows.row(start + lane));
            for ((leaf, row), sums) in self.leaves([tree.root; LANES], group).iter().zip(group).zip(&mut sums)
            {
                self.add_leaf(tree, *leaf as usize, row, sums);
            }
        }
        for (row, sums) in (block.start + whole..block.end).zip(sums) {
            let row = rows.row(row);
            self.add_leaf(tree, self.leaf(tree, row) as usize, row, sums);
        }
    }

    /// The leaves that rows from `start` on come to in one tree.
    pub(crate) fn leaves_by_lanes<R: Real>(
        &self,
        rows: Rows<'_, R>,
        start: usize,
        tree: &Tree,
        leaves: &mut [u32],
    ) {
        if tree.is_oblivious {
            for (i, leaf) in leaves.iter_mut().enumerate() {
                *leaf = self.leaf(tree, rows.row(start + i));
            }
            return;
        }
        leaves.fill(tree.root);
        self.leaves_below(rows, start, leaves);
    }

    /// The leaves that rows from `start` on come to, each from a node of its own, in whose place it is put.
    pub(crate) fn leaves_below<R: Real>(&self, rows: Rows<'_, R>, start: usize, nodes: &mut [u32]) {
        for (eight, nodes) in nodes.chunks_mut(LANES).enumerate() {
            // What the last eight lack is made up by the last row.
            let lane = |lane: usize| lane.min(nodes.len() - 1);
            let roots = std::array::from_fn(|i| nodes[lane(i)]);
            let group = std::array::from_fn(|i| rows.row(start + eight * LANES + lane(i)));
            let leaves = self.leaves(roots, group);
            nodes.copy_from_slice(&leaves[..nodes.len()]);
        }
    }

    /// The leaves that eight rows come to from eight roots.
    #[inline]
    fn leaves<R: Real>(&self, roots: [u32; LANES], rows: [&[R]; LANES]) -> [u32; LANES] {
        match self.splits {
            SplitKinds::Less => self
                .ways(roots, rows, |node, x| (x < node.threshold) | (x.is_nan() & node.rule.missing_left())),
            SplitKinds::AtMost => self
                .ways(roots, rows, |node, x| (x <= node.threshold) | (x.is_nan() & node.rule.missing_left())),
            SplitKinds::Mixed => self.ways(roots, rows, |node, x| self.goes_left(node, x)),
        }
    }

    #[inline(always)]
    fn ways<R: Real>(
        &self,
        mut at: [u32; LANES],
        rows: [&[R]; LANES],
        goes_left: impl Fn(&Node<X>, X) -> bool,
    ) -> [u32; LANES] {
        loop {
            let mut goes_on = false;
            for lane in 0..LANES {
                let node = &self.nodes[at[lane] as usize];
                // A leaf asks for feature 0 and stays where it is, so that lanes need not be told apart.
                let left = goes_left(node, widened(rows[lane][node.feature()]));
                let is_leaf = node.rule.is_leaf();
                at[lane] = select_unpredictable(is_leaf, at[lane], node.next + u32::from(!left));
                goes_on |= !is_leaf;
            }
            if !goes_on {
                return at.map(|at| self.nodes[at as usize].next);
            }
        }
    }
}
