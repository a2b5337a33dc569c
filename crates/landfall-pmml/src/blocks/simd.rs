//! The widest instructions of the processor for plain loops, and an exponential that such loops can hold.

/// Plain loops over columns. What implements it marks [`Loops::run`] and all that it calls `#[inline(always)]`: a
/// function that stays on its own is compiled for every processor.
pub(crate) trait Loops {
    /// As [`super::Block::run`].
    fn run(&self, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>);
}

/// Runs loops compiled for the widest vectors that this processor has. The numbers are the same on all: the order of
/// operations stays, and nothing is fused but what says so by [`f64::mul_add`], which rounds once on every processor (one
/// without an instruction for it, on x86 of before 2013, takes a function of the C library, and much longer).
pub(crate) fn widest<L: Loops>(
    loops: &L,
    columns: &[f64],
    rows: usize,
    values: &mut [f64],
    scratch: &mut Vec<f64>,
) {
    #[cfg(target_arch = "x86_64")]
    {
        #[expect(unsafe_code, reason = "functions for processors that have these features")]
        // SAFETY: each function is called only where the processor has the features that it was compiled for.
        unsafe {
            let fuses = is_x86_feature_detected!("fma");
            if fuses && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                return avx512(loops, columns, rows, values, scratch);
            }
            if fuses && is_x86_feature_detected!("avx2") {
                return avx2(loops, columns, rows, values, scratch);
            }
        }
    }
    loops.run(columns, rows, values, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
fn avx512<L: Loops>(loops: &L, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
    loops.run(columns, rows, values, scratch);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<L: Loops>(loops: &L, columns: &[f64], rows: usize, values: &mut [f64], scratch: &mut Vec<f64>) {
    loops.run(columns, rows, values, scratch);
}

/// One step over a number. What implements it marks [`Step::of`] `#[inline(always)]`, as [`Loops`] do.
pub(crate) trait Step {
    /// What becomes of a number.
    fn of(&self, x: f64) -> f64;
}

/// A step over each number of a column.
struct Each<S>(S);

impl<S: Step> Loops for Each<S> {
    #[inline(always)]
    fn run(&self, _: &[f64], _: usize, values: &mut [f64], _: &mut Vec<f64>) {
        // Not by a closure: that may stay on its own.
        for value in values {
            *value = self.0.of(*value);
        }
    }
}

/// Replaces each number by what a step makes of it, as [`widest`] runs loops.
pub(crate) fn each(values: &mut [f64], step: impl Step) {
    widest(&Each(step), &[], 0, values, &mut Vec::new());
}

/// Adding it rounds to a whole number, which the lowest bits then hold.
const ROUNDS: f64 = 6_755_399_441_055_744.0;

/// e to the power of x, within an ulp or so, without a branch: x = k ln 2 + r with |r| <= ln 2 / 2, then a polynomial
/// for e^r (its Taylor coefficients: at degree 13 the rest is below half an ulp) times 2^k in two steps, so that small
/// results lose their bits as they should.
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let bounded = x.clamp(-746.0, 710.0);
    let shifted = bounded * std::f64::consts::LOG2_E + ROUNDS;
    let k = shifted - ROUNDS;
    let r = (bounded - k * LN2_HIGH) - k * LN2_LOW;
    let mut sum = 1.0 / 6_227_020_800.0;
    for inverse in [
        1.0 / 479_001_600.0,
        1.0 / 39_916_800.0,
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
    ] {
        sum = sum * r + inverse;
    }
    let power = 1.0 + (r + r * r * sum);
    let whole = (shifted.to_bits() as i64).wrapping_sub(ROUNDS.to_bits() as i64);
    let half = whole >> 1;
    let scale = |k: i64| f64::from_bits(((k + 1023) << 52) as u64);
    let result = power * scale(half) * scale(whole - half);
    if x.is_nan() { x } else { result }
}

/// 2 to the power of x for x up to 1022, within an ulp: x = k + r with |r| <= 1/2, a polynomial for 2^r (through its
/// values at the Chebyshev points of that range, 2e-17 off at most), and k added to the exponent. Nothing below 2^-1021.
#[inline(always)]
pub(crate) fn power_of_two(x: f64) -> f64 {
    let shifted = x + ROUNDS;
    let r = x - (shifted - ROUNDS);
    let mut power = 4.454_960_598_186_518_6e-10;
    for coefficient in [
        7.072_585_949_269_223e-9,
        1.017_806_244_584_577_4e-7,
        1.321_544_258_792_169e-6,
        1.525_273_382_983_612e-5,
        1.540_353_044_173_605e-4,
        1.333_355_814_641_693_6e-3,
        9.618_129_107_606_888e-3,
        5.550_410_866_482_16e-2,
        2.402_265_069_591_009_7e-1,
        std::f64::consts::LN_2,
        1.0,
    ] {
        power = r.mul_add(power, coefficient);
    }
    // The number's lowest bits are those of k.
    let scaled = f64::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 52));
    let result = if x >= -1021.0 { scaled } else { 0.0 };
    if x.is_nan() { x } else { result }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_within_two_ulps() {
        for step in -74_000..71_000 {
            let x = f64::from(step) * 0.009_97;
            let (ours, theirs) = (exp(x), x.exp());
            let distance = (ours.to_bits() as i64).abs_diff(theirs.to_bits() as i64);
            assert!(distance <= 2, "e^{x}: {ours:e}, expected {theirs:e}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert_eq!(exp(f64::INFINITY), f64::INFINITY);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn powers_of_two_are_within_an_ulp() {
        for step in -102_000..102_000 {
            let x = f64::from(step) * 0.009_97;
            let (ours, theirs) = (power_of_two(x), x.exp2());
            let distance = (ours.to_bits() as i64).abs_diff(theirs.to_bits() as i64);
            assert!(distance <= 1, "2^{x}: {ours:e}, expected {theirs:e}");
        }
        assert_eq!((power_of_two(0.0), power_of_two(-3.0)), (1.0, 0.125));
        assert_eq!((power_of_two(-1e300), power_of_two(f64::NEG_INFINITY)), (0.0, 0.0));
    }

    struct Powers;

    impl Loops for Powers {
        #[inline(always)]
        fn run(&self, columns: &[f64], _: usize, values: &mut [f64], _: &mut Vec<f64>) {
            values.iter_mut().zip(columns).for_each(|(value, x)| *value = exp(*x) + power_of_two(*x));
        }
    }

    #[test]
    fn wide_loops_give_the_same_bits() {
        let numbers: Vec<f64> = (0..1000).map(|n| f64::from(n) * 0.37 - 180.0).collect();
        let plain: Vec<u64> = numbers.iter().map(|x| (exp(*x) + power_of_two(*x)).to_bits()).collect();
        let mut wide = vec![0.0; numbers.len()];
        widest(&Powers, &numbers, numbers.len(), &mut wide, &mut Vec::new());
        assert_eq!(plain, wide.iter().map(|y| y.to_bits()).collect::<Vec<_>>());
    }
}
