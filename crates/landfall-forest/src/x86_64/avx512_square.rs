//! AVX-512: a square of sixteen times sixteen float32.

use std::arch::x86_64::*;

/// Rows as columns: pairs of numbers, fours, and then parts of registers change places.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn turned(rows: [__m512; 16]) -> [__m512; 16] {
    let mut pairs = [_mm512_setzero_ps(); 16];
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
    }
    // fours[4 * i + k] has column k of each part for rows 4 * i and the three after it.
    let mut fours = [_mm512_setzero_ps(); 16];
    for i in 0..4 {
        for half in 0..2 {
            let (low, high) = (pairs[4 * i + half], pairs[4 * i + 2 + half]);
            fours[4 * i + 2 * half] = _mm512_shuffle_ps::<0x44>(low, high);
            fours[4 * i + 2 * half + 1] = _mm512_shuffle_ps::<0xee>(low, high);
        }
    }
    let mut turned = [_mm512_setzero_ps(); 16];
    for k in 0..4 {
        let [a, b, c, d] = [fours[k], fours[4 + k], fours[8 + k], fours[12 + k]];
        let even = [_mm512_shuffle_f32x4::<0x88>(a, b), _mm512_shuffle_f32x4::<0x88>(c, d)];
        let odd = [_mm512_shuffle_f32x4::<0xdd>(a, b), _mm512_shuffle_f32x4::<0xdd>(c, d)];
        turned[k] = _mm512_shuffle_f32x4::<0x88>(even[0], even[1]);
        turned[8 + k] = _mm512_shuffle_f32x4::<0xdd>(even[0], even[1]);
        turned[4 + k] = _mm512_shuffle_f32x4::<0x88>(odd[0], odd[1]);
        turned[12 + k] = _mm512_shuffle_f32x4::<0xdd>(odd[0], odd[1]);
    }
    turned
}
