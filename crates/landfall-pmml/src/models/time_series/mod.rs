//! `<TimeSeriesModel>`: what follows the last value of a series, some steps ahead.
//!
//! The first active field is the horizon: how many steps after the last value. Without one, the order field is, or a
//! supplementary one. Dates are passed over: they stand beside a horizon.

mod arima;
mod garch;
mod outliers;
mod smoothing;
mod state_space;

use super::{Body, Header};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot, Usage};
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use std::fmt::Debug;

pub(super) const ATTRIBUTES: &[&str] = &["bestFit"];

/// Steps ahead, at most.
const HORIZON_MAX: f64 = 100_000.0;

/// What is expected, and the variance of what will come around it, where that is known.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Forecast {
    value: f64,
    variance: Option<f64>,
}

/// A way to look ahead.
trait Method: Send + Sync + Debug {
    /// Fields that it predicts.
    fn targets(&self) -> usize {
        1
    }

    /// So many steps after the last value, one or more.
    fn forecast(&self, steps: usize) -> Option<Forecast>;

    /// What is expected of all targets then, where there are several.
    fn of_targets(&self, _steps: usize) -> Vec<f64> {
        Vec::new()
    }
}

#[derive(Debug)]
struct Series {
    horizon: Slot,
    method: Box<dyn Method>,
    transformation: Transformation,
}

/// What was done to values before the model saw them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transformation {
    None,
    Logarithmic,
    SquareRoot,
}

/// A child whose method is the model's best fit.
type Reader =
    for<'a> fn(&mut Build<'a>, &Element<'a>, &[f64], Transformation) -> Result<Box<dyn Method>, Problem>;

const METHODS: &[(&str, Reader)] = &[
    ("ARIMA", arima::read),
    ("ExponentialSmoothing", smoothing::read),
    ("GARCH", garch::read),
    ("StateSpaceModel", state_space::read),
];

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let best = element.need(&b.xml, "bestFit")?.to_owned();
    let Some((_, reader)) = METHODS.iter().find(|(name, _)| *name == best) else {
        return Err(element.value(&b.xml, "bestFit"));
    };
    let (mut found, mut values) = (None, Vec::new());
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TimeSeries" => {
                let series = series(b, &child)?;
                // Predictions that the writer kept are no part of the series.
                if matches!(child.get("usage"), None | Some("original")) || values.is_empty() {
                    values = series;
                }
            }
            name if name == best && found.is_none() => {
                let transformation = Transformation::of(b, &child)?;
                found = Some((reader(b, &child, &values, transformation)?, transformation));
            }
            // Other fits of the same series.
            name if METHODS.iter().any(|(method, _)| *method == name) => b.xml.skip(&child)?,
            "SpectralAnalysis" | "SeasonalTrendDecomposition" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    // Two writers call the horizon supplementary.
    let mut horizons = [Usage::Active, Usage::Order, Usage::Supplementary]
        .into_iter()
        .flat_map(|usage| header.schema.fields.iter().filter(move |field| field.usage == usage))
        .filter_map(|field| field.slot)
        .peekable();
    let some = horizons.peek().is_some();
    let steps = |slot: &Slot| !b.slots[*slot as usize].dtype.is_of_time();
    let horizon = horizons.find(steps);
    if some && horizon.is_none() {
        let instead = "give the horizon as a whole number of steps after the last value";
        return Err(b.xml.refused(element.place, "a horizon that is a date or a time", instead));
    }
    match (horizon, found) {
        (Some(horizon), Some((method, transformation))) => {
            if method.targets() != header.results.len().max(1) {
                let (method, model) = (method.targets(), header.results.len());
                let what = format!("<{best}> predicts {method} targets, its model has {model}");
                return Err(b.xml.malformed(element.place, what));
            }
            Ok(Box::new(Series { horizon, method, transformation }))
        }
        (None, _) => {
            Err(b.xml.malformed(element.place, "<TimeSeriesModel> has no active field for the horizon"))
        }
        (_, None) => Err(b.xml.malformed(element.place, format!("<TimeSeriesModel> lacks its <{best}>"))),
    }
}

fn series<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    element.only(&b.xml, &["usage", "startTime", "endTime", "interpolationMethod", "field"])?;
    let mut values = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TimeValue" => {
                child.only(&b.xml, &["index", "time", "value", "standardError"])?;
                values.push(child.need_number(&b.xml, "value")?);
                match b.xml.child(&child)? {
                    None => {}
                    Some(stamp) if stamp.name == "Timestamp" => {
                        b.xml.skip(&stamp)?;
                        b.xml.leaf(&child)?;
                    }
                    Some(other) => return Err(b.xml.unknown(&other, &child)),
                }
            }
            // Which times the steps are: a horizon counts steps.
            "TimeAnchor" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(values)
}

impl Transformation {
    fn of<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Self, Problem> {
        match element.get("transformation") {
            None | Some("none") => Ok(Transformation::None),
            Some("logarithmic") => Ok(Transformation::Logarithmic),
            Some("squareroot") => Ok(Transformation::SquareRoot),
            Some(_) => Err(element.value(&b.xml, "transformation")),
        }
    }

    fn apply(self, x: f64) -> f64 {
        match self {
            Transformation::None => x,
            Transformation::Logarithmic => x.ln(),
            Transformation::SquareRoot => x.sqrt(),
        }
    }

    fn undo(self, x: f64) -> f64 {
        match self {
            Transformation::None => x,
            Transformation::Logarithmic => x.exp(),
            Transformation::SquareRoot => x * x,
        }
    }
}

/// The one array within an element.
fn array_within<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Vec<f64>, Problem> {
    let mut all = Vec::new();
    while let Some(child) = b.xml.child(element)? {
        b.xml.named(&child, element, "Array")?;
        all = array::numbers(&mut b.xml, &child)?;
    }
    Ok(all)
}

impl Body for Series {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let steps = cx.number(self.horizon)?.filter(|steps| (1.0..=HORIZON_MAX).contains(steps));
        let Some(steps) = steps.map(|steps| steps as usize) else { return Ok(()) };
        let Some(forecast) = self.method.forecast(steps) else { return Ok(()) };
        answer.value = Value::Num(self.transformation.undo(forecast.value));
        for (said, value) in answer.others.iter_mut().zip(self.method.of_targets(steps).into_iter().skip(1)) {
            said.value = Value::Num(self.transformation.undo(value));
        }
        answer.deviation = forecast.variance.map(f64::sqrt);
        // Limits of what was transformed are transformed back with it.
        if self.transformation != Transformation::None {
            answer.limits = Some((self.transformation_of_limits(), forecast.value));
        }
        Ok(())
    }
}

impl Series {
    fn transformation_of_limits(&self) -> fn(f64) -> f64 {
        match self.transformation {
            Transformation::Logarithmic => f64::exp,
            _ => |x| x * x,
        }
    }
}
