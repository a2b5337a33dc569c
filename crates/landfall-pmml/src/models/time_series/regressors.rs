//! `<DynamicRegressor>`: what other series do to the target, some of it later than when it happened.
//!
//! v(t) = N(B)/D(B) f(x(t - delay)), where N is ω₀ + ω₁B + … and D is 1 - δ₁B - …, each by a factor for the seasons and by
//! differences: signs as those of the moving average and of the autoregression. v is part of the target as the model
//! regresses it, which is after the differences of the target (Box, Jenkins and Reinsel, Time Series Analysis, chapter 12).

use super::lags::{REACH_MAX, differences, minus, plus, product};
use super::{Known, TimeValues, Transformation, array_within};
use crate::read::{Element, array};
use crate::resolve::{Build, Slot};
use landfall_model::Problem;

/// All regressors of a model.
#[derive(Debug, Default)]
pub(super) struct Regressors {
    all: Vec<Regressor>,
    /// Coefficients of the target's differences, from lag 1.
    differences: Vec<f64>,
    /// What they did to the target at each time of its series, with the differences undone; not a number where that is
    /// not known.
    past: Vec<f64>,
}

#[derive(Debug)]
pub(super) struct Regressor {
    field: String,
    /// Where a row has its value, if the document's rows are asked for it.
    slot: Option<Slot>,
    /// Place of the target that it acts on.
    target: usize,
    transformation: Transformation,
    /// Of x: lags, the delay among them, and their coefficients.
    numerator: Vec<(i64, f64)>,
    /// Of v, from lag 1.
    denominator: Vec<f64>,
    /// Values by step after the last value of the target, which is step 0: the first one's step, and what they are.
    first: i64,
    known: Vec<f64>,
    future: Future,
    /// v up to the last value of the target, the latest last.
    past: Vec<f64>,
}

/// Where values come from that the document does not have.
#[derive(Debug)]
enum Future {
    /// The last one stays.
    Constant,
    /// A polynomial of the time: powers and their coefficients. The last value of the target is at `origin`.
    Trend { powers: Vec<(usize, f64)>, origin: i64 },
    /// There are no others.
    Stored,
    /// From the rows that are scored.
    Supplied,
}

/// `<RegressorValues>`.
#[derive(Default)]
struct Values {
    series: TimeValues,
    trend: Vec<(usize, f64)>,
    transferred: Vec<f64>,
}

/// Reads one, of a target whose seasons have this period.
pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    known: &Known<'_>,
    period: usize,
) -> Result<Regressor, Problem> {
    element.only(&b.xml, &["field", "transformation", "delay", "futureValuesMethod", "targetField"])?;
    let field = element.need(&b.xml, "field")?.to_owned();
    let delay = element.count(&b.xml, "delay")?.unwrap_or(0);
    if delay > REACH_MAX {
        return Err(element.value(&b.xml, "delay"));
    }
    let target = match element.get("targetField") {
        None => 0,
        Some(name) => known
            .targets
            .iter()
            .position(|target| *target == name)
            .ok_or_else(|| element.value(&b.xml, "targetField"))?,
    };
    let transformation = Transformation::of(b, element)?;
    let (mut numerator, mut denominator, mut values) = (vec![1.0], vec![1.0], Values::default());
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "Numerator" => numerator = polynomial(b, &child, period, true)?,
            "Denominator" => denominator = polynomial(b, &child, period, false)?,
            "RegressorValues" => values = read_values(b, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    let lags = numerator.into_iter().enumerate().filter(|(_, c)| *c != 0.0);
    let numerator = lags.map(|(lag, c)| ((lag + delay) as i64, c)).collect();
    let origin = known.last.unwrap_or(known.values.len() as i64);
    let future = Future::read(b, element, values.trend, origin)?;
    let is_asked = match future {
        Future::Supplied => true,
        // A document that keeps no value of it has only that of the row.
        Future::Constant => values.series.values.is_empty(),
        _ => false,
    };
    let slot = if is_asked { Some(b.resolve(known.scope, &field, element.place)?) } else { None };
    let (first, known_values) = match values.series.at(known, matches!(future, Future::Stored)) {
        Some(placed) => placed,
        None => return Err(b.xml.malformed(element.place, "<RegressorValues> reach over too many times")),
    };
    let mut regressor = Regressor {
        field,
        slot,
        target,
        transformation,
        numerator,
        denominator: denominator[1..].iter().map(|c| -c).collect(),
        first,
        known: known_values.into_iter().map(|x| transformation.apply(x)).collect(),
        future,
        past: Vec::new(),
    };
    regressor.fill_past(known.values.len(), &values.transferred);
    Ok(regressor)
}

impl Future {
    /// By the attribute of a regressor with this trend, of a target whose last value is at `origin`.
    fn read<'a>(
        b: &Build<'a>,
        element: &Element<'a>,
        powers: Vec<(usize, f64)>,
        origin: i64,
    ) -> Result<Self, Problem> {
        Ok(match element.get("futureValuesMethod") {
            None | Some("constant") => Future::Constant,
            Some("trend") if powers.is_empty() => {
                let what = "futureValuesMethod=\"trend\" needs <TrendCoefficients>";
                return Err(b.xml.malformed(element.place, what));
            }
            Some("trend") => Future::Trend { powers, origin },
            Some("stored") => Future::Stored,
            Some("userSupplied" | "otherModel") => Future::Supplied,
            Some(_) => return Err(element.value(&b.xml, "futureValuesMethod")),
        })
    }
}

/// `<Numerator>` or `<Denominator>`: the product of its factors, from lag 0.
fn polynomial<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    period: usize,
    is_numerator: bool,
) -> Result<Vec<f64>, Problem> {
    element.only(&b.xml, &[])?;
    let (mut plain, mut seasonal) = (None, vec![1.0]);
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "NonseasonalFactor" => plain = Some(factor(b, &child, None, is_numerator, is_numerator)?),
            "SeasonalFactor" if period == 0 => {
                return Err(b.xml.malformed(child.place, "a <SeasonalFactor> of a model without a period"));
            }
            "SeasonalFactor" => {
                let has_first = is_numerator && plain.is_none();
                seasonal = factor(b, &child, Some(period), is_numerator, has_first)?;
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(product(&plain.unwrap_or_else(|| vec![1.0]), &seasonal))
}

/// One factor. Its array begins with lag 0, or with the first lag where that of lag 0 is 1: `maximumOrder` tells, else
/// `has_first` does.
fn factor<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    season: Option<usize>,
    is_numerator: bool,
    has_first: bool,
) -> Result<Vec<f64>, Problem> {
    element.only(&b.xml, &["difference", "maximumOrder"])?;
    let times = element.count(&b.xml, "difference")?.unwrap_or(0);
    let order = element.count(&b.xml, "maximumOrder")?;
    let coefficients = array_within(b, element)?;
    let step = season.unwrap_or(1);
    let reach = coefficients.len().saturating_add(times).saturating_mul(step);
    if reach > REACH_MAX || times > 20 {
        return Err(b.xml.malformed(element.place, "the factor looks back further than any series"));
    }
    let has_first = match order {
        _ if coefficients.is_empty() => false,
        None => has_first,
        Some(order) if is_numerator && coefficients.len() == order + 1 => true,
        Some(order) if coefficients.len() == order && (season.is_some() || !is_numerator) => false,
        Some(_) => return Err(element.value(&b.xml, "maximumOrder")),
    };
    let all = match has_first {
        true => {
            let mut all = plus(&coefficients[1..], step);
            all[0] = coefficients[0];
            all
        }
        false if is_numerator => plus(&coefficients, step),
        false => minus(&coefficients, step),
    };
    Ok(product(&all, &differences(times, step)))
}

fn read_values<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Values, Problem> {
    element.only(&b.xml, &[])?;
    let mut values = Values::default();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "TimeSeries" => values.series = super::series(b, &child)?,
            "TransferFunctionValues" => {
                child.only(&b.xml, &[])?;
                values.transferred = array_within(b, &child)?;
            }
            "TrendCoefficients" => {
                child.only(&b.xml, &[])?;
                while let Some(sparse) = b.xml.child(&child)? {
                    b.xml.named(&sparse, &child, "REAL-SparseArray")?;
                    values.trend = array::sparse(&mut b.xml, &sparse, None)?;
                }
            }
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(values)
}

impl TimeValues {
    /// The step of the first value after the last one of the target, and the values from there on; `None` where they lie
    /// too far from each other.
    ///
    /// Without an index the last value belongs to the last one of the target. Values that are stored for later begin where
    /// the target does if there are more of them, else with the first step after it.
    fn at(self, target: &Known<'_>, stored: bool) -> Option<(i64, Vec<f64>)> {
        let count = self.values.len() as i64;
        let ends = target.values.len() as i64;
        if let (Some(indices), Some(last)) = (&self.indices, target.last) {
            let (first, end) = (*indices.iter().min()?, *indices.iter().max()?);
            let reach = end.checked_sub(first).filter(|reach| *reach <= REACH_MAX as i64)?;
            let mut placed = vec![f64::NAN; reach as usize + 1];
            for (index, value) in indices.iter().zip(&self.values) {
                placed[(index - first) as usize] = *value;
            }
            let first = first.checked_sub(last).filter(|step| step.unsigned_abs() <= REACH_MAX as u64)?;
            return Some((first, placed));
        }
        let first = match stored {
            true if count > ends => 1 - ends,
            true => 1,
            false => 1 - count,
        };
        Some((first, self.values))
    }
}

impl Regressor {
    /// The transformed value at a step after the last one of the target; `supplied` are those of the rows, from step 1.
    fn x(&self, step: i64, supplied: &[f64]) -> f64 {
        let place = step - self.first;
        if (0..self.known.len() as i64).contains(&place) {
            return self.known[place as usize];
        }
        match &self.future {
            Future::Trend { powers, origin } => {
                let time = *origin as f64 + step as f64;
                let power = |power: &usize| time.powi(i32::try_from(*power).unwrap_or(i32::MAX));
                let sum = powers.iter().map(|(at, c)| c * power(at)).sum::<f64>();
                self.transformation.apply(sum)
            }
            Future::Constant if place >= 0 => match self.known.last() {
                Some(last) => *last,
                None if step >= 1 => supplied.last().map_or(f64::NAN, |x| self.transformation.apply(*x)),
                None => f64::NAN,
            },
            Future::Supplied if step >= 1 => {
                supplied.get(step as usize - 1).map_or(f64::NAN, |x| self.transformation.apply(*x))
            }
            _ => f64::NAN,
        }
    }

    /// v at a step, after those of the steps before, the latest last.
    fn v(&self, step: i64, before: &[f64], supplied: &[f64]) -> f64 {
        let driven = self.numerator.iter().map(|(lag, c)| c * self.x(step - lag, supplied)).sum::<f64>();
        driven + looked_back(&self.denominator, before)
    }

    /// v of the target's times; what is not known of long ago counts as nothing.
    fn fill_past(&mut self, times: usize, given: &[f64]) {
        let from = (1 - times as i64).min(self.first.min(1));
        let mut counted = Vec::new();
        for step in from..=0 {
            let v = self.v(step, &counted, &[]);
            self.past.push(v);
            counted.push(if v.is_nan() { 0.0 } else { v });
        }
        self.past.truncate(self.past.len().saturating_sub(given.len()));
        self.past.extend_from_slice(given);
    }

    /// v of the steps ahead.
    fn ahead(&self, steps: usize, supplied: &[f64]) -> Vec<f64> {
        let mut all: Vec<f64> = self.past.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect();
        for step in 1..=steps as i64 {
            let v = self.v(step, &all, supplied);
            all.push(v);
        }
        all.split_off(self.past.len())
    }
}

/// The sum of the latest values, the latest last, by their coefficients from lag 1.
fn looked_back(coefficients: &[f64], before: &[f64]) -> f64 {
    let pairs = coefficients.iter().zip(before.iter().rev()).filter(|(c, _)| **c != 0.0);
    pairs.map(|(c, x)| c * x).sum()
}

impl Regressors {
    /// Those of a target that is differenced so, with `times` known values. `unknown` stands for what they did at a time of
    /// which too little is known.
    pub(super) fn new(all: Vec<Regressor>, polynomial: &[f64], times: usize, unknown: f64) -> Self {
        let mut found = Regressors {
            all,
            differences: polynomial[1..].iter().map(|c| -c).collect(),
            past: Vec::with_capacity(times),
        };
        let mut counted: Vec<f64> = Vec::with_capacity(times);
        for back in (0..times).rev() {
            let of = |regressor: &Regressor| {
                let place = regressor.past.len().checked_sub(back + 1);
                place.map_or(f64::NAN, |place| regressor.past[place])
            };
            let v = found.all.iter().map(of).sum::<f64>();
            let sum = if v.is_nan() { unknown } else { v } + looked_back(&found.differences, &counted);
            found.past.push(sum);
            counted.push(if sum.is_nan() { 0.0 } else { sum });
        }
        found
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What they did at each time of the target's series; nothing where there are none.
    pub(super) fn past(&self) -> &[f64] {
        &self.past
    }

    /// Whether the field is that of a regressor.
    pub(super) fn has(&self, field: &str) -> bool {
        self.all.iter().any(|regressor| regressor.field == field)
    }

    /// Where rows have the values of each regressor, if they are asked for them.
    pub(super) fn slots(&self) -> impl Iterator<Item = Option<Slot>> + '_ {
        self.all.iter().map(|regressor| regressor.slot)
    }

    /// What they add to a target so many steps ahead. `supplied` are values of the rows for each regressor, from step 1.
    pub(super) fn ahead(&self, target: usize, steps: usize, supplied: &[Vec<f64>]) -> f64 {
        let mut total = vec![0.0; steps];
        for (regressor, supplied) in self.all.iter().zip(supplied).filter(|(of, _)| of.target == target) {
            let ahead = regressor.ahead(steps, supplied);
            total.iter_mut().zip(ahead).for_each(|(total, v)| *total += v);
        }
        let mut all = self.past.clone();
        for v in total {
            let sum = v + looked_back(&self.differences, &all);
            all.push(sum);
        }
        all[all.len() - 1]
    }
}
