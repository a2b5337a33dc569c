//! `<StateSpaceModel>`: a state that moves by a matrix, seen through another, whose rows are the targets in their order.
//!
//! The state of the document is that of the first step ahead. What is known of a variance is the first target's.

use super::regressors::{self, Regressor, Regressors};
use super::{Forecast, Known, Method, Transformation, array_within};
use crate::read::{Element, Matrix};
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Debug)]
pub(super) struct StateSpace {
    state: Vec<f64>,
    transition: Matrix,
    measurement: Matrix,
    /// Added to the state at each step, and to what is seen of each target.
    drift: Vec<f64>,
    intercepts: Vec<f64>,
    spread: Option<Spread>,
    /// Weights of the noises of the first target, from that of the step itself, and their variance.
    weights: Option<(Vec<f64>, f64)>,
    regressors: Regressors,
}

#[derive(Debug)]
struct Spread {
    variance: f64,
    covariance: Matrix,
    added: Option<Matrix>,
    observation: f64,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    known: &Known<'_>,
    _: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["variance", "period", "intercept"])?;
    let intercept = element.number(&b.xml, "intercept")?.unwrap_or(0.0);
    // Seasons of regressors alone: the matrices hold those of the target.
    let period = element.get("period").and_then(|period| period.trim().parse().ok()).unwrap_or(0);
    let parts = Parts::read(b, element, known, period)?;
    let Parts { state, drift, mut seen, covariance, added, observation, weights, regressors, .. } = parts;
    let (Some(transition), Some(measurement)) = (parts.transition, parts.measurement) else {
        return Err(b.xml.malformed(element.place, "<StateSpaceModel> lacks a matrix"));
    };
    let (size, targets) = (state.len(), measurement.rows);
    let square = |matrix: &Matrix| matrix.rows == size && matrix.columns == size;
    let of_targets = |matrix: &Matrix| matrix.rows == targets && matrix.columns == targets;
    let fits = square(&transition)
        && measurement.columns == size
        && (drift.is_empty() || drift.len() == size)
        && (seen.is_empty() || seen.len() == targets)
        && covariance.as_ref().is_none_or(square)
        && added.as_ref().is_none_or(square)
        && observation.as_ref().is_none_or(of_targets);
    if !fits || size == 0 || targets == 0 {
        return Err(b.xml.malformed(element.place, "the matrices of <StateSpaceModel> do not fit its state"));
    }
    seen.resize(targets, 0.0);
    let intercepts = seen.iter().map(|of_target| intercept + of_target).collect();
    let observation = observation.map_or(0.0, |matrix| matrix.get(0, 0));
    let variance = element.number(&b.xml, "variance")?.unwrap_or(1.0);
    let spread = covariance.map(|covariance| {
        Spread { variance, covariance, added, observation }.at_first_step(&transition, &measurement)
    });
    let weights = weights.map(|(weights, own)| (weights, own.unwrap_or(variance)));
    let regressors = Regressors::new(regressors, &[1.0], 0, 0.0);
    Ok(Box::new(StateSpace {
        state,
        transition,
        measurement,
        drift,
        intercepts,
        spread,
        weights,
        regressors,
    }))
}

/// Children of `<StateSpaceModel>`.
#[derive(Default)]
struct Parts {
    state: Vec<f64>,
    drift: Vec<f64>,
    seen: Vec<f64>,
    transition: Option<Matrix>,
    measurement: Option<Matrix>,
    covariance: Option<Matrix>,
    added: Option<Matrix>,
    observation: Option<Matrix>,
    weights: Option<Weights>,
    regressors: Vec<Regressor>,
}

/// Weights of noises, and their variance where the document gives one of their own.
type Weights = (Vec<f64>, Option<f64>);

impl Parts {
    fn read<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        known: &Known<'_>,
        period: usize,
    ) -> Result<Self, Problem> {
        let mut parts = Parts::default();
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "StateVector" => {
                    child.only(&b.xml, &[])?;
                    parts.state = array_within(b, &child)?;
                }
                "TransitionMatrix" => parts.transition = Some(Matrix::within(&mut b.xml, &child)?),
                "MeasurementMatrix" => parts.measurement = Some(Matrix::within(&mut b.xml, &child)?),
                "InterceptVector" => {
                    child.only(&b.xml, &["type"])?;
                    let values = array_within(b, &child)?;
                    match child.get("type") {
                        None | Some("state") => parts.drift = values,
                        Some("observation") => parts.seen = values,
                        Some(_) => return Err(child.value(&b.xml, "type")),
                    }
                }
                "PredictedStateCovarianceMatrix" => {
                    parts.covariance = Some(Matrix::within(&mut b.xml, &child)?)
                }
                "SelectedStateCovarianceMatrix" => parts.added = Some(Matrix::within(&mut b.xml, &child)?),
                "ObservationVarianceMatrix" => parts.observation = Some(Matrix::within(&mut b.xml, &child)?),
                "PsiVector" => {
                    let read = psi(b, &child, known)?;
                    parts.weights = parts.weights.or(read);
                }
                "DynamicRegressor" => parts.regressors.push(regressors::read(b, &child, known, period)?),
                _ => return Err(b.xml.unknown(&child, element)),
            }
        }
        Ok(parts)
    }
}

/// `<PsiVector>` of the first target: weights from that of the step itself, which is 1, and the noises' variance where it
/// has its own. `None` for that of another target.
fn psi<'a>(b: &mut Build<'a>, element: &Element<'a>, known: &Known<'_>) -> Result<Option<Weights>, Problem> {
    element.only(&b.xml, &["targetField", "variance"])?;
    let variance = element.number(&b.xml, "variance")?;
    let mut weights = array_within(b, element)?;
    // Some leave out the first: no noise counts for another share in its own step.
    if weights.first() != Some(&1.0) {
        weights.insert(0, 1.0);
    }
    match element.get("targetField") {
        Some(name) if !known.targets.contains(&name) => Err(element.value(&b.xml, "targetField")),
        Some(name) if known.targets.first() != Some(&name) => Ok(None),
        _ => Ok(Some((weights, variance))),
    }
}

impl StateSpace {
    /// Of which nothing but the state and its matrices are known; `None` where they do not fit each other.
    pub(super) fn known(
        state: Vec<f64>,
        transition: Matrix,
        measurement: Matrix,
        intercept: f64,
    ) -> Option<Self> {
        let size = state.len();
        let fits = (transition.rows, transition.columns) == (size, size)
            && (measurement.rows, measurement.columns) == (1, size);
        let (drift, intercepts) = (Vec::new(), vec![intercept]);
        let (weights, regressors) = (None, Regressors::default());
        let model = StateSpace {
            state,
            transition,
            measurement,
            drift,
            intercepts,
            spread: None,
            weights,
            regressors,
        };
        (fits && size > 0).then_some(model)
    }
}

impl Spread {
    /// That of the first step ahead. R's writer gives the one of the last value, which was seen and does not vary at all.
    fn at_first_step(mut self, transition: &Matrix, measurement: &Matrix) -> Self {
        let moved = self.moved(transition, &self.covariance);
        let seen = |covariance: &Matrix| measurement.around(covariance).get(0, 0) + self.observation;
        if seen(&self.covariance) <= 1e-9 * seen(&moved) {
            self.covariance = moved;
        }
        self
    }

    /// A covariance of the state a step later.
    fn moved(&self, transition: &Matrix, covariance: &Matrix) -> Matrix {
        let moved = transition.around(covariance);
        self.added.as_ref().map_or(moved.clone(), |added| moved.plus(added))
    }
}

impl Method for StateSpace {
    fn targets(&self) -> usize {
        self.measurement.rows
    }

    fn forecast(&self, steps: usize) -> Option<Forecast> {
        let value = *self.of_targets(steps).first()?;
        let mut covariance = self.spread.as_ref().map(|spread| spread.covariance.clone());
        if let (Some(moving), Some(spread)) = (&mut covariance, &self.spread) {
            for _ in 1..steps {
                *moving = spread.moved(&self.transition, moving);
            }
        }
        let variance = covariance.zip(self.spread.as_ref()).map(|(covariance, spread)| {
            spread.variance * (self.measurement.around(&covariance).get(0, 0) + spread.observation)
        });
        let of_weights = || {
            let (weights, variance) = self.weights.as_ref()?;
            let known = weights.get(..steps)?;
            Some(variance * known.iter().map(|weight| weight * weight).sum::<f64>())
        };
        Some(Forecast { value, variance: variance.or_else(of_weights) })
    }

    fn regressors(&self) -> Option<&Regressors> {
        Some(&self.regressors).filter(|regressors| !regressors.is_empty())
    }

    fn of_targets(&self, steps: usize) -> Vec<f64> {
        let mut state = self.state.clone();
        for _ in 1..steps {
            state = self.transition.times(&state);
            state.iter_mut().zip(&self.drift).for_each(|(x, drift)| *x += drift);
        }
        let seen = self.measurement.times(&state);
        seen.iter().zip(&self.intercepts).map(|(seen, intercept)| seen + intercept).collect()
    }
}
