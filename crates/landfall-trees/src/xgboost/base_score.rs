//! `base_score` as XGBoost writes it, and the margin that it stands for.

use super::objective::{EPSILON, Link, sigmoid};
use crate::document::wrong;
use landfall_model::Problem;

/// Reads `5E-1`, or (from 3.1 on) `[5E-1,-2.25E0]`.
///
/// # Errors
/// Invalid argument, when it is neither.
pub(crate) fn parse(text: &str) -> Result<Vec<f32>, Problem> {
    let inner = text.trim();
    let inner = inner.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(inner);
    let number = |part: &str| part.trim().parse::<f64>().map(|number| number as f32);
    inner.split(',').map(number).collect::<Result<_, _>>().map_err(|_| wrong(format!("{text:?} is no score")))
}

impl Link {
    /// The margin of a base score. float32 throughout, as the library: the last bit of every margin hangs on it.
    pub(crate) fn margin(self, score: f32) -> f32 {
        match self {
            Link::Identity | Link::Hinge | Link::Expectile => score,
            Link::Logit => -(1.0 / score - 1.0).ln(),
            Link::Log => score.ln(),
        }
    }

    /// A base score within what the library's newer versions take it for: never certain of a class.
    pub(crate) fn bounded(self, score: f32) -> f32 {
        if self == Link::Logit { score.clamp(EPSILON, 1.0 - EPSILON) } else { score }
    }

    /// The margins of all groups, once each has its own.
    pub(crate) fn relate(self, margins: &mut [f32]) {
        if self == Link::Expectile {
            for place in (1..margins.len()).rev() {
                let distance = (margins[place] - margins[place - 1] - EPSILON).max(EPSILON);
                margins[place] = distance + (-(-distance).exp_m1()).ln();
            }
        }
    }

    /// The base score of a margin that a file before 1.0 holds.
    pub(crate) fn score_of_margin(self, margin: f32) -> f32 {
        match self {
            Link::Identity | Link::Expectile => margin,
            Link::Logit => sigmoid(margin),
            Link::Log => margin.exp(),
            Link::Hinge => f32::from(u8::from(margin > 0.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_written_forms_are_read() {
        assert_eq!(parse("5E-1").unwrap(), [0.5]);
        assert_eq!(parse("0.500000").unwrap(), [0.5]);
        assert_eq!(parse("[5E-1, -2.25E0]").unwrap(), [0.5, -2.25]);
        assert!(parse("[]").is_err() && parse("half").is_err());
    }

    #[test]
    fn links_are_the_objectives() {
        assert_eq!(Link::Logit.margin(0.5), 0.0);
        assert_eq!(Link::Log.margin(1.0), 0.0);
        assert_eq!(Link::Identity.margin(-3.0), -3.0);
        assert_eq!(Link::Hinge.score_of_margin(0.5), 1.0);
        assert_eq!(Link::Logit.score_of_margin(0.0), 0.5);
        assert_eq!(Link::Logit.margin(Link::Logit.bounded(0.0)), -13.815_51);
        assert_eq!(Link::Logit.margin(Link::Logit.bounded(1.0)), 13.745_16);
        assert_eq!(Link::Log.bounded(0.0), 0.0);
        let mut bases = [1.0, 2.0, 2.0];
        Link::Expectile.relate(&mut bases);
        assert!((bases[1].exp().ln_1p() - 1.0).abs() < 1e-5, "as far from the first as it was");
        assert_eq!(bases[2], EPSILON + (-(-EPSILON).exp_m1()).ln());
    }
}
