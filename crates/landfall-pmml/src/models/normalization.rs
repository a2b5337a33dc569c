//! From linear scores to probabilities: the methods that regression, networks and general regression share.

use super::Math;
use crate::blocks;
use crate::functions::normal_cdf;
use crate::read::{Element, Xml};
use landfall_model::Problem;

/// A method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Normalization {
    None,
    SimpleMax,
    SoftMax,
    Logit,
    Probit,
    CLogLog,
    Exp,
    LogLog,
    CauchIt,
}

impl Normalization {
    /// The attribute `normalizationMethod`.
    pub(crate) fn of<'a>(xml: &Xml<'a>, element: &Element<'a>) -> Result<Option<Self>, Problem> {
        Ok(Some(match element.get("normalizationMethod") {
            None => return Ok(None),
            Some("none") => Normalization::None,
            Some("simplemax") => Normalization::SimpleMax,
            Some("softmax") => Normalization::SoftMax,
            Some("logit") => Normalization::Logit,
            Some("probit") => Normalization::Probit,
            Some("cloglog") => Normalization::CLogLog,
            Some("exp") => Normalization::Exp,
            Some("loglog") => Normalization::LogLog,
            Some("cauchit") => Normalization::CauchIt,
            Some(_) => return Err(element.value(xml, "normalizationMethod")),
        }))
    }

    /// Of one score alone.
    #[inline(always)]
    pub(crate) fn one(self, x: f64, math: Math) -> f64 {
        let round = |number: f64| math.round(number);
        match self {
            Normalization::None | Normalization::SimpleMax => x,
            Normalization::SoftMax | Normalization::Logit => round(1.0 / round(1.0 + exp(-x, math))),
            Normalization::Probit => round(normal_cdf(x)),
            Normalization::CLogLog => round(1.0 - exp(-exp(x, math), math)),
            Normalization::Exp => exp(x, math),
            Normalization::LogLog => exp(-exp(-x, math), math),
            Normalization::CauchIt => round(0.5 + x.atan() / std::f64::consts::PI),
        }
    }

    /// Of all scores together.
    pub(crate) fn all(self, scores: &mut [f64], math: Math) {
        match self {
            Normalization::None => {}
            Normalization::SimpleMax => simple_max(scores, math),
            Normalization::SoftMax => soft_max(scores, math),
            _ => scores.iter_mut().for_each(|score| *score = self.one(*score, math)),
        }
    }
}

/// The exponential. In single precision it is a power of Euler's number as that precision writes it, which the evaluators take that asked for
/// `x-mathContext` first: the last bits of probabilities near 1 depend on it.
#[inline(always)]
pub(crate) fn exp(x: f64, math: Math) -> f64 {
    // The logarithm of 2.7182817.
    const SHORT_E_LOG: f64 = 0.999_999_952_742_571_1;
    if math.float { math.round(blocks::exp(x * SHORT_E_LOG)) } else { blocks::exp(x) }
}

impl Normalization {
    /// [`Normalization::one`] of a column.
    pub(crate) fn column(self, column: &mut [f64], math: Math) {
        match self {
            Normalization::None | Normalization::SimpleMax => {}
            Normalization::SoftMax | Normalization::Logit if math.float => {
                blocks::each(column, Logit::<true>)
            }
            Normalization::SoftMax | Normalization::Logit => blocks::each(column, Logit::<false>),
            Normalization::Exp => exp_column(column, math),
            _ => column.iter_mut().for_each(|x| *x = self.one(*x, math)),
        }
    }
}

/// [`exp`] of a column.
fn exp_column(column: &mut [f64], math: Math) {
    match math.float {
        true => blocks::each(column, Exp::<true>),
        false => blocks::each(column, Exp::<false>),
    }
}

/// [`Normalization::Logit`] in single precision or double.
struct Logit<const FLOAT: bool>;

impl<const FLOAT: bool> blocks::Step for Logit<FLOAT> {
    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        Normalization::Logit.one(x, Math { float: FLOAT })
    }
}

/// [`Normalization::Exp`] in single precision or double.
struct Exp<const FLOAT: bool>;

impl<const FLOAT: bool> blocks::Step for Exp<FLOAT> {
    #[inline(always)]
    fn of(&self, x: f64) -> f64 {
        exp(x, Math { float: FLOAT })
    }
}

/// [`simple_max`] of each row of columns [scores][rows].
pub(crate) fn simple_max_columns(scores: &mut [f64], rows: usize, math: Math, sums: &mut Vec<f64>) {
    sums.clear();
    sums.resize(rows, 0.0);
    for column in scores.chunks_exact(rows) {
        sums.iter_mut().zip(column).for_each(|(sum, score)| *sum = math.round(*sum + score));
    }
    for column in scores.chunks_exact_mut(rows) {
        for (score, sum) in column.iter_mut().zip(&*sums) {
            *score = if *sum != 0.0 { math.round(*score / sum) } else { *score };
        }
    }
}

/// [`soft_max`] of each row of columns [scores][rows].
pub(crate) fn soft_max_columns(scores: &mut [f64], rows: usize, math: Math, space: &mut Vec<f64>) {
    space.clear();
    space.resize(rows, f64::NEG_INFINITY);
    for column in scores.chunks_exact(rows) {
        space.iter_mut().zip(column).for_each(|(max, score)| *max = max.max(*score));
    }
    for column in scores.chunks_exact_mut(rows) {
        column.iter_mut().zip(&*space).for_each(|(score, max)| *score = math.round(*score - max));
    }
    exp_column(scores, math);
    simple_max_columns(scores, rows, math, space);
}

/// Parts of their sum.
pub(crate) fn simple_max(scores: &mut [f64], math: Math) {
    let sum = scores.iter().fold(0.0, |sum, score| math.round(sum + score));
    if sum != 0.0 {
        scores.iter_mut().for_each(|score| *score = math.round(*score / sum));
    }
}

/// Parts of the sum of their exponentials.
pub(crate) fn soft_max(scores: &mut [f64], math: Math) {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    scores.iter_mut().for_each(|score| *score = exp(math.round(*score - max), math));
    simple_max(scores, math);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLE: Math = Math { float: false };

    #[test]
    fn each_method_has_its_formula() {
        assert_eq!(Normalization::Logit.one(0.0, DOUBLE), 0.5);
        assert_eq!(Normalization::CauchIt.one(1.0, DOUBLE), 0.75);
        assert!((Normalization::CLogLog.one(0.0, DOUBLE) - 0.632_120_558_828_557_7).abs() < 1e-15);
        assert!((Normalization::LogLog.one(0.0, DOUBLE) - 0.367_879_441_171_442_33).abs() < 1e-15);
        let mut scores = [1000.0, 1000.0];
        Normalization::SoftMax.all(&mut scores, DOUBLE);
        assert_eq!(scores, [0.5, 0.5]);
    }
}
