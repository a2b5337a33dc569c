//! One tree of XGBoost's, and how it is lowered.

use super::learner::Outline;
use crate::document::wrong;
use landfall_forest::{NodeKind, NodeSpec, Side, Split, Test, TreeSpec};
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

    /// The tree as the forest's builder takes it, each leaf multiplied by `weight`.
    pub(crate) fn lower(&self, group: usize, weight: Option<f32>) -> Result<TreeSpec<f32, f32>, Problem> {
        let nodes = self.left.len();
        let lengths = [self.right.len(), self.features.len(), self.conditions.len(), self.default_left.len()];
        if let Some(length) = lengths.into_iter().find(|&length| length != nodes) {
            return Err(wrong(format!("{nodes} nodes, but {length} in another list of them")));
        }
        if !self.hessians.is_empty() && self.hessians.len() != nodes {
            return Err(wrong(format!("{nodes} nodes, but {} values of sum_hessian", self.hessians.len())));
        }
        let width = self.vectors.as_ref().map_or(1, |vectors| vectors.width);
        let mut spec = TreeSpec {
            nodes: Vec::with_capacity(nodes),
            values: Vec::new(),
            width,
            first_output: group,
            linear: Vec::new(),
        };
        for node in 0..nodes {
            let cover = self.hessians.get(node).copied().unwrap_or(0.0);
            let kind = if self.left[node] == -1 && !self.is_deleted(node) {
                let leaf = (spec.values.len() / width) as u32;
                let first = spec.values.len();
                self.leaf(node, &mut spec.values)?;
                if let Some(weight) = weight {
                    spec.values[first..].iter_mut().for_each(|value| *value *= weight);
                }
                NodeKind::Leaf { leaf, id: node as u32 }
            } else {
                NodeKind::Split(self.split(node))
            };
            spec.nodes.push(NodeSpec { kind, cover: f64::from(cover) });
        }
        Ok(spec)
    }

    /// Appends a leaf's values.
    fn leaf(&self, node: usize, values: &mut Vec<f32>) -> Result<(), Problem> {
        let Some(vectors) = &self.vectors else {
            values.push(self.conditions[node]);
            return Ok(());
        };
        let place = if vectors.by_node { Some(node) } else { usize::try_from(self.right[node]).ok() };
        let range = place
            .and_then(|place| place.checked_mul(vectors.width))
            .and_then(|start| vectors.values.get(start..start.checked_add(vectors.width)?));
        // Leaves that shared a vector could make any amount of memory of a small file.
        let vector = range.filter(|_| values.len() < vectors.values.len());
        let vector = vector.ok_or_else(|| wrong(format!("node {node}: it has no leaf vector of its own")))?;
        values.extend_from_slice(vector);
        Ok(())
    }

    /// Whether a node is what pruning left of one: a leaf by its children, without a vector.
    fn is_deleted(&self, node: usize) -> bool {
        self.right[node] < 0 && self.vectors.as_ref().is_some_and(|vectors| !vectors.by_node)
    }

    fn split(&self, node: usize) -> Split<f32> {
        // What does not fit is out of range, and named by the builder if it is ever reached.
        let child = |child: i32| u32::try_from(child).unwrap_or(u32::MAX);
        let (left, right) = (child(self.left[node]), child(self.right[node]));
        let missing = Side::left_if(self.default_left[node]);
        let feature = self.features[node];
        match self.categories.get(&(node as u32)) {
            // The listed ones go right: asked the other way round.
            Some(categories) => Split {
                feature,
                test: Test::Among(categories.clone()),
                missing: missing.other(),
                zero_is_missing: false,
                left: right,
                right: left,
            },
            None => Split {
                feature,
                test: Test::Less(self.conditions[node]),
                missing,
                zero_is_missing: false,
                left,
                right,
            },
        }
    }
}
