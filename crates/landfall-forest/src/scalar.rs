//! The definition of a forest's answers: one row, one tree at a time, in the trees' order. Other kernels must equal it
//! bit for bit.

use crate::node::{Node, Rule, SplitKinds};
use crate::real::widened;
use crate::trees::{NegativeFractions, Tree, Trees};
use crate::{Real, Rows};
use std::ops::Range;

/// Rows that go through a tree before the next tree is taken: rows stay in the first-level cache, and a tree's nodes
/// are read once for all of them.
const BLOCK_ROWS: usize = 64;

impl<X: Real, Y: Real> Trees<X, Y> {
    pub(crate) fn add_by_definition<R: Real>(&self, rows: Rows<'_, R>, trees: Range<usize>, sums: &mut [Y]) {
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let block = start..rows.len().min(start + BLOCK_ROWS);
            let sums = &mut sums[block.start * self.outputs..block.end * self.outputs];
            for tree in &self.trees[trees.clone()] {
                self.add_tree(rows, block.clone(), tree, sums);
            }
        }
    }

    /// The leaf of each row in each of `trees`, as its library numbers it: [rows, trees].
    pub(crate) fn leaf_ids(&self, rows: Rows<'_, X>, trees: Range<usize>, ids: &mut [i32]) {
        assert!(rows.columns() >= self.features && ids.len() == rows.len() * trees.len());
        let width = trees.len();
        for (column, tree) in self.trees[trees].iter().enumerate() {
            for row in 0..rows.len() {
                let leaf = self.leaf(tree, rows.row(row));
                let id =
                    if tree.is_oblivious { leaf } else { self.leaf_ids[(tree.first_leaf + leaf) as usize] };
                ids[row * width + column] = id as i32;
            }
        }
    }

    /// Adds a tree's leaves to the sums of a block of rows.
    fn add_tree<R: Real>(&self, rows: Rows<'_, R>, block: Range<usize>, tree: &Tree, sums: &mut [Y]) {
        for (row, sums) in block.zip(sums.chunks_exact_mut(self.outputs)) {
            let row = rows.row(row);
            self.add_leaf(tree, self.leaf(tree, row) as usize, row, sums);
        }
    }

    /// Adds a leaf to one row's sums.
    #[inline]
    pub(crate) fn add_leaf<R: Real>(&self, tree: &Tree, leaf: usize, row: &[R], sums: &mut [Y]) {
        let first = tree.first_value + leaf * tree.width;
        let sums = &mut sums[tree.first_output..];
        if tree.is_linear {
            sums[0] = sums[0] + self.linear_value(tree, leaf, row);
        } else if tree.width == 1 {
            sums[0] = sums[0] + self.values[first];
        } else {
            for (sum, &value) in sums.iter_mut().zip(&self.values[first..first + tree.width]) {
                *sum = *sum + value;
            }
        }
    }

    /// Adds a leaf of each of these trees to one row's sums, one after the other.
    #[inline(always)]
    pub(crate) fn add_leaves<R: Real>(
        &self,
        trees: &[Tree],
        leaves: impl IntoIterator<Item = u32>,
        row: &[R],
        sums: &mut [Y],
    ) {
        let leaves = trees.iter().zip(leaves);
        if let ([sum], true) = (&mut *sums, self.linear.constants.is_empty()) {
            // In a register: each addition waits for the one before it, and would for its way through memory as well.
            *sum = leaves.fold(*sum, |sum, (tree, leaf)| sum + self.values[tree.first_value + leaf as usize]);
            return;
        }
        leaves.for_each(|(tree, leaf)| self.add_leaf(tree, leaf as usize, row, sums));
    }

    /// Number of the leaf that a row comes to.
    #[inline]
    pub(crate) fn leaf<R: Real>(&self, tree: &Tree, row: &[R]) -> u32 {
        match self.splits {
            SplitKinds::Less => {
                self.walk(tree, row, |node, x| (x < node.threshold) | (x.is_nan() & node.rule.missing_left()))
            }
            SplitKinds::AtMost => self
                .walk(tree, row, |node, x| (x <= node.threshold) | (x.is_nan() & node.rule.missing_left())),
            SplitKinds::Mixed => self.walk(tree, row, |node, x| self.goes_left(node, x)),
        }
    }

    #[inline(always)]
    fn walk<R: Real>(&self, tree: &Tree, row: &[R], goes_left: impl Fn(&Node<X>, X) -> bool) -> u32 {
        if tree.is_oblivious {
            let levels = &self.nodes[tree.root as usize..][..tree.depth as usize];
            return levels
                .iter()
                .fold(0, |leaf, node| 2 * leaf + u32::from(!goes_left(node, widened(row[node.feature()]))));
        }
        let mut node = &self.nodes[tree.root as usize];
        while !node.rule.is_leaf() {
            let left = goes_left(node, widened(row[node.feature()]));
            node = &self.nodes[node.next as usize + usize::from(!left)];
        }
        node.next
    }

    /// What a split answers: missing first, then the test.
    pub(crate) fn goes_left(&self, node: &Node<X>, x: X) -> bool {
        if x.is_nan() || (node.rule.zero_is_missing() && x == X::ZERO) {
            return node.rule.missing_left();
        }
        match node.rule.test() {
            Rule::LESS => x < node.threshold,
            Rule::AT_MOST => x <= node.threshold,
            Rule::EQUAL => x == node.threshold,
            _ => self.category(x).is_some_and(|category| self.sets.holds(node.set(), category)),
        }
    }

    fn category(&self, x: X) -> Option<u32> {
        let x = x.wide();
        let lowest = match self.negative_fractions {
            NegativeFractions::AreZero => x > -1.0,
            NegativeFractions::AreNone => x >= 0.0,
        };
        (lowest && x < 2f64.powi(31)).then_some(x as u32)
    }

    pub(crate) fn linear_value<R: Real>(&self, tree: &Tree, leaf: usize, row: &[R]) -> Y {
        let at = tree.first_leaf as usize + leaf;
        let terms = &self.linear.terms[self.linear.ends[at]..self.linear.ends[at + 1]];
        let mut value = self.linear.constants[at];
        for &(feature, factor) in terms {
            let x = row[feature as usize];
            if x.is_nan() {
                return self.values[tree.first_value + leaf];
            }
            value = value + factor * Y::of(x.wide());
        }
        value
    }
}
