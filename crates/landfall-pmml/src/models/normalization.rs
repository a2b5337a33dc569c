//! From linear scores to probabilities: the methods that regression, networks and general regression share.

use super::Math;
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
    pub(crate) fn one(self, x: f64, math: Math) -> f64 {
        let round = |number: f64| math.round(number);
        match self {
            Normalization::None | Normalization::SimpleMax => x,
            Normalization::SoftMax | Normalization::Logit => round(1.0 / round(1.0 + exp(-x, math))),
            Normalization::Probit => round(normal_cdf(x)),
            Normalization::CLogLog => round(1.0 - (-x.exp()).exp()),
            Normalization::Exp => exp(x, math),
            Normalization::LogLog => round((-(-x).exp()).exp()),
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

/// In single precision a power of Euler's number as that precision writes it, which the evaluators take that asked for
/// `x-mathContext` first: the last bits of probabilities near 1 depend on it.
fn exp(x: f64, math: Math) -> f64 {
    const SHORT_E: f64 = 2.718_281_7;
    if math.float { math.round(SHORT_E.powf(x)) } else { x.exp() }
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
