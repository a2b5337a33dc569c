//! The ranked kernel compiled for instruction sets that not every x86-64 has. Its code is safe and the same; what is
//! unsafe is to call it, and to load vectors, and is argued for here.
#![expect(
    unsafe_code,
    reason = "functions of an instruction set may be called only where the processor has it"
)]

use crate::Real;
use crate::blocks::{Count, Job, Plainly};
use crate::ranked::LANES;
use crate::real::View;
use std::arch::x86_64::{
    __m512, __m512d, _CMP_LE_OQ, _CMP_LT_OQ, _mm256_cmp_pd, _mm256_cmp_ps, _mm256_loadu_pd, _mm256_loadu_ps,
    _mm256_movemask_pd, _mm256_movemask_ps, _mm256_set1_pd, _mm256_set1_ps, _mm512_cmp_pd_mask,
    _mm512_cmp_ps_mask, _mm512_loadu_pd, _mm512_loadu_ps, _mm512_set1_pd, _mm512_set1_ps,
};

/// Whether the processor has what [`avx512`] is compiled for.
pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("popcnt")
}

/// Whether the processor has what [`avx2`] is compiled for.
pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("popcnt")
}

/// With AVX-512 where the processor has it, else as [`avx2`].
pub(crate) fn avx512<X: Real, Y: Real>(job: &Job<'_, X, Y>, sums: &mut [Y]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,popcnt")]
    fn run<X: Real, Y: Real>(job: &Job<'_, X, Y>, sums: &mut [Y]) {
        job.run(sums, &ByMask(()));
    }
    if has_avx512() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        avx2(job, sums);
    }
}

/// With AVX2 where the processor has it.
pub(crate) fn avx2<X: Real, Y: Real>(job: &Job<'_, X, Y>, sums: &mut [Y]) {
    #[target_feature(enable = "avx2,popcnt")]
    fn run<X: Real, Y: Real>(job: &Job<'_, X, Y>, sums: &mut [Y]) {
        job.run(sums, &BySigns(()));
    }
    if has_avx2() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        job.run(sums, &Plainly);
    }
}

/// Counts by the bits of a comparison's mask. Made within [`avx512`] alone, where the processor is known to have AVX-512 F
/// and POPCNT.
struct ByMask(());

impl<X: Real> Count<X> for ByMask {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: a `ByMask` is made only where the processor has AVX-512 F and POPCNT.
        unsafe { count_512::<X, _CMP_LT_OQ>(thresholds, x) }
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: as above.
        unsafe { count_512::<X, _CMP_LE_OQ>(thresholds, x) }
    }
}

/// How many thresholds compare so with x; ordered, so that NaN on either side counts nothing.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn count_512<X: Real, const COMPARISON: i32>(thresholds: &[X; LANES], x: X) -> u32 {
    match X::views(thresholds) {
        View::F32(thresholds) => {
            // SAFETY: sixteen float32, of any alignment, are behind the pointer.
            let thresholds: __m512 = unsafe { _mm512_loadu_ps(thresholds.as_ptr()) };
            let x = _mm512_set1_ps(x.wide() as f32);
            u32::from(_mm512_cmp_ps_mask::<COMPARISON>(thresholds, x)).count_ones()
        }
        View::F64(thresholds) => {
            let (low, high) = thresholds.split_at(LANES / 2);
            // SAFETY: eight float64, of any alignment, are behind each pointer.
            let halves: [__m512d; 2] =
                unsafe { [_mm512_loadu_pd(low.as_ptr()), _mm512_loadu_pd(high.as_ptr())] };
            let x = _mm512_set1_pd(x.wide());
            halves.iter().map(|&half| u32::from(_mm512_cmp_pd_mask::<COMPARISON>(half, x)).count_ones()).sum()
        }
    }
}

/// Counts by the signs of a comparison's lanes. Made within [`avx2`] alone, where the processor is known to have AVX2 and
/// POPCNT.
struct BySigns(());

impl<X: Real> Count<X> for BySigns {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: a `BySigns` is made only where the processor has AVX2 and POPCNT.
        unsafe { count_256::<X, _CMP_LT_OQ>(thresholds, x) }
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: as above.
        unsafe { count_256::<X, _CMP_LE_OQ>(thresholds, x) }
    }
}

/// As [`count_512`].
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_256<X: Real, const COMPARISON: i32>(thresholds: &[X; LANES], x: X) -> u32 {
    match X::views(thresholds) {
        View::F32(thresholds) => {
            let x = _mm256_set1_ps(x.wide() as f32);
            let part = |start: usize| {
                // SAFETY: eight float32, of any alignment, are behind the pointer to a part that was cut out as such.
                let part = unsafe { _mm256_loadu_ps(thresholds[start..start + 8].as_ptr()) };
                _mm256_movemask_ps(_mm256_cmp_ps::<COMPARISON>(part, x)).cast_unsigned()
            };
            (part(0) | part(8) << 8).count_ones()
        }
        View::F64(thresholds) => {
            let x = _mm256_set1_pd(x.wide());
            let part = |start: usize| {
                // SAFETY: four float64, of any alignment, are behind the pointer to a part that was cut out as such.
                let part = unsafe { _mm256_loadu_pd(thresholds[start..start + 4].as_ptr()) };
                _mm256_movemask_pd(_mm256_cmp_pd::<COMPARISON>(part, x)).cast_unsigned()
            };
            (part(0) | part(4) << 4 | part(8) << 8 | part(12) << 12).count_ones()
        }
    }
}
