//! A tree of CatBoost's lowered.

use super::columns::Question;
use super::raw::{RawModel, RawNode, RawTree, Shape};
use crate::document::wrong;
use landfall_forest::{Builder, Leaves, Level, NodeKind, NodeSpec, Room, Side, Split, Test};
use landfall_model::Problem;

impl RawModel<'_> {
    /// Adds a tree to a forest; `levels` is memory that trees take in turn.
    ///
    /// # Errors
    /// Invalid argument, naming the tree, and node or split.
    pub(crate) fn add_to(
        &self,
        builder: &mut Builder<f32, f64>,
        number: usize,
        questions: &[Question],
        levels: &mut Vec<Level<f32>>,
    ) -> Result<(), Problem> {
        let RawTree { shape, leaves } = &self.trees[number];
        let here = |problem: Problem| problem.at(format!("tree {number}"));
        let weights = if self.weights.is_empty() { &[] } else { &self.weights[leaves.clone()] };
        let values = &self.values[leaves.start * self.dimension..leaves.end * self.dimension];
        let leaves = Leaves { values, width: self.dimension, first_output: 0, linear: &[] };
        match shape {
            Shape::Oblivious(splits) => {
                let splits = &self.levels[splits.clone()];
                if let Some(&last) = splits.iter().max() {
                    asked(last as usize, questions).map_err(here)?;
                }
                levels.clear();
                // In one go: what is built beside the list waits to be copied into it.
                levels.extend(splits.iter().map(|&split| level(&questions[split as usize])));
                builder.add_levels(levels, &leaves, weights)
            }
            Shape::Nested(nodes) => {
                let nodes = written_out(nodes, weights, questions).map_err(here)?;
                builder.add_nodes(nodes.as_slice(), &leaves)
            }
        }
    }
}

impl RawTree {
    /// Adds what a forest keeps of it, but for its values.
    pub(crate) fn count(&self, room: &mut Room) {
        match &self.shape {
            Shape::Oblivious(splits) => {
                room.nodes += splits.len();
                room.covers += self.leaves.len();
            }
            Shape::Nested(nodes) => {
                room.nodes += nodes.len();
                room.leaf_ids += self.leaves.len();
                room.covers += nodes.len();
            }
        }
    }
}

fn written_out(
    raw: &[RawNode],
    weights: &[f64],
    questions: &[Question],
) -> Result<Vec<NodeSpec<f32>>, Problem> {
    let node = |(number, node): (usize, &RawNode)| match *node {
        RawNode::Leaf(leaf) => {
            let cover = weights.get(leaf as usize).copied().unwrap_or(0.0);
            Ok(NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover })
        }
        RawNode::Split { split: asked, left, right } => {
            let kind = split(asked, questions, left, right);
            Ok(NodeSpec { kind: kind.map_err(|p| p.at(format!("node {number}")))?, cover: 0.0 })
        }
    };
    let mut nodes = raw.iter().enumerate().map(node).collect::<Result<Vec<_>, Problem>>()?;
    add_covers(&mut nodes);
    Ok(nodes)
}

/// What a split asks, by its number.
fn asked(number: usize, questions: &[Question]) -> Result<&Question, Problem> {
    questions.get(number).ok_or_else(|| {
        wrong(format!("split {number}, the model's features have {} borders", questions.len()))
    })
}

#[inline(always)]
fn level(question: &Question) -> Level<f32> {
    Level {
        feature: question.column,
        test: Test::AtMost(question.border),
        missing: Side::left_if(!question.nan_is_above),
        zero_is_missing: false,
    }
}

fn split(number: usize, questions: &[Question], left: u32, right: u32) -> Result<NodeKind<f32>, Problem> {
    let Level { feature, test, missing, zero_is_missing } = level(asked(number, questions)?);
    Ok(NodeKind::Split(Split { feature, test, missing, zero_is_missing, left, right }))
}

/// Gives each split the covers of what is below it. Wrong children are left to the builder.
fn add_covers(nodes: &mut [NodeSpec<f32>]) {
    let children = |node: &NodeSpec<f32>| match &node.kind {
        NodeKind::Split(split) => Some([split.left as usize, split.right as usize]),
        NodeKind::Leaf { .. } => None,
    };
    let mut order = vec![0usize];
    let mut at = 0;
    while at < order.len() && order.len() <= nodes.len() {
        if let Some(below) = nodes.get(order[at]).and_then(children) {
            order.extend(below);
        }
        at += 1;
    }
    for &node in order.iter().rev() {
        if let Some([left, right]) = nodes.get(node).and_then(children) {
            let cover = |child: usize| nodes.get(child).map_or(0.0, |child| child.cover);
            nodes[node].cover = cover(left) + cover(right);
        }
    }
}
