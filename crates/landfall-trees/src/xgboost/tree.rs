//! One tree of XGBoost's, and how it is lowered.

use crate::document::wrong;
use landfall_forest::{Builder, Leaves, NodeKind, Side, Split, Test, TreeNodes};
use landfall_model::Problem;
use std::collections::HashMap;

/// Categories are kept as float32 by the library: beyond this it takes none.
pub(crate) const MAX_CATEGORY: u32 = 1 << 24;

/// A tree as its file has it: arrays by node.
#[derive(Debug, Default)]
pub(crate) struct RawTree {
    /// −1 for a leaf.
    pub(crate) left: Vec<i32>,
    /// Of a leaf of a newer tree with vector leaves: which of the vectors.
    pub(crate) right: Vec<i32>,
    pub(crate) features: Vec<u32>,
    /// Threshold of a split, value of a leaf.
    pub(crate) conditions: Vec<f32>,
    pub(crate) default_left: Vec<bool>,
    /// Empty where the file has none.
    pub(crate) hessians: Vec<f32>,
    /// What each split gained; empty where the file has none.
    pub(crate) gains: Vec<f32>,
    /// Categories that go right, by node.
    pub(crate) categories: HashMap<u32, Vec<u32>>,
    pub(crate) vectors: Option<LeafVectors>,
}

/// What is known of a tree before it is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outline {
    pub(crate) nodes: usize,
    pub(crate) has_hessians: bool,
    pub(crate) has_vectors: bool,
}

/// Vector leaves.
#[derive(Debug)]
pub(crate) struct LeafVectors {
    pub(crate) width: usize,
    pub(crate) values: Vec<f32>,
    /// Whether vectors are kept by node, or by the number in a leaf's `right`.
    pub(crate) by_node: bool,
}

impl RawTree {
    pub(crate) fn outline(&self) -> Outline {
        let (has_hessians, has_vectors) = (!self.hessians.is_empty(), self.vectors.is_some());
        Outline { nodes: self.left.len(), has_hessians, has_vectors }
    }

    /// Adds the tree to a forest, each leaf multiplied by `weight`.
    ///
    /// # Errors
    /// Invalid argument, naming the tree, and a node where one is wrong.
    pub(crate) fn add_to(
        &self,
        builder: &mut Builder<f32, f32>,
        number: usize,
        group: usize,
        weight: Option<f32>,
    ) -> Result<(), Problem> {
        self.check().map_err(|problem| problem.at(format!("tree {number}")))?;
        let (values, width) = match &self.vectors {
            Some(vectors) => (&vectors.values, vectors.width),
            None => (&self.conditions, 1),
        };
        let weighted: Option<Vec<f32>> =
            weight.map(|weight| values.iter().map(|value| value * weight).collect());
        let values = weighted.as_ref().unwrap_or(values);
        builder.add_nodes(self, &Leaves { values, width, first_output: group, linear: &[] })
    }

    fn check(&self) -> Result<(), Problem> {
        let nodes = self.left.len();
        let lengths = [self.right.len(), self.features.len(), self.conditions.len(), self.default_left.len()];
        if let Some(length) = lengths.into_iter().find(|&length| length != nodes) {
            return Err(wrong(format!("{nodes} nodes, but {length} in another list of them")));
        }
        if !self.hessians.is_empty() && self.hessians.len() != nodes {
            return Err(wrong(format!("{nodes} nodes, but {} values of sum_hessian", self.hessians.len())));
        }
        Ok(())
    }

    /// Whether leaves point to their vectors.
    fn points(&self) -> bool {
        self.vectors.as_ref().is_some_and(|vectors| !vectors.by_node)
    }

    /// What a node does, by what the lists have at its place. Where leaves point to vectors, what pruning left of a node is a leaf by
    /// its children, without a vector.
    #[inline(always)]
    fn kind_of(
        &self,
        points: bool,
        node: u32,
        [left, right]: [i32; 2],
        asked: Asked,
    ) -> NodeKind<f32, &[u32]> {
        if left == -1 && !(points && right < 0) {
            return NodeKind::Leaf { leaf: if points { right.cast_unsigned() } else { node }, id: node };
        }
        // What does not fit is out of range, and named by the builder if it is ever reached.
        let child = |child: i32| child.max(-1).cast_unsigned();
        let (left, right) = (child(left), child(right));
        let Asked { feature, threshold, default_left } = asked;
        let missing = Side::left_if(default_left);
        NodeKind::Split(match self.categories.get(&node) {
            // The listed ones go right: asked the other way round.
            Some(categories) => Split {
                feature,
                test: Test::Among(categories),
                missing: missing.other(),
                zero_is_missing: false,
                left: right,
                right: left,
            },
            None => {
                Split { feature, test: Test::Less(threshold), missing, zero_is_missing: false, left, right }
            }
        })
    }
}

/// What the lists say that a node asks.
struct Asked {
    feature: u32,
    threshold: f32,
    default_left: bool,
}

/// Leaves are numbered as their nodes are, those of vectors that nodes point to as these.
impl TreeNodes<f32> for RawTree {
    fn count(&self) -> usize {
        self.left.len()
    }

    #[inline(always)]
    fn kind(&self, node: usize) -> NodeKind<f32, &[u32]> {
        let (feature, threshold) = (self.features[node], self.conditions[node]);
        let asked = Asked { feature, threshold, default_left: self.default_left[node] };
        self.kind_of(self.points(), node as u32, [self.left[node], self.right[node]], asked)
    }

    #[inline(always)]
    fn kinds(&self) -> impl Iterator<Item = NodeKind<f32, &[u32]>> {
        let points = self.points();
        let children = self.left.iter().zip(&self.right);
        let asked = self.features.iter().zip(&self.conditions).zip(&self.default_left);
        (0..).zip(children.zip(asked)).map(move |(node, ((&left, &right), asked))| {
            let ((&feature, &threshold), &default_left) = asked;
            self.kind_of(points, node, [left, right], Asked { feature, threshold, default_left })
        })
    }

    #[inline]
    fn cover(&self, node: usize) -> f64 {
        self.hessians.get(node).copied().unwrap_or(0.0).into()
    }

    fn narrow_covers(&self) -> Option<&[f32]> {
        (self.hessians.len() == self.left.len()).then_some(&self.hessians)
    }
}
