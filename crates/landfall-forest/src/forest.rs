//! The compiled form: all trees of a model in one list of nodes.

use crate::Real;
use crate::categories::CategorySets;
use crate::conditions::Conditions;
use crate::packed::Packed;
#[cfg(target_arch = "x86_64")]
use crate::scanned::Scanned;
use crate::sliced::Sliced;

/// Compiled trees: features are compared as `X`, leaves added up as `Y`. Made by [`crate::Builder`] alone, so that
/// every node leads to nodes of its own tree and comes to an end.
#[derive(Clone, Debug)]
pub struct Forest<X, Y> {
    pub(crate) features: usize,
    pub(crate) outputs: usize,
    pub(crate) nodes: Vec<Node<X>>,
    pub(crate) trees: Vec<Tree>,
    pub(crate) values: Vec<Y>,
    /// How its library calls each leaf.
    pub(crate) leaf_ids: Vec<u32>,
    pub(crate) sets: CategorySets,
    /// By node; empty where the file has none.
    pub(crate) covers: Vec<f64>,
    /// By value: what each tree gives on average.
    pub(crate) expectations: Vec<f64>,
    pub(crate) linear: Linear<Y>,
    pub(crate) negative_fractions: NegativeFractions,
    pub(crate) splits: SplitKinds,
    pub(crate) conditions: Conditions<X>,
    /// What contributions are told of.
    pub(crate) players: Players,
    /// The layout for many rows, where any tree fits into it.
    pub(crate) sliced: Option<Sliced<X, Y>>,
    /// The layout for a few rows, where all trees fit into it.
    pub(crate) packed: Option<Packed>,
    /// The layout for a few rows of trees of few levels, where all trees and questions fit into it.
    #[cfg(target_arch = "x86_64")]
    pub(crate) scanned: Option<Scanned<Y>>,
}

/// Which category a value between −1 and 0 stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NegativeFractions {
    /// Category 0 (LightGBM).
    AreZero,
    /// None (XGBoost).
    AreNone,
}

/// What contributions are told of: features, or what stands behind them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Players {
    /// By feature; empty where each feature stands for itself.
    pub(crate) of_features: Vec<u32>,
    pub(crate) count: usize,
    /// Whether paths end at a node that no training data came to.
    pub(crate) skip_empty: bool,
}

impl Players {
    pub(crate) fn of(&self, feature: usize) -> usize {
        self.of_features.get(feature).map_or(feature, |&player| player as usize)
    }
}

/// Which splits a forest has: what lets a kernel leave out questions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum SplitKinds {
    /// x < threshold alone, and zero is a value.
    Less,
    /// x <= threshold alone, and zero is a value.
    AtMost,
    /// All kinds.
    Mixed,
}

/// One node; the two children of a split lie side by side.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node<X> {
    pub(crate) threshold: X,
    pub(crate) feature: u32,
    /// Of a split: the left child. Of a leaf: its number within its tree, from left to right.
    pub(crate) next: u32,
    pub(crate) rule: Rule,
}

/// What a node asks: a test, flags, and the number of a set of categories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rule(u32);

impl Rule {
    pub(crate) const LESS: u32 = 0;
    pub(crate) const AT_MOST: u32 = 1;
    pub(crate) const EQUAL: u32 = 2;
    pub(crate) const AMONG: u32 = 3;
    const TEST: u32 = 3;
    const LEAF: u32 = 4;
    const MISSING_LEFT: u32 = 8;
    const ZERO_IS_MISSING: u32 = 16;
    const SET_SHIFT: u32 = 5;
    /// Sets that a forest may have.
    pub(crate) const MAX_SETS: usize = 1 << (32 - Rule::SET_SHIFT);

    pub(crate) fn split(test: u32, missing_left: bool, zero_is_missing: bool, set: usize) -> Self {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        Rule(
            test | flag(missing_left, Rule::MISSING_LEFT)
                | flag(zero_is_missing, Rule::ZERO_IS_MISSING)
                | (set as u32) << Rule::SET_SHIFT,
        )
    }

    pub(crate) const fn leaf() -> Self {
        Rule(Rule::LEAF)
    }

    #[inline]
    pub(crate) fn is_leaf(self) -> bool {
        self.0 & Rule::LEAF != 0
    }

    #[inline]
    pub(crate) fn test(self) -> u32 {
        self.0 & Rule::TEST
    }

    #[inline]
    pub(crate) fn missing_left(self) -> bool {
        self.0 & Rule::MISSING_LEFT != 0
    }

    #[inline]
    pub(crate) fn zero_is_missing(self) -> bool {
        self.0 & Rule::ZERO_IS_MISSING != 0
    }

    /// All that is asked but feature and threshold.
    pub(crate) fn question(self) -> u32 {
        self.0
    }

    #[inline]
    pub(crate) fn set(self) -> usize {
        (self.0 >> Rule::SET_SHIFT) as usize
    }
}

/// Where a tree lies.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    pub(crate) root: u32,
    pub(crate) first_leaf: u32,
    pub(crate) leaves: u32,
    pub(crate) first_value: usize,
    pub(crate) width: usize,
    pub(crate) first_output: usize,
    pub(crate) depth: u32,
    pub(crate) first_expectation: usize,
    pub(crate) is_linear: bool,
}

/// Linear functions by leaf; empty where no tree has any.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linear<Y> {
    pub(crate) constants: Vec<Y>,
    /// Terms of leaf i: `ends[i]..ends[i + 1]`.
    pub(crate) ends: Vec<usize>,
    pub(crate) terms: Vec<(u32, Y)>,
}

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Features that a row has.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Outputs that the trees add to.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// What contributions are told of: features, unless [`crate::Builder::players`] said otherwise.
    pub fn players(&self) -> usize {
        self.players.count
    }

    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Nodes of all trees, leaves included.
    pub fn nodes(&self) -> usize {
        self.nodes.len()
    }

    /// The longest way from a root to a leaf, in splits.
    pub fn depth(&self) -> usize {
        self.trees.iter().map(|tree| tree.depth as usize).max().unwrap_or(0)
    }

    /// Whether leaves hold linear functions.
    pub fn has_linear_leaves(&self) -> bool {
        self.trees.iter().any(|tree| tree.is_linear)
    }

    /// Whether contributions can be told: nodes know how much of the training data came through them.
    pub fn has_covers(&self) -> bool {
        !self.covers.is_empty()
    }

    /// How often each feature is asked about.
    pub fn splits_by_feature(&self) -> Vec<u64> {
        let mut counts = vec![0; self.features];
        for node in self.nodes.iter().filter(|node| !node.rule.is_leaf()) {
            counts[node.feature as usize] += 1;
        }
        counts
    }

    /// Bytes held.
    pub fn memory_bytes(&self) -> usize {
        #[cfg(target_arch = "x86_64")]
        let scanned = self.scanned.as_ref().map_or(0, Scanned::memory_bytes);
        #[cfg(not(target_arch = "x86_64"))]
        let scanned = 0;
        scanned
            + self.nodes.len() * size_of::<Node<X>>()
            + self.trees.len() * size_of::<Tree>()
            + self.values.len() * size_of::<Y>()
            + self.leaf_ids.len() * 4
            + (self.covers.len() + self.expectations.len()) * 8
            + self.sets.memory_bytes()
            + self.linear.constants.len() * size_of::<Y>()
            + self.linear.ends.len() * size_of::<usize>()
            + self.linear.terms.len() * size_of::<(u32, Y)>()
            + self.conditions.memory_bytes()
            + self.sliced.as_ref().map_or(0, Sliced::memory_bytes)
            + self.packed.as_ref().map_or(0, Packed::memory_bytes)
    }
}
