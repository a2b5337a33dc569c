//! Arrow's dates and times as text (ISO 8601), for inputs that take text, as the dates of PMML do.

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, ArrowPrimitiveType, PrimitiveArray};
use arrow_schema::{DataType, TimeUnit};
use landfall_model::{Problem, Shape, StringsMut, Tensor};

/// Whether values of this type have a text: days, times of day, and moments without a zone or in UTC. In another zone a
/// moment's date hangs on the zone's rules, which no file holds.
pub(super) fn is_moment(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date32 | DataType::Date64 => true,
        DataType::Time32(unit) => matches!(unit, TimeUnit::Second | TimeUnit::Millisecond),
        DataType::Time64(unit) => matches!(unit, TimeUnit::Microsecond | TimeUnit::Nanosecond),
        DataType::Timestamp(_, zone) => {
            zone.as_deref().is_none_or(|zone| ["UTC", "Etc/UTC", "Z", "+00:00"].contains(&zone))
        }
        _ => false,
    }
}

/// The texts, [n]: `2024-02-29`, `23:59:58`, `2024-02-29T23:59:58.500`. A moment at midnight is its day alone: tables that
/// know no days hold them so. What is null is empty.
///
/// # Errors
/// Invalid argument for a moment beyond the calendar; internal for an array whose type is none of [`is_moment`].
pub(super) fn texts(array: &dyn Array) -> Result<Tensor, Problem> {
    match array.data_type() {
        DataType::Date32 => written::<Date32Type>(array, day),
        DataType::Date64 => written::<Date64Type>(array, day),
        DataType::Time32(TimeUnit::Second) => written::<Time32SecondType>(array, time),
        DataType::Time32(TimeUnit::Millisecond) => written::<Time32MillisecondType>(array, time),
        DataType::Time64(TimeUnit::Microsecond) => written::<Time64MicrosecondType>(array, time),
        DataType::Time64(TimeUnit::Nanosecond) => written::<Time64NanosecondType>(array, time),
        DataType::Timestamp(TimeUnit::Second, _) => written::<TimestampSecondType>(array, moment),
        DataType::Timestamp(TimeUnit::Millisecond, _) => written::<TimestampMillisecondType>(array, moment),
        DataType::Timestamp(TimeUnit::Microsecond, _) => written::<TimestampMicrosecondType>(array, moment),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => written::<TimestampNanosecondType>(array, moment),
        other => Err(Problem::internal(format!("{other} is neither date nor time"))),
    }
}

/// The texts of moments in full, [n], as a kept column has them: `2024-02-29T00:00:00`, and those of a zone in UTC,
/// `2024-02-28T23:00:00Z`. What is null is empty.
///
/// # Errors
/// As [`texts`].
pub(super) fn stamps(array: &dyn Array) -> Result<Tensor, Problem> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => written::<TimestampSecondType>(array, stamp),
        DataType::Timestamp(TimeUnit::Millisecond, _) => written::<TimestampMillisecondType>(array, stamp),
        DataType::Timestamp(TimeUnit::Microsecond, _) => written::<TimestampMicrosecondType>(array, stamp),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => written::<TimestampNanosecondType>(array, stamp),
        other => Err(Problem::internal(format!("{other} is no moment"))),
    }
}

/// One value's text by `write`, which gives `None` for what is beyond the calendar.
fn written<T: ArrowPrimitiveType>(
    array: &dyn Array,
    write: fn(&PrimitiveArray<T>, usize) -> Option<String>,
) -> Result<Tensor, Problem> {
    let values = array.as_primitive::<T>();
    let mut texts = StringsMut::new();
    for row in 0..values.len() {
        if values.is_null(row) {
            texts.push(b"");
            continue;
        }
        let text = write(values, row)
            .ok_or_else(|| Problem::invalid(format!("a {} beyond the calendar", array.data_type())))?;
        texts.push(text.as_bytes());
    }
    Tensor::from_strings(Shape::new(&[values.len()]), texts.freeze())
}

fn day<T: ArrowTemporalType>(values: &PrimitiveArray<T>, row: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    values.value_as_date(row).map(|day| day.to_string())
}

fn time<T: ArrowTemporalType>(values: &PrimitiveArray<T>, row: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    values.value_as_time(row).map(|time| time.to_string())
}

fn moment<T: ArrowTemporalType>(values: &PrimitiveArray<T>, row: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    let moment = values.value_as_datetime(row)?;
    let (day, time) = (moment.date(), moment.time());
    Some(if time == Default::default() { day.to_string() } else { format!("{day}T{time}") })
}

fn stamp<T: ArrowTemporalType>(values: &PrimitiveArray<T>, row: usize) -> Option<String>
where
    i64: From<T::Native>,
{
    let moment = values.value_as_datetime(row)?;
    let zone = if let DataType::Timestamp(_, Some(_)) = values.data_type() { "Z" } else { "" };
    Some(format!("{}T{}{zone}", moment.date(), moment.time()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{
        Date32Array, Date64Array, Time32SecondArray, Time64MicrosecondArray, TimestampMicrosecondArray,
        TimestampNanosecondArray, TimestampSecondArray,
    };

    fn written(array: &dyn Array) -> Vec<String> {
        let texts = texts(array).unwrap();
        texts.strings().unwrap().iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
    }

    #[test]
    fn days_times_and_moments_are_written_as_iso_8601_has_them() {
        assert_eq!(
            written(&Date32Array::from(vec![Some(0), None, Some(19_782), Some(-1)])),
            ["1970-01-01", "", "2024-02-29", "1969-12-31"]
        );
        assert_eq!(written(&Date64Array::from(vec![86_400_000 * 19_782])), ["2024-02-29"]);
        assert_eq!(written(&Time32SecondArray::from(vec![86_398])), ["23:59:58"]);
        assert_eq!(written(&Time64MicrosecondArray::from(vec![1_500_000])), ["00:00:01.500"]);
        let seconds = 1_709_251_198;
        assert_eq!(
            written(&TimestampSecondArray::from(vec![seconds, seconds + 2, -1])),
            ["2024-02-29T23:59:58", "2024-03-01", "1969-12-31T23:59:59"]
        );
        let nanoseconds = TimestampNanosecondArray::from(vec![seconds * 1_000_000_000 + 250_000_000]);
        assert_eq!(written(&nanoseconds), ["2024-02-29T23:59:58.250"]);
    }

    #[test]
    fn moments_of_utc_have_a_text_and_those_of_other_zones_none() {
        let of = |zone: &str| TimestampMicrosecondArray::from(vec![1_000_000]).with_timezone(zone);
        assert!(is_moment(of("UTC").data_type()) && !is_moment(of("Europe/Berlin").data_type()));
        assert_eq!(written(&of("UTC")), ["1970-01-01T00:00:01"]);
        assert!(!is_moment(&DataType::Duration(TimeUnit::Second)));
    }

    #[test]
    fn a_kept_moment_is_written_in_full_and_that_of_a_zone_in_utc() {
        let moments = TimestampSecondArray::from(vec![Some(0), None, Some(61)]);
        let text = |array: &dyn Array| -> Vec<String> {
            let texts = stamps(array).unwrap();
            texts.strings().unwrap().iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect()
        };
        assert_eq!(text(&moments), ["1970-01-01T00:00:00", "", "1970-01-01T00:01:01"]);
        assert_eq!(text(&moments.with_timezone("Europe/Berlin"))[2], "1970-01-01T00:01:01Z");
    }

    #[test]
    fn what_is_beyond_the_calendar_is_refused() {
        let problem = texts(&TimestampSecondArray::from(vec![i64::MAX])).unwrap_err().to_string();
        assert!(problem.contains("beyond the calendar"), "{problem}");
    }
}
