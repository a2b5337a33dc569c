//! The normal distribution and its kin, to the last few bits of a double.

use super::{ALL, Function, double, finite, numbers};
use crate::value::Value;

pub(super) const TABLE: &[Function] = &[
    Function::of("erf", (1, 1), double, |_, applied, v| match numbers::<1>(v) {
        Some([x]) => finite(applied, erf(x)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("normalCDF", (3, 3), double, |_, applied, v| match numbers::<3>(v) {
        Some([x, mean, deviation]) => finite(applied, normal_cdf((x - mean) / spread(deviation))),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("normalPDF", (3, 3), double, |_, applied, v| match numbers::<3>(v) {
        Some([x, mean, deviation]) => finite(applied, normal_pdf((x - mean) / deviation) / spread(deviation)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("normalIDF", (3, 3), double, |_, applied, v| match numbers::<3>(v) {
        Some([p, mean, deviation]) => finite(applied, mean + spread(deviation) * normal_quantile(p)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("stdNormalCDF", (1, 1), double, |_, applied, v| match numbers::<1>(v) {
        Some([x]) => finite(applied, normal_cdf(x)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("stdNormalPDF", (1, 1), double, |_, applied, v| match numbers::<1>(v) {
        Some([x]) => finite(applied, normal_pdf(x)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    Function::of("stdNormalIDF", (1, 1), double, |_, applied, v| match numbers::<1>(v) {
        Some([p]) => finite(applied, normal_quantile(p)),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
];

/// A standard deviation; no number where it is none, which makes what is told of it invalid.
fn spread(deviation: f64) -> f64 {
    if deviation > 0.0 { deviation } else { f64::NAN }
}

/// Below, the power series of erf converges without loss; above, the continued fraction of erfc.
const SERIES_BELOW: f64 = 2.0;

/// The error function.
fn erf(x: f64) -> f64 {
    if x.abs() < SERIES_BELOW { series(x) } else { x.signum() * (1.0 - fraction(x.abs())) }
}

/// 1 - erf(x), exact where that is small.
fn erfc(x: f64) -> f64 {
    match x {
        _ if x < -SERIES_BELOW => 2.0 - fraction(-x),
        _ if x < SERIES_BELOW => 1.0 - series(x),
        _ => fraction(x),
    }
}

/// erf x = 2/√π e^(-x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)): all terms have one sign.
fn series(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
        if term.abs() <= sum.abs() * f64::EPSILON / 4.0 {
            break;
        }
    }
    sum * (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI
}

/// erfc x = e^(-x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), for x of 2 and more.
fn fraction(x: f64) -> f64 {
    if x > 27.3 || x.is_nan() {
        return if x.is_nan() { x } else { 0.0 };
    }
    let mut tail = x;
    for n in (1..=120).rev() {
        tail = x + f64::from(n) / 2.0 / tail;
    }
    (-x * x).exp() * std::f64::consts::FRAC_2_SQRT_PI / 2.0 / tail
}

fn normal_pdf(x: f64) -> f64 {
    (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The standard normal distribution function.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    erfc(-x / std::f64::consts::SQRT_2) / 2.0
}

/// Its inverse, by Newton's steps that Halley's term shortens: in the middle by how far the probability is from a half, which a
/// double tells exactly, elsewhere by the tail.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    match p {
        _ if !(0.0..=1.0).contains(&p) => return f64::NAN,
        0.0 => return f64::NEG_INFINITY,
        1.0 => return f64::INFINITY,
        _ => {}
    }
    let (away, tail) = (p - 0.5, p.min(1.0 - p));
    let is_middle = away.abs() < 0.25;
    // From the leading term; the steps do the rest.
    let start = (-2.0 * tail.ln()).sqrt();
    let mut x = match is_middle {
        true => away * (2.0 * std::f64::consts::PI).sqrt(),
        false => -(start - (1.0 + start.ln_1p()).ln().min(start)),
    };
    for _ in 0..60 {
        let above = match is_middle {
            true => erf(x / std::f64::consts::SQRT_2) / 2.0 - away,
            false => normal_cdf(x) - tail,
        };
        let error = above / normal_pdf(x);
        let step = error / (1.0 + x * error / 2.0);
        x -= step;
        if step.abs() <= x.abs() * 1e-16 {
            break;
        }
    }
    if is_middle || p <= 0.5 { x } else { -x }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 2e-15 * b.abs().max(1e-300) * 4.0, "{a:e} {b:e}");
    }

    #[test]
    fn known_values() {
        near(erf(0.5), 0.520_499_877_813_046_5);
        near(erf(2.5), 0.999_593_047_982_555);
        near(normal_cdf(-6.0), 9.865_876_450_376_946e-10);
        near(normal_cdf(1.0), 0.841_344_746_068_542_9);
        near(normal_quantile(0.975), 1.959_963_984_540_054);
        near(normal_quantile(1e-10), -6.361_340_902_404_055);
        assert_eq!(normal_quantile(0.5), 0.0);
        // As far from a half as 2^-30: that times the root of 2π, and a term that is below a double's last digit.
        near(normal_quantile(0.5 + f64::powi(0.5, 30)), f64::powi(0.5, 30) * std::f64::consts::TAU.sqrt());
        near(normal_quantile(0.3), -0.524_400_512_708_040_9);
        near(normal_quantile(0.7), 0.524_400_512_708_041);
        assert!(normal_quantile(1.5).is_nan());
    }
}
