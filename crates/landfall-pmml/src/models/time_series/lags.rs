//! Polynomials in the lag operator B, which takes a series a step back: coefficients of B⁰, B¹ and so on.

/// Steps that a model looks back at most.
pub(super) const REACH_MAX: usize = 100_000;

/// 1 - c₁Bˢ - c₂B²ˢ …
pub(super) fn minus(coefficients: &[f64], step: usize) -> Vec<f64> {
    let negative: Vec<f64> = coefficients.iter().map(|c| -c).collect();
    plus(&negative, step)
}

/// 1 + c₁Bˢ + c₂B²ˢ …
pub(super) fn plus(coefficients: &[f64], step: usize) -> Vec<f64> {
    let mut all = vec![0.0; coefficients.len().saturating_mul(step).min(REACH_MAX) + 1];
    all[0] = 1.0;
    for (at, coefficient) in coefficients.iter().enumerate() {
        if let Some(place) = all.get_mut((at + 1) * step) {
            *place = *coefficient;
        }
    }
    all
}

pub(super) fn product(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut all = vec![0.0; a.len() + b.len() - 1];
    for (i, x) in a.iter().enumerate().filter(|(_, x)| **x != 0.0) {
        for (j, y) in b.iter().enumerate() {
            all[i + j] += x * y;
        }
    }
    all
}

/// (1 - Bˢ)ⁿ.
pub(super) fn differences(times: usize, step: usize) -> Vec<f64> {
    (0..times).fold(vec![1.0], |so_far, _| product(&so_far, &minus(&[1.0], step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_and_seasons_multiply_out() {
        // (1 - 0.6B)(1 - B) = 1 - 1.6B + 0.6B².
        assert_eq!(product(&minus(&[0.6], 1), &minus(&[1.0], 1)), [1.0, -1.6, 0.6]);
        // (1 + 0.5B)(1 + 0.4B²) = 1 + 0.5B + 0.4B² + 0.2B³.
        assert_eq!(product(&plus(&[0.5], 1), &plus(&[0.4], 2)), [1.0, 0.5, 0.4, 0.2]);
    }

    #[test]
    fn a_difference_of_a_difference() {
        // (1 - B²)² = 1 - 2B² + B⁴.
        assert_eq!(differences(2, 2), [1.0, 0.0, -2.0, 0.0, 1.0]);
        assert_eq!(differences(0, 5), [1.0]);
    }
}
