//! A tree of CatBoost's lowered.

use super::columns::Question;
use super::raw::{RawNode, RawTree, Shape};
use crate::document::wrong;
use landfall_forest::{NodeKind, NodeSpec, Side, Split, Test, TreeSpec};
use landfall_model::{Kind, Problem};

/// Levels of an oblivious tree that are read; the library's own limit is 16.
const MAX_LEVELS: usize = 20;

impl RawTree {
    /// The tree as the forest's builder takes it, with `dimension` values of each leaf.
    ///
    /// # Errors
    /// Invalid argument, naming node or split.
    pub(crate) fn lower(
        self,
        dimension: usize,
        questions: &[Question],
    ) -> Result<TreeSpec<f32, f64>, Problem> {
        if !self.weights.is_empty() && self.weights.len() * dimension != self.values.len() {
            return Err(wrong(format!(
                "{} weights, {} values of leaves",
                self.weights.len(),
                self.values.len()
            )));
        }
        let nodes = match &self.shape {
            Shape::Oblivious(splits) => self.levels(splits, dimension, questions)?,
            Shape::Nested(nodes) => self.nodes(nodes, questions)?,
        };
        Ok(TreeSpec { nodes, values: self.values, width: dimension, first_output: 0, linear: Vec::new() })
    }

    fn leaf(&self, leaf: u32) -> NodeSpec<f32> {
        let cover = self.weights.get(leaf as usize).copied().unwrap_or(0.0);
        NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover }
    }

    /// All nodes of an oblivious tree, level by level. The last split is at the root: what contributions depend on.
    fn levels(
        &self,
        splits: &[usize],
        dimension: usize,
        questions: &[Question],
    ) -> Result<Vec<NodeSpec<f32>>, Problem> {
        let levels = splits.len();
        if levels > MAX_LEVELS {
            let what = format!("an oblivious tree of {levels} levels, more than {MAX_LEVELS}");
            return Err(Problem::worded(Kind::ResourceExhausted, what));
        }
        let leaves = 1usize << levels;
        if self.values.len() != leaves * dimension {
            return Err(wrong(format!("{} values of {leaves} leaves, {dimension} each", self.values.len())));
        }
        let mut nodes = Vec::with_capacity(2 * leaves - 1);
        for (depth, &number) in splits.iter().rev().enumerate() {
            for at in 0..1u32 << depth {
                let left = (2 << depth) - 1 + 2 * at;
                nodes.push(NodeSpec { kind: split(number, questions, left, left + 1)?, cover: 0.0 });
            }
        }
        nodes.extend((0..leaves as u32).map(|leaf| self.leaf(leaf)));
        for at in (0..leaves - 1).rev() {
            nodes[at].cover = nodes[2 * at + 1].cover + nodes[2 * at + 2].cover;
        }
        Ok(nodes)
    }

    fn nodes(&self, raw: &[RawNode], questions: &[Question]) -> Result<Vec<NodeSpec<f32>>, Problem> {
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

fn split(number: usize, questions: &[Question], left: u32, right: u32) -> Result<NodeKind<f32>, Problem> {
    let question = questions.get(number).ok_or_else(|| {
        wrong(format!("split {number}, the model's features have {} borders", questions.len()))
    })?;
    Ok(NodeKind::Split(Split {
        feature: question.column,
        test: Test::AtMost(question.border),
        missing: Side::left_if(!question.nan_is_above),
        zero_is_missing: false,
        left,
        right,
    }))
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
