//! AVX-512 with VBMI: all splits of the upper levels against a row's ranks, 64 at a time, and eight ways down at once
//! ([`crate::scanned`]).

use super::avx512::{Avx512, has_avx512};
use super::avx512_row;
use crate::Real;
use crate::packed::RowJob;
use crate::scanned::{AT_ONCE, SLOTS, Scanned, UPPER, WAYS};
use std::arch::x86_64::*;

/// Trees that go through each of the three stages together: answers, ways down, sums.
const TREES: usize = 64;

/// Whether the processor has what this file is compiled for.
pub(crate) fn has_scan() -> bool {
    is_x86_feature_detected!("avx512vbmi") && has_avx512()
}

/// A few rows by scanning, where the processor can, else as [`avx512_row`].
pub(crate) fn scan<X: Real, Y: Real>(job: &RowJob<'_, X, Y>, scanned: &Scanned<Y>, sums: &mut [Y]) {
    if has_scan() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, scanned, sums) }
    } else {
        avx512_row(job, sums);
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn run<X: Real, Y: Real>(job: &RowJob<'_, X, Y>, scanned: &Scanned<Y>, sums: &mut [Y]) {
    match (scanned.levels, scanned.is_wide) {
        (0..=3, false) => rows::<X, Y, 8, false>(job, scanned, sums),
        (0..=3, true) => rows::<X, Y, 8, true>(job, scanned, sums),
        (4, false) => rows::<X, Y, 16, false>(job, scanned, sums),
        (4, true) => rows::<X, Y, 16, true>(job, scanned, sums),
        (5, false) => rows::<X, Y, 32, false>(job, scanned, sums),
        (5, true) => rows::<X, Y, 32, true>(job, scanned, sums),
        (_, false) => rows::<X, Y, 64, false>(job, scanned, sums),
        (_, true) => rows::<X, Y, 64, true>(job, scanned, sums),
    }
}

/// For trees of so many splits in the upper levels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows<X: Real, Y: Real, const SPLITS: usize, const WIDE: bool>(
    job: &RowJob<'_, X, Y>,
    scanned: &Scanned<Y>,
    sums: &mut [Y],
) {
    // What is read without a check below.
    let trees = job.forest.trees.len();
    let [slots, ranks] = [&scanned.slots, &scanned.ranks].map(Vec::len);
    assert!(scanned.splits == SPLITS && job.trees.end <= trees && slots == ranks);
    assert!(slots >= trees * SPLITS + AT_ONCE);
    assert!(scanned.levels <= UPPER || scanned.lower.len() >= (trees + WAYS) << UPPER);
    let outputs = job.forest.outputs;
    for (row, sums) in sums.chunks_exact_mut(outputs).enumerate() {
        let mut ranks = [0u8; SLOTS];
        job.conditions.rank_row(job.forest, job.rows.row(row), &mut ranks, &Avx512::new());
        // SAFETY: there are 128 bytes.
        let ranks = unsafe { [0, 64].map(|half| _mm512_loadu_si512(ranks.as_ptr().add(half).cast())) };
        let mut first = job.trees.start;
        while first < job.trees.end {
            let count = TREES.min(job.trees.end - first);
            let mut words = [0u64; TREES];
            answer::<Y, SPLITS, WIDE>(scanned, ranks, first, count, &mut words);
            let mut leaves = [0u64; TREES];
            for eight in 0..count.div_ceil(WAYS) {
                let found = ways::<Y, SPLITS, WIDE>(scanned, ranks, first + eight * WAYS, &words, eight);
                // SAFETY: there are places for the leaves of each eight trees.
                unsafe { _mm512_storeu_si512(leaves.as_mut_ptr().add(eight * WAYS).cast(), found) };
            }
            if outputs == 1 {
                let mut sum = sums[0];
                for leaf in &leaves[..count] {
                    sum = sum + scanned.leaves[*leaf as usize];
                }
                sums[0] = sum;
            } else {
                for (tree, leaf) in job.forest.trees[first..first + count].iter().zip(leaves) {
                    let values = &scanned.leaves[leaf as usize * scanned.width..][..scanned.width];
                    for (sum, value) in sums[tree.first_output..].iter_mut().zip(values) {
                        *sum = *sum + *value;
                    }
                }
            }
            first += count;
        }
    }
}

/// The ranks of 64 slots.
#[inline]
#[target_feature(enable = "avx512f,avx512vbmi")]
fn look_up<const WIDE: bool>(slots: __m512i, [first, second]: [__m512i; 2]) -> __m512i {
    if WIDE { _mm512_permutex2var_epi8(first, slots, second) } else { _mm512_permutexvar_epi8(slots, first) }
}

/// For all splits of the trees' upper levels, a bit: whether the row goes right.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn answer<Y, const SPLITS: usize, const WIDE: bool>(
    scanned: &Scanned<Y>,
    ranks: [__m512i; 2],
    first: usize,
    count: usize,
    words: &mut [u64; TREES],
) {
    for (place, word) in words[..(count * SPLITS).div_ceil(64)].iter_mut().enumerate() {
        let at = first * SPLITS + place * 64;
        // SAFETY: behind the last tree's splits there are 64 bytes more, as was asked in `rows`.
        let [slots, others] = unsafe {
            [&scanned.slots, &scanned.ranks].map(|bytes| _mm512_loadu_si512(bytes.as_ptr().add(at).cast()))
        };
        *word = _mm512_cmpgt_epu8_mask(look_up::<WIDE>(slots, ranks), others);
    }
}

/// The leaves of eight trees, by tree and number.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn ways<Y, const SPLITS: usize, const WIDE: bool>(
    scanned: &Scanned<Y>,
    ranks: [__m512i; 2],
    first: usize,
    words: &[u64; TREES],
    eight: usize,
) -> __m512i {
    // SAFETY: eight trees' answers are `SPLITS` bytes, and there are as many for all of `TREES`.
    let answers = unsafe {
        let from = words.as_ptr().cast::<u8>().add(eight * SPLITS);
        match SPLITS {
            8 => _mm512_cvtepu8_epi64(_mm_loadl_epi64(from.cast())),
            16 => _mm512_cvtepu16_epi64(_mm_loadu_si128(from.cast())),
            32 => _mm512_cvtepu32_epi64(_mm256_loadu_si256(from.cast())),
            _ => _mm512_loadu_si512(from.cast()),
        }
    };
    let one = _mm512_set1_epi64(1);
    let mut at = one;
    for _ in 0..scanned.levels.min(UPPER) {
        let right = _mm512_and_si512(_mm512_srlv_epi64(answers, at), one);
        at = _mm512_add_epi64(_mm512_add_epi64(at, at), right);
    }
    let lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    let trees = _mm512_add_epi64(_mm512_set1_epi64(first as i64), lane);
    if scanned.levels > UPPER {
        let place = _mm512_sub_epi64(at, _mm512_set1_epi64(1 << UPPER));
        let place = _mm512_add_epi64(place, _mm512_slli_epi64::<{ UPPER as u32 }>(trees));
        // SAFETY: the place below the upper levels is one of 2^UPPER for each tree, and so many of eight trees more lie
        // behind the last one, as was asked in `rows`.
        let lower = unsafe { _mm512_i64gather_epi64::<8>(place, scanned.lower.as_ptr().cast()) };
        let others = _mm512_srli_epi64::<32>(lower);
        let right = _mm512_cmpgt_epu8_mask(look_up::<WIDE>(lower, ranks), others);
        let right = _mm512_srlv_epi64(_mm512_set1_epi64(right.cast_signed()), _mm512_slli_epi64::<3>(lane));
        let upper = _mm512_and_si512(right, one);
        let right = _mm512_srlv_epi64(right, _mm512_add_epi64(upper, one));
        at = _mm512_add_epi64(_mm512_add_epi64(at, at), upper);
        at = _mm512_add_epi64(_mm512_add_epi64(at, at), _mm512_and_si512(right, one));
    }
    let levels = _mm_cvtsi64_si128(scanned.levels as i64);
    let leaf = _mm512_sub_epi64(at, _mm512_sll_epi64(one, levels));
    _mm512_add_epi64(leaf, _mm512_sll_epi64(trees, levels))
}
