//! How far answers to large numbers may lie apart.
//!
//! What cancels out leaves noise of the size of what it was made of, and nothing in the answer shows that size. The original
//! itself does: its answers move when its inputs are moved by their last bits. So each value has a tolerance of its own, and a
//! small difference shows beside values of any size.

use super::super::rows::has_rows;
use landfall_model::{DType, Input, Scalar, Tensor};
use landfall_serving::GoldenRows;

/// How often inputs are moved: by chance, what one draw moves up another moves down.
pub(super) const DRAWS: u64 = 3;
/// What is lost of the largest number of a row where another is multiplied by nearly 0 or nearly 1, as by a sigmoid's end.
const LOST: f64 = 1.0 / (1u32 << 22) as f64;

/// The part of themselves that inputs are moved by: some of the last bits of their types, of half floats the last one.
pub(super) fn nudge(rows: &GoldenRows) -> f64 {
    let of = |input: &Option<Input>| match input.as_ref()?.dense()?.dtype() {
        DType::F16 => Some(2f64.powi(-10)),
        DType::BF16 => Some(2f64.powi(-7)),
        _ => None,
    };
    rows.inputs.iter().filter_map(of).fold(2f64.powi(-20), f64::max)
}

/// The absolute tolerance of each value of one output, whose `absolute` one for numbers around 1 is given. `moved` is the same
/// output of inputs moved by the part `nudge`. It is what the value moves by when inputs move by `absolute` of themselves, or what
/// the row's largest number loses by rounding; at most `absolute` of the output's largest number. Without `moved` ones it is the
/// rounding alone.
pub(super) fn tolerances(
    rows: &GoldenRows,
    expected: &Tensor,
    moved: &[&Tensor],
    nudge: f64,
    absolute: f64,
) -> Vec<f64> {
    let most = absolute * largest(expected).max(1.0);
    let of_rows = Rows::of(rows, expected);
    let of = |element: usize| {
        let by = moved.iter().map(|moved| distance(expected, moved, element)).fold(0.0, f64::max);
        let own = (absolute * by / nudge).max(LOST * of_rows.largest(element));
        own.max(absolute).min(most)
    };
    (0..expected.len()).map(of).collect()
}

/// The largest number that goes into each row of an output, or stands in it.
struct Rows {
    largest: Vec<f64>,
    /// Values of a row.
    width: usize,
}

impl Rows {
    /// An output that has not as many rows as the inputs is one.
    fn of(rows: &GoldenRows, expected: &Tensor) -> Self {
        let given = rows.signature.inputs().iter().zip(&rows.inputs);
        let given = given.filter_map(|(spec, input)| Some((has_rows(spec), input.as_ref()?.dense()?)));
        let given: Vec<(bool, &Tensor)> = given.collect();
        let count =
            given.iter().find(|(has_rows, _)| *has_rows).and_then(|(_, tensor)| tensor.shape().first());
        let count = count.copied().filter(|count| expected.shape().first() == Some(count)).unwrap_or(1);
        let of_row = |row: usize| {
            let part =
                |tensor: &Tensor, has_rows: bool| match has_rows && tensor.shape().first() == Some(&count) {
                    true => largest(&tensor.rows(row..row + 1)),
                    false => largest(tensor),
                };
            let of_inputs =
                given.iter().map(|(has_rows, tensor)| part(tensor, *has_rows)).fold(0.0, f64::max);
            of_inputs.max(part(expected, true))
        };
        Rows { largest: (0..count).map(of_row).collect(), width: (expected.len() / count.max(1)).max(1) }
    }

    fn largest(&self, element: usize) -> f64 {
        self.largest.get(element / self.width).copied().unwrap_or(0.0)
    }
}

/// How far a value has moved: endlessly, where one of both is no number.
fn distance(expected: &Tensor, moved: &Tensor, element: usize) -> f64 {
    if element >= moved.len() {
        return f64::INFINITY;
    }
    match (expected.scalar(element), moved.scalar(element)) {
        (Scalar::Float(a), Scalar::Float(b)) if a == b || (a.is_nan() && b.is_nan()) => 0.0,
        (Scalar::Float(a), Scalar::Float(b)) => {
            Some((a - b).abs()).filter(|by| !by.is_nan()).unwrap_or(f64::INFINITY)
        }
        _ => 0.0,
    }
}

/// The size of the largest number of a tensor, infinities left out.
fn largest(tensor: &Tensor) -> f64 {
    (0..tensor.len())
        .map(|element| match tensor.scalar(element) {
            Scalar::Float(number) if number.is_finite() => number.abs(),
            _ => 0.0,
        })
        .fold(0.0, f64::max)
}
