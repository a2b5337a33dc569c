//! Functions of dates and times.

use super::{Function, integer, string};
use crate::civil;
use crate::expression::Apply;
use crate::run::Cx;
use crate::value::{DataType, Value};

pub(super) const TABLE: &[Function] = &[
    Function::of("dateDaysSinceYear", (2, 2), integer, |cx, apply, v| {
        since(cx, apply, v, |moment, start| moment.div_euclid(DAY) - start)
    }),
    Function::of("dateSecondsSinceYear", (2, 2), integer, |cx, apply, v| {
        since(cx, apply, v, |moment, start| moment - start * DAY)
    }),
    Function::of("dateSecondsSinceMidnight", (1, 1), integer, |cx, apply, v| match apply.types[0] {
        DataType::Time | DataType::TimeSeconds => Value::of(v[0].num()),
        dtype => seconds(cx, v[0], dtype).map_or(Value::Invalid, |s| Value::Num(s.rem_euclid(DAY) as f64)),
    }),
    Function::of("formatDatetime", (2, 2), string, |cx, apply, v| {
        let pattern = cx.shown(v[1], apply.types[1]);
        let text = seconds(cx, v[0], apply.types[0]).and_then(|seconds| civil::formatted(seconds, &pattern));
        text.map_or(Value::Invalid, |text| Value::Text(cx.symbol(&text)))
    }),
];

const DAY: i64 = 86_400;

/// Seconds from 1970-01-01 of a date, a time (of that day), both, or text that says one.
fn seconds(cx: &mut Cx<'_>, value: Value, dtype: DataType) -> Option<i64> {
    match (value, dtype) {
        (Value::Moment(days), DataType::Date) => Some(days * DAY),
        (Value::Moment(seconds), _) => Some(seconds),
        (Value::Text(symbol), _) => {
            let text = cx.text(symbol);
            civil::date_time(text.trim()).or_else(|| civil::time(text.trim()))
        }
        (Value::Num(days), DataType::DaysSince(year)) => Some((days as i64 + civil::days(year, 1, 1)) * DAY),
        (Value::Num(seconds), DataType::SecondsSince(year)) => {
            Some(seconds as i64 + civil::days(year, 1, 1) * DAY)
        }
        _ => None,
    }
}

fn since(cx: &mut Cx<'_>, apply: &Apply, values: &[Value], of: fn(i64, i64) -> i64) -> Value {
    let year = values[1].num().filter(|year| (0.0..10_000.0).contains(year));
    match (seconds(cx, values[0], apply.types[0]), year) {
        (Some(moment), Some(year)) => Value::Num(of(moment, civil::days(year as i32, 1, 1)) as f64),
        _ => Value::Invalid,
    }
}
