//! `ai.onnx.ml` operators of linear models: LinearClassifier and LinearRegressor.

use super::super::Refusal;
use super::super::labels::{Label, Labels};
use super::super::transform::{PostTransform, logistic, probit};
use super::matrix::{products, turned};
use super::{Ask, Built, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};

/// Coefficients of each target, and what is added.
struct Weights {
    features: usize,
    targets: usize,
    /// [features, targets]
    coefficients: Vec<f32>,
    intercepts: Vec<f32>,
}

impl Weights {
    fn read(ask: &Ask<'_>, targets: usize, intercepts: Vec<f32>) -> Result<Self, Refusal> {
        let coefficients = ask.node.attributes.floats("coefficients")?;
        let features = coefficients.len().checked_div(targets).unwrap_or(0);
        if features == 0 || features * targets != coefficients.len() {
            return Err(Refusal::not(format!("{} coefficients for {targets} targets", coefficients.len())));
        }
        let coefficients = turned(&coefficients, targets, features);
        Ok(Weights { features, targets, coefficients, intercepts })
    }

    /// The sums of all rows, [rows, targets].
    fn sums(&self, x: &Tensor) -> Result<(usize, Vec<f32>), Problem> {
        let (rows, columns) = rows_of(x)?;
        if columns != self.features {
            let what = format!("rows of {columns} features for a linear model of {}", self.features);
            return Err(Problem::invalid(what));
        }
        let x = floats(x)?;
        let mut sums = Vec::with_capacity(rows * self.targets);
        products(&x, &self.coefficients, [rows, self.features, self.targets], |row| {
            let intercepts = self.intercepts.iter().copied().chain(std::iter::repeat(0.0));
            sums.extend(row.iter().zip(intercepts).map(|(sum, more)| (sum + f64::from(more)) as f32));
        });
        Ok((rows, sums))
    }
}

/// Rows and columns: a tensor of one axis is a row.
pub(super) fn rows_of(x: &Tensor) -> Result<(usize, usize), Problem> {
    match x.shape()[..] {
        [columns] => Ok((1, columns)),
        [rows, columns] => Ok((rows, columns)),
        _ => Err(Problem::invalid(format!("rows are meant, found shape {}", x.shape()))),
    }
}

/// Numbers of any type as float32.
pub(super) fn floats(x: &Tensor) -> Result<Vec<f32>, Problem> {
    Ok(match x.dtype() {
        DType::F32 => x.values::<f32>()?.to_vec(),
        DType::F64 => x.values::<f64>()?.iter().map(|&value| value as f32).collect(),
        DType::I64 => x.values::<i64>()?.iter().map(|&value| value as f32).collect(),
        _ => x.values::<i32>()?.iter().map(|&value| value as f32).collect(),
    })
}

/// Of a lone target.
fn transform_alone(transform: PostTransform, scores: &mut [f32]) {
    if transform == PostTransform::Probit {
        scores.iter_mut().for_each(|score| *score = probit(*score));
    }
}

/// LinearRegressor.
pub(super) fn regressor(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let targets = ask.integer("targets", 1)?;
    let targets = usize::try_from(targets).map_err(|_| Refusal::not(format!("{targets} targets")))?;
    let transform = PostTransform::read(&ask.node.attributes)?;
    let mut intercepts = ask.node.attributes.floats("intercepts")?;
    if intercepts.len() != targets {
        intercepts.clear();
    }
    let weights = Weights::read(ask, targets, intercepts)?;
    let work = weights.coefficients.len();
    let built = Built::one(DType::F32, move |inputs| {
        let (rows, mut scores) = weights.sums(given(inputs, 0)?)?;
        if targets == 1 {
            transform_alone(transform, &mut scores);
        } else {
            scores.chunks_exact_mut(targets).for_each(|row| transform.several(row));
        }
        owned::tensor(Shape::new(&[rows, targets]), scores)
    });
    Ok(built.nearly().costs(work))
}

/// LinearClassifier: labels, and scores. A lone target tells two classes apart.
pub(super) fn classifier(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &super::NUMBERS)?;
    let labels = Labels::read(ask.node, "classlabels_ints")?;
    let transform = PostTransform::read(&ask.node.attributes)?;
    let intercepts = ask.node.attributes.floats("intercepts")?;
    let targets = intercepts.len();
    let is_lone = (targets, labels.len()) == (1, 2) && transform != PostTransform::Probit;
    if !is_lone && (targets < 2 || labels.len() != targets) {
        return Err(Refusal::not(format!("{} labels for {targets} intercepts", labels.len())));
    }
    let weights = Weights::read(ask, targets, intercepts)?;
    let work = weights.coefficients.len();
    let built = Built::exact(vec![labels.dtype(), DType::F32], move |inputs| {
        let (rows, mut scores) = weights.sums(given(inputs, 0)?)?;
        let found: Vec<Label>;
        if is_lone {
            found = scores.iter().map(|&score| Label::Class(usize::from(score > 0.0))).collect();
            scores = scores.into_iter().flat_map(|score| both(transform, score)).collect();
        } else {
            found = scores.chunks_exact(targets).map(|row| Label::Class(first_largest(row))).collect();
            scores.chunks_exact_mut(targets).for_each(|row| transform.several(row));
        }
        Ok(vec![labels.tensor(&found)?, owned::tensor(Shape::new(&[rows, labels.len()]), scores)?])
    });
    Ok(built.nearly().costs(work))
}

/// The scores of two classes from that of the second one.
fn both(transform: PostTransform, score: f32) -> [f32; 2] {
    match transform {
        PostTransform::Logistic => [logistic(-score), logistic(score)],
        _ => [1.0 - score, score],
    }
}

/// Where the largest of a row is, the first one of equal ones.
pub(super) fn first_largest<T: PartialOrd>(row: &[T]) -> usize {
    (1..row.len()).fold(0, |best, place| if row[place] > row[best] { place } else { best })
}
