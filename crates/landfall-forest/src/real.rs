//! The two float types that features and sums come in.

use std::fmt::Debug;
use std::ops::{Add, Mul};

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A float type that a library compares features in, or adds leaves up in.
pub trait Real:
    sealed::Sealed
    + Copy
    + PartialOrd
    + Add<Output = Self>
    + Mul<Output = Self>
    + Debug
    + Default
    + Send
    + Sync
    + bytemuck::Pod
    + 'static
{
    /// What stands for a missing value.
    const NAN: Self;
    /// Zero.
    const ZERO: Self;
    /// Above all numbers.
    const INFINITY: Self;

    /// The threshold that tells numbers of this type as this one does: from those at most as large, or from the smaller ones.
    /// NaN stays.
    fn bound(threshold: f64, at_most: bool) -> Self;
    /// Whether it is missing.
    fn is_nan(self) -> bool;
    /// The nearest number of this type.
    fn of(value: f64) -> Self;
    /// The same number.
    fn wide(self) -> f64;
    /// The same numbers, for code that is written for one of the two types.
    fn numbers(numbers: &[Self]) -> Numbers<'_>;
    /// The same numbers, to be changed.
    fn numbers_mut(numbers: &mut [Self]) -> NumbersMut<'_>;
}

/// Numbers of a type that is known.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// float32.
    F32(&'a [f32]),
    /// float64.
    F64(&'a [f64]),
}

/// As [`Numbers`].
#[derive(Debug)]
pub enum NumbersMut<'a> {
    /// float32.
    F32(&'a mut [f32]),
    /// float64.
    F64(&'a mut [f64]),
}

/// The same number in a type that holds all numbers of the other one.
#[inline(always)]
pub(crate) fn widened<R: Real, X: Real>(number: R) -> X {
    X::of(number.wide())
}

/// Numbers that are looked at before the next ones are.
const LOOKED_AT: usize = 256;

/// Writes numbers as float32, as many as there are; `false`, and some left out, where it does not hold one of them. NaN stays.
pub fn narrowed<X: Real>(numbers: &[X], into: &mut [f32]) -> bool {
    // No jump for each number, and few are looked at where one of the first ones does not fit.
    let mut parts = numbers.chunks(LOOKED_AT).zip(into.chunks_mut(LOOKED_AT));
    parts.all(|(numbers, into)| {
        numbers.iter().zip(into).fold(true, |held, (number, own)| {
            let wide = number.wide();
            *own = wide as f32;
            held & ((f64::from(*own) == wide) | wide.is_nan())
        })
    })
}

macro_rules! real {
    ($t:ty, $view:ident) => {
        #[allow(clippy::unnecessary_cast, reason = "one of the two types needs the cast")]
        impl Real for $t {
            const NAN: Self = <$t>::NAN;
            const ZERO: Self = 0.0;
            const INFINITY: Self = <$t>::INFINITY;

            #[inline]
            fn bound(threshold: f64, at_most: bool) -> Self {
                let nearest = threshold as $t;
                match (at_most, nearest as f64) {
                    (true, found) if found > threshold => nearest.next_down(),
                    (false, found) if found < threshold => nearest.next_up(),
                    _ => nearest,
                }
            }

            #[inline]
            fn is_nan(self) -> bool {
                self.is_nan()
            }

            #[inline]
            fn of(value: f64) -> Self {
                value as $t
            }

            #[inline]
            fn wide(self) -> f64 {
                f64::from(self)
            }

            #[inline(always)]
            fn numbers(numbers: &[Self]) -> Numbers<'_> {
                Numbers::$view(numbers)
            }

            #[inline(always)]
            fn numbers_mut(numbers: &mut [Self]) -> NumbersMut<'_> {
                NumbersMut::$view(numbers)
            }
        }
    };
}
real!(f32, F32);
real!(f64, F64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_tells_narrower_numbers_as_the_threshold_does() {
        let near = |x: f32| [x.next_down(), x, x.next_up()];
        let numbers = [0.0, -0.0, 1e-45, -1e-45, 0.1, -0.1, 16_777_217.0, f32::MAX, f32::MIN, f32::INFINITY];
        let numbers: Vec<f32> = numbers.into_iter().chain([f32::NEG_INFINITY]).flat_map(near).collect();
        let halfway = |x: &f32| [f64::from(*x).next_down(), f64::from(*x), f64::from(*x).next_up()];
        let others = [0.1, -0.1, 1e-50, -1e-50, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY];
        for threshold in numbers.iter().flat_map(halfway).chain(others) {
            let (floor, ceiling) = (f32::bound(threshold, true), f32::bound(threshold, false));
            for &x in &numbers {
                assert_eq!(x <= floor, f64::from(x) <= threshold, "{x:e} <= {threshold:e}");
                assert_eq!(x < ceiling, f64::from(x) < threshold, "{x:e} < {threshold:e}");
            }
        }
        assert!(f32::bound(f64::NAN, true).is_nan() && f64::bound(0.1, false) == 0.1);
    }

    #[test]
    fn numbers_that_float32_holds_are_told_from_others() {
        let held = [0.5, -0.0, f64::NAN, f64::INFINITY, 1e-45f32.into(), f32::MAX.into()].repeat(100);
        let mut into = vec![0.0; held.len()];
        assert!(narrowed(&held, &mut into) && into[1].to_bits() == 1 << 31 && into[599] == f32::MAX);
        for other in [0.1, 1e-50, 1e300, 16_777_217.0, f64::from(f32::MAX).next_up()] {
            for place in [0, 300, 599] {
                let mut numbers = held.clone();
                numbers[place] = other;
                assert!(!narrowed(&numbers, &mut into), "{other:e} at {place}");
            }
        }
        assert!(narrowed::<f64>(&[], &mut []));
    }
}
