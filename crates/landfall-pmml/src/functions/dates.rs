//! Functions of dates and times.

use super::{Applied, Function, integer, string};
use crate::civil;
use crate::moment::{DAY, Moment};
use crate::run::Cx;
use crate::value::{DataType, Value};

pub(super) const TABLE: &[Function] = &[
    Function::of("dateDaysSinceYear", (2, 2), integer, |cx, applied, v| {
        since(cx, applied, v, |moment, start| moment.div_euclid(DAY) - start)
    })
    .of_numbers(1..2),
    Function::of("dateSecondsSinceYear", (2, 2), integer, |cx, applied, v| {
        since(cx, applied, v, |moment, start| moment - start * DAY)
    })
    .of_numbers(1..2),
    Function::of("dateSecondsSinceMidnight", (1, 1), integer, |cx, applied, v| {
        match moment(cx, v[0], applied.types[0]) {
            Some(Moment::Of(seconds)) => Value::Num(seconds.rem_euclid(DAY) as f64),
            Some(Moment::OfDay(seconds)) => Value::Num(seconds as f64),
            None => Value::Invalid,
        }
    }),
    Function::of("formatDatetime", (2, 2), string, |cx, applied, v| {
        let pattern = cx.shown(v[1], applied.types[1]);
        // A time is shown as one of the first day.
        let Some(Moment::Of(seconds) | Moment::OfDay(seconds)) = moment(cx, v[0], applied.types[0]) else {
            return Value::Invalid;
        };
        let text = civil::formatted(seconds, &pattern);
        text.map_or(Value::Invalid, |text| Value::Text(cx.symbol(&text)))
    }),
];

/// The moment of a value, or of the text that says one.
fn moment(cx: &Cx<'_>, value: Value, dtype: DataType) -> Option<Moment> {
    let Value::Text(symbol) = value else { return Moment::behind(value, dtype) };
    let text = cx.text(symbol);
    match civil::date_time(text.trim()) {
        Some(seconds) => Some(Moment::Of(seconds)),
        None => civil::time(text.trim()).map(Moment::OfDay),
    }
}

fn since(cx: &Cx<'_>, applied: &Applied, values: &[Value], of: fn(i64, i64) -> i64) -> Value {
    let year = values[1].num().filter(|year| year.abs() < 10_000.0);
    match (moment(cx, values[0], applied.types[0]), year) {
        (Some(Moment::Of(seconds)), Some(year)) => {
            Value::Num(of(seconds, civil::days(year as i32, 1, 1)) as f64)
        }
        _ => Value::Invalid,
    }
}
