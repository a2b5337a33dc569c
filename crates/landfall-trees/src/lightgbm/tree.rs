//! One tree of LightGBM's, and how it is lowered.

use crate::document::wrong;
use crate::features::TINY;
use landfall_forest::{Builder, Leaves, LinearLeaf, NodeKind, Side, Split, Test, TreeNodes};
use landfall_model::Problem;

/// A tree as its file has it: lists by split, and by leaf.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    pub(crate) features: Vec<u32>,
    /// Of a split on categories: which of the tree's sets these are.
    pub(crate) thresholds: Vec<f64>,
    /// How each split asks, and where it sends what is missing: bits as `decision_type` has them.
    pub(crate) decisions: Vec<u32>,
    /// From 0 on a split; below, the complement of a leaf's number.
    pub(crate) lefts: Vec<i64>,
    pub(crate) rights: Vec<i64>,
    /// Categories, by set.
    pub(crate) sets: Vec<Vec<u32>>,
    pub(crate) leaf_values: Vec<f64>,
    /// Rows of the training data by split, and then by leaf; empty where the file has none.
    pub(crate) counts: Vec<f64>,
    /// What each split gained; empty where the file has none.
    pub(crate) gains: Vec<f64>,
    pub(crate) linear: Vec<LinearLeaf<f64>>,
}

/// A split asks whether a value is one of a set of categories, else whether it is at most the threshold; yes goes left.
pub(crate) const CATEGORICAL: u32 = 1;
/// What is missing goes left.
pub(crate) const DEFAULT_LEFT: u32 = 2;
/// Zero and NaN are missing.
pub(crate) const ZERO_IS_MISSING: u32 = 4;
/// NaN is missing. Where nothing is, NaN is read as zero.
pub(crate) const NAN_IS_MISSING: u32 = 8;

impl RawTree {
    /// Leaves nothing but memory for the next tree.
    pub(crate) fn clear(&mut self) {
        self.features.clear();
        self.thresholds.clear();
        self.decisions.clear();
        self.lefts.clear();
        self.rights.clear();
        self.sets.clear();
        self.leaf_values.clear();
        self.counts.clear();
        self.gains.clear();
        self.linear.clear();
    }

    /// Whether contributions can be told. A tree that is one leaf needs no counts.
    pub(crate) fn has_counts(&self) -> bool {
        self.features.is_empty() || self.counts.len() == self.features.len() + self.leaf_values.len()
    }

    /// Adds the tree to a forest: the splits, then the leaves.
    ///
    /// # Errors
    /// Invalid argument, naming the tree, and a node where one is wrong.
    pub(crate) fn add_to(
        &self,
        builder: &mut Builder<f64, f64>,
        number: usize,
        output: usize,
    ) -> Result<(), Problem> {
        let (leaves, splits) = (self.leaf_values.len(), self.features.len());
        if leaves != splits + 1 {
            return Err(wrong(format!("{splits} splits and {leaves} leaves")).at(format!("tree {number}")));
        }
        let leaves =
            Leaves { values: &self.leaf_values, width: 1, first_output: output, linear: &self.linear };
        builder.add_nodes(self, &leaves)
    }

    /// The number of a child among splits and leaves. What does not fit is out of range, and named by the builder.
    #[inline]
    fn child(&self, child: i64) -> u32 {
        // Without a jump: as many children are leaves, whose complement this is, as are not.
        let is_leaf = child >> 63;
        let number = (child ^ is_leaf).wrapping_add(self.features.len() as i64 & is_leaf);
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// The threshold that sends what the library takes for zero where it sends zero, so that no row has to be looked at for it.
#[inline]
fn around_zero(threshold: f64) -> f64 {
    if threshold.abs() > TINY {
        threshold
    } else if (0.0..TINY).contains(&threshold) {
        TINY
    } else if (-TINY..0.0).contains(&threshold) {
        (-TINY).next_down()
    } else {
        threshold
    }
}

impl TreeNodes<f64> for RawTree {
    fn count(&self) -> usize {
        self.features.len() + self.leaf_values.len()
    }

    #[inline(always)]
    fn kind(&self, number: usize) -> NodeKind<f64, &[u32]> {
        let Some(&feature) = self.features.get(number) else {
            let leaf = (number - self.features.len()) as u32;
            return NodeKind::Leaf { leaf, id: leaf };
        };
        let (threshold, decision) = (self.thresholds[number], self.decisions[number]);
        let (test, missing) = if decision & CATEGORICAL != 0 {
            (Test::Among(self.sets[threshold as usize].as_slice()), Side::Right)
        } else {
            let has_missing = decision & (ZERO_IS_MISSING | NAN_IS_MISSING) != 0;
            let left = if has_missing { decision & DEFAULT_LEFT != 0 } else { 0.0 <= threshold };
            (Test::AtMost(around_zero(threshold)), Side::left_if(left))
        };
        let zero_is_missing = decision & (CATEGORICAL | ZERO_IS_MISSING) == ZERO_IS_MISSING;
        let (left, right) = (self.child(self.lefts[number]), self.child(self.rights[number]));
        NodeKind::Split(Split { feature, test, missing, zero_is_missing, left, right })
    }

    #[inline]
    fn cover(&self, number: usize) -> f64 {
        self.counts.get(number).copied().unwrap_or(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiny_values_go_where_zero_goes() {
        let near = |x: f64| [x.next_down(), x, x.next_up()];
        let ends = [0.0, TINY, -TINY, 1e-40, -1e-40, 1.0, -1.0, f64::INFINITY, f64::NEG_INFINITY];
        let numbers: Vec<f64> = ends.into_iter().flat_map(near).chain([-0.0]).collect();
        for &threshold in &numbers {
            for &x in &numbers {
                let zeroed = if x.abs() <= TINY { 0.0 } else { x };
                assert_eq!(x <= around_zero(threshold), zeroed <= threshold, "{x:e} <= {threshold:e}");
            }
        }
    }
}
