//! AVX2: 8 values, or 32 ranks, against a threshold give the signs of a mask.

use super::{avx2_leaves, avx2_rank};
use crate::Real;
use crate::blocks::{Job, Machine};
use crate::conditions::{Count, LANES, Part};
use crate::few::{ByRanks, RowJob};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::plain::Plain;
use crate::processor::has_avx2;
use crate::real::{Numbers, NumbersMut};
use std::arch::x86_64::*;

/// With AVX2 where the processor has it.
pub(crate) fn avx2<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
    #[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
    fn run<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
        job.run(sums, &Avx2::new());
    }
    if has_avx2() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        job.run(sums, &Plain);
    }
}

/// A few rows, with AVX2 where the processor has it.
pub(crate) fn avx2_row<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(
    job: &RowJob<'_, R, X, Y, L>,
    sums: &mut [Y],
) {
    #[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
    fn run<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(job: &RowJob<'_, R, X, Y, L>, sums: &mut [Y]) {
        job.run(sums, &Avx2::new());
    }
    if has_avx2() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        job.run(sums, &Plain);
    }
}

/// Made where the processor is known to have what this file is compiled for: by [`Avx2::new`] alone.
pub(super) struct Avx2(());

impl Avx2 {
    #[inline]
    #[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
    pub(super) fn new() -> Self {
        Avx2(())
    }
}

impl<X: Real> Count<X> for Avx2 {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: an `Avx2` is made only where the processor has what the function is compiled for.
        unsafe { compare::<X, _CMP_LT_OQ>(thresholds, x) }.count_ones()
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: as above.
        unsafe { compare::<X, _CMP_LE_OQ>(thresholds, x) }.count_ones()
    }
}

impl<X: Real, Y: Real> Machine<X, Y> for Avx2 {
    #[inline(always)]
    fn right_of(
        &self,
        values: &[X; ROWS],
        threshold: X,
        at_most: bool,
        missing_right: bool,
        into: &mut Mask,
    ) {
        let (parts, _) = values.as_chunks::<LANES>();
        for word in 0..ROWS / 64 {
            let mut all = 0;
            for part in 0..4 {
                let values = &parts[word * 4 + part];
                // What is not to the left: a comparison that holds for NaN, and one that does not.
                // SAFETY: an `Avx2` is made only where the processor has what the functions are compiled for.
                let bits = unsafe {
                    match (at_most, missing_right) {
                        (false, true) => compare::<X, _CMP_NLT_UQ>(values, threshold),
                        (false, false) => compare::<X, _CMP_GE_OQ>(values, threshold),
                        (true, true) => compare::<X, _CMP_NLE_UQ>(values, threshold),
                        (true, false) => compare::<X, _CMP_GT_OQ>(values, threshold),
                    }
                };
                all |= u64::from(bits) << (16 * part);
            }
            into.0[word] = all;
        }
    }

    #[inline(always)]
    fn rank(&self, part: &Part<X>, values: &[X; ROWS], width: usize, planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        if unsafe { avx2_rank::planes(part, values, width, planes) } {
            return;
        }
        <Self as Machine<X, Y>>::rank_by_bytes(self, part, values, width, planes);
    }

    #[inline(always)]
    fn planes(&self, bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        unsafe { planes_of(bytes, planes) }
    }

    #[inline(always)]
    fn add(&self, planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
        // SAFETY: as above.
        unsafe {
            match (Y::numbers(leaves), Y::numbers_mut(sums)) {
                (Numbers::F32(leaves), NumbersMut::F32(sums)) if leaves.len() <= avx2_leaves::CHOSEN => {
                    avx2_leaves::choose(planes, leaves, sums);
                }
                _ => avx2_leaves::read(planes, leaves, sums),
            }
        }
    }
}

/// A bit for each of sixteen values that compares so with x.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn compare<X: Real, const COMPARISON: i32>(values: &[X; LANES], x: X) -> u32 {
    match X::numbers(values) {
        Numbers::F32(values) => {
            let x = _mm256_set1_ps(x.wide() as f32);
            let part = |start: usize| {
                // SAFETY: eight float32, of any alignment, are behind the pointer to a part that was cut out as such.
                let part = unsafe { _mm256_loadu_ps(values[start..start + 8].as_ptr()) };
                _mm256_movemask_ps(_mm256_cmp_ps::<COMPARISON>(part, x)).cast_unsigned()
            };
            part(0) | part(8) << 8
        }
        Numbers::F64(values) => {
            let x = _mm256_set1_pd(x.wide());
            let part = |start: usize| {
                // SAFETY: four float64, of any alignment, are behind the pointer to a part that was cut out as such.
                let part = unsafe { _mm256_loadu_pd(values[start..start + 4].as_ptr()) };
                _mm256_movemask_pd(_mm256_cmp_pd::<COMPARISON>(part, x)).cast_unsigned()
            };
            part(0) | part(4) << 4 | part(8) << 8 | part(12) << 12
        }
    }
}

/// The bits of bytes: signs, after a byte's other bits have come to the place of the sign one after the other.
#[inline]
#[target_feature(enable = "avx2")]
fn planes_of(bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
    for word in 0..ROWS / 64 {
        // SAFETY: there are 64 bytes for each word, of which each half has 32.
        let [mut low, mut high] =
            [0, 32].map(|half| unsafe { _mm256_loadu_si256(bytes.as_ptr().add(word * 64 + half).cast()) });
        for plane in planes.iter_mut().rev() {
            let [low_bits, high_bits] = [low, high].map(|half| _mm256_movemask_epi8(half).cast_unsigned());
            plane.0[word] = u64::from(low_bits) | u64::from(high_bits) << 32;
            (low, high) = (_mm256_add_epi8(low, low), _mm256_add_epi8(high, high));
        }
    }
}
