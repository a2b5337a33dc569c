//! AVX-512: numbers of many rows as bits of masks, and back.

use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use std::arch::x86_64::*;

/// The bits of bytes: signs, after a byte's other bits have come to the place of the sign one after the other.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn planes_of(bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
    for word in 0..ROWS / 64 {
        // SAFETY: there are 64 bytes for each word.
        let mut bytes = unsafe { _mm512_loadu_si512(bytes.as_ptr().add(word * 64).cast()) };
        for plane in (0..BITS).rev() {
            planes[plane].0[word] = _mm512_movepi8_mask(bytes);
            bytes = _mm512_add_epi8(bytes, bytes);
        }
    }
}

/// The leaves' numbers of 64 rows.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn numbers(planes: &[Mask], word: usize) -> __m512i {
    let mut numbers = _mm512_setzero_si512();
    for (bit, plane) in planes.iter().enumerate() {
        numbers = _mm512_mask_add_epi8(numbers, plane.0[word], numbers, _mm512_set1_epi8(1 << bit));
    }
    numbers
}
