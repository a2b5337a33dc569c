//! AVX-512: the splits of a few trees against a row's values themselves, where ranking the row would take longer.

use crate::Real;
use crate::real::Numbers;
use crate::scanned::{AT_ONCE, Values};
use std::arch::x86_64::*;

/// Features whose values stay in registers.
const IN_REGISTERS: usize = 32;

/// For `count` splits from `first` on, a bit: whether the row goes right.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2")]
pub(super) fn answer<X: Real, const WORDS: usize>(
    values: &Values<X>,
    row: &[X],
    first: usize,
    count: usize,
    words: &mut [u64; WORDS],
) {
    let Values { features, thresholds, missing_right, at_most } = values;
    // What is read without a check below: whole registers.
    let (features, missing_right) = (&features[first..], &missing_right[first / 8..]);
    let end = count.next_multiple_of(16);
    assert!(features.len() >= end && thresholds.len() >= first + end && missing_right.len() >= end / 8);
    assert!(first.is_multiple_of(8) && end <= WORDS * AT_ONCE);
    match (X::numbers(row), X::numbers(&thresholds[first..])) {
        (Numbers::F32(row), Numbers::F32(thresholds)) if *at_most => {
            answer_f32::<_CMP_GT_OQ, WORDS>(features, thresholds, missing_right, row, end, words);
        }
        (Numbers::F32(row), Numbers::F32(thresholds)) => {
            answer_f32::<_CMP_GE_OQ, WORDS>(features, thresholds, missing_right, row, end, words);
        }
        (Numbers::F64(row), Numbers::F64(thresholds)) if *at_most => {
            answer_f64::<_CMP_GT_OQ, WORDS>(features, thresholds, missing_right, row, end, words);
        }
        (Numbers::F64(row), Numbers::F64(thresholds)) => {
            answer_f64::<_CMP_GE_OQ, WORDS>(features, thresholds, missing_right, row, end, words);
        }
        _ => {}
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2")]
fn answer_f32<const COMPARISON: i32, const WORDS: usize>(
    features: &[u32],
    thresholds: &[f32],
    missing_right: &[u8],
    row: &[f32],
    end: usize,
    words: &mut [u64; WORDS],
) {
    let part = |from: usize| {
        let count = row.len().saturating_sub(from).min(16);
        // SAFETY: the mask shuts out what lies behind the row.
        unsafe { _mm512_maskz_loadu_ps(((1u32 << count) - 1) as u16, row.as_ptr().wrapping_add(from)) }
    };
    let (low, high) = (part(0), part(16));
    // A word at a time: read as one, a word that was written in parts would have to wait for them.
    for (word, answers) in words[..end.div_ceil(AT_ONCE)].iter_mut().enumerate() {
        let mut bits = 0;
        for part in 0..((end - word * AT_ONCE) / 16).min(AT_ONCE / 16) {
            let at = word * AT_ONCE + part * 16;
            // SAFETY: there are `end` features and thresholds, as `answer` asked for. Features that the builder took are
            // below the forest's number of them, and no row is shorter.
            let (x, threshold) = unsafe {
                let features = _mm512_loadu_si512(features.as_ptr().add(at).cast());
                let x = if row.len() <= IN_REGISTERS {
                    _mm512_permutex2var_ps(low, features, high)
                } else {
                    _mm512_i32gather_ps::<4>(features, row.as_ptr())
                };
                (x, _mm512_loadu_ps(thresholds.as_ptr().add(at)))
            };
            let missing = u16::from_le_bytes([missing_right[at / 8], missing_right[at / 8 + 1]]);
            let is_missing = _mm512_mask_cmp_ps_mask::<_CMP_UNORD_Q>(missing, x, x);
            let answer = _mm512_cmp_ps_mask::<COMPARISON>(x, threshold) | is_missing;
            bits |= u64::from(answer) << (16 * part);
        }
        *answers = bits;
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2")]
fn answer_f64<const COMPARISON: i32, const WORDS: usize>(
    features: &[u32],
    thresholds: &[f64],
    missing_right: &[u8],
    row: &[f64],
    end: usize,
    words: &mut [u64; WORDS],
) {
    let part = |from: usize| {
        let count = row.len().saturating_sub(from).min(8);
        // SAFETY: the mask shuts out what lies behind the row.
        unsafe { _mm512_maskz_loadu_pd(((1u32 << count) - 1) as u8, row.as_ptr().wrapping_add(from)) }
    };
    let parts = [part(0), part(8), part(16), part(24)];
    for (word, answers) in words[..end.div_ceil(AT_ONCE)].iter_mut().enumerate() {
        let mut bits = 0;
        for part in 0..((end - word * AT_ONCE) / 8).min(AT_ONCE / 8) {
            let at = word * AT_ONCE + part * 8;
            // SAFETY: as for float32.
            let (x, threshold) = unsafe {
                let features = _mm256_loadu_si256(features.as_ptr().add(at).cast());
                let x = if row.len() <= IN_REGISTERS {
                    let features = _mm512_cvtepu32_epi64(features);
                    let half = |i: usize| _mm512_permutex2var_pd(parts[2 * i], features, parts[2 * i + 1]);
                    let is_high = _mm512_test_epi64_mask(features, _mm512_set1_epi64(16));
                    _mm512_mask_blend_pd(is_high, half(0), half(1))
                } else {
                    _mm512_i32gather_pd::<8>(features, row.as_ptr())
                };
                (x, _mm512_loadu_pd(thresholds.as_ptr().add(at)))
            };
            let is_missing = _mm512_mask_cmp_pd_mask::<_CMP_UNORD_Q>(missing_right[at / 8], x, x);
            let answer = _mm512_cmp_pd_mask::<COMPARISON>(x, threshold) | is_missing;
            bits |= u64::from(answer) << (8 * part);
        }
        *answers = bits;
    }
}
