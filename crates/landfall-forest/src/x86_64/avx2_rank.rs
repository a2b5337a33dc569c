//! AVX2: ranks of float32 among a part's thresholds, eight at a time by halving. The thresholds of the first six levels come out
//! of registers, since to gather eight numbers takes as long as a dozen other instructions; those of the last two are gathered.

use crate::conditions::{LANES, PART, Part};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::real::{Numbers, Real};
use std::arch::x86_64::*;

/// Levels whose thresholds are in registers.
const IN_REGISTERS: usize = 6;

/// The bits of the values' ranks, the lowest first; `false` for numbers that are not float32.
#[inline]
#[target_feature(enable = "avx2")]
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

/// Of a value's way through 2^levels - 1 thresholds: which is asked at each place of the first levels, places being numbered from
/// 1 and those below i being 2 i and 2 i + 1.
const fn asked_first(levels: usize) -> [i32; 1 << IN_REGISTERS] {
    let mut asked = [0; 1 << IN_REGISTERS];
    let mut at = 1usize;
    while at < 1 << IN_REGISTERS && at < 1 << levels {
        let below = (1 << levels) >> at.ilog2();
        asked[at] = ((at - (1 << at.ilog2())) * below + below / 2 - 1) as i32;
        at += 1;
    }
    asked
}

/// A part of up to 2^LEVELS - 1 thresholds, and more than half as many.
#[inline]
#[target_feature(enable = "avx2")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    blocks: &[[f32; LANES]],
    values: &[f32],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    let mut filled = [f32::NAN; PART + 1];
    let mut list = blocks.as_flattened();
    if list.len() < 1 << LEVELS {
        filled[..list.len()].copy_from_slice(list);
        list = &filled[..1 << LEVELS];
    }
    assert!(list.len() == 1 << LEVELS && values.len() == ROWS && width <= ROWS);
    let asked = const { asked_first(LEVELS) };
    let mut tables = [_mm256_setzero_ps(); (1 << IN_REGISTERS) / 8];
    for (table, asked) in tables.iter_mut().zip(asked.as_chunks::<8>().0) {
        // SAFETY: all that is asked at a place is below 2^LEVELS.
        *table =
            unsafe { _mm256_i32gather_ps::<4>(list.as_ptr(), _mm256_loadu_si256(asked.as_ptr().cast())) };
    }
    planes[LEVELS..].fill(Mask::NONE);
    let mut eight = 0;
    while eight < width.div_ceil(8) {
        // SAFETY: there are `ROWS` values, of which each eight are whole.
        let x = unsafe { _mm256_loadu_ps(values.as_ptr().add(8 * eight)) };
        let mut at = _mm256_set1_epi32(1);
        let mut found = [_mm256_setzero_ps(); LEVELS];
        for level in 0..LEVELS {
            // A permutation takes the lowest three bits of a place; those above choose between what came out.
            let one = |i: usize| _mm256_permutevar8x32_ps(tables[i], at);
            let two = |i: usize, by: __m256| _mm256_blendv_ps(one(i), one(i + 1), by);
            let threshold = match level {
                0..=2 => one(0),
                3 => one(1),
                4 => two(2, found[0]),
                5 => _mm256_blendv_ps(two(4, found[1]), two(6, found[1]), found[0]),
                _ => {
                    let below = 1usize << (LEVELS - level);
                    let place = _mm256_sub_epi32(at, _mm256_set1_epi32(1 << level));
                    let place = _mm256_mullo_epi32(place, _mm256_set1_epi32(below as i32));
                    // SAFETY: a place on this level is one of 2^level, each of which has `below` thresholds.
                    unsafe { _mm256_i32gather_ps::<4>(list[below / 2 - 1..].as_ptr(), place) }
                }
            };
            let right = _mm256_cmp_ps::<COMPARISON>(x, threshold);
            // Lanes that go right are −1.
            at = _mm256_sub_epi32(_mm256_add_epi32(at, at), _mm256_castps_si256(right));
            found[level] = right;
            let bytes = bytemuck::cast_mut::<Mask, [u8; ROWS / 8]>(&mut planes[LEVELS - 1 - level]);
            bytes[eight] = _mm256_movemask_ps(right) as u8;
        }
        eight += 1;
    }
}
