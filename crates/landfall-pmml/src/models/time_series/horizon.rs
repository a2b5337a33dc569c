//! How many steps after the last value of a series a row asks for: as a number, or as a date by the series' `<TimeAnchor>`.

use crate::civil;
use crate::models::Header;
use crate::moment::{DAY, Moment};
use crate::read::Element;
use crate::resolve::{Build, Slot, Usage};
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// Steps ahead, at most.
const STEPS_MAX: f64 = 100_000.0;

/// Where a row says how far it looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Horizon {
    pub(super) slot: Slot,
    /// For a date: what places it has, and the place of the last value.
    date: Option<(DataType, Anchor, i64)>,
}

/// Places of a series in time: place 0 is `offset` units after the start of the year, and each step takes so many.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Anchor {
    unit: Unit,
    year: i32,
    offset: f64,
    stepsize: f64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    Milliseconds,
    Seconds,
    Days,
    Months,
    Years,
}

impl Horizon {
    /// That of a model: its first active field, else the order field, or a supplementary one, as two writers have it. A number
    /// goes before a date.
    ///
    /// # Errors
    /// There is none, or a date alone whose place in the series nothing tells.
    pub(super) fn of<'a>(
        b: &Build<'a>,
        element: &Element<'a>,
        header: &Header,
        is_regressor: impl Fn(&str) -> bool,
        anchor: Option<Anchor>,
        last: Option<i64>,
    ) -> Result<Self, Problem> {
        let fields = [Usage::Active, Usage::Order, Usage::Supplementary]
            .into_iter()
            .flat_map(|usage| header.schema.fields.iter().filter(move |field| field.usage == usage))
            .filter(|field| !is_regressor(&field.name));
        let slots: Vec<Slot> = fields.filter_map(|field| field.slot).collect();
        let dtype = |slot: &Slot| b.slots[*slot as usize].dtype;
        if let Some(slot) = slots.iter().find(|slot| !dtype(slot).is_of_time()) {
            return Ok(Horizon { slot: *slot, date: None });
        }
        match (slots.first(), anchor, last) {
            (Some(slot), Some(anchor), Some(last)) => {
                Ok(Horizon { slot: *slot, date: Some((dtype(slot), anchor, last)) })
            }
            (Some(_), _, _) => {
                let what = "a horizon that is a date or a time, in a series whose <TimeAnchor> does not say the place \
                            of each";
                let instead = "give the horizon as a whole number of steps after the last value";
                Err(b.xml.refused(element.place, what, instead))
            }
            (None, _, _) => {
                Err(b.xml.malformed(element.place, "<TimeSeriesModel> has no active field for the horizon"))
            }
        }
    }

    /// The steps that the row asks for; `None` where it says none, or what is no step ahead.
    pub(super) fn steps(&self, cx: &mut Cx<'_>) -> Result<Option<usize>, Problem> {
        let value = cx.get(self.slot)?;
        let steps = self.number(value).filter(|steps| (1.0..=STEPS_MAX).contains(steps));
        Ok(steps.map(|steps| steps as usize))
    }

    /// The steps that a value of the horizon's field says.
    pub(super) fn number(&self, value: Value) -> Option<f64> {
        match &self.date {
            None => value.num(),
            Some((dtype, anchor, last)) => match Moment::behind(value, *dtype)? {
                Moment::Of(seconds) => anchor.place(seconds).map(|place| place - *last as f64),
                Moment::OfDay(_) => None,
            },
        }
    }
}

impl Anchor {
    /// Reads a `<TimeAnchor>`; `None` where some times have no place, or nothing says which year they are counted from.
    pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Option<Self>, Problem> {
        element.only(&b.xml, &["type", "offset", "stepsize", "displayName"])?;
        let kind = match element.get("type") {
            Some(text) => Some(unit(text).ok_or_else(|| element.value(&b.xml, "type"))?),
            None => None,
        };
        let offset = element.number(&b.xml, "offset")?.unwrap_or(0.0);
        let stepsize = element.number(&b.xml, "stepsize")?.unwrap_or(1.0);
        let mut is_even = stepsize != 0.0;
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "TimeCycle" => is_even &= matches!(child.get("type"), None | Some("includeAll")),
                "TimeException" => is_even = false,
                _ => return Err(b.xml.unknown(&child, element)),
            }
            b.xml.skip(&child)?;
        }
        let anchor = kind.map(|(unit, year)| Anchor { unit, year, offset, stepsize });
        Ok(anchor.filter(|_| is_even))
    }

    /// The place of a time, in seconds from 1970; `None` for one between two places.
    fn place(&self, seconds: i64) -> Option<f64> {
        let start = civil::days(self.year, 1, 1);
        let days = seconds.div_euclid(DAY);
        let (year, month, _) = civil::parts(days);
        let units = match self.unit {
            Unit::Milliseconds => (seconds - start * DAY) as f64 * 1000.0,
            Unit::Seconds => (seconds - start * DAY) as f64,
            Unit::Days => (days - start) as f64,
            Unit::Months => (year - i64::from(self.year)) as f64 * 12.0 + f64::from(month) - 1.0,
            Unit::Years => (year - i64::from(self.year)) as f64,
        };
        Some((units - self.offset) / self.stepsize).filter(|place| place.fract() == 0.0)
    }
}

/// The unit of an anchor's type, and the year that it is counted from.
fn unit(text: &str) -> Option<(Unit, i32)> {
    let (name, year) = text.strip_suffix(']')?.split_once('[')?;
    let unit = match name {
        // The schemas up to 4.1 have a letter too many.
        "dateTimeMillisecondsSince" | "dateTimeMillisecdondsSince" => Unit::Milliseconds,
        "dateTimeSecondsSince" | "dateTimeSecdondsSince" => Unit::Seconds,
        "dateDaysSince" => Unit::Days,
        "dateMonthsSince" => Unit::Months,
        "dateYearsSince" => Unit::Years,
        _ => return None,
    };
    Some((unit, year.parse().ok().filter(|year| (0..10_000).contains(year))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_the_place_that_its_anchor_counts() {
        let place = |kind: &str, offset, stepsize, (year, month, day): (i32, u32, u32)| {
            let (unit, counted) = unit(kind).unwrap();
            let seconds = civil::days(year, month, day) * DAY;
            Anchor { unit, year: counted, offset, stepsize }.place(seconds)
        };
        assert_eq!(place("dateDaysSince[1960]", 0.0, 1.0, (1960, 1, 11)), Some(10.0));
        // Weeks from the fourth day of 1960 on.
        assert_eq!(place("dateDaysSince[1960]", 3.0, 7.0, (1960, 1, 11)), Some(1.0));
        assert_eq!(place("dateDaysSince[1960]", 3.0, 7.0, (1960, 1, 12)), None);
        assert_eq!(place("dateMonthsSince[1970]", 0.0, 3.0, (1971, 4, 30)), Some(5.0));
        assert_eq!(place("dateYearsSince[0]", 2000.0, 1.0, (2007, 2, 1)), Some(7.0));
        assert_eq!(place("dateTimeSecondsSince[1970]", 0.0, 3600.0, (1970, 1, 2)), Some(24.0));
        assert_eq!(place("dateTimeSecdondsSince[1970]", 0.0, 3600.0, (1970, 1, 2)), Some(24.0));
        assert_eq!(place("dateTimeMillisecondsSince[1980]", 1000.0, 1000.0, (1980, 1, 1)), Some(-1.0));
        assert_eq!(place("dateTimeMillisecdondsSince[1980]", 1000.0, 1000.0, (1980, 1, 1)), Some(-1.0));
        assert!(unit("dateWeeksSince[1970]").is_none() && unit("dateDaysSince[x]").is_none());
    }
}
