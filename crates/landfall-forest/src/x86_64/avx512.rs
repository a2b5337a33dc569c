//! AVX-512 (F, BW, VL, DQ): 16 values, or 64 ranks, against a threshold give a mask; leaves come out of registers.

use super::avx2::{avx2, avx2_row};
use super::avx512_bits::{numbers, planes_of};
use super::avx512_square::turned;
use super::{avx2_leaves, avx512_f64, avx512_full, avx512_rank};
use crate::Real;
use crate::Rows;
use crate::blocks::{Job, Machine};
use crate::column::Column;
use crate::conditions::{Count, LANES, Part};
use crate::few::{ByRanks, RowJob};
use crate::ladder::BITS;
use crate::mask::{LEAVES, Mask, ROWS};
use crate::processor::has_avx512;
use crate::real::{Numbers, NumbersMut};
use std::arch::x86_64::*;

/// With AVX-512 where the processor has it, else as [`avx2`].
pub(crate) fn avx512<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,popcnt,bmi1,bmi2,lzcnt")]
    fn run<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
        job.run(sums, &Avx512::new());
    }
    if has_avx512() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        avx2(job, sums);
    }
}

/// A few rows, with AVX-512 where the processor has it, else as [`avx2_row`].
pub(crate) fn avx512_row<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(
    job: &RowJob<'_, R, X, Y, L>,
    sums: &mut [Y],
) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,popcnt,bmi1,bmi2,lzcnt")]
    fn run<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(job: &RowJob<'_, R, X, Y, L>, sums: &mut [Y]) {
        job.run(sums, &Avx512::new());
    }
    if has_avx512() {
        // SAFETY: the processor has each instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        avx2_row(job, sums);
    }
}

/// Made where the processor is known to have what this file is compiled for: by [`Avx512::new`] alone.
pub(super) struct Avx512(());

impl Avx512 {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,popcnt,bmi1,bmi2,lzcnt")]
    pub(super) fn new() -> Self {
        Avx512(())
    }
}

impl<X: Real> Count<X> for Avx512 {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: an `Avx512` is made only where the processor has what the function is compiled for.
        unsafe { count::<X, _CMP_LT_OQ>(thresholds, x) }
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: as above.
        unsafe { count::<X, _CMP_LE_OQ>(thresholds, x) }
    }
}

impl<X: Real, Y: Real> Machine<X, Y> for Avx512 {
    #[inline(always)]
    fn columns(&self, columns: &[Column], rows: Rows<'_, X>, start: usize, count: usize, into: &mut [X]) {
        // SAFETY: as above.
        unsafe { columns_of(columns, rows, start, count, into) }
    }

    #[inline(always)]
    fn right_of(
        &self,
        values: &[X; ROWS],
        threshold: X,
        at_most: bool,
        missing_right: bool,
        into: &mut Mask,
    ) {
        // What is not to the left: a comparison that holds for NaN, and one that does not.
        // SAFETY: as above.
        unsafe {
            match (at_most, missing_right) {
                (false, true) => right_of::<X, _CMP_NLT_UQ>(values, threshold, into),
                (false, false) => right_of::<X, _CMP_GE_OQ>(values, threshold, into),
                (true, true) => right_of::<X, _CMP_NLE_UQ>(values, threshold, into),
                (true, false) => right_of::<X, _CMP_GT_OQ>(values, threshold, into),
            }
        }
    }

    #[inline(always)]
    fn rank(&self, part: &Part<X>, values: &[X; ROWS], width: usize, planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        if unsafe {
            avx512_rank::planes(part, values, width, planes)
                || avx512_f64::planes(part, values, width, planes)
        } {
            return;
        }
        <Self as Machine<X, Y>>::rank_by_bytes(self, part, values, width, planes);
    }

    #[inline(always)]
    fn full(&self, asked: &[u16], answers: &[Mask], planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        unsafe { avx512_full::planes(asked, answers, planes) }
    }

    #[inline(always)]
    fn planes(&self, bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        unsafe { planes_of(bytes, planes) }
    }

    #[inline(always)]
    fn add(&self, planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
        // SAFETY: as above.
        unsafe {
            match (Y::numbers(leaves), Y::numbers_mut(sums)) {
                (Numbers::F32(table), NumbersMut::F32(sums)) => add_f32(planes, table, sums),
                (Numbers::F64(table), NumbersMut::F64(sums)) => add_f64(planes, table, sums),
                _ => {}
            }
        }
    }
}

/// How many thresholds compare so with x; ordered, so that NaN on either side counts nothing.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,popcnt")]
fn count<X: Real, const COMPARISON: i32>(thresholds: &[X; LANES], x: X) -> u32 {
    match X::numbers(thresholds) {
        Numbers::F32(thresholds) => {
            // SAFETY: sixteen float32, of any alignment, are behind the pointer.
            let thresholds = unsafe { _mm512_loadu_ps(thresholds.as_ptr()) };
            let x = _mm512_set1_ps(x.wide() as f32);
            u32::from(_mm512_cmp_ps_mask::<COMPARISON>(thresholds, x)).count_ones()
        }
        Numbers::F64(thresholds) => {
            let (low, high) = thresholds.split_at(LANES / 2);
            // SAFETY: eight float64, of any alignment, are behind each pointer.
            let (low, high) = unsafe { (_mm512_loadu_pd(low.as_ptr()), _mm512_loadu_pd(high.as_ptr())) };
            let x = _mm512_set1_pd(x.wide());
            let low = u32::from(_mm512_cmp_pd_mask::<COMPARISON>(low, x));
            (low | u32::from(_mm512_cmp_pd_mask::<COMPARISON>(high, x)) << 8).count_ones()
        }
    }
}

// The loops below count places instead of taking iterators: iterators' own functions are not compiled for the instruction
// set, and were seen not to be inlined.

#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn right_of<X: Real, const COMPARISON: i32>(values: &[X; ROWS], threshold: X, into: &mut Mask) {
    match X::numbers(values) {
        Numbers::F32(values) => {
            let threshold = _mm512_set1_ps(threshold.wide() as f32);
            for word in 0..ROWS / 64 {
                let mut bits = 0;
                for part in 0..4 {
                    // SAFETY: there are 64 float32 for each word, of which each part has 16.
                    let values = unsafe { _mm512_loadu_ps(values.as_ptr().add(word * 64 + part * 16)) };
                    bits |= u64::from(_mm512_cmp_ps_mask::<COMPARISON>(values, threshold)) << (16 * part);
                }
                into.0[word] = bits;
            }
        }
        Numbers::F64(values) => {
            let threshold = _mm512_set1_pd(threshold.wide());
            for word in 0..ROWS / 64 {
                let mut bits = 0;
                for part in 0..8 {
                    // SAFETY: there are 64 float64 for each word, of which each part has 8.
                    let values = unsafe { _mm512_loadu_pd(values.as_ptr().add(word * 64 + part * 8)) };
                    bits |= u64::from(_mm512_cmp_pd_mask::<COMPARISON>(values, threshold)) << (8 * part);
                }
                into.0[word] = bits;
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_f32(planes: &[Mask], table: &[f32], sums: &mut [f32]) {
    match planes.len() {
        0..=4 => add_f32_by::<4>(planes, table, sums),
        5 => add_f32_by::<5>(planes, table, sums),
        6 => add_f32_by::<6>(planes, table, sums),
        7 => add_f32_by::<7>(planes, table, sums),
        _ => add_f32_by::<8>(planes, table, sums),
    }
}

/// For leaves whose numbers have so many bits: four choose within a register, the fifth between two, the others between
/// what came out of them.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn add_f32_by<const BITS: usize>(planes: &[Mask], table: &[f32], sums: &mut [f32]) {
    assert!(table.len() == 1 << planes.len() && planes.len() <= BITS);
    let mut tables = [_mm512_setzero_ps(); LEAVES / 16];
    if table.len() < 16 {
        // SAFETY: the mask shuts out what lies behind the table.
        tables[0] = unsafe { _mm512_maskz_loadu_ps((1 << table.len()) - 1, table.as_ptr()) };
    }
    for (values, register) in table.chunks_exact(16).zip(&mut tables[..1 << (BITS - 4)]) {
        // SAFETY: a chunk has sixteen float32.
        *register = unsafe { _mm512_loadu_ps(values.as_ptr()) };
    }
    let bit = |bit: usize, word: usize, part: usize| (planes[bit].0[word] >> (16 * part)) as u16;
    for word in 0..(sums.len() / 64).min(ROWS / 64) {
        let numbers = numbers(planes, word);
        let quarters = [
            _mm512_castsi512_si128(numbers),
            _mm512_extracti32x4_epi32::<1>(numbers),
            _mm512_extracti32x4_epi32::<2>(numbers),
            _mm512_extracti32x4_epi32::<3>(numbers),
        ];
        for (part, quarter) in quarters.into_iter().enumerate() {
            let at = _mm512_cvtepu8_epi32(quarter);
            let mut chosen = [_mm512_setzero_ps(); 8];
            if BITS == 4 {
                chosen[0] = _mm512_permutexvar_ps(at, tables[0]);
            }
            for pair in 0..(1 << BITS) / 32 {
                chosen[pair] = _mm512_permutex2var_ps(tables[2 * pair], at, tables[2 * pair + 1]);
            }
            for plane in 5..BITS {
                let bits = bit(plane, word, part);
                for pair in 0..1 << (BITS - plane - 1) {
                    chosen[pair] = _mm512_mask_blend_ps(bits, chosen[2 * pair], chosen[2 * pair + 1]);
                }
            }
            // SAFETY: each word has 64 float32 behind its start, each part 16 of them.
            unsafe {
                let sums = sums.as_mut_ptr().add(word * 64 + part * 16);
                _mm512_storeu_ps(sums, _mm512_add_ps(_mm512_loadu_ps(sums), chosen[0]));
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx2")]
fn add_f64(planes: &[Mask], table: &[f64], sums: &mut [f64]) {
    if avx512_f64::add(planes, table, sums) {
        return;
    }
    let mut bytes = [0; ROWS];
    for (word, bytes) in bytes.as_chunks_mut::<64>().0.iter_mut().enumerate() {
        // SAFETY: 64 bytes, of any alignment, are behind the pointer.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), numbers(planes, word)) };
    }
    avx2_leaves::read_by(&bytes, table, sums);
}

/// Columns of a matrix: in squares of sixteen rows and sixteen features, of float64 of eight, turned in registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns_of<X: Real>(columns: &[Column], rows: Rows<'_, X>, start: usize, count: usize, into: &mut [X]) {
    // Trees that are single leaves ask for no column.
    if columns.is_empty() {
        return;
    }
    let whole = match (X::numbers(rows.values()), X::numbers_mut(into)) {
        (Numbers::F32(values), NumbersMut::F32(into)) => {
            let whole = count / 16 * 16;
            for at in (0..whole).step_by(16) {
                squares(columns, &values[(start + at) * rows.columns()..], rows.columns(), &mut into[at..]);
            }
            whole
        }
        (Numbers::F64(values), NumbersMut::F64(into)) => {
            avx512_f64::columns(columns, rows, start, count, values, into)
        }
        _ => 0,
    };
    for place in 0..columns.len() {
        for i in whole..count {
            into[place * ROWS + i] = columns[place].value(rows.row(start + i));
        }
    }
}

/// The columns of sixteen rows, which `values` begin with; a column's values go to [`ROWS`] times its place.
#[inline]
#[target_feature(enable = "avx512f")]
fn squares(columns: &[Column], values: &[f32], width: usize, into: &mut [f32]) {
    assert!(values.len() >= 16 * width);
    let mut place = 0;
    while place < columns.len() {
        let first = columns[place].feature as usize;
        let features = (width - first).min(16);
        let mask = u16::MAX >> (16 - features);
        let mut rows = [_mm512_setzero_ps(); 16];
        for (row, register) in rows.iter_mut().enumerate() {
            // SAFETY: the mask leaves `features` values from the row's feature `first` on, which the row has; those that it
            // shuts out are not read.
            *register = unsafe { _mm512_maskz_loadu_ps(mask, values.as_ptr().add(row * width + first)) };
        }
        let turned = turned(rows);
        // Columns ascend by feature.
        while place < columns.len() && (columns[place].feature as usize) < first + features {
            let Column { feature, zero_is_missing } = columns[place];
            let mut x = turned[feature as usize - first];
            if zero_is_missing {
                let is_zero = _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(x, _mm512_setzero_ps());
                x = _mm512_mask_blend_ps(is_zero, x, _mm512_set1_ps(f32::NAN));
            }
            let into = &mut into[place * ROWS..][..16];
            // SAFETY: sixteen float32, of any alignment, are behind the pointer.
            unsafe { _mm512_storeu_ps(into.as_mut_ptr(), x) };
            place += 1;
        }
    }
}
