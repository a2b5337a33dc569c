//! Intervals of numbers, each end open, closed or without a margin.

use crate::read::{Element, Xml};
use crate::value::DataType;
use landfall_model::Problem;

/// An interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Interval {
    left: f64,
    right: f64,
    left_closed: bool,
    right_closed: bool,
}

impl Interval {
    /// `<Interval>`, its margins rounded as values of `dtype` are.
    pub(crate) fn read<'a>(
        xml: &mut Xml<'a>,
        element: &Element<'a>,
        dtype: DataType,
    ) -> Result<Self, Problem> {
        element.only(xml, &["closure", "leftMargin", "rightMargin"])?;
        let (left_closed, right_closed) = match element.need(xml, "closure")? {
            "openClosed" => (false, true),
            "openOpen" => (false, false),
            "closedOpen" => (true, false),
            "closedClosed" => (true, true),
            _ => return Err(element.value(xml, "closure")),
        };
        let margin = |name: &str, without: f64| -> Result<f64, Problem> {
            let Some(text) = element.get(name) else { return Ok(without) };
            let value = dtype.parse(text, |_| crate::value::Symbol(0)).and_then(crate::value::Value::num);
            // Margins of an integer field may have fractions.
            value.or_else(|| crate::value::number(text)).ok_or_else(|| {
                xml.malformed(element.place, format!("{name}={text:?} of <Interval>: expected a number"))
            })
        };
        let (left, right) = (margin("leftMargin", f64::NEG_INFINITY)?, margin("rightMargin", f64::INFINITY)?);
        xml.leaf(element)?;
        Ok(Interval {
            left,
            right,
            left_closed: left_closed || left == f64::NEG_INFINITY,
            right_closed: right_closed || right == f64::INFINITY,
        })
    }

    /// The middle, where both ends are margins.
    pub(crate) fn middle(&self) -> Option<f64> {
        let middle = (self.left + self.right) / 2.0;
        middle.is_finite().then_some(middle)
    }

    /// From margin to margin.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.left, self.right)
    }

    pub(crate) fn holds(&self, value: f64) -> bool {
        let above = if self.left_closed { value >= self.left } else { value > self.left };
        let below = if self.right_closed { value <= self.right } else { value < self.right };
        above && below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_open_or_closed_and_margins_round_to_float() {
        let read = |text: &str, dtype| {
            let mut xml = Xml::new(text, "m");
            let root = xml.root().unwrap();
            Interval::read(&mut xml, &root, dtype).unwrap()
        };
        let interval = read(
            "<Interval closure=\"openClosed\" leftMargin=\"1\" rightMargin=\"609.72\"/>",
            DataType::Float,
        );
        assert!(!interval.holds(1.0) && interval.holds(1.5));
        assert!(interval.holds(f64::from(609.72f32)));
        assert!(read("<Interval closure=\"openOpen\" leftMargin=\"0\"/>", DataType::Double).holds(1e300));
    }
}
