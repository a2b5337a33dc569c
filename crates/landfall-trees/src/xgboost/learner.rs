//! What a file of XGBoost's tells, whichever form it has.

use super::tree::RawTree;
use crate::features::Categories;

/// A model as its file has it.
#[derive(Debug)]
pub(crate) struct Learner {
    pub(crate) version: [u32; 3],
    pub(crate) objective: String,
    /// One value for all groups, or one for each.
    pub(crate) base_scores: Vec<f32>,
    /// Whether `base_scores` are margins of the objective's link already, as files before 1.0 hold them.
    pub(crate) base_is_margin: bool,
    /// Whether `base_scores` are only where training would have begun, which it did not: the library (from 3.1 on) then takes
    /// them for margins.
    pub(crate) base_is_placeholder: bool,
    pub(crate) num_class: usize,
    pub(crate) num_target: usize,
    pub(crate) num_feature: usize,
    pub(crate) booster: Booster,
    pub(crate) feature_names: Vec<String>,
    /// Categories that the file names, by feature; empty where it names none.
    pub(crate) categories: Vec<Option<Categories>>,
    pub(crate) best_iteration: Option<String>,
}

/// What adds up.
#[derive(Debug)]
pub(crate) enum Booster {
    Trees(Trees),
    /// [features + 1, groups], the last row being the bias.
    Linear(Vec<f32>),
}

/// Trees in the order of addition.
#[derive(Debug)]
pub(crate) struct Trees {
    pub(crate) name: String,
    pub(crate) trees: Vec<RawTree>,
    /// Group of each tree.
    pub(crate) groups: Vec<usize>,
    /// Where rounds start, and the number of trees at the end; empty where the file does not say.
    pub(crate) rounds: Vec<usize>,
    pub(crate) parallel: usize,
    /// Factor of each tree, for dart.
    pub(crate) weights: Option<Vec<f32>>,
}
