//! AVX2: all splits of small trees, of sixteen trees at once ([`crate::quick`]). A row's ranks are looked up 32 at a time, out of
//! registers that hold sixteen of them: the fewer slots there are, the fewer registers are asked.

use super::avx2::Avx2;
use crate::Real;
use crate::few::RowJob;
use crate::line::Line;
use crate::processor::has_avx2;
use crate::quick::{Asked, LANES, QuickScorer, STEPS, add};
use crate::scanned::SLOTS;
use std::arch::x86_64::*;

/// Slots of a register.
const PART: usize = 16;
/// Splits that are asked at once.
const AT_ONCE: usize = 32;

/// A few rows by bit vectors; `false`, and nothing done, where the processor cannot.
pub(crate) fn avx2_quick<R: Real, X: Real, Y: Real>(
    job: &RowJob<'_, R, X, Y, QuickScorer>,
    sums: &mut [Y],
) -> bool {
    if !has_avx2() {
        return false;
    }
    // SAFETY: the processor has each instruction set that the functions are compiled for.
    unsafe {
        match job.conditions.slots().div_ceil(PART) {
            0..=2 => rows::<R, X, Y, 2>(job, sums),
            3..=4 => rows::<R, X, Y, 4>(job, sums),
            _ => rows::<R, X, Y, { SLOTS / PART }>(job, sums),
        }
    }
    true
}

#[inline]
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows<R: Real, X: Real, Y: Real, const PARTS: usize>(
    job: &RowJob<'_, R, X, Y, QuickScorer>,
    sums: &mut [Y],
) {
    let (layout, trees) = (job.layout, job.trees.clone());
    if trees.is_empty() {
        return;
    }
    for (row, sums) in sums.chunks_exact_mut(job.forest.outputs).enumerate() {
        let mut ranks = Line([0u8; SLOTS]);
        job.conditions.rank_row(job.forest, job.rows.row(row), &mut ranks.0, &Avx2::new());
        let ranks = parts::<PARTS>(&ranks.0);
        // Sixteen trees' leaves are added while the next ones' are found: each addition waits for the one before it.
        for sixteen in trees.start / LANES..trees.end.div_ceil(LANES) {
            let from = if sixteen == 0 { 0 } else { layout.ends[sixteen - 1] };
            let leaves = leaves(&layout.asked[from..layout.ends[sixteen]], &ranks);
            let first = sixteen * LANES;
            let wanted = trees.start.max(first)..trees.end.min(first + LANES);
            let leaves = &leaves.0[wanted.start - first..wanted.end - first];
            add(&job.forest.values, &layout.adds[wanted], leaves, sums);
        }
    }
}

/// A row's ranks in registers, sixteen in each half of one.
#[inline]
#[target_feature(enable = "avx2")]
fn parts<const PARTS: usize>(ranks: &[u8; SLOTS]) -> [__m256i; PARTS] {
    let mut parts = [_mm256_setzero_si256(); PARTS];
    for (part, ranks) in parts.iter_mut().zip(ranks.as_chunks::<PART>().0) {
        // SAFETY: there are sixteen bytes.
        *part = _mm256_broadcastsi128_si256(unsafe { _mm_loadu_si128(ranks.as_ptr().cast()) });
    }
    parts
}

/// The ranks of 32 slots: a look-up takes the lowest four bits of a slot, those above choose between what came out.
#[inline]
#[target_feature(enable = "avx2")]
fn at<const PARTS: usize>(ranks: &[__m256i; PARTS], slots: __m256i) -> __m256i {
    let mut found = [_mm256_setzero_si256(); PARTS];
    for (found, part) in found.iter_mut().zip(ranks) {
        *found = _mm256_shuffle_epi8(*part, slots);
    }
    // The bit that chooses comes to the place of a byte's sign; what passes from one byte into the next lies below it.
    let choices =
        [_mm256_slli_epi16::<3>(slots), _mm256_slli_epi16::<2>(slots), _mm256_slli_epi16::<1>(slots)];
    let mut left = PARTS;
    for choice in choices {
        if left == 1 {
            break;
        }
        left /= 2;
        for pair in 0..left {
            found[pair] = _mm256_blendv_epi8(found[2 * pair], found[2 * pair + 1], choice);
        }
    }
    found[0]
}

/// The numbers of the leaves that a row comes to in sixteen trees.
#[inline]
#[target_feature(enable = "avx2")]
fn leaves<const PARTS: usize>(asked: &[Asked], ranks: &[__m256i; PARTS]) -> Line<[u32; LANES]> {
    const { assert!(AT_ONCE == 2 * LANES && STEPS.is_multiple_of(2)) };
    let [mut low, mut high] = [_mm256_set1_epi32(-1); 2];
    for asked in asked {
        for pair in 0..STEPS / 2 {
            // SAFETY: there are 32 bytes each, from the first of both steps on.
            let [slots, others] = [&asked.slots, &asked.ranks]
                .map(|bytes| unsafe { _mm256_load_si256(bytes.as_ptr().add(AT_ONCE * pair).cast()) });
            // What is left of a rank after the other is taken away, or nothing: then the row goes left.
            let above = _mm256_subs_epu8(at(ranks, slots), others);
            let is_left = _mm256_cmpeq_epi8(above, _mm256_setzero_si256());
            let steps = [_mm256_castsi256_si128(is_left), _mm256_extracti128_si256::<1>(is_left)];
            for (words, is_left) in asked.left[2 * pair..].iter().zip(steps) {
                // SAFETY: there are sixteen words.
                let [first, second] =
                    [0, 8].map(|from| unsafe { _mm256_load_si256(words.as_ptr().add(from).cast()) });
                let of_first = _mm256_cvtepi8_epi32(is_left);
                let of_second = _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(is_left, is_left));
                low = _mm256_and_si256(low, _mm256_or_si256(first, of_first));
                high = _mm256_and_si256(high, _mm256_or_si256(second, of_second));
            }
        }
    }
    let mut leaves = Line([0; LANES]);
    // SAFETY: there is room for sixteen words.
    unsafe {
        let leaves: *mut __m256i = leaves.0.as_mut_ptr().cast();
        _mm256_store_si256(leaves, lowest(low));
        _mm256_store_si256(leaves.add(1), lowest(high));
    }
    leaves
}

/// The places of words' lowest bits: the exponents of the float32 that they make alone, the highest of which is negative.
#[inline]
#[target_feature(enable = "avx2")]
fn lowest(words: __m256i) -> __m256i {
    let lowest = _mm256_and_si256(words, _mm256_sub_epi32(_mm256_setzero_si256(), words));
    let float = _mm256_castps_si256(_mm256_cvtepi32_ps(lowest));
    let exponent = _mm256_and_si256(_mm256_srli_epi32::<23>(float), _mm256_set1_epi32(0xff));
    _mm256_sub_epi32(exponent, _mm256_set1_epi32(127))
}
