//! The exact method of ARIMA where a document does not hold the end of its filter: what the noises of the series were, as
//! far as all of the series tells (Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, sections 3.2
//! and 3.3).

use super::arima::Recursion;

/// Multiplications at most: the square of what a model looks back at, for each value.
const WORK_MAX: usize = 2_000_000_000;

/// The expected noises of the last times of a stationary series without a constant, as many as the model's moving average
/// looks back at, the latest last.
///
/// # Errors
/// Why there are none.
pub(super) fn last_noises(model: &Recursion) -> Result<Vec<f64>, &'static str> {
    if !is_stationary(&model.values) {
        return Err("predictionMethod=\"exactLeastSquares\" of an autoregression that is not stationary");
    }
    let size = model.values.len().max(1) + model.noises.len();
    if size.saturating_mul(size).saturating_mul(model.past.len().max(size)) > WORK_MAX {
        return Err(
            "predictionMethod=\"exactLeastSquares\" of a series that is too long for what its model looks back at",
        );
    }
    let mut filter = Filter::new(model);
    for (at, value) in model.past.iter().enumerate() {
        if at > 0 {
            filter.step();
        }
        // Of a time that is not known nothing is learned.
        if !value.is_nan() {
            filter.see(*value);
        }
    }
    Ok(filter.expected[filter.values..].iter().rev().copied().collect())
}

/// Whether what an autoregression does dies away: all its partial coefficients are below 1 (Levinson's recursion
/// backwards).
fn is_stationary(coefficients: &[f64]) -> bool {
    let mut left = coefficients.to_vec();
    while let Some(last) = left.pop() {
        if last.is_nan() || last.abs() >= 1.0 {
            return false;
        }
        let back: Vec<f64> = left.iter().rev().copied().collect();
        left.iter_mut().zip(back).for_each(|(c, back)| *c = (*c + last * back) / (1.0 - last * last));
    }
    true
}

/// The latest values and then the latest noises, each the latest first: what is expected of them, and how sure that is.
struct Filter {
    /// How many values; noises follow.
    values: usize,
    /// What the next value takes of each.
    weights: Vec<f64>,
    expected: Vec<f64>,
    /// A square, in units of the noises' variance.
    covariance: Vec<Vec<f64>>,
}

impl Filter {
    /// Before anything is known: as the model is at any time.
    fn new(model: &Recursion) -> Self {
        let values = model.values.len().max(1);
        let size = values + model.noises.len();
        let mut weights = model.values.clone();
        weights.resize(values, 0.0);
        weights.extend(&model.noises);
        let effects = model.weights(size);
        let of_values = autocovariances(model, &effects);
        let between = |i: usize, j: usize| match (i < values, j < values) {
            (true, true) => of_values[i.abs_diff(j)],
            // A noise is in the values from its own time on.
            (true, false) => (j - values).checked_sub(i).map_or(0.0, |steps| effects[steps]),
            (false, true) => (i - values).checked_sub(j).map_or(0.0, |steps| effects[steps]),
            (false, false) => f64::from(u8::from(i == j)),
        };
        let covariance = (0..size).map(|i| (0..size).map(|j| between(i, j)).collect()).collect();
        Filter { values, weights, expected: vec![0.0; size], covariance }
    }

    /// A time passes: a value and a noise come before the others, of which the last ones are forgotten.
    fn step(&mut self) {
        let size = self.weights.len();
        let first = sum_of_products(&self.weights, &self.expected);
        self.expected.rotate_right(1);
        self.expected[0] = first;
        if size > self.values {
            self.expected[self.values] = 0.0;
        }
        let of_next: Vec<f64> =
            self.covariance.iter().map(|row| sum_of_products(row, &self.weights)).collect();
        let own = sum_of_products(&of_next, &self.weights) + 1.0;
        // Where each stood before; the new value and the new noise did not.
        let before = |at: usize| (at != 0 && at != self.values).then(|| at - 1);
        let between = |i: usize, j: usize| match (before(i), before(j)) {
            (Some(i), Some(j)) => self.covariance[i][j],
            (Some(old), None) | (None, Some(old)) if i == 0 || j == 0 => of_next[old],
            (None, None) if i == 0 && j == 0 => own,
            // A noise is in its own value, and in nothing before.
            (None, None) => 1.0,
            _ => 0.0,
        };
        self.covariance = (0..size).map(|i| (0..size).map(|j| between(i, j)).collect()).collect();
    }

    /// The latest value is known.
    fn see(&mut self, value: f64) {
        let first = self.covariance[0].clone();
        let surprise = (value - self.expected[0]) / first[0];
        for (i, row) in self.covariance.iter_mut().enumerate() {
            self.expected[i] += first[i] * surprise;
            row.iter_mut().zip(&first).for_each(|(c, of_first)| *c -= first[i] * of_first / first[0]);
        }
    }
}

fn sum_of_products(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Those of the values, from lag 0: g(k) - Σ φ(i) g(k-i) = Σ θ(j) ψ(j-k) over j from k on, with θ(0) = 1 and the weights ψ of
/// noises.
fn autocovariances(model: &Recursion, effects: &[f64]) -> Vec<f64> {
    let count = model.values.len() + 1;
    let noise = |j: usize| if j == 0 { 1.0 } else { model.noises[j - 1] };
    let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count);
    for k in 0..count {
        let mut row = vec![0.0; count + 1];
        row[k] = 1.0;
        for (i, coefficient) in model.values.iter().enumerate() {
            row[k.abs_diff(i + 1)] -= coefficient;
        }
        row[count] = (k..=model.noises.len()).map(|j| noise(j) * effects[j - k]).sum();
        rows.push(row);
    }
    solved(rows)
}

/// The solution of linear equations, by Gauss's elimination: a row has the coefficients of one, and then its right side.
fn solved(mut rows: Vec<Vec<f64>>) -> Vec<f64> {
    let count = rows.len();
    for at in 0..count {
        let largest = (at..count).max_by(|&a, &b| rows[a][at].abs().total_cmp(&rows[b][at].abs()));
        rows.swap(at, largest.unwrap_or(at));
        let pivot = rows[at].clone();
        for row in &mut rows[at + 1..] {
            let factor = row[at] / pivot[at];
            row.iter_mut().zip(&pivot).skip(at).for_each(|(x, own)| *x -= factor * own);
        }
    }
    let mut found = vec![0.0; count];
    for at in (0..count).rev() {
        let known = sum_of_products(&rows[at][at + 1..count], &found[at + 1..]);
        found[at] = (rows[at][count] - known) / rows[at][at];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(values: &[f64], noises: &[f64], past: &[f64]) -> Recursion {
        let [values, noises, past] = [values, noises, past].map(<[f64]>::to_vec);
        Recursion { constant: 0.0, values, noises, past, past_noises: Vec::new() }
    }

    #[test]
    fn noises_of_a_moving_average_by_hand() {
        // w = e + 0.5 e before: the variance of w is 1.25, and a first w of 2 has a noise of 2 / 1.25 = 1.6, which is known
        // but for 1 - 1 / 1.25 = 0.2. The second is expected to be 0.8, with a variance of 1 + 0.25 * 0.2 = 1.05: of a surprise
        // of 2.1 the noise takes 2.1 / 1.05.
        let noises = last_noises(&model(&[], &[0.5], &[2.0])).unwrap();
        assert!((noises[0] - 1.6).abs() < 1e-15, "{noises:?}");
        let noises = last_noises(&model(&[], &[0.5], &[2.0, 2.9])).unwrap();
        assert!((noises[0] - 2.0).abs() < 1e-14, "{noises:?}");
    }

    #[test]
    fn what_does_not_die_away_is_told() {
        for (coefficients, expected) in [
            (&[][..], true),
            (&[0.99], true),
            (&[1.0], false),
            (&[0.5, 0.6], false),
            (&[1.2, -0.5], true),
            (&[f64::NAN], false),
        ] {
            assert_eq!(is_stationary(coefficients), expected, "{coefficients:?}");
        }
        assert!(last_noises(&model(&[1.5], &[0.5], &[1.0])).is_err());
        assert!(last_noises(&model(&[0.5], &vec![0.1; 3000], &[1.0; 1000])).is_err());
    }
}
