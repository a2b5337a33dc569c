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
    /// Where all is of normal distributions: one row asks them one after the other.
    normal: Option<Normal>,
}

/// Normal distributions, [classes][features].
#[derive(Debug, Default)]
struct Normal {
    means: Vec<f64>,
    narrownesses: Vec<f64>,
    scales: Vec<f64>,
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
        let normal = Normal::of(&evidence, classes.len());
        Densities { features, classes, evidence, least, normal }
    }

    /// The sums of all classes for one row.
    #[inline(always)]
    fn of_row(&self, row: &[f64], sums: &mut [f64], logs: &mut Vec<f64>) {
        sums.copy_from_slice(&self.classes);
        let Some(normal) = self.normal.as_ref().filter(|_| !row.is_empty()) else {
            for (class, sum) in sums.iter_mut().enumerate() {
                let pairs = self.evidence.iter().zip(row);
                pairs.for_each(|(evidence, x)| evidence.add_one(class, *x, self.least, sum));
            }
            return;
        };
        logs.resize(sums.len() * row.len(), 0.0);
        normal.logs(row, self.least, logs);
        let (fours, rest) = sums.as_chunks_mut::<4>();
        let (of_fours, of_rest) = logs.split_at(4 * fours.len() * row.len());
        for (sums, logs) in fours.iter_mut().zip(of_fours.chunks_exact(4 * row.len())) {
            add_lists(logs, sums);
        }
        let (twos, rest) = rest.as_chunks_mut::<2>();
        for (sums, logs) in twos.iter_mut().zip(of_rest.chunks_exact(2 * row.len())) {
            add_lists(logs, sums);
        }
        for (sum, logs) in rest.iter_mut().zip(of_rest[2 * twos.len() * row.len()..].chunks_exact(row.len()))
        {
            add_lists(logs, std::array::from_mut(sum));
        }
    }
}

/// Adds lists of numbers, one behind the other, to a sum each: one sum beside the other, as each addition waits for the one
/// before.
#[inline(always)]
fn add_lists<const N: usize>(lists: &[f64], sums: &mut [f64; N]) {
    let length = lists.len() / N;
    let lists = &lists[..N * length];
    let mut own = *sums;
    for at in 0..length {
        for (list, sum) in own.iter_mut().enumerate() {
            *sum += lists[list * length + at];
        }
    }
    *sums = own;
}

impl Normal {
    /// Where all evidence is of normal distributions.
    fn of(evidence: &[Evidence], classes: usize) -> Option<Normal> {
        let mut normal = Normal::default();
        for class in 0..classes {
            for evidence in evidence {
                let [mean, narrowness, scale] = evidence.normal(class)?;
                normal.means.push(mean);
                normal.narrownesses.push(narrowness);
                normal.scales.push(scale);
            }
        }
        Some(normal)
    }

    /// What each class's distributions say of a row: `logs` [classes][features].
    #[inline(always)]
    fn logs(&self, row: &[f64], least: f64, logs: &mut [f64]) {
        let width = row.len();
        for (class, logs) in logs.chunks_exact_mut(width).enumerate() {
            let part = class * width..(class + 1) * width;
            let own = self.means[part.clone()].iter().zip(&self.narrownesses[part.clone()]);
            let own = own.zip(&self.scales[part]).zip(row);
            for (log, (((mean, narrowness), scale), x)) in logs.iter_mut().zip(own) {
                let normal = Distribution::Gaussian { mean: *mean, narrowness: *narrowness, scale: *scale };
                *log = at_least(normal.log(*x), least, *x);
            }
        }
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
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        if rows == 1 {
            return self.of_row(columns, values, scratch);
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
