//! Outputs of whole numbers in a type of the reals: counts, places, what was rounded or counted. A part of a large one is many,
//! and a difference of one no rounding: it shows however large they are, as in a type of whole numbers.

use landfall_model::{DType, Scalar, Tensor};
use landfall_serving::{GoldenRows, Tolerance};

/// What a value may lie off by for its size alone: it rounds to the same whole number.
const LESS_THAN_ONE: f64 = 0.5;

/// By output, whether all answers are whole numbers, more than one of them. Asked of plain rows, whose real inputs are none.
pub(super) fn outputs(rows: &GoldenRows) -> Vec<bool> {
    rows.outputs.iter().map(|(_, tensor)| is_whole(tensor) && !is_constant(tensor)).collect()
}

/// Whether a tensor of reals holds whole numbers alone.
pub(super) fn is_whole(tensor: &Tensor) -> bool {
    let is = |element| matches!(tensor.scalar(element), Scalar::Float(number) if number.fract() == 0.0);
    (0..tensor.len()).all(is)
}

fn is_constant(tensor: &Tensor) -> bool {
    (1..tensor.len()).all(|element| tensor.scalar(element) == tensor.scalar(0))
}

/// The tolerance of one whole number, whose relative part is less than one as far as its type has some bits to spare: beyond
/// these, its neighbours' products and sums are rounded too.
pub(super) fn tolerance(tensor: &Tensor, element: usize, tolerance: Tolerance) -> Tolerance {
    let size = match tensor.scalar(element) {
        Scalar::Float(number) => number.abs(),
        _ => return tolerance,
    };
    let exact = match tensor.dtype() {
        DType::F32 => (1u64 << 21) as f64,
        DType::F64 => (1u64 << 50) as f64,
        _ => return tolerance,
    };
    match size < exact {
        true => Tolerance { relative: tolerance.relative.min(LESS_THAN_ONE / size.max(1.0)), ..tolerance },
        false => tolerance,
    }
}
