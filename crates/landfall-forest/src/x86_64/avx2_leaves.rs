//! AVX2: leaves of many rows, by the bits of their numbers, added to sums.

use crate::Real;
use crate::mask::{LEAVES, Mask};
use std::arch::x86_64::*;

/// Leaves that are quicker to choose among in registers than to read.
pub(super) const CHOSEN: usize = 64;

/// The leaves' numbers of 32 rows, whose bits lie in half a word of each plane.
#[inline]
#[target_feature(enable = "avx2")]
fn numbers(planes: &[Mask], word: usize, half: usize) -> __m256i {
    // Each byte of a plane eight times, and of each one bit.
    let eight = |byte: u64| (byte * 0x0101_0101_0101_0101).cast_signed();
    let bytes = _mm256_setr_epi64x(eight(0), eight(1), eight(2), eight(3));
    let bits = _mm256_set1_epi64x(0x8040_2010_0804_0201u64.cast_signed());
    let mut numbers = _mm256_setzero_si256();
    for (bit, plane) in planes.iter().enumerate() {
        let rows = _mm256_set1_epi32((plane.0[word] >> (32 * half)) as i32);
        let own = _mm256_and_si256(_mm256_shuffle_epi8(rows, bytes), bits);
        let is_set = _mm256_cmpeq_epi8(own, bits);
        numbers = _mm256_or_si256(numbers, _mm256_and_si256(is_set, _mm256_set1_epi8(1 << bit)));
    }
    numbers
}

/// Adds leaves that are read one by one.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn read<Y: Real>(planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
    let mut all = [Y::ZERO; LEAVES];
    let leaves: &[Y; LEAVES] = match leaves.try_into() {
        Ok(leaves) => leaves,
        Err(_) => {
            all[..leaves.len()].copy_from_slice(leaves);
            &all
        }
    };
    for (word, sums) in sums.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        for half in 0..2 {
            let mut bytes = [0u8; 32];
            // SAFETY: 32 bytes, of any alignment, are behind the pointer.
            unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), numbers(planes, word, half)) };
            for i in 0..32 {
                let sum = &mut sums[32 * half + i];
                *sum = *sum + leaves[usize::from(bytes[i])];
            }
        }
    }
}

/// Adds leaves, of which there are at most [`CHOSEN`].
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn choose(planes: &[Mask], leaves: &[f32], sums: &mut [f32]) {
    match planes.len() {
        0..=3 => choose_by::<3>(planes, leaves, sums),
        4 => choose_by::<4>(planes, leaves, sums),
        5 => choose_by::<5>(planes, leaves, sums),
        _ => choose_by::<6>(planes, leaves, sums),
    }
}

/// For leaves whose numbers have so many bits: three choose within a register, the others between what came out of them.
#[inline]
#[target_feature(enable = "avx2")]
fn choose_by<const BITS: usize>(planes: &[Mask], leaves: &[f32], sums: &mut [f32]) {
    let mut all = [0.0; CHOSEN];
    all[..leaves.len()].copy_from_slice(leaves);
    // SAFETY: eight times eight float32 are there.
    let tables: [__m256; CHOSEN / 8] =
        std::array::from_fn(|i| unsafe { _mm256_loadu_ps(all.as_ptr().add(8 * i)) });
    for (word, sums) in sums.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        let halves = [numbers(planes, word, 0), numbers(planes, word, 1)];
        for (part, sums) in sums.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let half = halves[part / 4];
            let quarter =
                if part % 4 < 2 { _mm256_castsi256_si128(half) } else { _mm256_extracti128_si256::<1>(half) };
            let eight = if part % 2 == 0 { quarter } else { _mm_unpackhi_epi64(quarter, quarter) };
            let at = _mm256_cvtepu8_epi32(eight);
            // A bit that chooses comes to the place of the sign.
            let by = |bit: i32| _mm256_castsi256_ps(_mm256_sllv_epi32(at, _mm256_set1_epi32(31 - bit)));
            let mut chosen = [_mm256_setzero_ps(); CHOSEN / 8];
            for i in 0..1 << (BITS - 3) {
                chosen[i] = _mm256_permutevar8x32_ps(tables[i], at);
            }
            for bit in 3..BITS {
                for pair in 0..1 << (BITS - bit - 1) {
                    chosen[pair] = _mm256_blendv_ps(chosen[2 * pair], chosen[2 * pair + 1], by(bit as i32));
                }
            }
            // SAFETY: eight float32, of any alignment, are behind the pointer.
            unsafe {
                let sums = sums.as_mut_ptr();
                _mm256_storeu_ps(sums, _mm256_add_ps(_mm256_loadu_ps(sums), chosen[0]));
            }
        }
    }
}
