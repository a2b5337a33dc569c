//! Answers beside those that were recorded.

use landfall_model::{DType, Scalar, Tensor};

/// Whether shapes are equal, numbers within the tolerance (absolute, relative), all else the same.
pub(crate) fn near(
    found: &Tensor,
    expected: &Tensor,
    (absolute, relative): (f64, f64),
) -> Result<(), String> {
    if found.shape() != expected.shape() {
        return Err(format!("shape {}, expected {}", found.shape(), expected.shape()));
    }
    for element in 0..expected.len() {
        let pairs = parts(found, element).into_iter().zip(parts(expected, element));
        let fits = match (found.dtype(), found.dtype().is_float()) {
            (DType::Complex64 | DType::Complex128, _) | (_, true) => pairs.into_iter().all(|(a, b)| {
                a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= absolute + relative * b.abs()
            }),
            _ => found.scalar(element) == expected.scalar(element),
        };
        if !fits {
            return Err(format!(
                "value {element}: {}, expected {}",
                found.scalar(element),
                expected.scalar(element)
            ));
        }
    }
    Ok(())
}

fn parts(tensor: &Tensor, element: usize) -> Vec<f64> {
    if let Ok(values) = tensor.values::<[f32; 2]>() {
        return values[element].iter().map(|&part| f64::from(part)).collect();
    }
    match tensor.scalar(element) {
        Scalar::Float(value) => vec![value],
        _ => Vec::new(),
    }
}
