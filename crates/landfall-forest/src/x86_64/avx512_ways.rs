//! AVX-512 with VBMI: ways down trees whose upper levels are answered ([`crate::scanned`]), of eight trees at once by shifts,
//! and below of sixteen at once among packed splits.

use super::avx512_ranks::Ranks;
use crate::Real;
use crate::few::RowJob;
use crate::packed::{Packed, Split};
use crate::scanned::{AT_ONCE, Asked, Below, Ends, LEAF, Scan, UPPER, WAYS};
use std::arch::x86_64::*;

/// Panics where what is read without a check below would not be there.
pub(super) fn check<R: Real, X: Real, Y: Real>(job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>, splits: usize) {
    let (layout, trees) = (job.layout.scanned, job.forest.trees.len());
    let asked = match &layout.asked {
        Asked::Ranks { slots, ranks } => slots.len().min(ranks.len()),
        Asked::Values(values) => values.features.len(),
    };
    assert!(layout.splits == splits && job.trees.end <= trees && asked >= trees * splits + AT_ONCE);
    assert!(layout.stands_alone() == matches!(job.layout.ends, Ends::Filled(_)));
    match &layout.below {
        Below::Leaves(levels) => assert!(*levels <= UPPER),
        Below::Two(lower) => assert!(lower.len() >= (trees + WAYS) << UPPER),
        Below::Packed(starts) => assert!(starts.len() >= (trees << UPPER) + 2),
    }
}

/// The leaves of `count` trees from `first` on: where they lie in the layout's list, or their numbers in their trees where the
/// layout ends at packed splits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2")]
pub(super) fn down<R: Real, X: Real, Y: Real, const SPLITS: usize, const TREES: usize>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    ranks: Ranks,
    first: usize,
    count: usize,
    words: &[u64; TREES],
    leaves: &mut [u64; TREES],
) {
    for eight in 0..count.div_ceil(WAYS) {
        let tree = first + eight * WAYS;
        let found = match &job.layout.scanned.below {
            Below::Leaves(levels) => upper::<SPLITS, TREES>(*levels, tree, words, eight),
            Below::Packed(_) => upper::<SPLITS, TREES>(UPPER, tree, words, eight),
            Below::Two(lower) => {
                let place = upper::<SPLITS, TREES>(UPPER, tree, words, eight);
                // SAFETY: the place below the upper levels is one of 2^UPPER for each tree, and so many of eight trees more
                // lie behind the last one, as `check` asked for.
                let lower = unsafe { _mm512_i64gather_epi64::<8>(place, lower.as_ptr().cast()) };
                two_more(place, lower, ranks)
            }
        };
        // SAFETY: there are places for the leaves of each eight trees.
        unsafe { _mm512_storeu_si512(leaves.as_mut_ptr().add(eight * WAYS).cast(), found) };
    }
    if let (Below::Packed(starts), Ends::Packed(packed)) = (&job.layout.scanned.below, &job.layout.ends) {
        let (halves, _) = leaves.as_chunks_mut::<{ 2 * LANES }>();
        for (before, leaves) in (0..count).step_by(2 * LANES).zip(halves) {
            go_on(starts, packed, ranks, first + before, count - before, leaves);
        }
    }
}

/// Ways that go on together.
const LANES: usize = 16;

/// Where eight trees' answers lead to: 2^levels places for each tree, one tree's behind the other's.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn upper<const SPLITS: usize, const TREES: usize>(
    levels: usize,
    tree: usize,
    words: &[u64; TREES],
    eight: usize,
) -> __m512i {
    // SAFETY: eight trees' answers are `SPLITS` bytes, at most 64, and there are eight bytes for each of `TREES`.
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
    for _ in 0..levels {
        let right = _mm512_and_si512(_mm512_srlv_epi64(answers, at), one);
        at = _mm512_add_epi64(_mm512_add_epi64(at, at), right);
    }
    // The highest bit of a place, which is no answer, makes room for the tree's number.
    let lane = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
    let trees = _mm512_add_epi64(_mm512_set1_epi64(tree as i64 - 1), lane);
    _mm512_add_epi64(at, _mm512_sll_epi64(trees, _mm_cvtsi64_si128(levels as i64)))
}

/// Two levels below, whose slots and ranks are `lower`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn two_more(place: __m512i, lower: __m512i, ranks: Ranks) -> __m512i {
    let one = _mm512_set1_epi64(1);
    let lane = _mm512_setr_epi64(0, 8, 16, 24, 32, 40, 48, 56);
    let others = _mm512_srli_epi64::<32>(lower);
    let right = _mm512_cmpgt_epu8_mask(ranks.at(lower), others);
    let right = _mm512_srlv_epi64(_mm512_set1_epi64(right.cast_signed()), lane);
    let upper = _mm512_and_si512(right, one);
    let right = _mm512_srlv_epi64(right, _mm512_add_epi64(upper, one));
    let at = _mm512_add_epi64(_mm512_add_epi64(place, place), upper);
    _mm512_add_epi64(_mm512_add_epi64(at, at), _mm512_and_si512(right, one))
}

/// From places below the upper levels on to the leaves' numbers: of 32 trees from `tree` on, of which `count` are asked for.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi")]
fn go_on(
    starts: &[u16],
    packed: &Packed,
    ranks: Ranks,
    tree: usize,
    count: usize,
    places: &mut [u64; 2 * LANES],
) {
    assert!(tree + count <= packed.places().len() && starts.len() >= (packed.places().len() << UPPER) + 2);
    let byte = _mm512_set1_epi32(0xff);
    let one = _mm512_set1_epi32(1);
    let mut at = [_mm512_setzero_si512(); 2];
    let mut first = at;
    let mut goes_on = [0u16; 2];
    for half in 0..2 {
        let lanes = count.saturating_sub(half * LANES).min(LANES);
        let is_asked = ((1u32 << lanes) - 1) as u16;
        // SAFETY: the mask leaves trees that there are. Each has 2^UPPER starts, which `upper` gave the places of; behind the
        // last one there are two bytes more. A tree's place among the packed ones begins with its first split's.
        unsafe {
            let place = |i: usize| _mm512_loadu_si512(places.as_ptr().add(half * LANES + i).cast());
            let low = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(place(0)));
            let place = _mm512_inserti64x4::<1>(low, _mm512_cvtepi64_epi32(place(8)));
            let none = _mm512_setzero_si512();
            let start = _mm512_mask_i32gather_epi32::<2>(none, is_asked, place, starts.as_ptr().cast());
            at[half] = _mm512_and_si512(start, _mm512_set1_epi32(i32::from(LEAF - 1)));
            goes_on[half] = _mm512_mask_testn_epi32_mask(is_asked, start, _mm512_set1_epi32(i32::from(LEAF)));
            let number = _mm512_srli_epi32::<{ UPPER as u32 }>(place);
            let places = packed.places().as_ptr().cast();
            first[half] = _mm512_mask_i32gather_epi32::<8>(none, is_asked, number, places);
        }
    }
    while goes_on[0] | goes_on[1] != 0 {
        for half in 0..2 {
            let place = _mm512_add_epi32(first[half], at[half]);
            // SAFETY: a packed split leads to places of its own tree.
            let split = unsafe {
                let splits = packed.splits.as_ptr().cast();
                _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), goes_on[half], place, splits)
            };
            let rank = _mm512_and_si512(ranks.at(split), byte);
            let other = _mm512_and_si512(_mm512_srli_epi32::<8>(split), byte);
            let right = _mm512_cmpgt_epu32_mask(rank, other);
            let target = _mm512_srli_epi32::<{ Split::TARGET_SHIFT }>(split);
            let target = _mm512_mask_add_epi32(target, right, target, one);
            at[half] = _mm512_mask_mov_epi32(at[half], goes_on[half], target);
            goes_on[half] =
                _mm512_mask_testn_epi32_mask(goes_on[half], split, _mm512_set1_epi32(Split::LAST as i32));
        }
    }
    for (half, at) in at.into_iter().enumerate() {
        // SAFETY: there are places for all leaves.
        unsafe {
            let into = places.as_mut_ptr().add(half * LANES);
            let low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(at));
            let high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(at));
            _mm512_storeu_si512(into.cast(), low);
            _mm512_storeu_si512(into.add(LANES / 2).cast(), high);
        }
    }
}
