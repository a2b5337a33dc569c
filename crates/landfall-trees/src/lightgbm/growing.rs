//! A booster's trees on their way into a forest: each as soon as it is read, so that none is kept beside it.

use super::booster::Booster;
use super::tree::{CATEGORICAL, RawTree, ZERO_IS_MISSING};
use crate::compiled::Importance;
use crate::document::wrong;
use crate::features::check_count;
use landfall_forest::{Builder, Forest, NegativeFractions, Room};
use landfall_model::Problem;
use std::collections::BTreeSet;

/// Sums of a row beyond which a file is absurd.
const MAX_GROUPS: usize = 1 << 20;

/// What has grown so far.
pub(crate) struct Growing {
    builder: Builder<f64, f64>,
    groups: usize,
    /// How many trees were added.
    pub(crate) trees: usize,
    /// Features that trees take as categories.
    pub(crate) asked_as_categories: BTreeSet<usize>,
    /// Whether a split takes zero for a missing value.
    pub(crate) asks_for_zero: bool,
    /// By feature: how often it is asked about, and what that gained, as the library's `feature_importance` has it.
    importance: [Vec<f64>; 2],
}

impl Growing {
    /// No tree yet, of a booster of which all but its trees and categories is known, and room for so many nodes.
    ///
    /// # Errors
    /// Invalid argument: absurd counts, or names that are not as many as features.
    pub(crate) fn new(booster: &Booster, nodes: usize) -> Result<Self, Problem> {
        let (groups, features, names) = (booster.per_round, booster.num_feature, booster.feature_names.len());
        if !(1..=MAX_GROUPS).contains(&groups) {
            return Err(wrong(format!("{groups} trees in a round")));
        }
        if names == 0 {
            check_count(features, || nodes)?;
        } else if names != features {
            return Err(wrong(format!("{names} feature names for {features} features")));
        }
        let builder = Builder::new(features, groups).negative_fractions(NegativeFractions::AreZero);
        Ok(Growing {
            builder: builder.reserve(Room { nodes, leaf_ids: nodes / 2, values: nodes / 2, covers: nodes }),
            groups,
            trees: 0,
            asked_as_categories: BTreeSet::new(),
            asks_for_zero: false,
            importance: [vec![0.0; features], vec![0.0; features]],
        })
    }

    /// Adds the next tree.
    ///
    /// # Errors
    /// Invalid argument, naming the tree, and a node where one is wrong.
    pub(crate) fn add(&mut self, tree: &RawTree) -> Result<(), Problem> {
        if !tree.has_counts() {
            self.builder.forget_covers();
        }
        tree.add_to(&mut self.builder, self.trees, self.trees % self.groups)?;
        self.trees += 1;
        let asks = |decision: &u32| decision & (CATEGORICAL | ZERO_IS_MISSING) == ZERO_IS_MISSING;
        self.asks_for_zero |= tree.decisions.iter().any(asks);
        let [counts, gains] = &mut self.importance;
        for (&feature, &gain) in tree.features.iter().zip(&tree.gains) {
            // Features out of range were refused, but for those of splits that nothing leads to.
            if let (Some(count), true) = (counts.get_mut(feature as usize), gain > 0.0) {
                *count += 1.0;
                gains[feature as usize] += gain;
            }
        }
        if !tree.sets.is_empty() {
            let splits = tree.features.iter().zip(&tree.decisions);
            let categorical = splits.filter(|(_, decision)| *decision & CATEGORICAL != 0);
            self.asked_as_categories.extend(categorical.map(|(feature, _)| *feature as usize));
        }
        Ok(())
    }

    /// The forest, and how important it makes features; adds to a model's structure what there is to tell of it.
    pub(crate) fn finish(self, structure: &mut Vec<(String, String)>) -> (Forest<f64, f64>, Vec<Importance>) {
        let forest = self.builder.finish();
        crate::compiled::describe(&forest, structure);
        let [splits, gains] = self.importance;
        let importance = [("split", splits), ("gain", gains)];
        (forest, importance.map(|(kind, of_features)| Importance { kind, of_features }).into())
    }
}
