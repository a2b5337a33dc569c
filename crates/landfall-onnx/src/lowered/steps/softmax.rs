//! `Softmax`: exponentials that add up to 1.

use super::super::Refusal;
use super::arrays::parts;
use super::{Ask, Built, axis_of, given};
use crate::owned;
use landfall_forest::Real;
use landfall_model::{DType, Element, Problem, Tensor};

/// The version from which it goes along one axis; before, all axes from that one on were taken together.
const ALONG_ONE: i64 = 13;

/// Along an axis.
pub(super) fn softmax(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &[DType::F32, DType::F64])?;
    let along_one = ask.versions.onnx >= ALONG_ONE;
    let axis = ask.integer("axis", if along_one { -1 } else { 1 })?;
    let built = Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let axis = axis_of(axis, x.shape().len())?;
        let (before, length, behind) = parts(x.shape(), axis);
        let lines = if along_one { (before, length, behind) } else { (before, length * behind, 1) };
        match dtype {
            DType::F32 => shares::<f32>(x, lines),
            _ => shares::<f64>(x, lines),
        }
    });
    Ok(built.nearly())
}

fn shares<T: Element + Real>(
    x: &Tensor,
    (before, length, behind): (usize, usize, usize),
) -> Result<Tensor, Problem> {
    let mut values = x.values::<T>()?.to_vec();
    for outer in 0..before {
        for inner in 0..behind {
            let places = (0..length).map(|place| (outer * length + place) * behind + inner);
            let most = places.clone().fold(f64::NEG_INFINITY, |most, at| most.max(values[at].wide()));
            let sum: f64 = places.clone().map(|at| (values[at].wide() - most).exp()).sum();
            places.for_each(|at| values[at] = T::of((values[at].wide() - most).exp() / sum));
        }
    }
    owned::tensor(x.shape().clone(), values)
}
