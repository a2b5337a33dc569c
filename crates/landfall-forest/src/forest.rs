//! Compiled trees, and the layouts for speed that were made of them so far: what may be asked of a forest, but for sums of
//! leaves ([`crate::kernel`]).

use crate::layouts::Layouts;
use crate::shap::ShapSpace;
use crate::trees::Trees;
use crate::{Real, Rows};
use landfall_model::Problem;
use std::ops::Range;

/// Compiled trees: features are compared as `X`, leaves added up as `Y`. Made by [`crate::Builder`] alone, so that
/// every node leads to nodes of its own tree and comes to an end.
#[derive(Clone, Debug)]
pub struct Forest<X, Y> {
    pub(crate) compiled: Trees<X, Y>,
    pub(crate) layouts: Layouts<X, Y>,
}

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Features that a row has.
    pub fn features(&self) -> usize {
        self.compiled.features
    }

    /// Outputs that the trees add to.
    pub fn outputs(&self) -> usize {
        self.compiled.outputs
    }

    /// What contributions are told of: features, unless [`crate::Builder::players`] said otherwise.
    pub fn players(&self) -> usize {
        self.compiled.players.count
    }

    /// How many trees there are.
    pub fn trees(&self) -> usize {
        self.compiled.trees.len()
    }

    /// Nodes of all trees, leaves included; oblivious trees as if they were written out.
    pub fn nodes(&self) -> usize {
        self.compiled.trees.iter().map(|tree| 2 * tree.leaves as usize - 1).sum()
    }

    /// The longest way from a root to a leaf, in splits.
    pub fn depth(&self) -> usize {
        self.compiled.depth()
    }

    /// Whether leaves hold linear functions.
    pub fn has_linear_leaves(&self) -> bool {
        self.compiled.has_linear_leaves()
    }

    /// Whether contributions can be told: nodes know how much of the training data came through them.
    pub fn has_covers(&self) -> bool {
        self.compiled.has_covers()
    }

    /// Makes the layouts for single rows and for many at once now, so that no caller waits for them.
    pub fn prepare(&self) {
        self.layouts.prepare(&self.compiled);
    }

    /// The leaf of each row in each of `trees`, as its library numbers it: [rows, trees].
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn leaf_ids(&self, rows: Rows<'_, X>, trees: Range<usize>, ids: &mut [i32]) {
        self.compiled.leaf_ids(rows, trees, ids);
    }

    /// Contributions of each feature to the sums of `trees`, the last place of each output holding their average:
    /// [rows, outputs, players + 1]. The base is not in them.
    ///
    /// # Errors
    /// Unimplemented, where the file tells no covers, leaves are linear functions, or a tree is too deep.
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn contributions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.compiled.contributions(rows, trees, space, sums)
    }

    /// Contributions of each pair of players: [rows, outputs, players + 1, players + 1], symmetric, a player's own on
    /// the diagonal, the average in the last place.
    ///
    /// # Errors
    /// As [`Forest::contributions`].
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn interactions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.compiled.interactions(rows, trees, space, sums)
    }

    /// How much sums change with each player, in hundredths of the whole; `None` where nodes do not know their cover.
    pub fn value_changes(&self) -> Option<Vec<f64>> {
        self.compiled.value_changes()
    }

    /// Bytes of the trees alone: nodes, leaves, and what contributions and the `leaf` output need of them.
    pub fn nodes_bytes(&self) -> usize {
        self.compiled.nodes_bytes()
    }

    /// Bytes held: the trees, and the layouts for speed that were made of them so far.
    pub fn memory_bytes(&self) -> usize {
        self.compiled.memory_bytes() + self.layouts.memory_bytes()
    }
}
