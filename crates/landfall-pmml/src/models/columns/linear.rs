//! Linear scores of regression tables.

use super::{add, add_scaled, weighted_sums};
use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::Math;

/// Regression tables over columns: one score each, before any normalisation.
#[derive(Debug)]
pub(crate) struct Linear {
    pub(crate) features: Vec<Feature>,
    pub(crate) tables: Vec<LinearTable>,
    pub(crate) math: Math,
}

/// One table; features by place.
#[derive(Debug, Default)]
pub(crate) struct LinearTable {
    /// Feature and coefficient: the first predictors, where nothing is rounded or raised to a power.
    pub(crate) straight: Vec<(usize, f64)>,
    /// Feature, exponent, coefficient: those after them.
    pub(crate) numeric: Vec<(usize, i32, f64)>,
    /// Feature, the number of its value, coefficient.
    pub(crate) categorical: Vec<(usize, f64, f64)>,
    /// Features that are multiplied, coefficient.
    pub(crate) terms: Vec<(Vec<usize>, f64)>,
    pub(crate) intercept: f64,
}

impl Block for Linear {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.tables.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Linear {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.resize(rows, 0.0);
        for (table, sums) in self.tables.iter().zip(values.chunks_exact_mut(rows)) {
            table.scores(columns, sums, scratch, self.math);
        }
    }
}

impl LinearTable {
    #[inline(always)]
    fn scores(&self, columns: &[f64], sums: &mut [f64], scratch: &mut [f64], math: Math) {
        let rows = sums.len();
        let column = |feature: usize| &columns[feature * rows..(feature + 1) * rows];
        weighted_sums(columns, rows, 0, &self.straight, sums, Math { float: false });
        for (feature, exponent, coefficient) in &self.numeric {
            for (power, x) in scratch.iter_mut().zip(column(*feature)) {
                let x = math.round(*x);
                *power = if *exponent == 1 { x } else { math.round(x.powi(*exponent)) };
            }
            add_scaled(sums, scratch, *coefficient, math);
        }
        for (feature, value, coefficient) in &self.categorical {
            for (sum, x) in sums.iter_mut().zip(column(*feature)) {
                let with = math.round(*sum + coefficient);
                *sum = if x == value { with } else { *sum };
            }
        }
        for (features, coefficient) in &self.terms {
            scratch.fill(*coefficient);
            for feature in features {
                for (product, x) in scratch.iter_mut().zip(column(*feature)) {
                    *product = math.round(*product * math.round(*x));
                }
            }
            for (sum, product) in sums.iter_mut().zip(&*scratch) {
                *sum = math.round(*sum + product);
            }
        }
        add(sums, self.intercept, math);
    }
}
