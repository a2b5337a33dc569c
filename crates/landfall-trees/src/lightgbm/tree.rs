//! One tree of LightGBM's, and how it is lowered.

use crate::document::wrong;
use landfall_forest::{LinearLeaf, NodeKind, NodeSpec, Side, Split, Test, TreeSpec};
use landfall_model::Problem;

/// A tree as its file has it: splits and leaves in lists of their own.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    pub(crate) splits: Vec<RawSplit>,
    pub(crate) leaf_values: Vec<f64>,
    /// Rows of the training data by leaf, and by split; empty where the file has none.
    pub(crate) leaf_counts: Vec<f64>,
    pub(crate) split_counts: Vec<f64>,
    /// What each split gained; empty where the file has none.
    pub(crate) gains: Vec<f64>,
    pub(crate) linear: Vec<LinearLeaf<f64>>,
}

/// One split.
#[derive(Debug)]
pub(crate) struct RawSplit {
    pub(crate) feature: u32,
    pub(crate) question: Question,
    /// From 0 on a split; below, the complement of a leaf's number.
    pub(crate) left: i64,
    pub(crate) right: i64,
}

/// What a split asks; yes goes left.
#[derive(Debug)]
pub(crate) enum Question {
    AtMost { threshold: f64, missing: Missing, default_left: bool },
    Among(Vec<u32>),
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

    /// The tree as the forest's builder takes it: the splits, then the leaves.
    pub(crate) fn lower(self, output: usize) -> Result<TreeSpec<f64, f64>, Problem> {
        let leaves = self.leaf_values.len();
        if leaves != self.splits.len() + 1 {
            return Err(wrong(format!("{} splits and {leaves} leaves", self.splits.len())));
        }
        let splits = self.splits.len();
        let child = |child: i64| {
            let number = if child >= 0 { Some(child) } else { (splits as i64).checked_add(-1 - child) };
            // What does not fit is out of range, and named by the builder.
            number.and_then(|number| u32::try_from(number).ok()).unwrap_or(u32::MAX)
        };
        let mut nodes = Vec::with_capacity(splits + leaves);
        for (number, split) in self.splits.into_iter().enumerate() {
            let cover = self.split_counts.get(number).copied().unwrap_or(0.0);
            let (test, missing, zero_is_missing) = match split.question {
                Question::Among(categories) => (Test::Among(categories), Side::Right, false),
                Question::AtMost { threshold, missing, default_left } => {
                    let side = match missing {
                        Missing::None => Side::left_if(0.0 <= threshold),
                        Missing::Zero | Missing::Nan => Side::left_if(default_left),
                    };
                    (Test::AtMost(threshold), side, missing == Missing::Zero)
                }
            };
            let (left, right) = (child(split.left), child(split.right));
            let kind = NodeKind::Split(Split {
                feature: split.feature,
                test,
                missing,
                zero_is_missing,
                left,
                right,
            });
            nodes.push(NodeSpec { kind, cover });
        }
        for leaf in 0..leaves as u32 {
            let cover = self.leaf_counts.get(leaf as usize).copied().unwrap_or(0.0);
            nodes.push(NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover });
        }
        Ok(TreeSpec { nodes, values: self.leaf_values, width: 1, first_output: output, linear: self.linear })
    }
}
