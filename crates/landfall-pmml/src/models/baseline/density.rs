//! Distributions of what is usual.

use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

#[derive(Clone, Copy, Debug)]
pub(super) enum Density {
    /// Of which only the moments are known.
    Any {
        mean: f64,
        variance: f64,
    },
    Gaussian {
        mean: f64,
        variance: f64,
    },
    Poisson {
        mean: f64,
    },
    Uniform {
        lower: f64,
        upper: f64,
    },
}

impl Density {
    pub(super) fn read<'a>(
        b: &mut Build<'a>,
        element: &Element<'a>,
        parent: &Element<'a>,
    ) -> Result<Self, Problem> {
        let number = |name: &str| element.need_number(&b.xml, name);
        let (density, known): (_, &[&str]) = match element.name.as_ref() {
            "AnyDistribution" => {
                (Density::Any { mean: number("mean")?, variance: number("variance")? }, &["mean", "variance"])
            }
            "GaussianDistribution" => (
                Density::Gaussian { mean: number("mean")?, variance: number("variance")? },
                &["mean", "variance"],
            ),
            "PoissonDistribution" => (Density::Poisson { mean: number("mean")? }, &["mean"]),
            "UniformDistribution" => {
                (Density::Uniform { lower: number("lower")?, upper: number("upper")? }, &["lower", "upper"])
            }
            _ => return Err(b.xml.unknown(element, parent)),
        };
        element.only(&b.xml, known)?;
        b.xml.leaf(element)?;
        Ok(density)
    }

    pub(super) fn has_density(&self) -> bool {
        !matches!(self, Density::Any { .. })
    }

    /// Mean and variance.
    pub(super) fn moments(&self) -> (f64, f64) {
        match *self {
            Density::Any { mean, variance } | Density::Gaussian { mean, variance } => (mean, variance),
            Density::Poisson { mean } => (mean, mean),
            Density::Uniform { lower, upper } => {
                ((lower + upper) / 2.0, (upper - lower) * (upper - lower) / 12.0)
            }
        }
    }

    /// The logarithm of the density.
    pub(super) fn log(&self, x: f64) -> f64 {
        match *self {
            Density::Any { mean, variance } | Density::Gaussian { mean, variance } => {
                -(x - mean) * (x - mean) / (2.0 * variance) - (std::f64::consts::TAU * variance).ln() / 2.0
            }
            Density::Poisson { mean } if x >= 0.0 && x.fract() == 0.0 && x < 1e9 => {
                let factorial: f64 = (1..=x as u64).map(|n| (n as f64).ln()).sum();
                x * mean.ln() - mean - factorial
            }
            Density::Uniform { lower, upper } if (lower..=upper).contains(&x) => -(upper - lower).ln(),
            Density::Poisson { .. } | Density::Uniform { .. } => f64::NEG_INFINITY,
        }
    }
}
