//! Evidence of naive Bayes: logarithms of likelihoods, added up by class.

use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::naive_bayes::Distribution;

/// A naive Bayes model over columns: the logarithm of each class's score.
#[derive(Debug)]
pub(crate) struct Densities {
    pub(crate) features: Vec<Feature>,
    /// The logarithm of each class's share.
    pub(crate) classes: Vec<f64>,
    /// By feature.
    pub(crate) evidence: Vec<Evidence>,
    /// The logarithm of the least likelihood.
    pub(crate) least: f64,
}

/// What one feature says, class by class; nothing where the model has nothing.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// By the value's number, then by class. Values that the model does not name say nothing.
    Counts(Vec<Vec<f64>>),
    Distributions(Vec<Option<Distribution>>),
}

impl Block for Densities {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.classes.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Densities {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], _: &mut Vec<f64>) {
        if rows == 1 {
            for (class, sum) in values.iter_mut().enumerate() {
                *sum = self.classes[class];
                for (evidence, x) in self.evidence.iter().zip(columns) {
                    evidence.add_one(class, *x, self.least, sum);
                }
            }
            return;
        }
        for (class, sums) in values.chunks_exact_mut(rows).enumerate() {
            sums.fill(self.classes[class]);
            for (evidence, column) in self.evidence.iter().zip(columns.chunks_exact(rows)) {
                evidence.add(class, column, self.least, sums);
            }
        }
    }
}

impl Evidence {
    #[inline(always)]
    fn add(&self, class: usize, column: &[f64], least: f64, sums: &mut [f64]) {
        match self {
            Evidence::Counts(logs) => {
                for (sum, x) in sums.iter_mut().zip(column) {
                    // Not a number is none of them.
                    if let Some(log) = logs.get(*x as usize).filter(|_| !x.is_nan()) {
                        *sum += log[class];
                    }
                }
            }
            Evidence::Distributions(all) => {
                match all[class] {
                    // The usual one has a loop of its own.
                    Some(Distribution::Gaussian { mean, narrowness, scale }) => {
                        let gaussian = Distribution::Gaussian { mean, narrowness, scale };
                        add_logs(gaussian, column, least, sums);
                    }
                    Some(distribution) => add_logs(distribution, column, least, sums),
                    None => {}
                }
            }
        }
    }
}

impl Evidence {
    /// [`Evidence::add`] of one row.
    #[inline(always)]
    fn add_one(&self, class: usize, x: f64, least: f64, sum: &mut f64) {
        match self {
            Evidence::Counts(logs) => {
                if let Some(log) = logs.get(x as usize).filter(|_| !x.is_nan()) {
                    *sum += log[class];
                }
            }
            Evidence::Distributions(all) => {
                if let Some(distribution) = &all[class] {
                    *sum += at_least(distribution.log(x), least, x);
                }
            }
        }
    }
}

/// A logarithm, not below the least; nothing where the value is missing.
#[inline(always)]
fn at_least(log: f64, least: f64, x: f64) -> f64 {
    let log = if log > least { log } else { least };
    if x.is_nan() { 0.0 } else { log }
}

#[inline(always)]
fn add_logs(distribution: Distribution, column: &[f64], least: f64, sums: &mut [f64]) {
    for (sum, x) in sums.iter_mut().zip(column) {
        *sum += at_least(distribution.log(*x), least, *x);
    }
}
