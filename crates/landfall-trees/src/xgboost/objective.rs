//! XGBoost's objectives: how base scores become margins, and margins predictions.

use crate::classes::{ClassRule, Classes, Labels};
use crate::transform::Transform;
use landfall_model::Problem;

/// The library's own small number.
pub(crate) const EPSILON: f32 = 1e-6;

/// From this version on quantiles of a row are put in order.
pub(crate) const QUANTILES_SORTED: [u32; 3] = [3, 4, 0];

/// How a base score becomes a margin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Link {
    Identity,
    Logit,
    Log,
    /// As identity, but for files before 1.0.
    Hinge,
    /// Each group but the first stands for its distance to the one before it.
    Expectile,
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
    /// Margins of a row, ascending.
    Sorted,
    /// The first margin, and for each further one so much more.
    Ascending,
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
    /// The objective of a name, in a file of this version.
    ///
    /// # Errors
    /// Unimplemented, naming it.
    pub(crate) fn named(name: &str, version: [u32; 3]) -> Result<Self, Problem> {
        use Output::{Ascending, Exp, Hinge, Identity, Sigmoid, Softmax, SoftmaxClass, Sorted};
        // Old files name the device too.
        let (link, output) = match name.strip_prefix("gpu:").unwrap_or(name) {
            "reg:quantileerror" if version >= QUANTILES_SORTED => (Link::Identity, Sorted),
            "reg:expectileerror" => (Link::Expectile, Ascending),
            "reg:squarederror"
            | "reg:linear"
            | "reg:squaredlogerror"
            | "reg:pseudohubererror"
            | "reg:absoluteerror"
            | "reg:quantileerror"
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
            Output::Identity | Output::Exp | Output::Sorted | Output::Ascending => return Ok(None),
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

    fn is_identity(&self) -> bool {
        self.output == Output::Identity
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
            Output::Sorted => {
                let start = out.len();
                out.extend_from_slice(margins);
                out[start..].chunks_exact_mut(self.groups).for_each(ascending);
            }
            Output::Ascending => margins.chunks_exact(self.groups).for_each(|row| add_up(row, out)),
        }
    }
}

/// Sorts as the library does, step by step: a NaN stays where it is.
fn ascending(row: &mut [f32]) {
    for end in 1..row.len() {
        let mut place = end;
        while place > 0 && row[place - 1] > row[place] {
            row.swap(place - 1, place);
            place -= 1;
        }
    }
}

/// Expectiles: each is the one before it, and more.
fn add_up(row: &[f32], out: &mut Vec<f32>) {
    let mut sum = 0.0;
    for (place, &margin) in row.iter().enumerate() {
        sum = if place == 0 { margin } else { sum + (EPSILON + soft_plus(margin)) };
        out.push(sum);
    }
}

fn soft_plus(x: f32) -> f32 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn predictions(objective: &str, version: [u32; 3], margins: &[f32]) -> Vec<f32> {
        let mut out = Vec::new();
        Objective::named(objective, version).unwrap().transform(3).apply(margins, 1, &mut out);
        out
    }

    #[test]
    fn quantiles_are_in_order_in_files_of_versions_that_order_them() {
        let margins = [3.0, 1.0, 2.0, -1.0, 0.0, 1.0];
        assert_eq!(predictions("reg:quantileerror", [3, 2, 0], &margins), margins);
        assert_eq!(predictions("reg:quantileerror", [3, 4, 0], &margins), [1.0, 2.0, 3.0, -1.0, 0.0, 1.0]);
    }

    #[test]
    fn expectiles_ascend_by_what_their_margins_say() {
        let found = predictions("reg:expectileerror", [3, 3, 0], &[2.0, 0.0, -100.0]);
        assert_eq!(found[0], 2.0);
        assert!((found[1] - (2.0 + std::f32::consts::LN_2 + 1e-6)).abs() < 1e-6);
        assert_eq!(found[2], found[1] + 1e-6);
        assert_eq!(soft_plus(90.0), 90.0);
    }
}
