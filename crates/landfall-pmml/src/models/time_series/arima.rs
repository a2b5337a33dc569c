//! `<ARIMA>`: autoregression and moving averages of differences, seasonal ones among them, by conditional least squares.

use super::outliers::{self, Effect};
use super::{Forecast, Method, Transformation, array_within};
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

/// Values or noises that a model looks back at, at most.
const REACH_MAX: usize = 100_000;

/// y(t) = constant + Σ a(i) y(t-i) + e(t) + Σ m(j) e(t-j), all differences multiplied out.
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
    variance: Option<f64>,
    effects: Vec<Effect>,
    period: usize,
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
    series: &[f64],
    transformation: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["RMSE", "constantTerm", "predictionMethod", "transformation"])?;
    let exact = match element.get("predictionMethod") {
        None | Some("conditionalLeastSquares") => false,
        Some("exactLeastSquares") => true,
        Some(_) => return Err(element.value(&b.xml, "predictionMethod")),
    };
    let (mut plain, mut seasonal) = (Component::default(), Component::default());
    let (mut effects, mut state) = (Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "NonseasonalComponent" => plain = component(b, &child, ["p", "d", "q"])?,
            "SeasonalComponent" => seasonal = component(b, &child, ["P", "D", "Q"])?,
            "OutlierEffect" => effects.push(outliers::read(b, &child)?),
            "MaximumLikelihoodStat" if exact => state = Some(final_noises(b, &child)?),
            "MaximumLikelihoodStat" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let period = seasonal.period.max(1);
    let times = (1..).map(f64::from);
    let effect = |time: f64| effects.iter().map(|effect: &Effect| effect.at(time, period)).sum::<f64>();
    let past: Vec<f64> =
        series.iter().zip(times).map(|(x, time)| transformation.apply(*x) - effect(time)).collect();
    let mut lags = product(&minus(&plain.values, 1), &minus(&seasonal.values, period));
    for (times, step) in [(plain.differences, 1), (seasonal.differences, period)] {
        for _ in 0..times {
            lags = product(&lags, &minus(&[1.0], step));
        }
    }
    let noises = product(&plus(&plain.noises, 1), &plus(&seasonal.noises, period));
    if lags.len() > REACH_MAX || noises.len() > REACH_MAX {
        return Err(b.xml.malformed(element.place, "the model looks back further than any series"));
    }
    let given = match (state, seasonal.residuals.len() > plain.residuals.len()) {
        (Some(state), _) => state,
        (None, true) => seasonal.residuals,
        (None, false) => plain.residuals,
    };
    let mut recursion = Recursion {
        constant: element.number(&b.xml, "constantTerm")?.unwrap_or(0.0),
        values: lags[1..].iter().map(|lag| -lag).collect(),
        noises: noises[1..].to_vec(),
        past,
        past_noises: given,
    };
    if recursion.past.len() < recursion.values.len() {
        return Err(b
            .xml
            .malformed(element.place, "<TimeSeries> has fewer values than the model looks back at"));
    }
    recursion.fill_noises();
    let variance = element.number(&b.xml, "RMSE")?.map(|rmse| rmse * rmse);
    Ok(Box::new(Arima { recursion, variance, effects, period }))
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
    for (name, found) in [(names[0], component.values.len()), (names[2], component.noises.len())] {
        if element.count(&b.xml, name)?.unwrap_or(0) != found {
            return Err(element.value(&b.xml, name));
        }
    }
    let reach = component.differences.saturating_mul(component.period.max(1));
    if component.differences > 20 || reach > REACH_MAX {
        return Err(element.value(&b.xml, names[1]));
    }
    if names[0] == "P" && component.period == 0 {
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

/// The noises at the end of the series, as the exact method found them.
fn final_noises<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    element.only(&b.xml, &["method", "periodDeficit"])?;
    if element.need(&b.xml, "method")? != "thetaRecursion" {
        return Err(element.value(&b.xml, "method"));
    }
    let mut noises = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "ThetaRecursionState" {
            return Err(b.xml.unknown(&child, element));
        }
        while let Some(part) = b.xml.child(&child)? {
            match part.name.as_ref() {
                "FinalNoise" => noises = array_within(b, &part)?,
                // From where the recursion would go on with new values.
                "FinalPredictedNoise" | "FinalTheta" | "FinalNu" => b.xml.skip(&part)?,
                _ => return Err(b.xml.unknown(&part, &child)),
            }
        }
    }
    Ok(noises)
}

/// 1 - c₁Bˢ - c₂B²ˢ …
fn minus(coefficients: &[f64], step: usize) -> Vec<f64> {
    let negative: Vec<f64> = coefficients.iter().map(|c| -c).collect();
    plus(&negative, step)
}

/// 1 + c₁Bˢ + c₂B²ˢ …
fn plus(coefficients: &[f64], step: usize) -> Vec<f64> {
    let mut all = vec![0.0; coefficients.len().saturating_mul(step).min(REACH_MAX) + 1];
    all[0] = 1.0;
    for (at, coefficient) in coefficients.iter().enumerate() {
        if let Some(place) = all.get_mut((at + 1) * step) {
            *place = *coefficient;
        }
    }
    all
}

fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut all = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        for (j, y) in b.iter().enumerate() {
            all[i + j] += x * y;
        }
    }
    all
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
            noises.push(self.past[at] - self.next(&self.past[..at], &noises));
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

impl Method for Arima {
    fn forecast(&self, steps: usize) -> Option<Forecast> {
        let time = (self.recursion.past.len() + steps) as f64;
        let effect = self.effects.iter().map(|effect| effect.at(time, self.period)).sum::<f64>();
        let value = self.recursion.ahead(steps) + effect;
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
    fn differences_and_seasons_multiply_out() {
        // (1 - 0.6B)(1 - B) = 1 - 1.6B + 0.6B².
        assert_eq!(product(&minus(&[0.6], 1), &minus(&[1.0], 1)), [1.0, -1.6, 0.6]);
        // (1 + 0.5B)(1 + 0.4B²) = 1 + 0.5B + 0.4B² + 0.2B³.
        assert_eq!(product(&plus(&[0.5], 1), &plus(&[0.4], 2)), [1.0, 0.5, 0.4, 0.2]);
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
