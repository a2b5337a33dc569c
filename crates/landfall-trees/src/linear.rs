//! A linear booster: XGBoost's `gblinear`.

use crate::document::wrong;
use landfall_forest::{Real, Rows};
use landfall_model::Problem;

/// Weights of each feature for each group, and a bias.
#[derive(Debug)]
pub(crate) struct Linear<Y> {
    /// [features + 1, groups]; the last row is the bias. Empty in a model that was not trained.
    weights: Vec<Y>,
    features: usize,
    groups: usize,
}

impl<Y: Real> Linear<Y> {
    /// # Errors
    /// Invalid argument, when the number of weights is another.
    pub(crate) fn new(weights: Vec<Y>, features: usize, groups: usize) -> Result<Self, Problem> {
        if !weights.is_empty() && (features + 1).checked_mul(groups) != Some(weights.len()) {
            return Err(wrong(format!(
                "{} weights for {features} features and a bias in {groups} groups",
                weights.len()
            )));
        }
        Ok(Linear { weights, features, groups })
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.weights.len() * size_of::<Y>()
    }

    /// Adds to the sums ([rows, groups], which hold the base): the bias first, then features ascending, missing ones
    /// left out.
    pub(crate) fn add_margins<X: Real>(&self, rows: Rows<'_, X>, sums: &mut [Y]) {
        if self.weights.is_empty() {
            return;
        }
        let bias = &self.weights[self.features * self.groups..];
        for (row, sums) in sums.chunks_exact_mut(self.groups).enumerate() {
            let row = rows.row(row);
            for (group, sum) in sums.iter_mut().enumerate() {
                *sum = bias[group] + *sum;
                for (feature, &x) in row[..self.features].iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                    *sum = *sum + Y::of(x.wide()) * self.weights[feature * self.groups + group];
                }
            }
        }
    }

    /// Each product, and the bias in the last place: [rows, groups, features + 1].
    pub(crate) fn contributions<X: Real>(&self, rows: Rows<'_, X>, sums: &mut [f64]) {
        if self.weights.is_empty() {
            return;
        }
        let side = self.features + 1;
        for (i, sums) in sums.chunks_exact_mut(side).enumerate() {
            let (row, group) = (rows.row(i / self.groups), i % self.groups);
            for (feature, &x) in row[..self.features].iter().enumerate().filter(|(_, x)| !x.is_nan()) {
                sums[feature] = (Y::of(x.wide()) * self.weights[feature * self.groups + group]).wide();
            }
            sums[self.features] = self.weights[self.features * self.groups + group].wide();
        }
    }
}
