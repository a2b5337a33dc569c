//! Oblivious trees: all nodes of a level ask the same question, so that a leaf's number is the answers' bits. They are kept
//! as a question for each level, never written out.

use crate::layout::{Growing, compile, plain};
use crate::trees::Tree;
use crate::{Builder, Leaves, Real, Side, Split, Test};
use landfall_model::{Kind, Problem};

/// Levels that a tree may have: leaves are numbered in 32 bits, and each has its values.
const MAX_LEVELS: usize = 20;

/// One oblivious tree, as a file has it.
#[derive(Clone, Debug)]
pub struct ObliviousSpec<X, Y> {
    /// The question of each level, the root's last. A row that goes right at level i adds 2^i to the number of its leaf.
    pub levels: Vec<Level<X>>,
    /// The leaves' values by number: `width` of them for each of the 2^levels leaves. A leaf's number is its id as well.
    pub values: Vec<Y>,
    /// Values of one leaf.
    pub width: usize,
    /// The output that a leaf's first value is added to; its further values go to the outputs that follow.
    pub first_output: usize,
    /// How much of the training data came to each leaf; left out where the builder was told that nodes do not know it.
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

impl<X: Real> Level<X> {
    /// The same as a node that leads nowhere.
    fn split(&self) -> Split<X, &[u32]> {
        let Level { feature, ref test, missing, zero_is_missing } = *self;
        Split { feature, test: test.as_slices(), missing, zero_is_missing, left: 0, right: 0 }
    }
}

impl<X: Real, Y: Real> Builder<X, Y> {
    /// Adds the next tree, which is oblivious. The forest answers as if its nodes were added with [`Builder::add`].
    ///
    /// # Errors
    /// Invalid argument naming the tree: a feature out of range, a threshold that is not a number, other values or covers
    /// than 2^levels leaves have. Resource exhausted: too many levels.
    pub fn add_oblivious(&mut self, spec: &ObliviousSpec<X, Y>) -> Result<(), Problem> {
        let ObliviousSpec { levels, values, width, first_output, covers } = spec;
        let leaves = Leaves { values, width: *width, first_output: *first_output, linear: &[] };
        self.add_levels(levels, &leaves, covers)
    }

    /// As [`Builder::add_oblivious`], of leaves that are held elsewhere; they have no linear functions.
    ///
    /// # Errors
    /// As [`Builder::add_oblivious`].
    pub fn add_levels(
        &mut self,
        levels: &[Level<X>],
        leaves: &Leaves<'_, Y>,
        covers: &[f64],
    ) -> Result<(), Problem> {
        let tree = self.growing.forest.trees.len();
        self.growing
            .lay_out_levels(levels, leaves, covers)
            .map_err(|problem| problem.at(format!("tree {tree}")))
    }
}

impl<X: Real, Y: Real> Growing<X, Y> {
    fn lay_out_levels(
        &mut self,
        asked: &[Level<X>],
        spec: &Leaves<'_, Y>,
        covers: &[f64],
    ) -> Result<(), Problem> {
        let levels = asked.len();
        if levels > MAX_LEVELS {
            let what = format!("an oblivious tree of {levels} levels, more than {MAX_LEVELS}");
            return Err(Problem::worded(Kind::ResourceExhausted, what));
        }
        let leaves = 1usize << levels;
        if self.check_leaves(spec.values, spec.width, spec.first_output, levels)? != leaves {
            let what = format!("{} values for {leaves} leaves, {} each", spec.values.len(), spec.width);
            return Err(Problem::invalid(what));
        }
        if self.has_covers && covers.len() != leaves {
            return Err(Problem::invalid(format!("{} weights for {leaves} leaves", covers.len())));
        }
        let forest = &mut self.forest;
        let root = forest.nodes.len();
        for (number, level) in asked.iter().enumerate().rev() {
            let split = level.split();
            let node = match plain(forest.features, &split) {
                Some(node) => node,
                None => compile(forest, &split).map_err(|problem| problem.at(format!("level {number}")))?,
            };
            forest.nodes.push(node);
        }
        self.note_kinds(root);
        let forest = &mut self.forest;
        forest.trees.push(Tree {
            root: root as u32,
            first_leaf: forest.leaf_ids.len() as u32,
            leaves: leaves as u32,
            depth: levels as u32,
            first_value: forest.values.len(),
            width: spec.width,
            first_output: spec.first_output,
            first_cover: forest.covers.len(),
            is_linear: false,
            is_oblivious: true,
        });
        forest.values.extend_from_slice(spec.values);
        if self.has_covers {
            forest.covers.extend(covers);
        }
        Ok(())
    }
}
