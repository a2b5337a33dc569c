//! LightGBM's objectives: how sums become predictions.

use crate::classes::{ClassRule, Classes, Labels};
use crate::transform::Transform;
use landfall_model::Problem;

/// What makes a prediction of a sum.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Output {
    Identity,
    /// 1 / (1 + exp(−factor x)).
    Sigmoid(f64),
    Exp,
    /// ln(1 + exp x).
    LogOnePlusExp,
    /// sign(x) x².
    Square,
    Softmax,
}

/// Sums into predictions.
#[derive(Debug)]
pub(crate) struct LightgbmTransform {
    output: Output,
    groups: usize,
    averages: bool,
    is_classifier: bool,
}

impl LightgbmTransform {
    /// Of an objective's line, `binary sigmoid:1`; an empty one is an objective of the user's own.
    ///
    /// # Errors
    /// Unimplemented, naming an objective that is not known; invalid argument for a parameter that is none.
    pub(crate) fn of(line: &str, groups: usize, averages: bool) -> Result<Self, Problem> {
        let mut words = line.split_ascii_whitespace();
        let name = words.next().unwrap_or("custom");
        let mut factor = 1.0;
        let mut is_root = false;
        for word in words {
            match word.split_once(':') {
                Some(("sigmoid", value)) => {
                    let refuse = |_| Problem::invalid(format!("objective {line:?}: {value:?} is no number"));
                    factor = value.parse().map_err(refuse)?;
                }
                None if word == "sqrt" => is_root = true,
                // Parameters of training, and num_class, which the file says elsewhere too.
                _ => {}
            }
        }
        let output = match name {
            "regression" | "regression_l2" | "regression_l1" | "huber" | "fair" | "quantile" | "mape"
            | "lambdarank" | "rank_xendcg" | "xendcg" | "none" | "custom" => Output::Identity,
            "binary" | "multiclassova" => Output::Sigmoid(factor),
            "cross_entropy" | "xentropy" => Output::Sigmoid(1.0),
            "cross_entropy_lambda" | "xentlambda" => Output::LogOnePlusExp,
            "poisson" | "gamma" | "tweedie" => Output::Exp,
            "multiclass" => Output::Softmax,
            _ => {
                let what = format!("objective {name:?}");
                return Err(Problem::unsupported(what, "how it makes predictions of sums is not known here"));
            }
        };
        let output = if is_root && output == Output::Identity { Output::Square } else { output };
        let is_classifier = matches!(name, "binary" | "multiclass" | "multiclassova");
        Ok(LightgbmTransform { output, groups, averages, is_classifier })
    }

    /// The classes of a classifier.
    ///
    /// # Errors
    /// Invalid argument, when there are too many.
    pub(crate) fn classes(&self) -> Result<Option<Classes>, Problem> {
        let rule = match self.is_classifier {
            false => return Ok(None),
            true if self.groups == 1 => ClassRule::Above(0.5),
            true => ClassRule::Largest,
        };
        Ok(Some(Classes { labels: Labels::numbered(self.groups.max(2))?, rule, of_margins: false }))
    }

    fn one(&self, x: f64) -> f64 {
        match self.output {
            Output::Identity | Output::Softmax => x,
            Output::Sigmoid(factor) => 1.0 / (1.0 + (-factor * x).exp()),
            Output::Exp => x.exp(),
            Output::LogOnePlusExp => x.exp().ln_1p(),
            Output::Square => x.signum() * x * x,
        }
    }
}

impl Transform<f64> for LightgbmTransform {
    fn width(&self) -> usize {
        self.groups
    }

    fn is_identity(&self) -> bool {
        self.output == Output::Identity && !self.averages
    }

    fn apply(&self, margins: &[f64], rounds: usize, out: &mut Vec<f64>) {
        let start = out.len();
        // Of no rounds the library's mean is no number.
        let divisor = if self.averages { rounds as f64 } else { 1.0 };
        out.extend(margins.iter().map(|margin| self.one(margin / divisor)));
        if self.output == Output::Softmax {
            out[start..].chunks_exact_mut(self.groups).for_each(softmax);
        }
    }
}

fn softmax(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    row.iter_mut().for_each(|value| *value = (*value - most).exp());
    let sum: f64 = row.iter().sum();
    row.iter_mut().for_each(|value| *value /= sum);
}
