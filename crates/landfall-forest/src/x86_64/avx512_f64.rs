//! AVX-512: ranks of float64 among a part's thresholds, eight at a time by halving; columns of float64; and leaves of float64
//! out of registers. As for float32 ([`super::avx512_rank`], [`super::avx512`]), with half as many numbers to a register.

use super::avx512_bits::numbers;
use super::avx512_rank::asked_of_ends;
use crate::Rows;
use crate::column::Column;
use crate::conditions::{LANES as BLOCK, Part};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::real::{Numbers, Real};
use std::arch::x86_64::*;

/// Numbers of a register.
const LANES: usize = 8;
/// Leaves that are quicker to choose among in registers than to read.
const CHOSEN: usize = 64;

/// The bits of the values' ranks, the lowest first; `false` for numbers that are not float64.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn planes<X: Real>(
    part: &Part<X>,
    values: &[X; ROWS],
    width: usize,
    planes: &mut [Mask; BITS],
) -> bool {
    let thresholds = X::numbers(part.blocks.as_flattened());
    let (Numbers::F64(thresholds), Numbers::F64(values)) = (thresholds, X::numbers(values)) else {
        return false;
    };
    let (blocks, _) = thresholds.as_chunks::<BLOCK>();
    by_size!(part, blocks, values, width, planes)
}

/// A part of up to 2^LEVELS - 1 thresholds, and more than half as many.
#[inline]
#[target_feature(enable = "avx512f")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    blocks: &[[f64; BLOCK]],
    values: &[f64],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    let count = 1 << (LEVELS - 4);
    assert!(blocks.len() > count / 2 && blocks.len() <= count && values.len() == ROWS && width <= ROWS);
    let tables = tables(blocks, count);
    let asked = const { asked_of_ends(1 << (LEVELS - 4)) };
    // SAFETY: there are sixteen numbers of 4 bytes.
    let asked = unsafe { _mm512_loadu_si512(asked.as_ptr().cast()) };
    let low = _mm512_cvtepu32_epi64(_mm512_castsi512_si256(asked));
    let high = _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(asked));
    let [first, second] = tables[BLOCK - 1];
    let ends = [_mm512_permutex2var_pd(first, low, second), _mm512_permutex2var_pd(first, high, second)];
    planes[LEVELS..].fill(Mask::NONE);
    // Told no number, the compiler adds it under a mask; else it makes a number of the mask first, which takes longer.
    let one = _mm512_set1_epi64(std::hint::black_box(1));
    let middle = _mm512_set1_pd(blocks[count / 2 - 1][BLOCK - 1]);
    for eight in 0..width.div_ceil(LANES) {
        // SAFETY: there are `ROWS` values, of which each eight are whole.
        let x = unsafe { _mm512_loadu_pd(values.as_ptr().add(LANES * eight)) };
        let mut at = one;
        let mut found = [0u8; LEVELS];
        let mut level = 0;
        while level < LEVELS - 4 {
            let threshold = match level {
                0 => middle,
                1 | 2 => _mm512_permutexvar_pd(at, ends[0]),
                _ => _mm512_permutexvar_pd(at, ends[1]),
            };
            let right = _mm512_cmp_pd_mask::<COMPARISON>(x, threshold);
            at = _mm512_add_epi64(at, at);
            at = _mm512_mask_add_epi64(at, right, at, one);
            found[level] = right;
            level += 1;
        }
        // Of the block's others, one of two for each answer that is known. A permutation takes the low bits of a place.
        let by = LEVELS - 4;
        let pair = |i: usize| _mm512_permutex2var_pd(tables[i][0], at, tables[i][1]);
        let two = |i: usize, step: usize, by: u8| _mm512_mask_blend_pd(by, pair(i), pair(i + step));
        let four = |i: usize, step: usize, low: u8, high: u8| {
            _mm512_mask_blend_pd(high, two(i, step, low), two(i + 2 * step, step, low))
        };
        found[by] = _mm512_cmp_pd_mask::<COMPARISON>(x, pair(7));
        found[by + 1] = _mm512_cmp_pd_mask::<COMPARISON>(x, two(3, 8, found[by]));
        found[by + 2] = _mm512_cmp_pd_mask::<COMPARISON>(x, four(1, 4, found[by + 1], found[by]));
        let left = four(0, 2, found[by + 2], found[by + 1]);
        let right = four(8, 2, found[by + 2], found[by + 1]);
        let threshold = _mm512_mask_blend_pd(found[by], left, right);
        found[by + 3] = _mm512_cmp_pd_mask::<COMPARISON>(x, threshold);
        for level in 0..LEVELS {
            bytemuck::cast_mut::<Mask, [u8; ROWS / LANES]>(&mut planes[LEVELS - 1 - level])[eight] =
                found[level];
        }
    }
}

/// Blocks of thresholds, turned so that two registers have one of each block, in the lanes of places below the ends'. Where there
/// are fewer than `count`, the others are NaN.
#[inline]
#[target_feature(enable = "avx512f")]
fn tables(blocks: &[[f64; BLOCK]], count: usize) -> [[__m512d; 2]; BLOCK] {
    let mut tables = [[_mm512_setzero_pd(); 2]; BLOCK];
    for high in [0, LANES] {
        let mut rows = [_mm512_set1_pd(f64::NAN); BLOCK];
        for (block, thresholds) in blocks.iter().enumerate() {
            // SAFETY: a block has sixteen float64, eight of them behind `high`.
            rows[(count + block) % BLOCK] = unsafe { _mm512_loadu_pd(thresholds.as_ptr().add(high)) };
        }
        let [first, second] = rows.as_chunks::<LANES>().0 else { continue };
        let [first, second] = [turned(*first), turned(*second)];
        for place in 0..LANES {
            tables[high + place] = [first[place], second[place]];
        }
    }
    tables
}

/// Adds leaves; `false` where there are so many that they are quicker to read.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
pub(super) fn add(planes: &[Mask], table: &[f64], sums: &mut [f64]) -> bool {
    if table.len() > CHOSEN {
        return false;
    }
    match planes.len() {
        0..=3 => add_by::<3>(planes, table, sums),
        4 => add_by::<4>(planes, table, sums),
        5 => add_by::<5>(planes, table, sums),
        _ => add_by::<6>(planes, table, sums),
    }
    true
}

/// For leaves whose numbers have so many bits: three choose within a register, the fourth between two, the others between
/// what came out of them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_by<const BITS: usize>(planes: &[Mask], table: &[f64], sums: &mut [f64]) {
    assert!(table.len() == 1 << planes.len() && planes.len() <= BITS);
    let mut tables = [_mm512_setzero_pd(); CHOSEN / LANES];
    if table.len() < LANES {
        // SAFETY: the mask shuts out what lies behind the table.
        tables[0] = unsafe { _mm512_maskz_loadu_pd((1 << table.len()) - 1, table.as_ptr()) };
    }
    for (values, register) in table.chunks_exact(LANES).zip(&mut tables[..1 << (BITS - 3)]) {
        // SAFETY: a chunk has eight float64.
        *register = unsafe { _mm512_loadu_pd(values.as_ptr()) };
    }
    let bit = |bit: usize, word: usize, part: usize| (planes[bit].0[word] >> (8 * part)) as u8;
    let eight = |bytes: &[u64; 8], part: usize| bytes[part].cast_signed();
    for word in 0..(sums.len() / 64).min(ROWS / 64) {
        let mut bytes = [0u64; 8];
        // SAFETY: 64 bytes, of any alignment, are behind the pointer.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), numbers(planes, word)) };
        for part in 0..8 {
            let at = _mm512_cvtepu8_epi64(_mm_cvtsi64_si128(eight(&bytes, part)));
            let mut chosen = [_mm512_setzero_pd(); 4];
            if BITS == 3 {
                chosen[0] = _mm512_permutexvar_pd(at, tables[0]);
            }
            for pair in 0..(1 << BITS) / 16 {
                chosen[pair] = _mm512_permutex2var_pd(tables[2 * pair], at, tables[2 * pair + 1]);
            }
            for plane in 4..BITS {
                let bits = bit(plane, word, part);
                for pair in 0..1 << (BITS - plane - 1) {
                    chosen[pair] = _mm512_mask_blend_pd(bits, chosen[2 * pair], chosen[2 * pair + 1]);
                }
            }
            // SAFETY: each word has 64 float64 behind its start, each part 8 of them.
            unsafe {
                let sums = sums.as_mut_ptr().add(word * 64 + part * LANES);
                _mm512_storeu_pd(sums, _mm512_add_pd(_mm512_loadu_pd(sums), chosen[0]));
            }
        }
    }
}

/// Columns of so many rows, of which each eight are turned in registers; gives how many were.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn columns<X: Real>(
    columns: &[Column],
    rows: Rows<'_, X>,
    start: usize,
    count: usize,
    values: &[f64],
    into: &mut [f64],
) -> usize {
    let whole = count / LANES * LANES;
    for at in (0..whole).step_by(LANES) {
        squares(columns, &values[(start + at) * rows.columns()..], rows.columns(), &mut into[at..]);
    }
    whole
}

/// The columns of eight rows, which `values` begin with; a column's values go to [`ROWS`] times its place.
#[inline]
#[target_feature(enable = "avx512f")]
fn squares(columns: &[Column], values: &[f64], width: usize, into: &mut [f64]) {
    assert!(values.len() >= LANES * width);
    let mut place = 0;
    while place < columns.len() {
        let first = columns[place].feature as usize;
        let features = (width - first).min(LANES);
        let mask = u8::MAX >> (LANES - features);
        let mut rows = [_mm512_setzero_pd(); LANES];
        for (row, register) in rows.iter_mut().enumerate() {
            // SAFETY: the mask leaves `features` values from the row's feature `first` on, which the row has; those that it
            // shuts out are not read.
            *register = unsafe { _mm512_maskz_loadu_pd(mask, values.as_ptr().add(row * width + first)) };
        }
        let turned = turned(rows);
        // Columns ascend by feature.
        while place < columns.len() && (columns[place].feature as usize) < first + features {
            let Column { feature, zero_is_missing } = columns[place];
            let mut x = turned[feature as usize - first];
            if zero_is_missing {
                let is_zero = _mm512_cmp_pd_mask::<_CMP_EQ_OQ>(x, _mm512_setzero_pd());
                x = _mm512_mask_blend_pd(is_zero, x, _mm512_set1_pd(f64::NAN));
            }
            let into = &mut into[place * ROWS..][..LANES];
            // SAFETY: eight float64, of any alignment, are behind the pointer.
            unsafe { _mm512_storeu_pd(into.as_mut_ptr(), x) };
            place += 1;
        }
    }
}

/// Rows as columns: pairs of numbers, and then quarters of registers change places.
#[inline]
#[target_feature(enable = "avx512f")]
fn turned(rows: [__m512d; LANES]) -> [__m512d; LANES] {
    let mut turned = [_mm512_setzero_pd(); LANES];
    for half in 0..2 {
        let mut pairs = [_mm512_setzero_pd(); LANES / 2];
        for i in 0..LANES / 2 {
            let [first, second] = [rows[2 * i], rows[2 * i + 1]];
            pairs[i] =
                if half == 0 { _mm512_unpacklo_pd(first, second) } else { _mm512_unpackhi_pd(first, second) };
        }
        let [a, b, c, d] = pairs;
        let even = [_mm512_shuffle_f64x2::<0x88>(a, b), _mm512_shuffle_f64x2::<0x88>(c, d)];
        let odd = [_mm512_shuffle_f64x2::<0xdd>(a, b), _mm512_shuffle_f64x2::<0xdd>(c, d)];
        turned[half] = _mm512_shuffle_f64x2::<0x88>(even[0], even[1]);
        turned[4 + half] = _mm512_shuffle_f64x2::<0xdd>(even[0], even[1]);
        turned[2 + half] = _mm512_shuffle_f64x2::<0x88>(odd[0], odd[1]);
        turned[6 + half] = _mm512_shuffle_f64x2::<0xdd>(odd[0], odd[1]);
    }
    turned
}
