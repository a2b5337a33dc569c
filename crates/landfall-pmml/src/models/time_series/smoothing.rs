//! `<ExponentialSmoothing>`: a level, a trend, a season.

use super::{Forecast, Known, Method, Transformation};
use crate::read::{Element, array};
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Debug)]
struct Smoothing {
    level: f64,
    trend: Trend,
    season: Option<Season>,
    /// Standard deviation of one step.
    rmse: Option<f64>,
    alpha: Option<f64>,
}

/// What each step adds, or by what it multiplies; the second number is by how much less the next one does.
#[derive(Clone, Debug, PartialEq)]
enum Trend {
    None,
    Additive(f64, f64),
    Multiplicative(f64, f64),
    /// Coefficients of the powers of the step, from the first.
    Polynomial(Vec<f64>),
}

#[derive(Clone, Debug)]
struct Season {
    multiplicative: bool,
    factors: Vec<f64>,
    /// Place of the last value within the period, from 1; 0 where the first factor comes next.
    phase: usize,
}

/// A part as the document has it.
struct Part {
    /// How much of it each new value makes.
    weight: Option<f64>,
    /// Its last value.
    value: Option<f64>,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    known: &Known<'_>,
    transformation: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["RMSE", "transformation"])?;
    let (mut level, mut slope, mut trend, mut season) = (None, None, Trend::None, None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Level" => {
                child.only(&b.xml, &["alpha", "smoothedValue"])?;
                level = Some(Part::read(b, &child, "alpha")?);
                b.xml.leaf(&child)?;
            }
            // 4.0 calls it `Trend`.
            "Trend_ExpoSmooth" | "Trend" => (trend, slope) = read_trend(b, &child)?,
            "Seasonality_ExpoSmooth" => season = Some(read_season(b, &child)?),
            // The series as the writer saw it.
            "TimeValue" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let Some(level) = level else {
        return Err(b.xml.malformed(element.place, "<ExponentialSmoothing> lacks its <Level>"));
    };
    let values: Vec<f64> = known.values.iter().map(|value| transformation.apply(*value)).collect();
    let found = match (level.value, slope.as_ref().map(|slope| slope.value)) {
        (Some(value), None | Some(Some(_))) => Some((value, trend)),
        _ if season.is_some() => None,
        _ => anew(&values, &level, &trend, slope.as_ref()),
    };
    let Some((level_value, trend)) = found else { return Err(without_a_value(b, element)) };
    let rmse = element.number(&b.xml, "RMSE")?;
    Ok(Box::new(Smoothing { level: level_value, trend, season, rmse, alpha: level.weight }))
}

fn without_a_value<'a>(b: &Build<'a>, element: &Element<'a>) -> Problem {
    let what = "a <Level> or a <Trend_ExpoSmooth> without smoothedValue, which nothing else tells";
    let instead = "give smoothedValue; without a season alpha and gamma do beside the <TimeSeries>, too";
    b.xml.refused(element.place, what, instead)
}

impl Part {
    fn read<'a>(b: &Build<'a>, element: &Element<'a>, weight: &str) -> Result<Self, Problem> {
        let weight = element.number(&b.xml, weight)?;
        Ok(Part { weight, value: element.number(&b.xml, "smoothedValue")? })
    }
}

/// The trend, its value 0 where the document has none, and the part that says so; a polynomial is given whole.
fn read_trend<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<(Trend, Option<Part>), Problem> {
    element.only(&b.xml, &["trend", "gamma", "phi", "smoothedValue"])?;
    let coefficients = super::array_within(b, element)?;
    let part = Part::read(b, element, "gamma")?;
    let value = part.value.unwrap_or_default();
    let phi = element.number(&b.xml, "phi")?.unwrap_or(1.0);
    let trend = match element.get("trend") {
        None | Some("additive") => Trend::Additive(value, 1.0),
        Some("damped_additive" | "damped_trend") => Trend::Additive(value, phi),
        Some("multiplicative") => Trend::Multiplicative(value, 1.0),
        Some("damped_multiplicative") => Trend::Multiplicative(value, phi),
        Some("polynomial_exponential") if !coefficients.is_empty() => {
            return Ok((Trend::Polynomial(coefficients), None));
        }
        Some("polynomial_exponential") => {
            let what = "trend=\"polynomial_exponential\" needs the <Array> of its coefficients";
            return Err(b.xml.malformed(element.place, what));
        }
        Some(_) => return Err(element.value(&b.xml, "trend")),
    };
    Ok((trend, Some(part)))
}

/// The last level and the last trend of a series, smoothed from its beginning by Holt's recursion as R's `HoltWinters` starts
/// it: the first value is the first level; with a trend the second one is, and how far it is from the first is the trend.
/// What the document gives stands. `None` where a weight or a value is wanting.
fn anew(values: &[f64], level: &Part, trend: &Trend, slope: Option<&Part>) -> Option<(f64, Trend)> {
    let (multiplies, phi) = match trend {
        Trend::Additive(_, phi) => (false, *phi),
        Trend::Multiplicative(_, phi) => (true, *phi),
        Trend::None => (false, 0.0),
        Trend::Polynomial(_) => return None,
    };
    let alpha = level.weight?;
    let apart = |now: f64, before: f64| if multiplies { now / before } else { now - before };
    let (mut now, mut step, rest) = match slope {
        None => (*values.first()?, 0.0, &values[1..]),
        Some(_) => (*values.get(1)?, apart(values[1], values[0]), &values[2..]),
    };
    let gamma = slope.map_or(Some(0.0), |slope| slope.weight)?;
    for value in rest {
        let less = if multiplies { step.powf(phi) } else { step * phi };
        let expected = if multiplies { now * less } else { now + less };
        let next = alpha * value + (1.0 - alpha) * expected;
        step = gamma * apart(next, now) + (1.0 - gamma) * less;
        now = next;
    }
    let step = slope.and_then(|slope| slope.value).unwrap_or(step);
    let trend = match trend {
        Trend::Additive(..) => Trend::Additive(step, phi),
        Trend::Multiplicative(..) => Trend::Multiplicative(step, phi),
        other => other.clone(),
    };
    Some((level.value.unwrap_or(now), trend))
}

fn read_season<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Season, Problem> {
    element.only(&b.xml, &["type", "period", "unit", "phase", "delta"])?;
    let multiplicative = match element.need(&b.xml, "type")? {
        "additive" => false,
        "multiplicative" => true,
        _ => return Err(element.value(&b.xml, "type")),
    };
    let phase = element.count(&b.xml, "phase")?.unwrap_or(0);
    let mut factors = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Array" {
            return Err(b.xml.unknown(&child, element));
        }
        factors = array::numbers(&mut b.xml, &child)?;
    }
    if factors.is_empty() {
        return Err(b.xml.malformed(element.place, "<Seasonality_ExpoSmooth> has no factors"));
    }
    element.counted(&b.xml, "period", factors.len(), "factors")?;
    let phase = phase % factors.len();
    Ok(Season { multiplicative, factors, phase })
}

impl Trend {
    fn after(&self, level: f64, steps: usize) -> f64 {
        let counted = |phi: f64| (1..=steps).map(|step| phi.powi(step as i32)).sum::<f64>();
        match self {
            Trend::None => level,
            Trend::Additive(trend, phi) => level + counted(*phi) * trend,
            Trend::Multiplicative(trend, phi) => level * trend.powf(counted(*phi)),
            Trend::Polynomial(coefficients) => {
                let powers = coefficients.iter().zip(1..);
                level + powers.map(|(c, power)| c * (steps as f64).powi(power)).sum::<f64>()
            }
        }
    }
}

impl Method for Smoothing {
    fn forecast(&self, steps: usize) -> Option<Forecast> {
        let mut value = self.trend.after(self.level, steps);
        if let Some(season) = &self.season {
            let factor = season.factors[(season.phase + steps - 1) % season.factors.len()];
            value = if season.multiplicative { value * factor } else { value + factor };
        }
        // Of a level alone the variance of several steps is known; else that of one.
        let variance = match (self.rmse, self.alpha, &self.trend, &self.season) {
            (Some(rmse), _, _, _) if steps == 1 => Some(rmse * rmse),
            (Some(rmse), Some(alpha), Trend::None, None) => {
                Some(rmse * rmse * (1.0 + (steps - 1) as f64 * alpha * alpha))
            }
            _ => None,
        };
        Some(Forecast { value, variance })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trend: Trend, season: Option<Season>, steps: usize) -> f64 {
        let smoothing = Smoothing { level: 10.0, trend, season, rmse: None, alpha: None };
        smoothing.forecast(steps).unwrap().value
    }

    #[test]
    fn trends_and_seasons_by_hand() {
        assert_eq!(after(Trend::Additive(1.5, 1.0), None, 2), 13.0);
        assert_eq!(after(Trend::Additive(1.0, 0.5), None, 2), 10.75);
        assert_eq!(after(Trend::Multiplicative(2.0, 1.0), None, 2), 40.0);
        assert_eq!(after(Trend::Polynomial(vec![1.0, 0.5]), None, 2), 14.0);
        let season =
            |multiplicative, phase| Some(Season { multiplicative, factors: vec![1.0, 2.0, 3.0], phase });
        assert_eq!(after(Trend::Additive(1.0, 1.0), season(false, 0), 1), 12.0);
        assert_eq!(after(Trend::Additive(1.0, 1.0), season(false, 2), 1), 14.0);
        assert_eq!(after(Trend::Additive(1.0, 1.0), season(true, 1), 3), 13.0);
    }
}
