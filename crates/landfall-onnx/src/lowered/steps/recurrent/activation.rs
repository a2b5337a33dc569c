//! Activations of recurrent operators (`RNN` in `Operators.md` of ONNX), with the defaults that ONNX Runtime gives their numbers.

use crate::lowered::Refusal;
use crate::node::Attributes;

/// A function of one number, with the numbers that shape it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    Sigmoid,
    Tanh,
    Relu,
    Affine { alpha: f32, beta: f32 },
    LeakyRelu { alpha: f32 },
    ThresholdedRelu { alpha: f32 },
    ScaledTanh { alpha: f32, beta: f32 },
    HardSigmoid { alpha: f32, beta: f32 },
    Elu { alpha: f32 },
    Softsign,
    Softplus,
}

impl Activation {
    /// By its name; each that has numbers takes the next of those that are given.
    fn of(
        name: &[u8],
        alphas: &mut impl Iterator<Item = f32>,
        betas: &mut impl Iterator<Item = f32>,
    ) -> Option<Self> {
        let mut alpha = |default| alphas.next().unwrap_or(default);
        let mut beta = |default| betas.next().unwrap_or(default);
        Some(match &name.to_ascii_lowercase()[..] {
            b"sigmoid" => Activation::Sigmoid,
            b"tanh" => Activation::Tanh,
            b"relu" => Activation::Relu,
            b"affine" => Activation::Affine { alpha: alpha(1.0), beta: beta(0.0) },
            b"leakyrelu" => Activation::LeakyRelu { alpha: alpha(0.01) },
            b"thresholdedrelu" => Activation::ThresholdedRelu { alpha: alpha(1.0) },
            b"scaledtanh" => Activation::ScaledTanh { alpha: alpha(1.0), beta: beta(1.0) },
            b"hardsigmoid" => Activation::HardSigmoid { alpha: alpha(0.2), beta: beta(0.5) },
            b"elu" => Activation::Elu { alpha: alpha(1.0) },
            b"softsign" => Activation::Softsign,
            b"softplus" => Activation::Softplus,
            _ => return None,
        })
    }

    pub(super) fn at(self, x: f32) -> f32 {
        match self {
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
            Activation::Relu => {
                if x < 0.0 {
                    0.0
                } else {
                    x
                }
            }
            Activation::Affine { alpha, beta } => alpha * x + beta,
            Activation::LeakyRelu { alpha } => {
                if x < 0.0 {
                    alpha * x
                } else {
                    x
                }
            }
            Activation::ThresholdedRelu { alpha } => {
                if x > alpha {
                    x
                } else {
                    0.0
                }
            }
            Activation::ScaledTanh { alpha, beta } => alpha * (beta * x).tanh(),
            Activation::HardSigmoid { alpha, beta } => (alpha * x + beta).clamp(0.0, 1.0),
            Activation::Elu { alpha } => {
                if x < 0.0 {
                    alpha * x.exp_m1()
                } else {
                    x
                }
            }
            Activation::Softsign => x / (1.0 + x.abs()),
            Activation::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        }
    }
}

/// The activations of all directions, one behind the other: those that the node names, or the operator's own for each.
pub(super) fn all(
    attributes: &Attributes<'_>,
    own: &[Activation],
    ways: usize,
) -> Result<Vec<Activation>, Refusal> {
    let names = attributes.texts("activations")?;
    if names.is_empty() {
        return Ok(own.repeat(ways));
    }
    if names.len() != own.len() * ways {
        return Err(Refusal::not(format!("{} activations", names.len())));
    }
    let mut alphas = attributes.floats("activation_alpha")?.into_iter();
    let mut betas = attributes.floats("activation_beta")?.into_iter();
    let of = |name: &[u8]| {
        let found = Activation::of(name, &mut alphas, &mut betas);
        found.ok_or_else(|| Refusal::not(format!("activation {:?}", String::from_utf8_lossy(name))))
    };
    names.into_iter().map(of).collect()
}
