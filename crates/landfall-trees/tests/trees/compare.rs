//! When an answer is the library's.

use crate::npy::Array;
use serde_json::Value;

/// What a case allows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rule {
    /// Equal numbers, NaN equal to NaN; zeros of either sign are equal.
    Exact,
    /// By element, relative to the larger of 1 and the expected value.
    Relative(f64),
    /// As `Relative`, to the largest expected value of the row.
    RelativeToRow(f64),
}

impl Rule {
    pub(crate) fn of(value: &Value) -> Self {
        match (value.as_str(), value["rel"].as_f64(), value["row"].as_f64()) {
            (Some("exact"), _, _) => Rule::Exact,
            (_, Some(bound), _) => Rule::Relative(bound),
            (_, _, Some(bound)) => Rule::RelativeToRow(bound),
            _ => panic!("tolerance {value}"),
        }
    }
}

/// Whether labels are those expected; numbers in text are compared as numbers.
pub(crate) fn compare_texts(got: &[String], want: &Array) -> Result<(), String> {
    if got.len() != want.texts.len() {
        return Err(format!("{} labels, expected {:?}", got.len(), want.shape));
    }
    let same =
        |a: &str, b: &str| a == b || matches!((a.parse::<f64>(), b.parse::<f64>()), (Ok(a), Ok(b)) if a == b);
    match got.iter().zip(&want.texts).position(|(got, want)| !same(got, want)) {
        None => Ok(()),
        Some(row) => Err(format!("row {row}: got {}, expected {}", got[row], want.texts[row])),
    }
}

/// Whether `got` is `want`, or where it first is not.
pub(crate) fn compare(got: &[f64], want: &Array, rule: Rule) -> Result<(), String> {
    if got.len() != want.values.len() {
        return Err(format!("{} values, expected {:?}", got.len(), want.shape));
    }
    let rows = want.shape.first().copied().unwrap_or(1).max(1);
    let width = (want.values.len() / rows).max(1);
    let mut wrong = 0;
    let mut first = None;
    let mut largest = 1.0;
    for (i, (&got, &want_value)) in got.iter().zip(&want.values).enumerate() {
        if i % width == 0 {
            let row = want.values[i..].iter().take(width).filter(|value| value.is_finite());
            largest = row.map(|value| value.abs()).fold(1.0, f64::max);
        }
        let scale = match rule {
            Rule::Exact => 0.0,
            Rule::Relative(bound) => bound * want_value.abs().max(1.0),
            Rule::RelativeToRow(bound) => bound * largest,
        };
        let equal = got == want_value || (got.is_nan() && want_value.is_nan());
        let near = got.is_finite() && want_value.is_finite() && (got - want_value).abs() <= scale;
        if !equal && !near {
            wrong += 1;
            first.get_or_insert((i / width, i % width, got, want_value));
        }
    }
    match first {
        None => Ok(()),
        Some((row, column, got, want_value)) => Err(format!(
            "{wrong} of {} differ, first at row {row}, column {column}: got {got}, expected {want_value}",
            want.values.len()
        )),
    }
}
