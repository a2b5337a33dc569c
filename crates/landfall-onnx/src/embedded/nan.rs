//! What a call brings: how large its numbers are, and the refusal of NaN where the model would make a number of it.

use half::f16;
use landfall_model::{DType, Problem, Reason, Tensor};

/// The largest number of an input, without signs; 0 of one that holds whole numbers. NaN counts as infinite where no node
/// loses it.
///
/// # Errors
/// [`Reason::ValueInvalid`] for NaN, naming input and row. `loser` is the node that loses it.
pub(super) fn largest(name: &str, tensor: &Tensor, loser: Option<&str>) -> Result<f32, Problem> {
    let (largest, nan) = match tensor.dtype() {
        DType::F32 => extent(tensor.values::<f32>()?, |value| value),
        DType::F64 => extent(tensor.values::<f64>()?, |value| value as f32),
        DType::F16 => extent(tensor.values::<f16>()?, f16::to_f32),
        _ => (0.0, None),
    };
    match (nan, loser) {
        (None, _) => Ok(largest),
        (Some(_), None) => Ok(f32::INFINITY),
        (Some(element), Some(node)) => Err(refused(name, element / tensor.row_elements().max(1), node)),
    }
}

/// The largest of the values, and the first that is NaN. Without its sign NaN has larger bits than all numbers have, and
/// those are in order by their bits: one pass without branches finds both.
fn extent<T: Copy>(values: &[T], float: impl Fn(T) -> f32) -> (f32, Option<usize>) {
    let bits = |value: T| float(value).abs().to_bits() as i32;
    let largest = values.iter().fold(0, |largest: i32, &value| largest.max(bits(value)));
    let largest = f32::from_bits(largest as u32);
    if !largest.is_nan() {
        return (largest, None);
    }
    (largest, values.iter().position(|&value| float(value).is_nan()))
}

#[cold]
fn refused(name: &str, row: usize, node: &str) -> Problem {
    Problem::new(Reason::ValueInvalid {
        input: name.to_owned(),
        row,
        expected: format!(
            "a number (NaN is lost in node {node} by the engine embedded; ONNX Runtime computes it: pip install \
             onnxruntime)"
        ),
        text: "NaN".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_nan_is_found_wherever_it_is() {
        for place in [0, 1, 63, 64, 65, 199] {
            let mut values = [1f32; 200];
            values[7] = -2.5;
            assert_eq!(extent(&values, |value| value), (2.5, None));
            values[place] = -f32::NAN;
            values[199] = f32::NAN;
            assert_eq!(extent(&values, |value| value).1, Some(place));
        }
        assert_eq!(extent(&[] as &[f32], |value| value), (0.0, None));
    }

    #[test]
    fn infinities_are_numbers_and_integers_are_never_nan() {
        let floats = Tensor::from_slice(&[2], &[1.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!(largest("x", &floats, Some("Relu")).unwrap(), f32::INFINITY);
        assert_eq!(largest("x", &Tensor::from_slice(&[1], &[1i64]).unwrap(), Some("Relu")).unwrap(), 0.0);
        let halves = Tensor::from_slice(&[2, 1], &[f16::ONE, f16::NAN]).unwrap();
        assert_eq!(largest("x", &halves, None).unwrap(), f32::INFINITY);
        let text = largest("x", &halves, Some("Relu")).unwrap_err().to_string();
        assert!(text.starts_with(r#"input "x" row 1: "#) && text.contains("Relu"), "{text}");
    }
}
