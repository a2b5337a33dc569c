//! Gauss-Legendre quadrature on [0, 1]: sums that equal integrals of polynomials.

/// Points strictly between 0 and 1, and their weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quadrature {
    pub(crate) points: Vec<f64>,
    pub(crate) weights: Vec<f64>,
}

impl Quadrature {
    /// Of `count` points: exact for polynomials of degree up to `2 * count - 1`.
    ///
    /// The roots of the Legendre polynomial by Newton's method from the usual first guess (Davis, Rabinowitz: "Methods of
    /// Numerical Integration", 2.7), which settles within a few steps for any count.
    pub(crate) fn of(count: usize) -> Self {
        let degree = count as f64;
        let mut rule = Quadrature { points: vec![0.0; count], weights: vec![0.0; count] };
        for place in 0..count {
            let mut x = (std::f64::consts::PI * (place as f64 + 0.75) / (degree + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..16 {
                let value;
                (value, slope) = legendre(count, x);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-16 {
                    break;
                }
            }
            rule.points[place] = f64::midpoint(1.0, x);
            rule.weights[place] = 1.0 / ((1.0 - x * x) * slope * slope);
        }
        rule
    }
}

/// The Legendre polynomial of a degree, and its derivative, at x.
fn legendre(degree: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (0.0, 1.0);
    for k in 0..degree {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0));
    }
    (value, degree as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::Quadrature;

    #[test]
    fn powers_up_to_the_promised_degree_are_integrated_exactly() {
        for count in [1, 2, 3, 4, 7, 16, 64, 250] {
            let rule = Quadrature::of(count);
            assert!(rule.points.iter().all(|&t| t > 0.0 && t < 1.0));
            for degree in [0, 1, count, 2 * count - 1] {
                let terms = rule.points.iter().zip(&rule.weights);
                let sum: f64 = terms.map(|(t, w)| w * t.powi(degree as i32)).sum();
                let exact = 1.0 / (degree + 1) as f64;
                assert!((sum - exact).abs() < 1e-14, "{count} points, degree {degree}: {sum} for {exact}");
            }
        }
    }
}
