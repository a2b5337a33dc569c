//! `<OutlierEffect>`: what a known event did to the series, and what it goes on doing.

use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Clone, Copy, Debug)]
pub(super) struct Effect {
    kind: Kind,
    /// From 1.
    start: f64,
    magnitude: f64,
    damping: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Additive,
    Level,
    Transient,
    SeasonalAdditive,
    Trend,
    Innovational,
}

pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Effect, Problem> {
    element.only(&b.xml, &["type", "startTime", "magnitude", "dampingCoefficient"])?;
    let kind = match element.need(&b.xml, "type")? {
        "additive" => Kind::Additive,
        "level" => Kind::Level,
        "transient" => Kind::Transient,
        "seasonalAdditive" => Kind::SeasonalAdditive,
        "trend" => Kind::Trend,
        "innovational" => Kind::Innovational,
        _ => return Err(element.value(&b.xml, "type")),
    };
    let effect = Effect {
        kind,
        start: element.need_number(&b.xml, "startTime")?,
        magnitude: element.need_number(&b.xml, "magnitude")?,
        damping: element.number(&b.xml, "dampingCoefficient")?.unwrap_or(1.0),
    };
    b.xml.leaf(element)?;
    Ok(effect)
}

impl Effect {
    /// Whether it moves the noise and not the values: these then follow as the model has it.
    pub(super) fn is_innovational(&self) -> bool {
        self.kind == Kind::Innovational
    }

    /// What it adds to the value at a time, from 1; `weights` say how much a noise still counts after so many steps.
    pub(super) fn at(&self, time: f64, period: usize, weights: &[f64]) -> f64 {
        let since = time - self.start;
        let acts = match self.kind {
            Kind::Additive => since == 0.0,
            Kind::SeasonalAdditive => since >= 0.0 && since % period.max(1) as f64 == 0.0,
            _ => since >= 0.0,
        };
        match self.kind {
            _ if !acts => 0.0,
            Kind::Transient => self.magnitude * self.damping.powf(since),
            Kind::Innovational => self.magnitude * weights.get(since as usize).copied().unwrap_or(0.0),
            Kind::Trend => self.magnitude * (since + 1.0),
            _ => self.magnitude,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_acts_when_it_should() {
        let at = |kind, time| {
            Effect { kind, start: 3.0, magnitude: 8.0, damping: 0.5 }.at(time, 4, &[1.0, 0.5, 0.25])
        };
        assert_eq!([at(Kind::Additive, 3.0), at(Kind::Additive, 4.0)], [8.0, 0.0]);
        assert_eq!([at(Kind::Level, 2.0), at(Kind::Level, 9.0)], [0.0, 8.0]);
        assert_eq!(at(Kind::Transient, 5.0), 2.0);
        assert_eq!([at(Kind::SeasonalAdditive, 7.0), at(Kind::SeasonalAdditive, 6.0)], [8.0, 0.0]);
        assert_eq!(at(Kind::Trend, 4.0), 16.0);
        assert_eq!([at(Kind::Innovational, 2.0), at(Kind::Innovational, 4.0)], [0.0, 4.0]);
    }
}
