//! Activation functions.

use crate::blocks::exp;
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

/// A function of what comes together in a neuron.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Activation {
    Threshold,
    Logistic,
    Tanh,
    Identity,
    Exponential,
    Reciprocal,
    Square,
    Gauss,
    Sine,
    Cosine,
    Elliott,
    Arctan,
    Rectifier,
    /// A rectifier that lets this part of what is below zero through.
    Leaky(f64),
    RadialBasis,
}

impl Activation {
    /// The attribute `activationFunction`.
    pub(super) fn read<'a>(b: &Build<'a>, element: &Element<'a>) -> Result<Option<Self>, Problem> {
        Ok(Some(match element.get("activationFunction") {
            None => return Ok(None),
            Some("threshold") => Activation::Threshold,
            Some("logistic") => Activation::Logistic,
            Some("tanh") => Activation::Tanh,
            Some("identity") => Activation::Identity,
            Some("exponential") => Activation::Exponential,
            Some("reciprocal") => Activation::Reciprocal,
            Some("square") => Activation::Square,
            Some("Gauss") => Activation::Gauss,
            Some("sine") => Activation::Sine,
            Some("cosine") => Activation::Cosine,
            Some("Elliott") => Activation::Elliott,
            Some("arctan") => Activation::Arctan,
            Some("rectifier") => Activation::Rectifier,
            Some("radialBasis") => Activation::RadialBasis,
            Some(_) => return Err(element.value(&b.xml, "activationFunction")),
        }))
    }

    /// The same with the attribute `x-leakage`, which some writers add to rectifiers.
    pub(super) fn leaking(self, leakage: Option<f64>) -> Self {
        match (self, leakage) {
            (Activation::Rectifier, Some(leakage)) => Activation::Leaky(leakage),
            _ => self,
        }
    }

    /// Its value; `threshold` is that of the function of this name.
    #[inline(always)]
    pub(crate) fn of(self, z: f64, threshold: f64) -> f64 {
        match self {
            Activation::Threshold => f64::from(u8::from(z > threshold)),
            Activation::Logistic => 1.0 / (1.0 + exp(-z)),
            Activation::Tanh => z.tanh(),
            Activation::Identity | Activation::RadialBasis => z,
            Activation::Exponential => z.exp(),
            Activation::Reciprocal => 1.0 / z,
            Activation::Square => z * z,
            Activation::Gauss => (-z * z).exp(),
            Activation::Sine => z.sin(),
            Activation::Cosine => z.cos(),
            Activation::Elliott => z / (1.0 + z.abs()),
            Activation::Arctan => 2.0 * z.atan() / std::f64::consts::PI,
            Activation::Rectifier => z.max(0.0),
            Activation::Leaky(leakage) => {
                if z > 0.0 {
                    z
                } else {
                    leakage * z
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_have_their_formulas() {
        assert_eq!(Activation::Elliott.of(-3.0, 0.0), -0.75);
        assert_eq!(Activation::Arctan.of(1.0, 0.0), 0.5);
        assert_eq!(Activation::Threshold.of(0.5, 0.5), 0.0);
        assert_eq!(Activation::Square.of(-3.0, 0.0), 9.0);
        assert_eq!(Activation::Reciprocal.of(4.0, 0.0), 0.25);
        assert_eq!(Activation::Gauss.of(0.0, 0.0), 1.0);
        let leaky = Activation::Rectifier.leaking(Some(0.25));
        assert_eq!((leaky.of(-2.0, 0.0), leaky.of(3.0, 0.0)), (-0.5, 3.0));
        assert_eq!(Activation::Tanh.leaking(Some(0.25)), Activation::Tanh);
    }
}
