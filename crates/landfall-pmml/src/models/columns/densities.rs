//! Evidence of naive Bayes: logarithms of likelihoods, added up by class.

use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::naive_bayes::Distribution;

/// A naive Bayes model over columns: the logarithm of each class's score.
#[derive(Debug)]
pub(crate) struct Densities {
    features: Vec<Feature>,
    /// The logarithm of each class's share.
    classes: Vec<f64>,
    /// By feature.
    evidence: Vec<Evidence>,
    /// The logarithm of the least likelihood.
    least: f64,
    /// Mean, narrowness and scale, [classes][features], where all is of normal distributions: one row asks them one after
    /// the other.
    normal: Vec<[f64; 3]>,
}

/// What one feature says, class by class; nothing where the model has nothing.
#[derive(Debug)]
pub(crate) enum Evidence {
    /// By the value's number, then by class. Values that the model does not name say nothing.
    Counts(Vec<Vec<f64>>),
    Distributions(Vec<Option<Distribution>>),
}

impl Densities {
    pub(crate) fn new(
        features: Vec<Feature>,
        classes: Vec<f64>,
        evidence: Vec<Evidence>,
        least: f64,
    ) -> Self {
        let of_class = |class: usize| evidence.iter().map(move |evidence| evidence.normal(class));
        let normal = (0..classes.len()).flat_map(of_class).collect::<Option<_>>().unwrap_or_default();
        Densities { features, classes, evidence, least, normal }
    }

    /// The sum of a class for one row.
    #[inline(always)]
    fn of_row(&self, class: usize, row: &[f64]) -> f64 {
        let mut sum = self.classes[class];
        if self.normal.is_empty() {
            for (evidence, x) in self.evidence.iter().zip(row) {
                evidence.add_one(class, *x, self.least, &mut sum);
            }
            return sum;
        }
        for (x, [mean, narrowness, scale]) in row.iter().zip(&self.normal[class * row.len()..]) {
            let normal = Distribution::Gaussian { mean: *mean, narrowness: *narrowness, scale: *scale };
            sum += at_least(normal.log(*x), self.least, *x);
        }
        sum
    }
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
                *sum = self.of_row(class, columns);
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
    /// A class's normal distribution, where it has one.
    fn normal(&self, class: usize) -> Option<[f64; 3]> {
        match self {
            Evidence::Distributions(all) => match *all.get(class)? {
                Some(Distribution::Gaussian { mean, narrowness, scale }) => Some([mean, narrowness, scale]),
                _ => None,
            },
            Evidence::Counts(_) => None,
        }
    }

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
