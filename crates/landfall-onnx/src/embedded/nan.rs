//! Missing values: operators of the embedded engine that would make a number of NaN, and the refusal of it.
//!
//! By the operators' definitions NaN stays NaN. This engine's kernels compare, and a comparison with NaN is false: `Relu`
//! gives 0 for it. A caller would take that for a prediction.

use crate::declared::Declared;
use half::f16;
use landfall_model::{DType, Problem, Reason, Tensor};

/// Operators of the default domain whose kernels give a number for NaN, other than ONNX Runtime does.
const LOSING: [&str; 7] = ["Relu", "Clip", "MaxPool", "TopK", "ArgMax", "ArgMin", "QuantizeLinear"];

/// An operator of the file that loses NaN.
pub(super) fn lost_in(declared: &Declared) -> Option<&'static str> {
    let has = |name: &str| declared.operators.contains_key(&(String::new(), name.to_owned()));
    // What a cast to an integer makes of NaN is anybody's guess; here it is 0. (As a truth value it is true.)
    let is_whole = |to: DType| !to.is_float() && to != DType::Bool;
    let makes_integers = declared.casts.iter().filter_map(|element| element.dtype()).any(is_whole);
    LOSING.into_iter().find(|name| has(name)).or(makes_integers.then_some("Cast"))
}

/// Refuses an input that holds NaN.
///
/// # Errors
/// [`Reason::ValueInvalid`], naming input and row.
pub(super) fn refuse(name: &str, tensor: &Tensor, operator: &str) -> Result<(), Problem> {
    let element = match tensor.dtype() {
        DType::F32 => first(tensor.values::<f32>()?, |value| value.is_nan()),
        DType::F64 => first(tensor.values::<f64>()?, |value| value.is_nan()),
        DType::F16 => first(tensor.values::<f16>()?, |value| value.is_nan()),
        _ => None,
    };
    element.map_or(Ok(()), |element| Err(refused(name, element / tensor.row_elements().max(1), operator)))
}

/// The first of the values that are NaN. They are rare: what is common, none in a piece, is found without branches.
fn first<T: Copy>(values: &[T], is_nan: impl Fn(T) -> bool) -> Option<usize> {
    const PIECE: usize = 64;
    let any = |piece: &[T]| piece.iter().fold(false, |any, &value| any | is_nan(value));
    let piece = values.chunks(PIECE).position(any)? * PIECE;
    values[piece..].iter().position(|&value| is_nan(value)).map(|place| piece + place)
}

#[cold]
fn refused(name: &str, row: usize, operator: &str) -> Problem {
    Problem::new(Reason::ValueInvalid {
        input: name.to_owned(),
        row,
        expected: format!(
            "a number (NaN is lost in {operator} by the engine embedded; ONNX Runtime computes it: pip install \
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
            assert_eq!(first(&values, f32::is_nan), None);
            values[place] = f32::NAN;
            values[199] = f32::NAN;
            assert_eq!(first(&values, f32::is_nan), Some(place));
        }
    }

    #[test]
    fn infinities_are_numbers_and_integers_are_never_nan() {
        let floats = Tensor::from_slice(&[2], &[f64::INFINITY, f64::NEG_INFINITY]).unwrap();
        assert!(refuse("x", &floats, "Relu").is_ok());
        assert!(refuse("x", &Tensor::from_slice(&[1], &[1i64]).unwrap(), "Relu").is_ok());
        let halves = Tensor::from_slice(&[2, 1], &[f16::ONE, f16::NAN]).unwrap();
        let text = refuse("x", &halves, "Relu").unwrap_err().to_string();
        assert!(text.starts_with(r#"input "x" row 1: "#) && text.contains("Relu"), "{text}");
    }
}
