//! XGBoost's objectives: how base scores become margins, and margins predictions.

use crate::classes::{ClassRule, Classes, Labels};
use crate::transform::Transform;
use landfall_model::Problem;

/// How a base score becomes a margin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    Identity,
    Logit,
    Log,
    /// As identity, but for files before 1.0.
    Hinge,
}

/// What makes predictions of margins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Output {
    Identity,
    Sigmoid,
    Exp,
    Hinge,
    /// Probabilities of all classes.
    Softmax,
    /// The most probable class.
    SoftmaxClass,
}

/// One objective.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Objective {
    pub(crate) link: Link,
    pub(crate) output: Output,
    /// Whether files before 1.0 hold its base score as it was given.
    pub(crate) keeps_old_base: bool,
    is_classifier: bool,
}

impl Objective {
    /// The objective of a name.
    ///
    /// # Errors
    /// Unimplemented, naming it.
    pub(crate) fn named(name: &str) -> Result<Self, Problem> {
        use Output::{Exp, Hinge, Identity, Sigmoid, Softmax, SoftmaxClass};
        // Old files name the device too.
        let (link, output) = match name.strip_prefix("gpu:").unwrap_or(name) {
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
            | "reg:expectileerror"
            | "rank:pairwise"
            | "rank:ndcg"
            | "rank:map"
            | "binary:logitraw" => (Link::Identity, Identity),
            "reg:logistic" | "binary:logistic" => (Link::Logit, Sigmoid),
            "count:poisson" | "reg:gamma" | "reg:tweedie" | "survival:cox" | "survival:aft" => {
                (Link::Log, Exp)
            }
            "binary:hinge" => (Link::Hinge, Hinge),
            "multi:softmax" => (Link::Identity, SoftmaxClass),
            "multi:softprob" => (Link::Identity, Softmax),
            _ => {
                let what = format!("objective {name:?}");
                return Err(Problem::unsupported(
                    what,
                    "how it makes predictions of margins is not known here",
                ));
            }
        };
        let is_classifier = name.contains("binary:") || name.starts_with("multi:");
        Ok(Objective { link, output, keeps_old_base: name.starts_with("multi:"), is_classifier })
    }

    /// The classes of a model of `groups` sums; `None` where it is no classifier.
    ///
    /// # Errors
    /// Invalid argument, when there are too many.
    pub(crate) fn classes(self, groups: usize) -> Result<Option<Classes>, Problem> {
        let (count, rule) = match self.output {
            Output::Sigmoid if !self.is_classifier => return Ok(None),
            Output::Sigmoid if groups == 1 => (2, ClassRule::Above(0.5)),
            Output::Sigmoid => (2, ClassRule::EachAbove(0.5)),
            Output::Hinge => (2, ClassRule::EachAbove(0.5)),
            Output::Softmax => (groups, ClassRule::Largest),
            Output::SoftmaxClass => (groups, ClassRule::Number),
            Output::Identity | Output::Exp => return Ok(None),
        };
        Ok(Some(Classes { labels: Labels::numbered(count)?, rule, of_margins: false }))
    }

    /// The transform for sums of `groups` values.
    pub(crate) fn transform(self, groups: usize) -> XgboostTransform {
        XgboostTransform { output: self.output, groups }
    }
}

/// Logistic function as the library has it: float32, with its cut-off and its epsilon.
pub(crate) fn sigmoid(x: f32) -> f32 {
    1.0 / ((-x).min(88.7).exp() + 1.0 + 1e-16)
}

/// Margins into predictions.
#[derive(Debug)]
pub(crate) struct XgboostTransform {
    output: Output,
    groups: usize,
}

impl Transform<f32> for XgboostTransform {
    fn width(&self) -> usize {
        if self.output == Output::SoftmaxClass { 1 } else { self.groups }
    }

    fn apply(&self, margins: &[f32], _rounds: usize, out: &mut Vec<f32>) {
        let each =
            |out: &mut Vec<f32>, f: fn(f32) -> f32| out.extend(margins.iter().map(|&margin| f(margin)));
        match self.output {
            Output::Identity => out.extend_from_slice(margins),
            Output::Sigmoid => each(out, sigmoid),
            Output::Exp => each(out, f32::exp),
            Output::Hinge => each(out, |margin| f32::from(u8::from(margin > 0.0))),
            Output::Softmax => margins.chunks_exact(self.groups).for_each(|row| softmax(row, out)),
            Output::SoftmaxClass => out.extend(margins.chunks_exact(self.groups).map(most_probable)),
        }
    }
}

fn softmax(margins: &[f32], out: &mut Vec<f32>) {
    let most = margins.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let start = out.len();
    let mut sum = 0.0f64;
    for margin in margins {
        let exp = (margin - most).exp();
        sum += f64::from(exp);
        out.push(exp);
    }
    out[start..].iter_mut().for_each(|value| *value /= sum as f32);
}

/// The first of the largest.
fn most_probable(margins: &[f32]) -> f32 {
    let mut best = 0;
    for (class, margin) in margins.iter().enumerate() {
        if *margin > margins[best] {
            best = class;
        }
    }
    best as f32
}
