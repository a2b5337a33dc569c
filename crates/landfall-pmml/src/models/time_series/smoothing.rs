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

#[derive(Clone, Debug, PartialEq)]
enum Trend {
    None,
    Additive(f64),
    DampedAdditive(f64, f64),
    Multiplicative(f64),
    DampedMultiplicative(f64, f64),
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

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    _: &Known<'_>,
    _: Transformation,
) -> Result<Box<dyn Method>, Problem> {
    element.only(&b.xml, &["RMSE", "transformation"])?;
    let (mut level, mut alpha, mut trend, mut season) = (None, None, Trend::None, None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Level" => {
                child.only(&b.xml, &["alpha", "smoothedValue"])?;
                level = Some(child.need_number(&b.xml, "smoothedValue")?);
                alpha = child.number(&b.xml, "alpha")?;
                b.xml.leaf(&child)?;
            }
            "Trend_ExpoSmooth" => trend = read_trend(b, &child)?,
            "Seasonality_ExpoSmooth" => season = Some(read_season(b, &child)?),
            // The series as the writer saw it.
            "TimeValue" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let Some(level) = level else {
        return Err(b.xml.malformed(element.place, "<ExponentialSmoothing> lacks its <Level>"));
    };
    let rmse = element.number(&b.xml, "RMSE")?;
    Ok(Box::new(Smoothing { level, trend, season, rmse, alpha }))
}

fn read_trend<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Trend, Problem> {
    element.only(&b.xml, &["trend", "gamma", "phi", "smoothedValue"])?;
    let coefficients = super::array_within(b, element)?;
    let value = |b: &Build<'a>| element.need_number(&b.xml, "smoothedValue");
    let phi = element.number(&b.xml, "phi")?.unwrap_or(1.0);
    Ok(match element.get("trend") {
        None | Some("additive") => Trend::Additive(value(b)?),
        Some("damped_additive" | "damped_trend") => Trend::DampedAdditive(value(b)?, phi),
        Some("multiplicative") => Trend::Multiplicative(value(b)?),
        Some("damped_multiplicative") => Trend::DampedMultiplicative(value(b)?, phi),
        Some("polynomial_exponential") if !coefficients.is_empty() => Trend::Polynomial(coefficients),
        Some("polynomial_exponential") => {
            let what = "trend=\"polynomial_exponential\" needs the <Array> of its coefficients";
            return Err(b.xml.malformed(element.place, what));
        }
        Some(_) => return Err(element.value(&b.xml, "trend")),
    })
}

fn read_season<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Season, Problem> {
    element.only(&b.xml, &["type", "period", "unit", "phase", "delta"])?;
    let multiplicative = match element.need(&b.xml, "type")? {
        "additive" => false,
        "multiplicative" => true,
        _ => return Err(element.value(&b.xml, "type")),
    };
    let period = element.count(&b.xml, "period")?.unwrap_or(0);
    let phase = element.count(&b.xml, "phase")?.unwrap_or(0);
    let mut factors = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "Array" {
            return Err(b.xml.unknown(&child, element));
        }
        factors = array::numbers(&mut b.xml, &child)?;
    }
    if factors.is_empty() || factors.len() != period {
        return Err(element.value(&b.xml, "period"));
    }
    Ok(Season { multiplicative, factors, phase: phase % period })
}

impl Trend {
    fn after(&self, level: f64, steps: usize) -> f64 {
        let damped = |phi: f64| (1..=steps).map(|step| phi.powi(step as i32)).sum::<f64>();
        match self {
            Trend::None => level,
            Trend::Additive(trend) => level + steps as f64 * trend,
            Trend::DampedAdditive(trend, phi) => level + damped(*phi) * trend,
            Trend::Multiplicative(trend) => level * trend.powi(steps as i32),
            Trend::DampedMultiplicative(trend, phi) => level * trend.powf(damped(*phi)),
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
        assert_eq!(after(Trend::Additive(1.5), None, 2), 13.0);
        assert_eq!(after(Trend::DampedAdditive(1.0, 0.5), None, 2), 10.75);
        assert_eq!(after(Trend::Multiplicative(2.0), None, 2), 40.0);
        assert_eq!(after(Trend::Polynomial(vec![1.0, 0.5]), None, 2), 14.0);
        let season =
            |multiplicative, phase| Some(Season { multiplicative, factors: vec![1.0, 2.0, 3.0], phase });
        assert_eq!(after(Trend::Additive(1.0), season(false, 0), 1), 12.0);
        assert_eq!(after(Trend::Additive(1.0), season(false, 2), 1), 14.0);
        assert_eq!(after(Trend::Additive(1.0), season(true, 1), 3), 13.0);
    }
}
