//! AVX-512: ranks of float32 among a part's thresholds, sixteen at a time by halving. Each comparison is a bit of the ranks,
//! and thresholds come out of registers.

use crate::conditions::Part;
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::real::{Numbers, Real};
use std::arch::x86_64::*;

/// The bits of the values' ranks, the lowest first; `false` for numbers that are not float32.
#[inline]
#[target_feature(enable = "avx512f")]
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
#[target_feature(enable = "avx512f")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    halves: &[f32],
    values: &[f32],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    assert!(halves.len() == 1 << LEVELS && values.len() == ROWS && width <= ROWS);
    let mut tables = [_mm512_setzero_ps(); 1 << (BITS - 4)];
    for (table, halves) in tables.iter_mut().zip(halves.chunks_exact(16)) {
        // SAFETY: a chunk has sixteen float32.
        *table = unsafe { _mm512_loadu_ps(halves.as_ptr()) };
    }
    planes[LEVELS..].fill(Mask::NONE);
    // Told no number, the compiler adds it under a mask; else it makes a number of the mask first, which takes longer.
    let one = _mm512_set1_epi32(std::hint::black_box(1));
    let middle = _mm512_set1_ps(halves[1]);
    for sixteen in 0..width.div_ceil(16) {
        // SAFETY: there are `ROWS` values, of which each sixteen are whole.
        let x = unsafe { _mm512_loadu_ps(values.as_ptr().add(16 * sixteen)) };
        let mut at = one;
        let mut found = [0u16; LEVELS];
        for level in 0..LEVELS {
            // A permutation takes the low bits of a place; those above chose between registers before.
            let pair = |i: usize| _mm512_permutex2var_ps(tables[2 * i], at, tables[2 * i + 1]);
            let threshold = match level {
                0 => middle,
                1..=3 => _mm512_permutexvar_ps(at, tables[0]),
                4 => _mm512_permutexvar_ps(at, tables[1]),
                5 => pair(1),
                6 => _mm512_mask_blend_ps(found[0], pair(2), pair(3)),
                _ => {
                    let [low, high] = [
                        _mm512_mask_blend_ps(found[1], pair(4), pair(5)),
                        _mm512_mask_blend_ps(found[1], pair(6), pair(7)),
                    ];
                    _mm512_mask_blend_ps(found[0], low, high)
                }
            };
            let right = _mm512_cmp_ps_mask::<COMPARISON>(x, threshold);
            at = _mm512_add_epi32(at, at);
            at = _mm512_mask_add_epi32(at, right, at, one);
            found[level] = right;
        }
        for level in 0..LEVELS {
            bytemuck::cast_mut::<Mask, [u16; ROWS / 16]>(&mut planes[LEVELS - 1 - level])[sixteen] =
                found[level];
        }
    }
}
