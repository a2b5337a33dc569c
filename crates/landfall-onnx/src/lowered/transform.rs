//! What is done to the scores of a model in the end (`post_transform`), step by step as ONNX Runtime does it.

use super::Refusal;
use crate::node::Attributes;

/// A function of all scores of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PostTransform {
    None,
    Logistic,
    Softmax,
    SoftmaxZero,
    Probit,
}

impl PostTransform {
    /// The attribute `post_transform`.
    pub(super) fn read(attributes: &Attributes<'_>) -> Result<Self, Refusal> {
        Ok(match attributes.text("post_transform")?.unwrap_or_default() {
            b"" | b"NONE" => PostTransform::None,
            b"LOGISTIC" => PostTransform::Logistic,
            b"SOFTMAX" => PostTransform::Softmax,
            b"SOFTMAX_ZERO" => PostTransform::SoftmaxZero,
            b"PROBIT" => PostTransform::Probit,
            other => return Err(Refusal::not(format!("post transform {}", String::from_utf8_lossy(other)))),
        })
    }

    /// Transforms two scores or more.
    pub(super) fn several<X: Calculates>(self, scores: &mut [X]) {
        match self {
            PostTransform::None => {}
            PostTransform::Logistic => each(scores, logistic),
            PostTransform::Probit => each(scores, probit),
            PostTransform::Softmax => softmax(scores),
            PostTransform::SoftmaxZero => softmax_zero(scores),
        }
    }
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

pub(super) fn logistic(score: f32) -> f32 {
    let value = 1.0 / (1.0 + (-score.abs()).exp());
    if score < 0.0 { 1.0 - value } else { value }
}

/// The inverse of the normal distribution by an approximation of the inverse error function.
pub(super) fn probit(score: f32) -> f32 {
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
