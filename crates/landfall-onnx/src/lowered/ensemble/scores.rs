//! From sums to scores and labels, step by step as ONNX Runtime does it with one thread: the operators' text leaves
//! much open (which class a lone score is for, what `SOFTMAX` makes of it, when a label is the second one).

use landfall_forest::Real;

/// How leaves of several trees become one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aggregate {
    Sum,
    Average,
    Min,
    Max,
}

/// What is done to the scores in the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
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

/// A label: of the model's list, or the plain number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Label {
    Class(usize),
    Number(i64),
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
        let written = &mut out[start..];
        match self.transform {
            PostTransform::None => {}
            PostTransform::Logistic => each(written, logistic),
            PostTransform::Probit => each(written, probit),
            PostTransform::Softmax => softmax(written),
            PostTransform::SoftmaxZero => softmax_zero(written),
        }
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

/// What scores are calculated with beside sums.
pub(super) trait Calculates: Copy + std::ops::Neg<Output = Self> {
    fn over(self, divisor: Self) -> Self;
    fn times(self, factor: Self) -> Self;
    fn to_f32(self) -> f32;
    fn of_f32(value: f32) -> Self;
}

impl Calculates for f32 {
    fn over(self, divisor: Self) -> Self {
        self / divisor
    }
    fn times(self, factor: Self) -> Self {
        self * factor
    }
    fn to_f32(self) -> f32 {
        self
    }
    fn of_f32(value: f32) -> Self {
        value
    }
}

impl Calculates for f64 {
    fn over(self, divisor: Self) -> Self {
        self / divisor
    }
    fn times(self, factor: Self) -> Self {
        self * factor
    }
    fn to_f32(self) -> f32 {
        self as f32
    }
    fn of_f32(value: f32) -> Self {
        f64::from(value)
    }
}

fn each<X: Calculates>(scores: &mut [X], transform: impl Fn(f32) -> f32) {
    scores.iter_mut().for_each(|score| *score = X::of_f32(transform(score.to_f32())));
}

fn logistic(score: f32) -> f32 {
    let value = 1.0 / (1.0 + (-score.abs()).exp());
    if score < 0.0 { 1.0 - value } else { value }
}

/// The inverse of the normal distribution by an approximation of the inverse error function.
fn probit(score: f32) -> f32 {
    std::f32::consts::SQRT_2 * inverse_error(2.0 * score - 1.0)
}

fn inverse_error(x: f32) -> f32 {
    use std::f32::consts::PI;
    const A: f32 = 0.147;
    let sign = if x < 0.0 { -1.0 } else { 1.0 };
    let log = ((1.0 - x) * (1.0 + x)).ln();
    let v = 2.0 / (PI * A) + 0.5 * log;
    let v2 = 1.0 / A * log;
    sign * (-v + (v * v - v2).sqrt()).sqrt()
}

fn softmax<X: Calculates>(scores: &mut [X]) {
    let most = scores
        .iter()
        .fold(-f32::MAX, |most, score| if score.to_f32() > most { score.to_f32() } else { most });
    let mut sum = 0f32;
    for score in scores.iter_mut() {
        let power = (score.to_f32() - most).exp();
        *score = X::of_f32(power);
        sum += power;
    }
    each(scores, |power| power / sum);
}

/// As [`softmax`], but scores that are zero stay so.
fn softmax_zero<X: Calculates>(scores: &mut [X]) {
    const ZERO: f32 = 0.000_000_1;
    let most = scores
        .iter()
        .fold(-f32::MAX, |most, score| if score.to_f32() > most { score.to_f32() } else { most });
    let shrink = (-most).exp();
    let mut sum = 0f32;
    for score in scores.iter_mut() {
        let value = score.to_f32();
        if !(-ZERO..=ZERO).contains(&value) {
            let power = (value - most).exp();
            *score = X::of_f32(power);
            sum += power;
        } else {
            *score = score.times(X::of_f32(shrink));
        }
    }
    scores.iter_mut().for_each(|score| *score = score.over(X::of_f32(sum)));
}
