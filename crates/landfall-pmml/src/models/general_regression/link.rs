//! Link functions, undone.

use crate::models::Math;
use crate::models::normalization::Normalization;
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

const DOUBLE: Math = Math { float: false };

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
    pub(super) fn inverse(self, x: f64, math: Math) -> f64 {
        let round = |number: f64| math.round(number);
        let exp = |x: f64| Normalization::Exp.one(x, math);
        match self {
            Link::Identity => x,
            Link::Log => exp(x),
            Link::LogC => round(1.0 - exp(x)),
            Link::LogLog => Normalization::LogLog.one(x, math),
            Link::Logit => Normalization::Logit.one(x, math),
            Link::CLogLog => Normalization::CLogLog.one(x, math),
            Link::Probit => Normalization::Probit.one(x, math),
            Link::CauchIt => Normalization::CauchIt.one(x, math),
            Link::NegBin(c) => round(1.0 / round(round(c) * round(exp(-x) - 1.0))),
            Link::OddsPower(d) if d != 0.0 => {
                let odds = round(round(1.0 + round(round(d) * x)).powf(-round(1.0 / round(d))));
                round(1.0 / round(1.0 + odds))
            }
            Link::OddsPower(_) => Normalization::Logit.one(x, math),
            Link::Power(d) if d != 0.0 => round(x.powf(round(1.0 / round(d)))),
            Link::Power(_) => exp(x),
        }
    }

    /// How much the mean moves with `x`.
    pub(super) fn slope(self, x: f64) -> f64 {
        if self == Link::Identity {
            return 1.0;
        }
        // By Richardson's rule from two central differences.
        let step = 1e-3 * (1.0 + x.abs());
        let inverse = |x: f64| self.inverse(x, DOUBLE);
        let difference = |h: f64| (inverse(x + h) - inverse(x - h)) / (2.0 * h);
        (4.0 * difference(step / 2.0) - difference(step)) / 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_undone() {
        assert_eq!(Link::Power(0.5).inverse(3.0, DOUBLE), 9.0);
        assert!(
            (Link::NegBin(1.5).inverse(-1.0, DOUBLE) - 1.0 / (1.5 * (std::f64::consts::E - 1.0))).abs()
                < 1e-15
        );
        assert!((Link::OddsPower(2.0).inverse(1.5, DOUBLE) - 1.0 / (1.0 + 4f64.powf(-0.5))).abs() < 1e-15);
        assert_eq!(Link::LogC.inverse(0.0, DOUBLE), 0.0);
    }
}
