//! Points of time behind the values of the types that have them: whichever the type, the same time is the same.

use crate::civil;
use crate::value::{DataType, Value};

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// Days and seconds from an epoch beyond this are no date.
const FAR: f64 = 1e14;

/// What a value of a type of time means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moment {
    /// Seconds from 1970-01-01.
    Of(i64),
    /// Seconds from midnight, of any day.
    OfDay(i64),
}

impl Moment {
    /// The moment of a value; `None` where the type has none, or the value is none of its values.
    pub(crate) fn behind(value: Value, dtype: DataType) -> Option<Moment> {
        let near = |number: f64| (number.abs() < FAR).then_some(number as i64);
        let year_start = |year| civil::days(year, 1, 1);
        Some(match (value, dtype) {
            (Value::Moment(days), DataType::Date) => Moment::Of(days * DAY),
            (Value::Moment(seconds), DataType::DateTime) => Moment::Of(seconds),
            (Value::Moment(seconds), DataType::Time) => Moment::OfDay(seconds),
            (Value::Num(days), DataType::DaysSince(year)) => {
                Moment::Of((near(days)?.checked_add(year_start(year))?).checked_mul(DAY)?)
            }
            (Value::Num(seconds), DataType::SecondsSince(year)) => {
                Moment::Of(near(seconds)? + year_start(year) * DAY)
            }
            (Value::Num(seconds), DataType::TimeSeconds) => Moment::OfDay(near(seconds)?),
            _ => return None,
        })
    }

    /// As a value of a type; `None` where the type has no such moment.
    pub(crate) fn as_value(self, dtype: DataType) -> Option<Value> {
        Some(match (self, dtype) {
            (Moment::Of(seconds), DataType::Date) => Value::Moment(seconds.div_euclid(DAY)),
            (Moment::Of(seconds), DataType::DateTime) => Value::Moment(seconds),
            (Moment::Of(seconds), DataType::DaysSince(year)) => {
                Value::Num((seconds.div_euclid(DAY) - civil::days(year, 1, 1)) as f64)
            }
            (Moment::Of(seconds), DataType::SecondsSince(year)) => {
                Value::Num((seconds - civil::days(year, 1, 1) * DAY) as f64)
            }
            (Moment::Of(seconds), DataType::Time) => Value::Moment(seconds.rem_euclid(DAY)),
            (Moment::Of(seconds), DataType::TimeSeconds) => Value::Num(seconds.rem_euclid(DAY) as f64),
            (Moment::OfDay(seconds @ 0..DAY), DataType::Time) => Value::Moment(seconds),
            (Moment::OfDay(seconds), DataType::TimeSeconds) => Value::Num(seconds as f64),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_same_whichever_year_its_days_are_counted_from() {
        let second = Value::Num(1.0);
        let moment = Moment::behind(second, DataType::DaysSince(1960)).unwrap();
        // 1960 to 1979 have five leap years.
        assert_eq!(moment.as_value(DataType::DaysSince(1980)), Some(Value::Num(1.0 - 20.0 * 365.0 - 5.0)));
        assert_eq!(moment.as_value(DataType::Date), Some(Value::Moment(civil::days(1960, 1, 2))));
        assert_eq!(moment.as_value(DataType::SecondsSince(1960)), Some(Value::Num(86_400.0)));
        assert_eq!(moment.as_value(DataType::TimeSeconds), Some(Value::Num(0.0)));
    }

    #[test]
    fn a_time_of_day_is_no_date_and_what_is_too_far_is_none() {
        let time = Moment::behind(Value::Num(3_723.0), DataType::TimeSeconds).unwrap();
        assert_eq!(time.as_value(DataType::Time), Some(Value::Moment(3_723)));
        assert_eq!(time.as_value(DataType::DateTime), None);
        assert_eq!(Moment::OfDay(90_000).as_value(DataType::Time), None);
        assert_eq!(Moment::behind(Value::Num(1e300), DataType::DaysSince(1960)), None);
        assert_eq!(Moment::behind(Value::Num(2e14), DataType::DaysSince(1960)), None);
        assert_eq!(Moment::behind(Value::Num(5.0), DataType::Integer), None);
    }
}
