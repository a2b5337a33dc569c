//! One tree of LightGBM's, and how it is lowered.

use crate::document::wrong;
use crate::features::TINY;
use landfall_forest::{Builder, Leaves, LinearLeaf, NodeKind, Side, Split, Test, TreeNodes};
use landfall_model::Problem;

/// A tree as its file has it: splits and leaves in lists of their own.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    pub(crate) splits: Vec<RawSplit>,
    /// Categories, by set.
    pub(crate) sets: Vec<Vec<u32>>,
    pub(crate) leaf_values: Vec<f64>,
    /// Rows of the training data by leaf, and by split; empty where the file has none.
    pub(crate) leaf_counts: Vec<f64>,
    pub(crate) split_counts: Vec<f64>,
    /// What each split gained; empty where the file has none.
    pub(crate) gains: Vec<f64>,
    pub(crate) linear: Vec<LinearLeaf<f64>>,
}

/// One split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSplit {
    pub(crate) feature: u32,
    pub(crate) question: Question,
    /// From 0 on a split; below, the complement of a leaf's number.
    pub(crate) left: i64,
    pub(crate) right: i64,
}

/// What a split asks; yes goes left.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question {
    AtMost {
        threshold: f64,
        missing: Missing,
        default_left: bool,
    },
    /// One of the tree's sets.
    Among(usize),
}

/// What counts as missing at a split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Missing {
    /// Nothing: NaN is read as zero.
    None,
    /// Zero and NaN.
    Zero,
    Nan,
}

impl RawTree {
    /// Whether contributions can be told. A tree that is one leaf needs no counts.
    pub(crate) fn has_counts(&self) -> bool {
        self.splits.is_empty()
            || (self.leaf_counts.len() == self.leaf_values.len()
                && self.split_counts.len() == self.splits.len())
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
        let (leaves, splits) = (self.leaf_values.len(), self.splits.len());
        if leaves != splits + 1 {
            return Err(wrong(format!("{splits} splits and {leaves} leaves")).at(format!("tree {number}")));
        }
        let leaves =
            Leaves { values: &self.leaf_values, width: 1, first_output: output, linear: &self.linear };
        builder.add_nodes(self, &leaves)
    }

    /// The number of a child among splits and leaves. What does not fit is out of range, and named by the builder.
    fn child(&self, child: i64) -> u32 {
        let number = if child >= 0 { child } else { (self.splits.len() as i64).saturating_add(-1 - child) };
        u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// The threshold that sends what the library takes for zero where it sends zero, so that no row has to be looked at for it.
fn around_zero(threshold: f64) -> f64 {
    if (0.0..TINY).contains(&threshold) {
        TINY
    } else if (-TINY..0.0).contains(&threshold) {
        (-TINY).next_down()
    } else {
        threshold
    }
}

impl TreeNodes<f64> for RawTree {
    fn count(&self) -> usize {
        self.splits.len() + self.leaf_values.len()
    }

    #[inline(always)]
    fn kind(&self, number: usize) -> NodeKind<f64, &[u32]> {
        let Some(split) = self.splits.get(number) else {
            let leaf = (number - self.splits.len()) as u32;
            return NodeKind::Leaf { leaf, id: leaf };
        };
        let (test, missing, zero_is_missing) = match split.question {
            Question::Among(set) => (Test::Among(self.sets[set].as_slice()), Side::Right, false),
            Question::AtMost { threshold, missing, default_left } => {
                let side = match missing {
                    Missing::None => Side::left_if(0.0 <= threshold),
                    Missing::Zero | Missing::Nan => Side::left_if(default_left),
                };
                (Test::AtMost(around_zero(threshold)), side, missing == Missing::Zero)
            }
        };
        let (left, right) = (self.child(split.left), self.child(split.right));
        NodeKind::Split(Split { feature: split.feature, test, missing, zero_is_missing, left, right })
    }

    #[inline]
    fn cover(&self, number: usize) -> f64 {
        let splits = self.splits.len();
        let cover = if number < splits {
            self.split_counts.get(number)
        } else {
            self.leaf_counts.get(number - splits)
        };
        cover.copied().unwrap_or(0.0)
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
