//! AVX-512: ranks of float32 among a part's thresholds, sixteen at a time by halving. Each comparison is a bit of the ranks,
//! and thresholds come out of registers: first the blocks' last ones, which tell a value's block, then those of the blocks,
//! turned so that a register has one of each block.

use super::avx512_square::turned;
use crate::conditions::{LANES, Part};
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
    let thresholds = X::numbers(part.blocks.as_flattened());
    let (Numbers::F32(thresholds), Numbers::F32(values)) = (thresholds, X::numbers(values)) else {
        return false;
    };
    let (blocks, _) = thresholds.as_chunks::<LANES>();
    by_size!(part, blocks, values, width, planes)
}

/// Of a value's way through the blocks' last thresholds: which of them is asked at each place, places being numbered from 1 and
/// those below i being 2 i and 2 i + 1. The last thresholds of so many blocks follow those of as many that there are not.
pub(super) const fn asked_of_ends(blocks: usize) -> [i32; LANES] {
    let mut asked = [0; LANES];
    let mut at = 1usize;
    while at < blocks {
        let below = blocks >> at.ilog2();
        let end = (at - (1 << at.ilog2())) * below + below / 2 - 1;
        asked[at] = ((blocks + end) % LANES) as i32;
        at += 1;
    }
    asked
}

/// A part of up to 2^LEVELS - 1 thresholds, and more than half as many.
#[inline]
#[target_feature(enable = "avx512f")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    blocks: &[[f32; LANES]],
    values: &[f32],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    let count = 1 << (LEVELS - 4);
    assert!(blocks.len() > count / 2 && blocks.len() <= count && values.len() == ROWS && width <= ROWS);
    // A place below the ends' is, but for its fifth bit, the lane of its block.
    let mut rows = [_mm512_set1_ps(f32::NAN); LANES];
    for (block, thresholds) in blocks.iter().enumerate() {
        // SAFETY: a block has sixteen float32.
        rows[(count + block) % LANES] = unsafe { _mm512_loadu_ps(thresholds.as_ptr()) };
    }
    let tables = turned(rows);
    let asked = const { asked_of_ends(1 << (LEVELS - 4)) };
    // SAFETY: there are sixteen numbers of 4 bytes.
    let asked = unsafe { _mm512_loadu_si512(asked.as_ptr().cast()) };
    let ends = _mm512_permutexvar_ps(asked, tables[LANES - 1]);
    planes[LEVELS..].fill(Mask::NONE);
    // Told no number, the compiler adds it under a mask; else it makes a number of the mask first, which takes longer.
    let one = _mm512_set1_epi32(std::hint::black_box(1));
    let second = _mm512_set1_epi32(LANES as i32);
    let middle = _mm512_set1_ps(blocks[count / 2 - 1][LANES - 1]);
    for sixteen in 0..width.div_ceil(16) {
        // SAFETY: there are `ROWS` values, of which each sixteen are whole.
        let x = unsafe { _mm512_loadu_ps(values.as_ptr().add(16 * sixteen)) };
        let mut at = one;
        let mut found = [0u16; LEVELS];
        let mut level = 0;
        while level < LEVELS - 4 {
            let threshold = if level == 0 { middle } else { _mm512_permutexvar_ps(at, ends) };
            let right = _mm512_cmp_ps_mask::<COMPARISON>(x, threshold);
            at = _mm512_add_epi32(at, at);
            at = _mm512_mask_add_epi32(at, right, at, one);
            found[level] = right;
            level += 1;
        }
        // Of the block's others, one of two for each answer that is known: by the first one within a permutation.
        at = _mm512_andnot_si512(second, at);
        let by = LEVELS - 4;
        found[by] = _mm512_cmp_ps_mask::<COMPARISON>(x, _mm512_permutexvar_ps(at, tables[7]));
        at = _mm512_mask_or_epi32(at, found[by], at, second);
        let pair = |i: usize| _mm512_permutex2var_ps(tables[i], at, tables[i + 8]);
        found[by + 1] = _mm512_cmp_ps_mask::<COMPARISON>(x, pair(3));
        let threshold = _mm512_mask_blend_ps(found[by + 1], pair(1), pair(5));
        found[by + 2] = _mm512_cmp_ps_mask::<COMPARISON>(x, threshold);
        let left = _mm512_mask_blend_ps(found[by + 2], pair(0), pair(2));
        let right = _mm512_mask_blend_ps(found[by + 2], pair(4), pair(6));
        let threshold = _mm512_mask_blend_ps(found[by + 1], left, right);
        found[by + 3] = _mm512_cmp_ps_mask::<COMPARISON>(x, threshold);
        for level in 0..LEVELS {
            bytemuck::cast_mut::<Mask, [u16; ROWS / 16]>(&mut planes[LEVELS - 1 - level])[sixteen] =
                found[level];
        }
    }
}
