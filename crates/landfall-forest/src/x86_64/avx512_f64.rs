//! AVX-512: ranks of float64 among a part's thresholds, eight at a time by halving; columns of float64; and leaves of float64
//! out of registers. As for float32 ([`super::avx512_rank`], [`super::avx512`]), with half as many numbers to a register.

use super::avx512_bits::numbers;
use crate::Rows;
use crate::column::Column;
use crate::conditions::{FEW, Part};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::real::{Numbers, Real};
use std::arch::x86_64::*;

/// Numbers of a register.
const LANES: usize = 8;
/// Thresholds that a rank is among, and one more.
const MOST: usize = 1 << BITS;
/// Leaves that are quicker to choose among in registers than to read.
const CHOSEN: usize = 64;

/// The bits of the values' ranks, the lowest first; `false` for numbers that are not float64, and for a few thresholds.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn planes<X: Real>(
    part: &Part<X>,
    values: &[X; ROWS],
    width: usize,
    planes: &mut [Mask; BITS],
) -> bool {
    let (Numbers::F64(list), Numbers::F64(values)) = (X::numbers(part.list()), X::numbers(values)) else {
        return false;
    };
    if list.len() <= FEW {
        return false;
    }
    // In the order in which halving asks for them. Kept for the time of a block alone: they are as large as the list.
    let mut halves = [f64::NAN; MOST];
    let size = (list.len() + 1).next_power_of_two();
    let mut level = size / 2;
    let mut step = 2;
    while level > 0 {
        let mut place = step / 2 - 1;
        for half in &mut halves[level..2 * level] {
            if let Some(&threshold) = list.get(place) {
                *half = threshold;
            }
            place += step;
        }
        (level, step) = (level / 2, 2 * step);
    }
    by_size!(part, &halves[..size], values, width, planes)
}

/// A part of 2^LEVELS - 1 thresholds.
#[inline]
#[target_feature(enable = "avx512f")]
fn halve<const LEVELS: usize, const COMPARISON: i32>(
    halves: &[f64],
    values: &[f64],
    width: usize,
    planes: &mut [Mask; BITS],
) {
    assert!(halves.len() == 1 << LEVELS && values.len() == ROWS && width <= ROWS);
    let mut tables = [_mm512_setzero_pd(); MOST / LANES];
    for (table, halves) in tables.iter_mut().zip(halves.chunks_exact(LANES)) {
        // SAFETY: a chunk has eight float64.
        *table = unsafe { _mm512_loadu_pd(halves.as_ptr()) };
    }
    planes[LEVELS..].fill(Mask::NONE);
    // Told no number, the compiler adds it under a mask; else it makes a number of the mask first, which takes longer.
    let one = _mm512_set1_epi64(std::hint::black_box(1));
    let middle = _mm512_set1_pd(halves[1]);
    for eight in 0..width.div_ceil(LANES) {
        // SAFETY: there are `ROWS` values, of which each eight are whole.
        let x = unsafe { _mm512_loadu_pd(values.as_ptr().add(LANES * eight)) };
        let mut at = one;
        let mut found = [0u8; LEVELS];
        for level in 0..LEVELS {
            // A permutation takes the low bits of a place; those above choose between what came out.
            let pair = |i: usize| _mm512_permutex2var_pd(tables[2 * i], at, tables[2 * i + 1]);
            let two = |i: usize, by: u8| _mm512_mask_blend_pd(by, pair(i), pair(i + 1));
            let four = |i: usize, low: u8, high: u8| _mm512_mask_blend_pd(high, two(i, low), two(i + 2, low));
            let threshold = match level {
                0 => middle,
                1 | 2 => _mm512_permutexvar_pd(at, tables[0]),
                3 => _mm512_permutexvar_pd(at, tables[1]),
                4 => pair(1),
                5 => two(2, found[0]),
                6 => four(4, found[1], found[0]),
                _ => {
                    let [left, right] = [four(8, found[2], found[1]), four(12, found[2], found[1])];
                    _mm512_mask_blend_pd(found[0], left, right)
                }
            };
            let right = _mm512_cmp_pd_mask::<COMPARISON>(x, threshold);
            at = _mm512_add_epi64(at, at);
            at = _mm512_mask_add_epi64(at, right, at, one);
            found[level] = right;
        }
        for level in 0..LEVELS {
            bytemuck::cast_mut::<Mask, [u8; ROWS / LANES]>(&mut planes[LEVELS - 1 - level])[eight] =
                found[level];
        }
    }
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
