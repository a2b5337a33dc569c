//! From sums to scores and labels, step by step as ONNX Runtime does it with one thread: the operators' text leaves
//! much open (which class a lone score is for, what `SOFTMAX` makes of it, when a label is the second one).

use super::super::labels::Label;
use super::super::transform::{Calculates, PostTransform, logistic, probit};
use landfall_forest::Real;

/// How leaves of several trees become one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

/// The classes of a classifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Classes {
    /// Whether two classes are told apart by weights for one of them.
    pub(super) is_binary: bool,
    /// Whether no weight is negative.
    pub(super) all_positive: bool,
}

/// A sum, and whether any leaf added to it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(super) struct Score<X> {
    pub(super) value: X,
    pub(super) is_set: bool,
}

/// What follows the trees.
#[derive(Clone, Debug)]
pub(super) struct Finish<X> {
    pub(super) aggregate: Aggregate,
    pub(super) transform: PostTransform,
    pub(super) base: Vec<X>,
    pub(super) trees: usize,
    pub(super) targets: usize,
}

/// How a lone score becomes two.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Second {
    /// It stays alone.
    No,
    /// What is left of 1.
    Rest,
    /// The opposite.
    Opposite,
}

impl<X: Real + Calculates> Finish<X> {
    /// Scores of a row of a regression; appends `targets` of them.
    pub(super) fn regression(&self, scores: &mut [Score<X>], out: &mut Vec<X>) {
        let trees = X::of(self.trees as f64);
        if let [score] = scores {
            let origin = if self.base.len() == 1 { self.base[0] } else { X::ZERO };
            let sum = match self.aggregate {
                Aggregate::Sum => score.value + origin,
                Aggregate::Average => score.value.over(trees) + origin,
                Aggregate::Min | Aggregate::Max if score.is_set => score.value + origin,
                Aggregate::Min | Aggregate::Max => origin,
            };
            out.push(if self.transform == PostTransform::Probit {
                X::of_f32(probit(sum.to_f32()))
            } else {
                sum
            });
            return;
        }
        // A target that no leaf of the row added to has no base either.
        for (place, score) in scores.iter_mut().enumerate().filter(|(_, score)| score.is_set) {
            if self.aggregate == Aggregate::Average {
                score.value = score.value.over(trees);
            }
            if let Some(&base) = self.base.get(place) {
                score.value = score.value + base;
            }
        }
        self.write(scores, Second::No, out);
    }

    /// Scores of a row of a classification, and its label; appends `targets` scores.
    pub(super) fn classification(
        &self,
        classes: Classes,
        scores: &mut [Score<X>],
        out: &mut Vec<X>,
    ) -> Label {
        match scores {
            [score] => {
                if self.base.len() == 1 {
                    score.value = score.value + self.base[0];
                }
                score.is_set = true;
                let (label, second) = classes.label(*score, Score::default(), Second::No);
                self.write(scores, second, out);
                label
            }
            [_, _] => self.two_classes(classes, scores, out),
            _ => {
                for (score, &base) in scores.iter_mut().zip(&self.base) {
                    score.value = if score.is_set { score.value + base } else { base };
                    score.is_set = true;
                }
                let label = Label::Class(largest(scores));
                self.write(scores, Second::No, out);
                label
            }
        }
    }

    fn two_classes(&self, classes: Classes, scores: &mut [Score<X>], out: &mut Vec<X>) -> Label {
        let mut are_two = true;
        let mut second = Second::No;
        match *self.base {
            [_, base] if scores[1].is_set => {
                scores[1].value = base + scores[0].value;
                scores[0].value = -scores[1].value;
            }
            [base, _] => scores[0].value = scores[0].value + base,
            [base] => {
                scores[0].value = scores[0].value + base;
                are_two = scores[1].is_set;
            }
            _ => {
                second = Second::Opposite;
                are_two = scores[1].is_set;
            }
        }
        let one = if are_two && scores[1].is_set { scores[1] } else { Score::default() };
        let (label, second) = classes.label(scores[0], one, second);
        // What no leaf added to is shown as 0, whatever its base.
        scores.iter_mut().filter(|score| !score.is_set).for_each(|score| score.value = X::ZERO);
        self.write(if are_two { scores } else { &mut scores[..1] }, second, out);
        if out.len() % 2 == 1 {
            out.push(X::ZERO);
        }
        label
    }

    fn write(&self, scores: &[Score<X>], second: Second, out: &mut Vec<X>) {
        let start = out.len();
        if let [score] = scores {
            let score = score.value;
            match (self.transform, second) {
                (PostTransform::Probit, _) => out.push(X::of_f32(probit(score.to_f32()))),
                (_, Second::No) => out.push(score),
                (PostTransform::Logistic, _) => {
                    out.extend([(-score).to_f32(), score.to_f32()].map(|score| X::of_f32(logistic(score))));
                }
                (_, Second::Rest) => out.extend([X::of(1.0) + -score, score]),
                (_, Second::Opposite) => out.extend([-score, score]),
            }
            return;
        }
        out.extend(scores.iter().map(|score| score.value));
        self.transform.several(&mut out[start..]);
    }
}

impl Classes {
    /// The label of one of two classes, and how a lone score becomes two.
    fn label<X: Real>(self, zero: Score<X>, one: Score<X>, second: Second) -> (Label, Second) {
        let decides = if one.is_set {
            one.value
        } else if zero.is_set {
            zero.value
        } else {
            X::ZERO
        };
        match (self.is_binary, self.all_positive) {
            (true, true) => (Label::Class(usize::from(decides > X::of(0.5))), Second::Rest),
            (true, false) => (Label::Class(usize::from(decides > X::ZERO)), Second::Opposite),
            (false, _) => (Label::Number(i64::from(decides > X::ZERO)), second),
        }
    }
}

/// The first of the largest scores among those that a leaf added to.
fn largest<X: Real>(scores: &[Score<X>]) -> usize {
    let mut best: Option<(usize, X)> = None;
    for (class, score) in scores.iter().enumerate().filter(|(_, score)| score.is_set) {
        if best.is_none_or(|(_, value)| score.value > value) {
            best = Some((class, score.value));
        }
    }
    best.map_or(0, |(class, _)| class)
}
