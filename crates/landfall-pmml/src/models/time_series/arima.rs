//! `<ARIMA>`: autoregression and moving averages of differences, seasonal ones among them, by conditional least squares.

use super::exact;
use super::lags::{REACH_MAX, differences, minus, plus, product};
use super::outliers::{self, Effect};
use super::regressors::{self, Regressor, Regressors};
use super::state_space::StateSpace;
use super::{Forecast, Known, Method, Transformation, array_within};
use crate::read::{Element, Matrix};
use crate::resolve::Build;
use landfall_model::Problem;

/// y(t) = constant + Σ a(i) y(t-i) + e(t) + Σ m(j) e(t-j), all differences multiplied out. The document has the mean of the
/// differences in the place of the constant, as its writers know it.
#[derive(Debug)]
pub(super) struct Recursion {
    pub(super) constant: f64,
    /// From lag 1.
    pub(super) values: Vec<f64>,
    pub(super) noises: Vec<f64>,
    /// The series, and its noises: the latest last.
    pub(super) past: Vec<f64>,
    pub(super) past_noises: Vec<f64>,
}

#[derive(Debug)]
struct Arima {
    recursion: Recursion,
    /// What is known at the end of the series, where the document has that in the place of noises.
    state: Option<Box<StateSpace>>,
    variance: Option<f64>,
    effects: Vec<Effect>,
    period: usize,
    regressors: Regressors,
}

/// One component.
#[derive(Default)]
struct Component {
    values: Vec<f64>,
    noises: Vec<f64>,
    residuals: Vec<f64>,
    differences: usize,
    period: usize,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    known: &Known<'_>,
    transformation: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["RMSE", "constantTerm", "predictionMethod", "transformation"])?;
    let exact = match element.get("predictionMethod") {
        None | Some("conditionalLeastSquares") => false,
        Some("exactLeastSquares") => true,
        Some(_) => return Err(element.value(&b.xml, "predictionMethod")),
    };
    let mean = element.number(&b.xml, "constantTerm")?.unwrap_or(0.0);
    let Children { plain, seasonal, effects, end, regressors } =
        Children::read(b, element, known, exact, mean)?;
    let period = seasonal.period.max(1);
    let mut lags = product(&minus(&plain.values, 1), &minus(&seasonal.values, period));
    // What is regressed is how far the differences are from their mean.
    let constant = mean * lags.iter().sum::<f64>();
    let stationary = lags[1..].iter().map(|lag| -lag).collect::<Vec<f64>>();
    let differenced = product(&differences(plain.differences, 1), &differences(seasonal.differences, period));
    lags = product(&lags, &differenced);
    let noises = product(&plus(&plain.noises, 1), &plus(&seasonal.noises, period));
    if lags.len() > REACH_MAX || noises.len() > REACH_MAX {
        return Err(b.xml.malformed(element.place, "the model looks back further than any series"));
    }
    let residuals =
        if seasonal.residuals.len() > plain.residuals.len() { seasonal.residuals } else { plain.residuals };
    let (given, state) = match end {
        Some(End::Errors(errors)) => (errors, None),
        Some(End::State(state)) => (residuals, Some(state)),
        // The filter runs anew over the series.
        Some(End::Series) if !known.values.is_empty() => (Vec::new(), None),
        Some(End::Series) => return Err(state_alone(b, element)),
        None => (residuals, None),
    };
    let recursion = Recursion {
        constant,
        values: lags[1..].iter().map(|lag| -lag).collect(),
        noises: noises[1..].to_vec(),
        past: Vec::new(),
        past_noises: given,
    };
    if state.is_some() && differenced.len() > 1 && !regressors.is_empty() {
        return Err(beside_a_state(b, element));
    }
    // Past values count by what regressors did not do to them, unless differences are all that looks back.
    let looks_back = !stationary.is_empty() || recursion.past_noises.len() < recursion.noises.len();
    let unknown = if looks_back { f64::NAN } else { 0.0 };
    let regressors = Regressors::new(regressors, &differenced, known.values.len(), unknown);
    let variance = element.number(&b.xml, "RMSE")?.map(|rmse| rmse * rmse);
    let mut arima = Arima { recursion, state, variance, effects, period, regressors };
    arima.fill_past(known.values, transformation);
    if arima.recursion.past.len() < arima.recursion.values.len() {
        return Err(b
            .xml
            .malformed(element.place, "<TimeSeries> has fewer values than the model looks back at"));
    }
    if exact && arima.state.is_none() && arima.recursion.past_noises.len() < arima.recursion.noises.len() {
        let found = exact_noises(&arima.recursion, stationary, &differenced, mean);
        let instead = "write the model with predictionMethod=\"conditionalLeastSquares\"";
        arima.recursion.past_noises = found.map_err(|what| b.xml.refused(element.place, what, instead))?;
    }
    arima.recursion.fill_noises();
    Ok(Box::new(arima))
}

/// The last noises of a series by the exact method; `values` are those of the autoregression of its differences, which have
/// this mean.
fn exact_noises(
    all: &Recursion,
    values: Vec<f64>,
    differences: &[f64],
    mean: f64,
) -> Result<Vec<f64>, &'static str> {
    let windows = all.past.windows(differences.len());
    let past = windows.map(|own| own.iter().rev().zip(differences).map(|(x, c)| x * c).sum::<f64>() - mean);
    let (noises, past) = (all.noises.clone(), past.collect());
    exact::last_noises(&Recursion { constant: 0.0, values, noises, past, past_noises: Vec::new() })
}

/// Children of `<ARIMA>`.
#[derive(Default)]
struct Children {
    plain: Component,
    seasonal: Component,
    effects: Vec<Effect>,
    end: Option<End>,
    regressors: Vec<Regressor>,
}

impl Children {
    /// Those of a model whose differences have this mean; of the exact method the end of its filter, too.
    fn read<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        known: &Known<'_>,
        exact: bool,
        mean: f64,
    ) -> Result<Self, Problem> {
        let mut all = Children::default();
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "NonseasonalComponent" => all.plain = component(b, &child, ["p", "d", "q"])?,
                "SeasonalComponent" => all.seasonal = component(b, &child, ["P", "D", "Q"])?,
                // The schema has it after the components.
                "DynamicRegressor" => {
                    all.regressors.push(regressors::read(b, &child, known, all.seasonal.period)?);
                }
                "OutlierEffect" => all.effects.push(outliers::read(b, &child)?),
                "MaximumLikelihoodStat" if exact => all.end = Some(End::read(b, &child, mean)?),
                "MaximumLikelihoodStat" => b.xml.skip(&child)?,
                _ => return Err(b.xml.unknown(&child, element)),
            }
        }
        Ok(all)
    }
}

/// A state says nothing without what moves it, but the series does, where the document has it.
fn state_alone<'a>(b: &Build<'a>, element: &Element<'a>) -> Problem {
    let what =
        "a <KalmanState> without <TransitionMatrix> and <MeasurementMatrix>, and no <TimeSeries> beside it";
    let instead =
        "write the model as a <StateSpaceModel>, or with predictionMethod=\"conditionalLeastSquares\"";
    b.xml.refused(element.place, what, instead)
}

/// A regressor acts on differences, and a state is that of the series itself.
fn beside_a_state<'a>(b: &Build<'a>, element: &Element<'a>) -> Problem {
    let what = "a <DynamicRegressor> beside the <KalmanState> of a series that is differenced";
    let instead = "write the model with predictionMethod=\"conditionalLeastSquares\"";
    b.xml.refused(element.place, what, instead)
}

fn component<'a>(b: &mut Build<'a>, element: &Element<'a>, names: [&str; 3]) -> Result<Component, Problem> {
    let period = if names[0] == "P" { vec!["period"] } else { Vec::new() };
    element.only(&b.xml, &[&names[..], &period[..]].concat())?;
    let mut component = Component {
        differences: element.count(&b.xml, names[1])?.unwrap_or(0),
        period: element.count(&b.xml, "period")?.unwrap_or(0),
        ..Component::default()
    };
    while let Some(child) = b.xml.child(element)? {
        child.only(&b.xml, &[])?;
        match child.name.as_ref() {
            "AR" => component.values = array_within(b, &child)?,
            "MA" => (component.noises, component.residuals) = moving_average(b, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    element.counted(&b.xml, names[0], component.values.len(), "coefficients in its <AR>")?;
    element.counted(&b.xml, names[2], component.noises.len(), "coefficients in its <MA>")?;
    let reach = component.differences.saturating_mul(component.period.max(1));
    if component.differences > 20 || reach > REACH_MAX {
        return Err(element.value(&b.xml, names[1]));
    }
    // A season of no order has no length.
    let is_empty = component.values.is_empty() && component.noises.is_empty() && component.differences == 0;
    if names[0] == "P" && component.period == 0 && !is_empty {
        return Err(element.value(&b.xml, "period"));
    }
    Ok(component)
}

/// `<MA>`: coefficients and residuals, the latest last.
pub(super) fn moving_average<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
) -> Result<(Vec<f64>, Vec<f64>), Problem> {
    let (mut coefficients, mut residuals) = (Vec::new(), Vec::new());
    while let Some(child) = b.xml.child(element)? {
        child.only(&b.xml, &[])?;
        match child.name.as_ref() {
            "MACoefficients" => coefficients = array_within(b, &child)?,
            "Residuals" => residuals = array_within(b, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok((coefficients, residuals))
}

/// The end of the series as the exact method knows it.
enum End {
    Errors(Vec<f64>),
    State(Box<StateSpace>),
    /// A state alone: what moves it is not said, and what it is follows from the series.
    Series,
}

impl End {
    /// Reads `<MaximumLikelihoodStat>` of a model whose differences have this mean.
    fn read<'a>(b: &mut Build<'a>, element: &Element<'a>, mean: f64) -> Result<Self, Problem> {
        element.only(&b.xml, &["method", "periodDeficit"])?;
        let name = match element.need(&b.xml, "method")? {
            "thetaRecursion" => "ThetaRecursionState",
            "kalman" => "KalmanState",
            _ => return Err(element.value(&b.xml, "method")),
        };
        let mut end = None;
        while let Some(child) = b.xml.child(element)? {
            b.xml.named(&child, element, name)?;
            child.only(&b.xml, &[])?;
            end = Some(match name {
                "KalmanState" => match kalman_state(b, &child, mean)? {
                    Some(state) => End::State(state.into()),
                    None => End::Series,
                },
                _ => End::Errors(final_errors(b, &child)?),
            });
        }
        end.ok_or_else(|| {
            b.xml.malformed(element.place, format!("<MaximumLikelihoodStat> lacks its <{name}>"))
        })
    }
}

/// The last errors of prediction: what the noise of the series was, less what it was expected to be.
fn final_errors<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    let (mut noises, mut predicted) = (Vec::new(), Vec::new());
    while let Some(part) = b.xml.child(element)? {
        part.only(&b.xml, &[])?;
        match part.name.as_ref() {
            "FinalNoise" => noises = array_within(b, &part)?,
            "FinalPredictedNoise" => predicted = array_within(b, &part)?,
            // From where the recursion would go on with new values.
            "FinalTheta" | "FinalNu" => b.xml.skip(&part)?,
            _ => return Err(b.xml.unknown(&part, element)),
        }
    }
    if noises.len() != predicted.len() {
        let what = "<FinalNoise> and <FinalPredictedNoise> have not as many numbers";
        return Err(b.xml.malformed(element.place, what));
    }
    Ok(noises.iter().zip(&predicted).map(|(noise, predicted)| noise - predicted).collect())
}

/// A state that the document says how to go on from; `None` where it does not: the schema's elements alone do not, R's writer
/// adds the matrices.
fn kalman_state<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    mean: f64,
) -> Result<Option<StateSpace>, Problem> {
    let (mut state, mut transition, mut measurement) = (Vec::new(), None, None);
    while let Some(part) = b.xml.child(element)? {
        match part.name.as_ref() {
            "FinalStateVector" => {
                part.only(&b.xml, &[])?;
                state = array_within(b, &part)?;
            }
            "TransitionMatrix" => transition = Some(Matrix::within(&mut b.xml, &part)?),
            "MeasurementMatrix" => measurement = Some(Matrix::within(&mut b.xml, &part)?),
            // How sure the filter is, and what it would add of new values.
            "FinalOmega" | "HVector" => b.xml.skip(&part)?,
            _ => return Err(b.xml.unknown(&part, element)),
        }
    }
    let (transition, measurement) = match (transition, measurement) {
        (Some(transition), Some(measurement)) => (transition, measurement),
        (None, None) => return Ok(None),
        _ => {
            let what =
                "<KalmanState> has one of <TransitionMatrix> and <MeasurementMatrix> without the other";
            return Err(b.xml.malformed(element.place, what));
        }
    };
    match StateSpace::known(state, transition, measurement, mean) {
        Some(state) => Ok(Some(state)),
        None => Err(b.xml.malformed(element.place, "the matrices of <KalmanState> do not fit its state")),
    }
}

impl Recursion {
    fn next(&self, values: &[f64], noises: &[f64]) -> f64 {
        let of = |coefficients: &[f64], past: &[f64]| {
            coefficients.iter().zip(past.iter().rev()).map(|(c, x)| c * x).sum::<f64>()
        };
        self.constant + of(&self.values, values) + of(&self.noises, noises)
    }

    /// Noises that the document does not give: what the model did not expect of the series, from zeros on.
    pub(super) fn fill_noises(&mut self) {
        if self.past_noises.len() >= self.noises.len() {
            return;
        }
        let mut noises = vec![0.0; self.values.len()];
        for at in self.values.len()..self.past.len() {
            let noise = self.past[at] - self.next(&self.past[..at], &noises);
            // Of times of which too little is known nothing else is expected.
            noises.push(if noise.is_nan() { 0.0 } else { noise });
        }
        self.past_noises = noises;
    }

    /// What is expected at the step, and the weights of the noises up to it.
    pub(super) fn ahead(&self, steps: usize) -> f64 {
        let (mut values, mut noises) = (self.past.clone(), self.past_noises.clone());
        let mut last = f64::NAN;
        for _ in 0..steps {
            last = self.next(&values, &noises);
            values.push(last);
            noises.push(0.0);
        }
        last
    }

    /// The weights of noises up to the step, where an effect is one of them.
    fn weights_for(&self, effects: &[Effect], steps: usize) -> Vec<f64> {
        match effects.iter().any(Effect::is_innovational) {
            true => self.weights(steps),
            false => Vec::new(),
        }
    }

    /// How much a noise of each step so far still counts: the weights ψ, from ψ(0) = 1.
    pub(super) fn weights(&self, steps: usize) -> Vec<f64> {
        let mut weights: Vec<f64> = vec![1.0];
        for step in 1..steps {
            let looked = self.values.iter().zip(weights.iter().rev()).map(|(c, w)| c * w).sum::<f64>();
            weights.push(looked + self.noises.get(step - 1).copied().unwrap_or(0.0));
        }
        weights
    }
}

impl Arima {
    /// What events add to the value at a time, from 1; `weights` are those of noises.
    fn effect(&self, time: usize, weights: &[f64]) -> f64 {
        self.effects.iter().map(|effect| effect.at(time as f64, self.period, weights)).sum()
    }

    /// The past as the model regresses it: without what events and regressors did.
    fn fill_past(&mut self, values: &[f64], transformation: Transformation) {
        let weights = self.recursion.weights_for(&self.effects, values.len());
        let regressed = |at: usize| if self.regressors.is_empty() { 0.0 } else { self.regressors.past()[at] };
        let without =
            |(at, x): (usize, &f64)| transformation.apply(*x) - self.effect(at + 1, &weights) - regressed(at);
        self.recursion.past = values.iter().enumerate().map(without).collect();
    }
}

impl Method for Arima {
    fn regressors(&self) -> Option<&Regressors> {
        Some(&self.regressors).filter(|regressors| !regressors.is_empty())
    }

    fn forecast(&self, steps: usize) -> Option<Forecast> {
        let time = self.recursion.past.len() + steps;
        let weights = self.recursion.weights_for(&self.effects, time);
        let value = match &self.state {
            Some(state) => state.forecast(steps)?.value,
            None => self.recursion.ahead(steps),
        };
        let value = value + self.effect(time, &weights);
        let spread = || self.recursion.weights(steps).iter().map(|w| w * w).sum::<f64>();
        Some(Forecast { value, variance: self.variance.map(|variance| variance * spread()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recursion(values: Vec<f64>, noises: Vec<f64>, past: Vec<f64>, past_noises: Vec<f64>) -> Recursion {
        Recursion { constant: 1.0, values, noises, past, past_noises }
    }

    #[test]
    fn noises_count_until_they_are_past() {
        let model = recursion(vec![0.5], vec![0.25], vec![4.0], vec![2.0]);
        assert_eq!(model.ahead(1), 3.5);
        assert_eq!(model.ahead(2), 2.75);
        assert_eq!(model.weights(3), [1.0, 0.75, 0.375]);
    }

    #[test]
    fn noises_that_are_not_given_are_found() {
        let mut model = recursion(vec![0.5], vec![0.25], vec![2.0, 3.0, 4.0], Vec::new());
        model.fill_noises();
        // 3 - (1 + 1) = 1; 4 - (1 + 1.5 + 0.25) = 1.25.
        assert_eq!(model.past_noises, [0.0, 1.0, 1.25]);
    }
}
