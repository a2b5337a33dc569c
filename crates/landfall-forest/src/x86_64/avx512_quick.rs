//! AVX-512 with VBMI: all splits of small trees, of sixteen trees at once ([`crate::quick`]).

use super::avx512::Avx512;
use super::avx512_ranks::Ranks;
use crate::Real;
use crate::few::RowJob;
use crate::line::Line;
use crate::processor::has_scan;
use crate::quick::{Asked, LANES, QuickScorer, STEPS, add};
use crate::scanned::{AT_ONCE, SLOTS};
use std::arch::x86_64::*;

/// A few rows by bit vectors; `false`, and nothing done, where the processor cannot.
pub(crate) fn quick<R: Real, X: Real, Y: Real>(
    job: &RowJob<'_, R, X, Y, QuickScorer>,
    sums: &mut [Y],
) -> bool {
    if !has_scan() {
        return false;
    }
    // SAFETY: the processor has each instruction set that the function is compiled for.
    unsafe { rows(job, sums) };
    true
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows<R: Real, X: Real, Y: Real>(job: &RowJob<'_, R, X, Y, QuickScorer>, sums: &mut [Y]) {
    const { assert!(AT_ONCE == LANES * STEPS) };
    let (layout, trees) = (job.layout, job.trees.clone());
    if trees.is_empty() {
        return;
    }
    for (row, sums) in sums.chunks_exact_mut(job.forest.outputs).enumerate() {
        let mut ranks = Line([0u8; SLOTS]);
        job.conditions.rank_row(job.forest, job.rows.row(row), &mut ranks.0, &Avx512::new());
        let ranks = Ranks::of(&ranks.0);
        // Sixteen trees' leaves are added while the next ones' are found: each addition waits for the one before it.
        for sixteen in trees.start / LANES..trees.end.div_ceil(LANES) {
            let from = if sixteen == 0 { 0 } else { layout.ends[sixteen - 1] };
            let leaves = leaves(&layout.asked[from..layout.ends[sixteen]], ranks);
            let first = sixteen * LANES;
            let wanted = trees.start.max(first)..trees.end.min(first + LANES);
            let leaves = &leaves.0[wanted.start - first..wanted.end - first];
            add(&job.forest.values, &layout.adds[wanted], leaves, sums);
        }
    }
}

/// The numbers of the leaves that a row comes to in sixteen trees.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn leaves(asked: &[Asked], ranks: Ranks) -> Line<[u32; LANES]> {
    let mut left = _mm512_set1_epi32(-1);
    for asked in asked {
        let right = ranks.above(&asked.slots, &asked.ranks);
        for step in 0..STEPS {
            // SAFETY: there are sixteen words.
            let words = unsafe { _mm512_load_si512(asked.left[step].as_ptr().cast()) };
            left = _mm512_mask_and_epi32(left, (right >> (LANES * step)) as u16, left, words);
        }
    }
    // The lowest bit alone, whose place is the exponent of the float32 that it makes.
    let lowest = _mm512_and_si512(left, _mm512_sub_epi32(_mm512_setzero_si512(), left));
    let exponent = _mm512_srli_epi32::<23>(_mm512_castps_si512(_mm512_cvtepu32_ps(lowest)));
    let mut leaves = Line([0; LANES]);
    // SAFETY: there is room for sixteen words.
    unsafe {
        let leaves = leaves.0.as_mut_ptr().cast();
        _mm512_store_si512(leaves, _mm512_sub_epi32(exponent, _mm512_set1_epi32(127)));
    }
    leaves
}
