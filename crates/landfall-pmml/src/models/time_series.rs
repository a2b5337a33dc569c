//! `<TimeSeriesModel>`: exponential smoothing without seasons, and autoregression of differences.
//!
//! The first active field is the horizon: how many steps after the last value.

use super::{Body, Header};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot, Usage};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["bestFit"];

/// Steps ahead, at most.
const HORIZON_MAX: f64 = 100_000.0;

#[derive(Debug)]
struct Series {
    horizon: Slot,
    method: Method,
}

#[derive(Debug)]
enum Method {
    Smoothing { level: f64, trend: Trend },
    Autoregression { constant: f64, coefficients: Vec<f64>, differences: usize, values: Vec<f64> },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trend {
    None,
    Additive(f64),
    DampedAdditive(f64, f64),
    Multiplicative(f64),
    DampedMultiplicative(f64, f64),
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let best = element.need(&b.xml, "bestFit")?.to_owned();
    let (mut method, mut values) = (None, Vec::new());
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TimeSeries" => values = series(b, &child)?,
            "ExponentialSmoothing" if best == "ExponentialSmoothing" => method = Some(smoothing(b, &child)?),
            "ARIMA" if best == "ARIMA" => method = Some(arima(b, &child)?),
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if let Some(Method::Autoregression { values: place, coefficients, differences, .. }) = &mut method {
        if values.len() < coefficients.len() + *differences {
            return Err(b
                .xml
                .malformed(element.place, "<TimeSeries> has fewer values than the model looks back at"));
        }
        *place = values;
    }
    let active = header.schema.fields.iter().find(|field| field.usage == Usage::Active);
    match (active.and_then(|field| field.slot), method) {
        (Some(horizon), Some(method)) => Ok(Box::new(Series { horizon, method })),
        (None, _) => {
            Err(b.xml.malformed(element.place, "<TimeSeriesModel> has no active field for the horizon"))
        }
        (_, None) => Err(element.value(&b.xml, "bestFit")),
    }
}

fn series<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    element.only(&b.xml, &["usage", "startTime", "endTime", "interpolationMethod", "field"])?;
    let mut values = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        if child.name != "TimeValue" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["index", "time", "value", "standardError"])?;
        values.push(child.need_number(&b.xml, "value")?);
        b.xml.leaf(&child)?;
    }
    Ok(values)
}

fn smoothing<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Method, Problem> {
    element.only(&b.xml, &["RMSE", "transformation"])?;
    if !matches!(element.get("transformation"), None | Some("none")) {
        return Err(element.value(&b.xml, "transformation"));
    }
    let (mut level, mut trend) = (None, Trend::None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Level" => {
                child.only(&b.xml, &["alpha", "smoothedValue"])?;
                level = Some(child.need_number(&b.xml, "smoothedValue")?);
                b.xml.leaf(&child)?;
            }
            "Trend_ExpoSmooth" => {
                child.only(&b.xml, &["trend", "gamma", "phi", "smoothedValue"])?;
                let value = child.need_number(&b.xml, "smoothedValue")?;
                let phi = child.number(&b.xml, "phi")?.unwrap_or(1.0);
                trend = match child.get("trend") {
                    None | Some("additive") => Trend::Additive(value),
                    Some("damped_additive" | "damped_trend") => Trend::DampedAdditive(value, phi),
                    Some("multiplicative") => Trend::Multiplicative(value),
                    Some("damped_multiplicative") => Trend::DampedMultiplicative(value, phi),
                    Some(_) => return Err(child.value(&b.xml, "trend")),
                };
                b.xml.leaf(&child)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    match level {
        Some(level) => Ok(Method::Smoothing { level, trend }),
        None => Err(b.xml.malformed(element.place, "<ExponentialSmoothing> lacks its <Level>")),
    }
}

fn arima<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Method, Problem> {
    element.only(&b.xml, &["RMSE", "constantTerm", "predictionMethod", "transformation"])?;
    if !matches!(element.get("transformation"), None | Some("none")) {
        return Err(element.value(&b.xml, "transformation"));
    }
    if element.get("predictionMethod") == Some("exactLeastSquares") {
        return Err(element.value(&b.xml, "predictionMethod"));
    }
    let constant = element.number(&b.xml, "constantTerm")?.unwrap_or(0.0);
    let (mut coefficients, mut differences) = (Vec::new(), 0);
    while let Some(child) = b.xml.child(element)? {
        if child.name != "NonseasonalComponent" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &["p", "d", "q"])?;
        if child.count(&b.xml, "q")?.is_some_and(|q| q > 0) {
            return Err(child.value(&b.xml, "q"));
        }
        differences = child.count(&b.xml, "d")?.unwrap_or(0);
        while let Some(part) = b.xml.child(&child)? {
            if part.name != "AR" {
                return Err(b.xml.unknown(&part, &child));
            }
            part.only(&b.xml, &[])?;
            while let Some(values) = b.xml.child(&part)? {
                coefficients = array::numbers(&mut b.xml, &values)?;
            }
        }
        if child.count(&b.xml, "p")?.unwrap_or(0) != coefficients.len() {
            return Err(child.value(&b.xml, "p"));
        }
    }
    Ok(Method::Autoregression { constant, coefficients, differences, values: Vec::new() })
}

impl Method {
    fn forecast(&self, steps: usize) -> Option<f64> {
        let damped = |phi: f64| (1..=steps).map(|step| phi.powi(step as i32)).sum::<f64>();
        match self {
            Method::Smoothing { level, trend } => Some(match trend {
                Trend::None => *level,
                Trend::Additive(trend) => level + steps as f64 * trend,
                Trend::DampedAdditive(trend, phi) => level + damped(*phi) * trend,
                Trend::Multiplicative(trend) => level * trend.powi(steps as i32),
                Trend::DampedMultiplicative(trend, phi) => level * trend.powf(damped(*phi)),
            }),
            Method::Autoregression { constant, coefficients, differences, values } => {
                // Each level of differences with its last value, so that sums lead back.
                let mut series = values.clone();
                let mut lasts = Vec::new();
                for _ in 0..*differences {
                    lasts.push(*series.last()?);
                    series = series.windows(2).map(|pair| pair[1] - pair[0]).collect();
                }
                let mut value = None;
                for _ in 0..steps {
                    let looked = coefficients.iter().zip(series.iter().rev());
                    let next = constant + looked.map(|(c, x)| c * x).sum::<f64>();
                    series.push(next);
                    let mut sum = next;
                    for last in lasts.iter_mut().rev() {
                        *last += sum;
                        sum = *last;
                    }
                    value = Some(sum);
                }
                value
            }
        }
    }
}

impl Body for Series {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let steps = cx.number(self.horizon)?.filter(|steps| (1.0..=HORIZON_MAX).contains(steps));
        answer.value = Value::of(steps.and_then(|steps| self.method.forecast(steps as usize)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forecasts_by_hand() {
        let smoothing = |trend| Method::Smoothing { level: 10.0, trend }.forecast(2);
        assert_eq!(smoothing(Trend::Additive(1.5)), Some(13.0));
        assert_eq!(smoothing(Trend::DampedAdditive(1.0, 0.5)), Some(10.75));
        assert_eq!(smoothing(Trend::Multiplicative(2.0)), Some(40.0));
        let values = vec![10.0, 12.0, 11.0, 14.0];
        let arima = Method::Autoregression { constant: 0.0, coefficients: vec![0.6], differences: 1, values };
        assert!((arima.forecast(2).unwrap() - 16.88).abs() < 1e-12);
    }
}
