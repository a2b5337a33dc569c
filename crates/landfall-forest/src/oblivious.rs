//! Oblivious trees: all nodes of a level ask the same question, so that a leaf's number is the answers' bits.

use crate::{Builder, NodeKind, NodeSpec, Real, Side, Split, Test, TreeSpec};
use landfall_model::{Kind, Problem};

/// Levels that a tree may have: leaves are numbered in 32 bits, and each is written out.
const MAX_LEVELS: usize = 20;

/// One oblivious tree, as a file has it.
#[derive(Clone, Debug)]
pub struct ObliviousSpec<X, Y> {
    /// The question of each level. A row that goes right at level i adds 2^i to the number of its leaf.
    pub levels: Vec<Level<X>>,
    /// The leaves' values by number: `width` of them for each of the 2^levels leaves. A leaf's number is its id as well.
    pub values: Vec<Y>,
    /// Values of one leaf.
    pub width: usize,
    /// The output that a leaf's first value is added to; its further values go to the outputs that follow.
    pub first_output: usize,
    /// How much of the training data came to each leaf; empty where the file does not say.
    pub covers: Vec<f64>,
}

/// The question that all nodes of a level ask.
#[derive(Clone, Debug)]
pub struct Level<X> {
    /// The feature.
    pub feature: u32,
    /// The question; where it is answered yes, the row goes left.
    pub test: Test<X>,
    /// Where a row without the feature goes.
    pub missing: Side,
    /// Whether zero counts as missing.
    pub zero_is_missing: bool,
}

impl<X: Real, Y: Real> Builder<X, Y> {
    /// Adds the next tree, which is oblivious. The forest is the same as if its nodes were added with [`Builder::add`],
    /// which finds out that a tree is oblivious as well.
    ///
    /// # Errors
    /// As [`Builder::add`]; and invalid argument where the number of values or covers is not that of 2^levels leaves.
    pub fn add_oblivious(&mut self, spec: &ObliviousSpec<X, Y>) -> Result<(), Problem> {
        let here = |problem: Problem| problem.at(format!("tree {}", self.trees()));
        let tree = spec.written_out().map_err(here)?;
        self.add(&tree)
    }
}

impl<X: Real, Y: Real> ObliviousSpec<X, Y> {
    /// The tree with all its nodes: the first level at the root, level by level, children side by side.
    fn written_out(&self) -> Result<TreeSpec<X, Y>, Problem> {
        let levels = self.levels.len();
        if levels > MAX_LEVELS {
            let what = format!("an oblivious tree of more than {MAX_LEVELS} levels");
            return Err(Problem::worded(Kind::ResourceExhausted, what));
        }
        let leaves = 1usize << levels;
        if self.values.len() != leaves * self.width {
            let what = format!("{} values for {leaves} leaves, {} each", self.values.len(), self.width);
            return Err(Problem::invalid(what));
        }
        if !self.covers.is_empty() && self.covers.len() != leaves {
            return Err(Problem::invalid(format!("{} weights for {leaves} leaves", self.covers.len())));
        }
        let mut nodes = Vec::with_capacity(2 * leaves - 1);
        for (depth, level) in self.levels.iter().enumerate() {
            for at in 0..1u32 << depth {
                // Nodes of a level come in the order of their paths, the root's answer being the highest bit.
                let left = (2 << depth) - 1 + 2 * at;
                let split = Split {
                    feature: level.feature,
                    test: level.test.clone(),
                    missing: level.missing,
                    zero_is_missing: level.zero_is_missing,
                    left,
                    right: left + 1,
                };
                nodes.push(NodeSpec { kind: NodeKind::Split(split), cover: 0.0 });
            }
        }
        for at in 0..leaves as u32 {
            let leaf = if levels == 0 { 0 } else { at.reverse_bits() >> (32 - levels) };
            let cover = self.covers.get(leaf as usize).copied().unwrap_or(0.0);
            nodes.push(NodeSpec { kind: NodeKind::Leaf { leaf, id: leaf }, cover });
        }
        for at in (0..leaves - 1).rev() {
            nodes[at].cover = nodes[2 * at + 1].cover + nodes[2 * at + 2].cover;
        }
        Ok(TreeSpec {
            nodes,
            values: self.values.clone(),
            width: self.width,
            first_output: self.first_output,
            linear: Vec::new(),
        })
    }
}
