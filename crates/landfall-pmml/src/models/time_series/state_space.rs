//! `<StateSpaceModel>`: a state that moves by a matrix, seen through another, whose rows are the targets in their order.
//!
//! The state of the document is that of the first step ahead. What is known of a variance is the first target's.

use super::{Forecast, Method, Transformation, array_within};
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
    _: &[f64],
    _: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["variance", "period", "intercept"])?;
    let intercept = element.number(&b.xml, "intercept")?.unwrap_or(0.0);
    let (mut state, mut drift, mut seen) = (Vec::new(), Vec::new(), Vec::new());
    let (mut transition, mut measurement) = (None, None);
    let (mut covariance, mut added, mut observation) = (None, None, None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "StateVector" => {
                child.only(&b.xml, &[])?;
                state = array_within(b, &child)?;
            }
            "TransitionMatrix" => transition = Some(Matrix::within(&mut b.xml, &child)?),
            "MeasurementMatrix" => measurement = Some(Matrix::within(&mut b.xml, &child)?),
            "InterceptVector" => {
                child.only(&b.xml, &["type"])?;
                let values = array_within(b, &child)?;
                match child.get("type") {
                    None | Some("state") => drift = values,
                    Some("observation") => seen = values,
                    Some(_) => return Err(child.value(&b.xml, "type")),
                }
            }
            "PredictedStateCovarianceMatrix" => covariance = Some(Matrix::within(&mut b.xml, &child)?),
            "SelectedStateCovarianceMatrix" => added = Some(Matrix::within(&mut b.xml, &child)?),
            "ObservationVarianceMatrix" => observation = Some(Matrix::within(&mut b.xml, &child)?),
            // Weights of the noises that make a variance: which is the first, the specification does not say.
            "PsiVector" if !b.wants_deviations => b.xml.skip(&child)?,
            "PsiVector" => {
                let instead = "ask for no deviations, or give <PredictedStateCovarianceMatrix>";
                return Err(b.xml.refused(
                    child.place,
                    "<PsiVector> where deviations are asked for",
                    instead,
                ));
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let (Some(transition), Some(measurement)) = (transition, measurement) else {
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
    Ok(Box::new(StateSpace { state, transition, measurement, drift, intercepts, spread }))
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
        let model = StateSpace { state, transition, measurement, drift, intercepts, spread: None };
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
        Some(Forecast { value, variance })
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
