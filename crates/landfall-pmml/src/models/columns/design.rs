//! Scores of general regression: parameters, each a product of what its predictors say, times their coefficients.

use super::weighted_sums;
use crate::blocks::{Block, Feature, Loops, widest};
use crate::models::Math;

/// General regression over columns: one score for each equation, before any link.
#[derive(Debug)]
pub(crate) struct Design {
    pub(crate) features: Vec<Feature>,
    /// What is multiplied to each parameter; nothing makes it one.
    pub(crate) parameters: Vec<Vec<DesignCell>>,
    /// By equation: parameter and coefficient.
    pub(crate) equations: Vec<Vec<(usize, f64)>>,
}

/// What one predictor says; features by place.
#[derive(Debug)]
pub(crate) enum DesignCell {
    Power(usize, f64),
    /// One where the feature is the value of this number, else nothing.
    Indicator(usize, f64),
    /// By the value's number; a value that has none leaves no score.
    Contrast(usize, Vec<f64>),
}

impl Block for Design {
    fn features(&self) -> &[Feature] {
        &self.features
    }

    fn outputs(&self) -> usize {
        self.equations.len()
    }

    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        widest(self, columns, rows, values, scratch);
    }
}

impl Loops for Design {
    #[inline(always)]
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
        scratch.clear();
        scratch.resize(self.parameters.len() * rows, 1.0);
        for (parameter, product) in self.parameters.iter().zip(scratch.chunks_exact_mut(rows)) {
            for cell in parameter {
                let feature = cell.feature();
                cell.multiply(&columns[feature * rows..(feature + 1) * rows], product);
            }
        }
        for (terms, sums) in self.equations.iter().zip(values.chunks_exact_mut(rows)) {
            weighted_sums(scratch, rows, 0, terms, sums, Math { float: false });
        }
    }
}

impl DesignCell {
    fn feature(&self) -> usize {
        match self {
            DesignCell::Power(feature, _)
            | DesignCell::Indicator(feature, _)
            | DesignCell::Contrast(feature, _) => *feature,
        }
    }

    #[inline(always)]
    fn multiply(&self, column: &[f64], product: &mut [f64]) {
        match self {
            DesignCell::Power(_, 1.0) => product.iter_mut().zip(column).for_each(|(p, x)| *p *= x),
            DesignCell::Power(_, exponent) => {
                product.iter_mut().zip(column).for_each(|(p, x)| *p *= x.powf(*exponent));
            }
            DesignCell::Indicator(_, value) => {
                let is = |x: f64| if x == *value { 1.0 } else { 0.0 };
                product.iter_mut().zip(column).for_each(|(p, x)| *p *= is(*x));
            }
            DesignCell::Contrast(_, numbers) => {
                let of = |x: f64| numbers.get(x as usize).copied().unwrap_or(f64::NAN);
                product.iter_mut().zip(column).for_each(|(p, x)| *p *= of(*x));
            }
        }
    }
}
