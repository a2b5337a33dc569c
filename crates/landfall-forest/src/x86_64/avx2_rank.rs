//! AVX2: ranks of float32 among a part's thresholds, eight at a time by halving. The first three levels' thresholds come out
//! of a register, the others from the first-level cache.

use crate::conditions::Part;
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::real::{Numbers, Real};
use std::arch::x86_64::*;

/// Levels whose thresholds are in a register.
const IN_REGISTER: usize = 3;

/// The bits of the values' ranks, the lowest first; `false` for numbers that are not float32.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn planes<X: Real>(
    part: &Part<X>,
    values: &[X; ROWS],
    width: usize,
    planes: &mut [Mask; BITS],
) -> bool {
    let (Numbers::F32(halves), Numbers::F32(values)) = (X::numbers(&part.halves), X::numbers(values)) else {
        return false;
    };
    by_size!(part, halves, values, width, planes)
}

/// A part of 2^LEVELS - 1 thresholds.
#[inline]
#[target_feature(enable = "avx2")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    halves: &[f32],
    values: &[f32],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    assert!(halves.len() == 1 << LEVELS && values.len() == ROWS && width <= ROWS);
    // SAFETY: there are eight float32 and more.
    let first = unsafe { _mm256_loadu_ps(halves.as_ptr()) };
    planes[LEVELS..].fill(Mask::NONE);
    let mut eight = 0;
    while eight < width.div_ceil(8) {
        // SAFETY: there are `ROWS` values, of which each eight are whole.
        let x = unsafe { _mm256_loadu_ps(values.as_ptr().add(8 * eight)) };
        let mut at = _mm256_set1_epi32(1);
        for level in 0..LEVELS {
            let threshold = if level < IN_REGISTER {
                _mm256_permutevar8x32_ps(first, at)
            } else {
                // SAFETY: a place on this level is below 2^(level + 1), and there are 2^LEVELS thresholds.
                unsafe { _mm256_i32gather_ps::<4>(halves.as_ptr(), at) }
            };
            let right = _mm256_cmp_ps::<COMPARISON>(x, threshold);
            // Lanes that go right are −1.
            at = _mm256_sub_epi32(_mm256_add_epi32(at, at), _mm256_castps_si256(right));
            let bytes = bytemuck::cast_mut::<Mask, [u8; ROWS / 8]>(&mut planes[LEVELS - 1 - level]);
            bytes[eight] = _mm256_movemask_ps(right) as u8;
        }
        eight += 1;
    }
}
