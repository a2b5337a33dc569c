//! Link functions, undone.

use super::DOUBLE;
use crate::models::normalization::Normalization;
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Link {
    Identity,
    Log,
    LogC,
    LogLog,
    Logit,
    CLogLog,
    Probit,
    CauchIt,
    NegBin(f64),
    OddsPower(f64),
    Power(f64),
}

/// The attribute `linkFunction`, with its parameters.
pub(super) fn read<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Link, Problem> {
    let need = |name: &str| element.need_number(&b.xml, name);
    Ok(match element.get("linkFunction") {
        None | Some("identity") => Link::Identity,
        Some("log") => Link::Log,
        Some("logc") => Link::LogC,
        Some("loglog") => Link::LogLog,
        Some("logit") => Link::Logit,
        Some("cloglog") => Link::CLogLog,
        Some("probit") => Link::Probit,
        Some("cauchit") => Link::CauchIt,
        Some("negbin") => Link::NegBin(need("distParameter")?),
        Some("oddspower") => Link::OddsPower(need("linkParameter")?),
        Some("power") => Link::Power(need("linkParameter")?),
        Some(_) => return Err(element.value(&b.xml, "linkFunction")),
    })
}

impl Link {
    /// The mean whose link is `x`.
    pub(super) fn inverse(self, x: f64) -> f64 {
        match self {
            Link::Identity => x,
            Link::Log => x.exp(),
            Link::LogC => 1.0 - x.exp(),
            Link::LogLog => Normalization::LogLog.one(x, DOUBLE),
            Link::Logit => Normalization::Logit.one(x, DOUBLE),
            Link::CLogLog => Normalization::CLogLog.one(x, DOUBLE),
            Link::Probit => Normalization::Probit.one(x, DOUBLE),
            Link::CauchIt => Normalization::CauchIt.one(x, DOUBLE),
            Link::NegBin(c) => 1.0 / (c * ((-x).exp() - 1.0)),
            Link::OddsPower(d) if d != 0.0 => 1.0 / (1.0 + (1.0 + d * x).powf(-1.0 / d)),
            Link::OddsPower(_) => Normalization::Logit.one(x, DOUBLE),
            Link::Power(d) if d != 0.0 => x.powf(1.0 / d),
            Link::Power(_) => x.exp(),
        }
    }

    /// How much the mean moves with `x`.
    pub(super) fn slope(self, x: f64) -> f64 {
        if self == Link::Identity {
            return 1.0;
        }
        // By Richardson's rule from two central differences.
        let step = 1e-3 * (1.0 + x.abs());
        let difference = |h: f64| (self.inverse(x + h) - self.inverse(x - h)) / (2.0 * h);
        (4.0 * difference(step / 2.0) - difference(step)) / 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_undone() {
        assert_eq!(Link::Power(0.5).inverse(3.0), 9.0);
        assert!((Link::NegBin(1.5).inverse(-1.0) - 1.0 / (1.5 * (std::f64::consts::E - 1.0))).abs() < 1e-15);
        assert!((Link::OddsPower(2.0).inverse(1.5) - 1.0 / (1.0 + 4f64.powf(-0.5))).abs() < 1e-15);
        assert_eq!(Link::LogC.inverse(0.0), 0.0);
    }
}
