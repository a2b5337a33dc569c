//! The compiled form: all trees of a model in one list of nodes.

use crate::Real;
use crate::categories::CategorySets;
use crate::covers::Covers;
use crate::layouts::Layouts;

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
    /// Empty where the file has none.
    pub(crate) covers: Covers,
    pub(crate) linear: Linear<Y>,
    pub(crate) negative_fractions: NegativeFractions,
    pub(crate) splits: SplitKinds,
    /// What contributions are told of.
    pub(crate) players: Players,
    pub(crate) layouts: Layouts<X, Y>,
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

/// One node; the two children of a split lie side by side. Of an oblivious tree, the question of a level.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node<X> {
    /// Of a question about categories: the number of their set.
    pub(crate) threshold: X,
    /// Of a split: the left child. Of a leaf: its number within its tree, from left to right.
    pub(crate) next: u32,
    pub(crate) rule: Rule,
}

impl<X: Real> Node<X> {
    pub(crate) const LEAF: Node<X> = Node { threshold: X::ZERO, next: 0, rule: Rule(Rule::LEAF) };

    #[inline]
    pub(crate) fn feature(&self) -> usize {
        (self.rule.0 >> Rule::FEATURE_SHIFT) as usize
    }

    /// The nodes below this one, which lies at `at`; below a leaf it is repeated, so that whatever is asked leads to it.
    pub(crate) fn below(&self, at: u32) -> [u32; 2] {
        if self.rule.is_leaf() { [at; 2] } else { [self.next, self.next + 1] }
    }

    /// The set of categories that is asked for.
    #[inline]
    pub(crate) fn set(&self) -> usize {
        self.threshold.wide() as usize
    }
}

/// What a node asks: a test, flags, and the feature.
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
    const FEATURE_SHIFT: u32 = 5;
    /// Features that may be asked for.
    pub(crate) const MAX_FEATURES: u32 = 1 << (32 - Rule::FEATURE_SHIFT);
    /// Sets that a forest may have: a float32 holds their numbers.
    pub(crate) const MAX_SETS: usize = 1 << 24;

    pub(crate) fn split(test: u32, missing_left: bool, zero_is_missing: bool, feature: u32) -> Self {
        let flag = |on: bool, bit: u32| if on { bit } else { 0 };
        Rule(
            test | flag(missing_left, Rule::MISSING_LEFT)
                | flag(zero_is_missing, Rule::ZERO_IS_MISSING)
                | feature << Rule::FEATURE_SHIFT,
        )
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

    /// Of what kinds nodes can be, as bits of one number: leaves, splits on `<` and on `<=` to which zero is a value, and
    /// others.
    pub(crate) const LEAVES: u32 = 1 << Rule::LEAF;
    pub(crate) const LESS_ALONE: u32 = 1 << Rule::LESS;
    pub(crate) const AT_MOST_ALONE: u32 = 1 << Rule::AT_MOST;

    /// A node's kind.
    #[inline]
    pub(crate) fn kind(self) -> u32 {
        1 << (self.0 & (Rule::TEST | Rule::LEAF | Rule::ZERO_IS_MISSING))
    }

    /// All that is asked but the threshold.
    pub(crate) fn question(self) -> u32 {
        self.0
    }
}

/// Where a tree lies.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    /// Its first node.
    pub(crate) root: u32,
    pub(crate) first_leaf: u32,
    pub(crate) leaves: u32,
    pub(crate) depth: u32,
    pub(crate) first_value: usize,
    pub(crate) width: usize,
    pub(crate) first_output: usize,
    /// Its covers are those of its nodes, of an oblivious tree those of its leaves.
    pub(crate) first_cover: usize,
    pub(crate) is_linear: bool,
    /// Whether it has a node for each level, from the root down, and no other: answers are the bits of a leaf's number, the
    /// root's the highest. Its leaves' ids are their numbers.
    pub(crate) is_oblivious: bool,
}

/// What lies at a place of a tree; places are numbered level by level from 0, children side by side.
pub(crate) enum Below {
    /// A leaf, by its number.
    Leaf(usize),
    /// A split: its node among the forest's, and the place of the child on the left.
    Split { node: usize, left: usize },
}

impl Tree {
    /// The forest's node that is asked at a place, which lies at this depth.
    pub(crate) fn node_at(&self, place: usize, depth: usize) -> usize {
        self.root as usize + if self.is_oblivious { depth } else { place }
    }

    pub(crate) fn below<X: Real>(&self, nodes: &[Node<X>], place: usize) -> Below {
        if self.is_oblivious {
            let splits = self.leaves as usize - 1;
            if place >= splits {
                return Below::Leaf(place - splits);
            }
            let node = self.node_at(place, (place + 1).ilog2() as usize);
            return Below::Split { node, left: 2 * place + 1 };
        }
        let node = self.root as usize + place;
        let next = nodes[node].next as usize;
        if nodes[node].rule.is_leaf() {
            return Below::Leaf(next);
        }
        Below::Split { node, left: next - self.root as usize }
    }
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

    /// Nodes of all trees, leaves included; oblivious trees as if they were written out.
    pub fn nodes(&self) -> usize {
        self.trees.iter().map(|tree| 2 * tree.leaves as usize - 1).sum()
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
        self.covers.len() > 0
    }

    /// Gives back what vectors grew beyond their length.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.nodes.shrink_to_fit();
        self.trees.shrink_to_fit();
        self.values.shrink_to_fit();
        self.leaf_ids.shrink_to_fit();
        self.covers.shrink_to_fit();
    }

    /// Bytes of the trees alone: nodes, leaves, and what contributions and the `leaf` output need of them.
    pub fn nodes_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node<X>>()
            + self.values.len() * size_of::<Y>()
            + self.leaf_ids.len() * 4
            + self.covers.memory_bytes()
    }

    /// Bytes held: the trees, and the layouts for speed that were made of them so far.
    pub fn memory_bytes(&self) -> usize {
        self.nodes_bytes()
            + self.trees.len() * size_of::<Tree>()
            + self.sets.memory_bytes()
            + self.linear.constants.len() * size_of::<Y>()
            + self.linear.ends.len() * size_of::<usize>()
            + self.linear.terms.len() * size_of::<(u32, Y)>()
            + self.layouts_bytes()
    }
}
