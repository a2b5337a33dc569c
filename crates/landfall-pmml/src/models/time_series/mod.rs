//! `<TimeSeriesModel>`: what follows the last value of a series, some steps ahead.

mod arima;
mod exact;
mod garch;
mod horizon;
mod lags;
mod outliers;
mod regressors;
mod smoothing;
mod state_space;

use super::{Body, Header};
use crate::read::{Element, array};
use crate::resolve::{Build, ScopeId};
use crate::run::{Answer, Cx};
use crate::value::Value;
use horizon::{Anchor, Horizon};
use landfall_model::Problem;
use regressors::Regressors;
use std::fmt::Debug;

pub(super) const ATTRIBUTES: &[&str] = &["bestFit"];

/// Rows of a call that say what a regressor is at the steps before the one asked for.
const SUPPLIED_ROWS: usize = 1_000;

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

    /// What else acts on the targets; what `forecast` and `of_targets` expect is without.
    fn regressors(&self) -> Option<&Regressors> {
        None
    }

    /// What is expected of all targets then, where there are several.
    fn of_targets(&self, _steps: usize) -> Vec<f64> {
        Vec::new()
    }
}

#[derive(Debug)]
struct Series {
    horizon: Horizon,
    method: Box<dyn Method>,
    transformation: Transformation,
}

/// The values of a `<TimeSeries>`, in the order of their indices where all have one.
#[derive(Debug, Default)]
struct TimeValues {
    values: Vec<f64>,
    indices: Option<Vec<i64>>,
    /// Where they are in time.
    anchor: Option<Anchor>,
}

/// What a method may need to know of its model.
struct Known<'k> {
    /// Of the target.
    values: &'k [f64],
    /// The index of the last of them.
    last: Option<i64>,
    scope: ScopeId,
    targets: Vec<&'k str>,
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
    for<'a> fn(&mut Build<'a>, &Element<'a>, &Known<'_>, Transformation) -> Result<Box<dyn Method>, Problem>;

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
    let (mut found, mut values) = (None, TimeValues::default());
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "TimeSeries" => {
                let series = series(b, &child)?;
                // Predictions that the writer kept are no part of the series.
                if matches!(child.get("usage"), None | Some("original")) || values.values.is_empty() {
                    values = series;
                }
            }
            name if name == best && found.is_none() => {
                let transformation = Transformation::of(b, &child)?;
                let known = Known {
                    values: &values.values,
                    last: values.indices.as_ref().and_then(|indices| indices.last().copied()),
                    scope: header.scope,
                    targets: header.results.iter().map(|(name, _)| name.as_str()).collect(),
                };
                found = Some((reader(b, &child, &known, transformation)?, transformation));
            }
            // Other fits of the same series.
            name if METHODS.iter().any(|(method, _)| *method == name) => b.xml.skip(&child)?,
            "SpectralAnalysis" | "SeasonalTrendDecomposition" => b.xml.skip(&child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let regressors = found.as_ref().and_then(|(method, _)| method.regressors());
    let is_regressor = |name: &str| regressors.is_some_and(|regressors| regressors.has(name));
    let last = values.indices.as_ref().and_then(|indices| indices.last().copied());
    let horizon = Horizon::of(b, element, header, is_regressor, values.anchor, last)?;
    match found {
        Some((method, transformation)) => {
            if method.targets() != header.results.len().max(1) {
                let (method, model) = (method.targets(), header.results.len());
                let what = format!("<{best}> predicts {method} targets, its model has {model}");
                return Err(b.xml.malformed(element.place, what));
            }
            for slot in method.regressors().into_iter().flat_map(Regressors::slots).flatten() {
                b.keep_rows(slot, SUPPLIED_ROWS);
                b.keep_rows(horizon.slot, SUPPLIED_ROWS);
            }
            Ok(Box::new(Series { horizon, method, transformation }))
        }
        None => Err(b.xml.malformed(element.place, format!("<TimeSeriesModel> lacks its <{best}>"))),
    }
}

fn series<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<TimeValues, Problem> {
    element.only(&b.xml, &["usage", "startTime", "endTime", "interpolationMethod", "field"])?;
    let (mut values, mut indices, mut anchor) = (Vec::new(), Vec::new(), None);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TimeValue" => {
                child.only(&b.xml, &["index", "time", "value", "standardError"])?;
                values.push(child.need_number(&b.xml, "value")?);
                indices.push(child.number(&b.xml, "index")?);
                match b.xml.child(&child)? {
                    None => {}
                    Some(stamp) if stamp.name == "Timestamp" => {
                        b.xml.skip(&stamp)?;
                        b.xml.leaf(&child)?;
                    }
                    Some(other) => return Err(b.xml.unknown(&other, &child)),
                }
            }
            "TimeAnchor" => anchor = Anchor::read(b, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(TimeValues { anchor, ..TimeValues::ordered(values, indices) })
}

impl TimeValues {
    fn ordered(values: Vec<f64>, indices: Vec<Option<f64>>) -> Self {
        let whole =
            |index: &Option<f64>| index.filter(|index| index.fract() == 0.0).map(|index| index as i64);
        let Some(indices) = indices.iter().map(whole).collect::<Option<Vec<i64>>>() else {
            return TimeValues { values, ..TimeValues::default() };
        };
        let mut both: Vec<(i64, f64)> = indices.into_iter().zip(values).collect();
        both.sort_by_key(|(index, _)| *index);
        let (indices, values) = both.into_iter().unzip();
        TimeValues { values, indices: Some(indices), anchor: None }
    }
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
        let Some(steps) = self.horizon.steps(cx)? else { return Ok(()) };
        let Some(forecast) = self.method.forecast(steps) else { return Ok(()) };
        let mut all = self.method.of_targets(steps);
        all.truncate(1 + answer.others.len());
        match all.first_mut() {
            Some(first) => *first = forecast.value,
            None => all.push(forecast.value),
        }
        if let Some(regressors) = self.method.regressors() {
            let supplied = self.supplied(regressors, cx, steps)?;
            let targets = all.iter_mut().enumerate();
            targets.for_each(|(target, value)| *value += regressors.ahead(target, steps, &supplied));
        }
        // What depends on values that nobody gave is not known.
        let said = |value: f64| Value::of(Some(value).filter(|value| !value.is_nan()));
        answer.value = said(self.transformation.undo(all[0]));
        for (other, value) in answer.others.iter_mut().zip(&all[1..]) {
            other.value = said(self.transformation.undo(*value));
        }
        if answer.value.is_missing() {
            return Ok(());
        }
        answer.deviation = forecast.variance.map(f64::sqrt);
        // Limits of what was transformed are transformed back with it.
        if self.transformation != Transformation::None {
            answer.limits = Some((self.transformation_of_limits(), all[0]));
        }
        Ok(())
    }
}

impl Series {
    /// The values of each regressor from the first step ahead to this one: this row's is that of its own step, those before
    /// are of earlier rows of the call.
    fn supplied(
        &self,
        regressors: &Regressors,
        cx: &mut Cx<'_>,
        steps: usize,
    ) -> Result<Vec<Vec<f64>>, Problem> {
        let mut all = Vec::new();
        for slot in regressors.slots() {
            let Some(slot) = slot else {
                all.push(Vec::new());
                continue;
            };
            let mut values = vec![f64::NAN; steps];
            values[steps - 1] = cx.number(slot)?.unwrap_or(f64::NAN);
            let mut earlier: Vec<(Value, Value)> =
                cx.earlier(self.horizon.slot).zip(cx.earlier(slot)).collect();
            // The latest row of a step stands.
            earlier.reverse();
            for (horizon, value) in earlier {
                let step = self.horizon.number(horizon).filter(|step| (1.0..steps as f64).contains(step));
                if let Some(step) = step {
                    values[step as usize - 1] = value.num().unwrap_or(f64::NAN);
                }
            }
            all.push(values);
        }
        Ok(all)
    }

    fn transformation_of_limits(&self) -> fn(f64) -> f64 {
        match self.transformation {
            Transformation::Logarithmic => f64::exp,
            _ => |x| x * x,
        }
    }
}
