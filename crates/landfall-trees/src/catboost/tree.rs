//! A tree of CatBoost's lowered.

use super::columns::Question;
use super::raw::{RawNode, RawTree, Shape};
use crate::document::wrong;
use landfall_forest::{Level, NodeKind, NodeSpec, ObliviousSpec, Side, Split, Test, TreeSpec};
use landfall_model::Problem;

/// A tree for the forest's builder.
pub(crate) enum Lowered {
    Oblivious(ObliviousSpec<f32, f64>),
    Nested(TreeSpec<f32, f64>),
}

impl RawTree {
    /// The tree as the forest's builder takes it, with `dimension` values of each leaf.
    ///
    /// # Errors
    /// Invalid argument, naming node or split.
    pub(crate) fn lower(self, dimension: usize, questions: &[Question]) -> Result<Lowered, Problem> {
        if !self.weights.is_empty() && self.weights.len() * dimension != self.values.len() {
            return Err(wrong(format!(
                "{} weights, {} values of leaves",
                self.weights.len(),
                self.values.len()
            )));
        }
        Ok(match &self.shape {
            Shape::Oblivious(splits) => {
                let levels = splits.iter().map(|&split| level(split, questions));
                Lowered::Oblivious(ObliviousSpec {
                    levels: levels.collect::<Result<_, _>>()?,
                    values: self.values,
                    width: dimension,
                    first_output: 0,
                    covers: self.weights,
                })
            }
            Shape::Nested(nodes) => Lowered::Nested(TreeSpec {
                nodes: self.written_out(nodes, questions)?,
                values: self.values,
                width: dimension,
                first_output: 0,
                linear: Vec::new(),
            }),
        })
    }

    /// Nodes that a forest keeps of it.
    pub(crate) fn nodes(&self) -> usize {
        match &self.shape {
            Shape::Oblivious(splits) => splits.len(),
            Shape::Nested(nodes) => nodes.len(),
        }
    }

    fn leaf(&self, leaf: u32) -> NodeSpec<f32> {
        let cover = self.weights.get(leaf as usize).copied().unwrap_or(0.0);
        NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover }
    }

    fn written_out(&self, raw: &[RawNode], questions: &[Question]) -> Result<Vec<NodeSpec<f32>>, Problem> {
        let node = |(number, node): (usize, &RawNode)| match *node {
            RawNode::Leaf(leaf) => Ok(self.leaf(leaf)),
            RawNode::Split { split: asked, left, right } => {
                let kind = split(asked, questions, left, right);
                Ok(NodeSpec { kind: kind.map_err(|p| p.at(format!("node {number}")))?, cover: 0.0 })
            }
        };
        let mut nodes = raw.iter().enumerate().map(node).collect::<Result<Vec<_>, Problem>>()?;
        add_covers(&mut nodes);
        Ok(nodes)
    }
}

/// What a split asks.
fn level(number: usize, questions: &[Question]) -> Result<Level<f32>, Problem> {
    let question = questions.get(number).ok_or_else(|| {
        wrong(format!("split {number}, the model's features have {} borders", questions.len()))
    })?;
    Ok(Level {
        feature: question.column,
        test: Test::AtMost(question.border),
        missing: Side::left_if(!question.nan_is_above),
        zero_is_missing: false,
    })
}

fn split(number: usize, questions: &[Question], left: u32, right: u32) -> Result<NodeKind<f32>, Problem> {
    let Level { feature, test, missing, zero_is_missing } = level(number, questions)?;
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
