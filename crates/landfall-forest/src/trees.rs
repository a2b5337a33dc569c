//! The compiled form: all trees of a model in one list of nodes.

use crate::Real;
use crate::categories::CategorySets;
use crate::covers::Covers;
use crate::node::{Node, SplitKinds};

/// Compiled trees: features are compared as `X`, leaves added up as `Y`. Every node leads to nodes of its own tree and comes to
/// an end.
#[derive(Clone, Debug)]
pub(crate) struct Trees<X, Y> {
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

impl<X: Real, Y: Real> Trees<X, Y> {
    /// No tree yet, for rows of `features` values and sums of `outputs` values.
    pub(crate) fn new(features: usize, outputs: usize) -> Self {
        Trees {
            features,
            outputs,
            nodes: Vec::new(),
            trees: Vec::new(),
            values: Vec::new(),
            leaf_ids: Vec::new(),
            sets: CategorySets::default(),
            covers: Covers::default(),
            linear: Linear::default(),
            negative_fractions: NegativeFractions::AreNone,
            splits: SplitKinds::Mixed,
            players: Players { count: features, ..Players::default() },
        }
    }

    /// The longest way from a root to a leaf, in splits.
    pub(crate) fn depth(&self) -> usize {
        self.trees.iter().map(|tree| tree.depth as usize).max().unwrap_or(0)
    }

    /// Whether leaves hold linear functions.
    pub(crate) fn has_linear_leaves(&self) -> bool {
        self.trees.iter().any(|tree| tree.is_linear)
    }

    /// Whether contributions can be told: nodes know how much of the training data came through them.
    pub(crate) fn has_covers(&self) -> bool {
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

    /// Bytes of nodes and leaves, and of what contributions and the `leaf` output need of them.
    pub(crate) fn nodes_bytes(&self) -> usize {
        self.nodes.len() * size_of::<Node<X>>()
            + self.values.len() * size_of::<Y>()
            + self.leaf_ids.len() * 4
            + self.covers.memory_bytes()
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.nodes_bytes()
            + self.trees.len() * size_of::<Tree>()
            + self.sets.memory_bytes()
            + self.linear.constants.len() * size_of::<Y>()
            + self.linear.ends.len() * size_of::<usize>()
            + self.linear.terms.len() * size_of::<(u32, Y)>()
    }
}
