//! AVX2: leaves of many rows, by the bits of their numbers, added to sums.

use crate::Real;
use crate::mask::{LEAVES, Mask, ROWS};
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

/// Adds leaves that are read one by one; there is one for each number. Few of them are added while their numbers still lie in a register,
/// more once all numbers are written.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn read<Y: Real>(planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
    if leaves.len() <= CHOSEN {
        let mut copied = None;
        let leaves: &[Y; CHOSEN] = filled_up(leaves, &mut copied);
        for (part, sums) in sums.as_chunks_mut::<32>().0.iter_mut().enumerate() {
            add_read(&written(planes, part), leaves, sums);
        }
        return;
    }
    let mut bytes = [0; ROWS];
    for (part, bytes) in bytes.as_chunks_mut::<32>().0.iter_mut().enumerate() {
        *bytes = written(planes, part);
    }
    read_by(&bytes, leaves, sums);
}

/// Adds the leaves of these numbers; there are as many leaves as numbers, a power of two. Compiled for AVX2 wherever it is called: with
/// AVX-512 the compiler gathers leaves, which takes longer than to read them.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn read_by<Y: Real>(numbers: &[u8; ROWS], leaves: &[Y], sums: &mut [Y]) {
    if leaves.len() <= LEAVES / 2 {
        read_among::<Y, { LEAVES / 2 }>(numbers, leaves, sums);
    } else {
        read_among::<Y, LEAVES>(numbers, leaves, sums);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn read_among<Y: Real, const MOST: usize>(numbers: &[u8; ROWS], leaves: &[Y], sums: &mut [Y]) {
    let mut copied = None;
    let leaves: &[Y; MOST] = filled_up(leaves, &mut copied);
    for (sums, numbers) in sums.as_chunks_mut::<32>().0.iter_mut().zip(numbers.as_chunks::<32>().0) {
        add_read(numbers, leaves, sums);
    }
}

/// The numbers of the leaves of 32 rows.
#[inline]
#[target_feature(enable = "avx2")]
fn written(planes: &[Mask], part: usize) -> [u8; 32] {
    let mut bytes = [0; 32];
    // SAFETY: 32 bytes, of any alignment, are behind the pointer.
    unsafe { _mm256_storeu_si256(bytes.as_mut_ptr().cast(), numbers(planes, part / 2, part % 2)) };
    bytes
}

/// So many leaves, of which there are fewer: as they are where there are as many, else copied.
#[inline(always)]
fn filled_up<'a, Y: Real, const MOST: usize>(
    leaves: &'a [Y],
    copied: &'a mut Option<[Y; MOST]>,
) -> &'a [Y; MOST] {
    match leaves.try_into() {
        Ok(leaves) => leaves,
        Err(_) => {
            let all = copied.insert([Y::ZERO; MOST]);
            all[..leaves.len()].copy_from_slice(leaves);
            all
        }
    }
}

#[inline(always)]
fn add_read<Y: Real, const MOST: usize>(numbers: &[u8; 32], leaves: &[Y; MOST], sums: &mut [Y; 32]) {
    for i in 0..32 {
        sums[i] = sums[i] + leaves[usize::from(numbers[i]) % MOST];
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
