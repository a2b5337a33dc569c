//! What a file of LightGBM's tells, whichever form it has.

use crate::features::Categories;

/// A model as its file has it, but for its trees.
#[derive(Debug, Default)]
pub(crate) struct Booster {
    pub(crate) version: String,
    /// Empty for an objective of the user's own.
    pub(crate) objective: String,
    pub(crate) num_class: usize,
    /// Trees of one round: tree i adds to sum i modulo this.
    pub(crate) per_round: usize,
    pub(crate) num_feature: usize,
    /// Whether predictions are means over rounds (random forests).
    pub(crate) averages: bool,
    pub(crate) feature_names: Vec<String>,
    /// Categories of a pandas frame, by its categorical columns in order.
    pub(crate) categories: Vec<Categories>,
    /// Which features are categorical, as far as the file says so, by how sure the place is.
    pub(crate) categorical: Vec<Vec<usize>>,
}
