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

macro_rules! real {
    ($t:ty, $view:ident) => {
        #[allow(clippy::unnecessary_cast, reason = "one of the two types needs the cast")]
        impl Real for $t {
            const NAN: Self = <$t>::NAN;
            const ZERO: Self = 0.0;
            const INFINITY: Self = <$t>::INFINITY;

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
