//! AVX-512 with VBMI: ways down trees whose upper levels are answered ([`crate::scanned`]), of eight trees at once by shifts,
//! and below of sixteen at once among packed splits.

use super::avx512_ranks::Ranks;
use crate::Real;
use crate::few::RowJob;
use crate::line::Line;
use crate::packed::{Packed, Split};
use crate::scanned::{AT_ONCE, Asked, Below, Ends, LEAF, Scan, UPPER, WAYS};
use std::arch::x86_64::*;
use std::hint::select_unpredictable;

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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt")]
pub(super) fn down<R: Real, X: Real, Y: Real, const SPLITS: usize, const TREES: usize>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    ranks: Ranks,
    first: usize,
    count: usize,
    words: &Line<[u64; TREES]>,
    leaves: &mut Line<[u64; TREES]>,
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
        unsafe { _mm512_storeu_si512(leaves.0.as_mut_ptr().add(eight * WAYS).cast(), found) };
    }
    if let (Below::Packed(starts), Ends::Packed(packed)) = (&job.layout.scanned.below, &job.layout.ends) {
        go_on(starts, packed, ranks, first, count, &mut leaves.0);
    }
}

/// Ways that are left, of which each split is looked up by itself.
const FEW: usize = 8;

/// Ways that go on together: as many more have room in memory for trees that are taken together.
pub(super) const LANES: usize = 16;

/// Where eight trees' answers lead to: 2^levels places for each tree, one tree's behind the other's.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
fn upper<const SPLITS: usize, const TREES: usize>(
    levels: usize,
    tree: usize,
    words: &Line<[u64; TREES]>,
    eight: usize,
) -> __m512i {
    // SAFETY: eight trees' answers are `SPLITS` bytes, at most 64, and there are eight bytes for each of `TREES`.
    let answers = unsafe {
        let from = words.0.as_ptr().cast::<u8>().add(eight * SPLITS);
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

/// Ways that go on below the upper levels: where the next split lies, the first split of its tree, and the way's number. Most
/// ways end early and a few go far: each split further on, what is left of them moves together, so that no register is asked for
/// a few ways alone.
struct Open<const TREES: usize> {
    places: [u32; TREES],
    firsts: [u32; TREES],
    ways: [u32; TREES],
    count: usize,
}

/// Ways that have ended: the number of each, and in the lower half its leaf's.
struct Ended<const TREES: usize> {
    ways: [u32; TREES],
    count: usize,
}

/// The first `count` of sixteen lanes, where there are no more.
#[inline(always)]
fn lanes(count: usize) -> u16 {
    ((1u32 << count.min(LANES)) - 1) as u16
}

/// The low halves of two times eight lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn joined(low: __m512i, high: __m512i) -> __m512i {
    let low = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(low));
    _mm512_inserti64x4::<1>(low, _mm512_cvtepi64_epi32(high))
}

/// Writes some of sixteen lanes to the places from `count` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn keep<const TREES: usize>(into: &mut [u32; TREES], count: usize, which: u16, lanes: __m512i) {
    assert!(count + LANES <= TREES);
    // SAFETY: there is room for sixteen behind `count`.
    unsafe {
        let into = into.as_mut_ptr().add(count).cast();
        _mm512_storeu_si512(into, _mm512_maskz_compress_epi32(which, lanes));
    }
}

impl<const TREES: usize> Open<TREES> {
    /// Adds some of sixteen ways.
    #[inline]
    #[target_feature(enable = "avx512f,popcnt")]
    fn add(&mut self, which: u16, place: __m512i, first: __m512i, way: __m512i) {
        keep(&mut self.places, self.count, which, place);
        keep(&mut self.firsts, self.count, which, first);
        keep(&mut self.ways, self.count, which, way);
        self.count += which.count_ones() as usize;
    }
}

/// From places below the upper levels on to the leaves' numbers, of `count` trees from `tree` on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,popcnt")]
fn go_on<const TREES: usize>(
    starts: &[u16],
    packed: &Packed,
    ranks: Ranks,
    tree: usize,
    count: usize,
    leaves: &mut [u64; TREES],
) {
    const { assert!(TREES <= 1 << 16) };
    let mut open = Open { places: [0; TREES], firsts: [0; TREES], ways: [0; TREES], count: 0 };
    let mut ended = Ended { ways: [0; TREES], count: 0 };
    start(starts, packed, tree, count, leaves, &mut open);
    while open.count > FEW {
        one_on(packed, ranks, &mut open, &mut ended);
    }
    for end in &ended.ways[..ended.count] {
        leaves[(end >> 16) as usize] = u64::from(end & 0xffff);
    }
    last(packed, ranks, &open, leaves);
}

/// Tells ways that end at the upper levels, whose leaves' numbers take the places' place, from those that are open.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,popcnt")]
fn start<const TREES: usize>(
    starts: &[u16],
    packed: &Packed,
    tree: usize,
    count: usize,
    leaves: &mut [u64; TREES],
    open: &mut Open<TREES>,
) {
    assert!(count + LANES <= TREES && tree + count <= packed.places().len());
    assert!(starts.len() >= (packed.places().len() << UPPER) + 2);
    let none = _mm512_setzero_si512();
    let mut way = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    for from in (0..count).step_by(LANES) {
        let is_asked = lanes(count - from);
        // SAFETY: there is room for sixteen behind each of `count` leaves. The masks leave trees that there are. Each has
        // 2^UPPER starts, which `upper` gave the places of; behind the last one there are two bytes more. A tree's place among
        // the packed ones has eight bytes, and begins with its first split's.
        let (start, at, first) = unsafe {
            let into = leaves.as_mut_ptr().add(from);
            let (low, high): (*mut __m512i, *mut __m512i) = (into.cast(), into.add(LANES / 2).cast());
            let place = joined(_mm512_loadu_si512(low), _mm512_loadu_si512(high));
            let start = _mm512_mask_i32gather_epi32::<2>(none, is_asked, place, starts.as_ptr().cast());
            let at = _mm512_and_si512(start, _mm512_set1_epi32(i32::from(LEAF - 1)));
            _mm512_storeu_si512(low, _mm512_cvtepu32_epi64(_mm512_castsi512_si256(at)));
            let upper = _mm512_extracti64x4_epi64::<1>(at);
            _mm512_storeu_si512(high, _mm512_cvtepu32_epi64(upper));
            let trees: *const i64 = packed.places().as_ptr().add(tree + from).cast();
            let low = _mm512_maskz_loadu_epi64(is_asked as u8, trees);
            let high = _mm512_maskz_loadu_epi64((is_asked >> 8) as u8, trees.wrapping_add(LANES / 2));
            (start, at, joined(low, high))
        };
        let goes_on = _mm512_mask_testn_epi32_mask(is_asked, start, _mm512_set1_epi32(i32::from(LEAF)));
        open.add(goes_on, _mm512_add_epi32(first, at), first, way);
        way = _mm512_add_epi32(way, _mm512_set1_epi32(LANES as i32));
    }
}

/// Takes all open ways one split further. What stays open moves to the front: never beyond where it was.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vbmi,popcnt")]
fn one_on<const TREES: usize>(
    packed: &Packed,
    ranks: Ranks,
    open: &mut Open<TREES>,
    ended: &mut Ended<TREES>,
) {
    let (byte, one) = (_mm512_set1_epi32(0xff), _mm512_set1_epi32(1));
    let count = std::mem::take(&mut open.count);
    assert!(count + LANES <= TREES);
    for from in (0..count).step_by(LANES) {
        let is_open = lanes(count - from);
        // SAFETY: there is room for sixteen behind each of `count` ways. A packed split leads to places of its own tree.
        let (split, first, way) = unsafe {
            let place = _mm512_loadu_si512(open.places.as_ptr().add(from).cast());
            let splits = packed.splits.as_ptr().cast();
            (
                _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), is_open, place, splits),
                _mm512_loadu_si512(open.firsts.as_ptr().add(from).cast()),
                _mm512_loadu_si512(open.ways.as_ptr().add(from).cast()),
            )
        };
        let rank = _mm512_and_si512(ranks.at(split), byte);
        let other = _mm512_and_si512(_mm512_srli_epi32::<8>(split), byte);
        let right = _mm512_cmpgt_epu32_mask(rank, other);
        let target = _mm512_srli_epi32::<{ Split::TARGET_SHIFT }>(split);
        let target = _mm512_mask_add_epi32(target, right, target, one);
        let goes_on = _mm512_mask_testn_epi32_mask(is_open, split, _mm512_set1_epi32(Split::LAST as i32));
        let ends = is_open & !goes_on;
        let end = _mm512_or_si512(_mm512_slli_epi32::<16>(way), target);
        keep(&mut ended.ways, ended.count, ends, end);
        ended.count += ends.count_ones() as usize;
        open.add(goes_on, _mm512_add_epi32(first, target), first, way);
    }
}

/// The leaves of the ways that are left, at most [`FEW`]: each split is looked up by itself, which a way waits for less long than
/// for sixteen that are looked up at once.
#[inline]
#[target_feature(enable = "avx512f")]
fn last<const TREES: usize>(packed: &Packed, ranks: Ranks, open: &Open<TREES>, leaves: &mut [u64; TREES]) {
    if open.count == 0 {
        return;
    }
    let ranks = ranks.bytes();
    let (mut places, mut firsts, mut targets) = ([0; FEW], [0; FEW], [0; FEW]);
    for way in 0..FEW {
        // What is lacking is made up by the first one.
        let from = if way < open.count { way } else { 0 };
        (places[way], firsts[way]) = (open.places[from], open.firsts[from]);
    }
    let mut goes_on = true;
    while goes_on {
        goes_on = false;
        for way in 0..FEW {
            let split = packed.splits[places[way] as usize];
            // Whoever has ended stays, and finds the same leaf again.
            targets[way] = split.target(&ranks.0);
            let is_last = split.is_last();
            places[way] = select_unpredictable(is_last, places[way], firsts[way] + targets[way]);
            goes_on |= !is_last;
        }
    }
    for way in 0..open.count {
        leaves[open.ways[way] as usize] = u64::from(targets[way]);
    }
}
