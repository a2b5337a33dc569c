//! What CatBoost makes of its sums.

use crate::transform::Transform;
use landfall_model::Problem;

use super::options::PredictionType;

/// One kind of prediction of a model of some sums.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Output {
    Identity,
    /// 1 / (1 + exp −x), of one sum with its complement before it.
    BothProbabilities,
    BothLogProbabilities,
    /// Of each sum by itself.
    Probabilities,
    LogProbabilities,
    Softmax,
    LogSoftmax,
    /// Of the first sum.
    Exponent,
    /// The first sum as it is, and of the second one exp 2x.
    MeanAndVariance,
}

/// Sums into predictions.
#[derive(Debug)]
pub(crate) struct CatboostTransform {
    output: Output,
    dimension: usize,
}

impl CatboostTransform {
    /// Of a model of `dimension` sums; `one_by_one` says whether they are probabilities of their own.
    ///
    /// # Errors
    /// Invalid argument, for a type that the model does not have.
    pub(crate) fn of(kind: PredictionType, dimension: usize, one_by_one: bool) -> Result<Self, Problem> {
        let output = match kind {
            PredictionType::RawFormulaVal | PredictionType::Class => Output::Identity,
            PredictionType::Probability if dimension == 1 => Output::BothProbabilities,
            PredictionType::LogProbability if dimension == 1 => Output::BothLogProbabilities,
            PredictionType::Probability if one_by_one => Output::Probabilities,
            PredictionType::LogProbability if one_by_one => Output::LogProbabilities,
            PredictionType::Probability => Output::Softmax,
            PredictionType::LogProbability => Output::LogSoftmax,
            PredictionType::Exponent => Output::Exponent,
            PredictionType::RmseWithUncertainty if dimension == 2 => Output::MeanAndVariance,
            PredictionType::RmseWithUncertainty => {
                let what = format!("prediction_type RMSEWithUncertainty of a model of {dimension} sums");
                return Err(Problem::invalid(what));
            }
        };
        Ok(CatboostTransform { output, dimension })
    }
}

fn probability(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn log_probability(x: f64) -> f64 {
    -(1.0 + (-x).exp()).ln()
}

impl Transform<f64> for CatboostTransform {
    fn width(&self) -> usize {
        match self.output {
            Output::BothProbabilities | Output::BothLogProbabilities => 2,
            Output::Exponent => 1,
            _ => self.dimension,
        }
    }

    fn apply(&self, margins: &[f64], _rounds: usize, out: &mut Vec<f64>) {
        let rows = || margins.chunks_exact(self.dimension);
        match self.output {
            Output::Identity => out.extend_from_slice(margins),
            Output::BothProbabilities => out.extend(margins.iter().flat_map(|&x| {
                let second = probability(x);
                [1.0 - second, second]
            })),
            Output::BothLogProbabilities => {
                out.extend(margins.iter().flat_map(|&x| [log_probability(-x), log_probability(x)]));
            }
            Output::Probabilities => out.extend(margins.iter().map(|&x| probability(x))),
            Output::LogProbabilities => out.extend(margins.iter().map(|&x| log_probability(x))),
            Output::Softmax => rows().for_each(|row| {
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let start = out.len();
                out.extend(row.iter().map(|x| (x - most).exp()));
                let sum: f64 = out[start..].iter().sum();
                out[start..].iter_mut().for_each(|value| *value /= sum);
            }),
            Output::LogSoftmax => rows().for_each(|row| {
                let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum = row.iter().map(|x| (x - most).exp()).sum::<f64>().ln();
                out.extend(row.iter().map(|x| x - most - sum));
            }),
            Output::Exponent => out.extend(rows().map(|row| row[0].exp())),
            Output::MeanAndVariance => out.extend(rows().flat_map(|row| [row[0], (2.0 * row[1]).exp()])),
        }
    }
}
