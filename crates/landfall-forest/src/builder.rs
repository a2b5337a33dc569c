//! The only way to a [`Forest`]: trees are checked and laid out one by one.

use crate::covers::Covers;
use crate::layout::Growing;
use crate::layouts::Layouts;
use crate::node::{Rule, SplitKinds};
use crate::{Forest, Leaves, NegativeFractions, Real, TreeNodes, TreeSpec};
use landfall_model::Problem;

/// How much a forest will hold, as far as a reader knows it beforehand: what grows beyond is copied.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    /// Nodes; of oblivious trees, levels.
    pub nodes: usize,
    /// Leaves of trees that are not oblivious.
    pub leaf_ids: usize,
    /// Values of all leaves.
    pub values: usize,
    /// Covers of all nodes; of oblivious trees, of leaves alone.
    pub covers: usize,
}

/// Builds a forest tree by tree.
pub struct Builder<X, Y> {
    pub(crate) growing: Growing<X, Y>,
}

impl<X: Real, Y: Real> Builder<X, Y> {
    /// For rows of `features` values and sums of `outputs` values.
    pub fn new(features: usize, outputs: usize) -> Self {
        Builder { growing: Growing::new(features, outputs) }
    }

    /// Makes room for what is to come.
    #[must_use]
    pub fn reserve(mut self, room: Room) -> Self {
        self.growing.forest.nodes.reserve_exact(room.nodes);
        self.growing.forest.leaf_ids.reserve_exact(room.leaf_ids);
        self.growing.forest.values.reserve_exact(room.values);
        if self.growing.has_covers {
            self.growing.forest.covers.reserve(room.covers);
        }
        self
    }

    /// Which category a value between −1 and 0 stands for; none unless told.
    #[must_use]
    pub fn negative_fractions(mut self, rule: NegativeFractions) -> Self {
        self.growing.forest.negative_fractions = rule;
        self
    }

    /// Says that contributions are told of `count` players, by feature, instead of the features themselves: features of
    /// one player are known or unknown together.
    ///
    /// # Panics
    /// When there is not a player for each feature.
    #[must_use]
    pub fn players(mut self, of_features: Vec<u32>, count: usize) -> Self {
        assert!(of_features.len() == self.growing.forest.features);
        assert!(of_features.iter().all(|&player| (player as usize) < count));
        (self.growing.forest.players.of_features, self.growing.forest.players.count) = (of_features, count);
        self
    }

    /// Says that contributions leave out what lies behind a node that no training data came to (CatBoost).
    #[must_use]
    pub fn skip_empty_nodes(mut self) -> Self {
        self.growing.forest.players.skip_empty = true;
        self
    }

    /// Says that nodes do not know their cover: the forest will tell no contributions.
    #[must_use]
    pub fn without_covers(mut self) -> Self {
        self.growing.has_covers = false;
        self
    }

    /// As [`Builder::without_covers`], when a tree turns up that does not know them.
    pub fn forget_covers(&mut self) {
        self.growing.has_covers = false;
        self.growing.forest.covers = Covers::default();
    }

    /// Adds the next tree.
    ///
    /// # Errors
    /// Invalid argument naming tree and node: a child that is not there, a node that two lead to (so any cycle), a
    /// feature or leaf out of range, a threshold that is not a number, absurd counts.
    pub fn add(&mut self, spec: &TreeSpec<X, Y>) -> Result<(), Problem> {
        let TreeSpec { nodes, values, width, first_output, linear } = spec;
        self.add_nodes(
            nodes.as_slice(),
            &Leaves { values, width: *width, first_output: *first_output, linear },
        )
    }

    /// As [`Builder::add`], of a tree that its reader keeps in a form of its own.
    ///
    /// # Errors
    /// As [`Builder::add`].
    // Within a reader's function there are too few registers for its loops.
    #[inline(never)]
    pub fn add_nodes(
        &mut self,
        nodes: &(impl TreeNodes<X> + ?Sized),
        leaves: &Leaves<'_, Y>,
    ) -> Result<(), Problem> {
        let tree = self.growing.forest.trees.len();
        self.growing.lay_out(nodes, leaves).map_err(|problem| problem.at(format!("tree {tree}")))
    }

    /// The forest.
    pub fn finish(self) -> Forest<X, Y> {
        let Growing { mut forest, kinds, .. } = self.growing;
        forest.splits = if kinds & !Rule::LEAVES & !Rule::LESS_ALONE == 0 {
            SplitKinds::Less
        } else if kinds & !Rule::LEAVES & !Rule::AT_MOST_ALONE == 0 {
            SplitKinds::AtMost
        } else {
            SplitKinds::Mixed
        };
        forest.linear.ends.push(forest.linear.terms.len());
        forest.shrink_to_fit();
        Forest { compiled: forest, layouts: Layouts::default() }
    }
}
