//! Kernels.

use crate::models::Math;
use crate::read::Element;
use crate::resolve::Build;
use landfall_model::Problem;

/// What is made of two vectors.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kernel {
    Linear,
    Polynomial { gamma: f64, coef0: f64, degree: f64 },
    RadialBasis { gamma: f64 },
    Sigmoid { gamma: f64, coef0: f64 },
}

impl Kernel {
    /// Reads one of the elements that name it.
    pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>, math: Math) -> Result<Self, Problem> {
        element.only(&b.xml, &["gamma", "coef0", "degree", "description"])?;
        let number = |name: &str| Ok::<f64, Problem>(math.number(&b.xml, element, name)?.unwrap_or(1.0));
        let (gamma, coef0, degree) = (number("gamma")?, number("coef0")?, number("degree")?);
        b.xml.leaf(element)?;
        Ok(match element.name.as_ref() {
            "PolynomialKernelType" => Kernel::Polynomial { gamma, coef0, degree },
            "RadialBasisKernelType" => Kernel::RadialBasis { gamma },
            "SigmoidKernelType" => Kernel::Sigmoid { gamma, coef0 },
            _ => Kernel::Linear,
        })
    }

    /// Of two vectors' product; nothing for what is not made of it.
    #[inline(always)]
    pub(crate) fn of_dot(self, dot: f64, math: Math) -> f64 {
        let scaled = |gamma: f64, coef0: f64| math.round(math.round(gamma * dot) + coef0);
        match self {
            Kernel::Linear | Kernel::RadialBasis { .. } => dot,
            Kernel::Polynomial { gamma, coef0, degree } => math.round(scaled(gamma, coef0).powf(degree)),
            Kernel::Sigmoid { gamma, coef0 } => math.round(scaled(gamma, coef0).tanh()),
        }
    }
}
