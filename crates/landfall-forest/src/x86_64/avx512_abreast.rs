//! AVX-512: sixteen shallow trees at once ([`crate::abreast`]), for a row of float32.

use crate::abreast::{Abreast, LANES, Sixteen};
use crate::line::Line;
use crate::processor::HasScan;
use crate::real::{Numbers, NumbersMut};
use crate::trees::Tree;
use crate::{Real, Rows};
use std::arch::x86_64::*;
use std::ops::Range;

/// Features whose values stay in registers.
const IN_REGISTERS: usize = 32;

/// A few rows through trees that follow each other from the layout's tree `start` on.
///
/// # Panics
/// When rows are narrower than the forest's features, or `sums` are not its outputs for each of them.
pub(crate) fn abreast<Y: Real>(
    _: HasScan,
    layout: &Abreast<Y>,
    rows: Rows<'_, f32>,
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    // SAFETY: a `HasScan` is made only where the processor has each instruction set that the functions are compiled for.
    unsafe {
        match layout.levels {
            1 => through::<Y, 2>(layout, rows, trees, start, sums),
            2 => through::<Y, 4>(layout, rows, trees, start, sums),
            _ => through::<Y, 8>(layout, rows, trees, start, sums),
        }
    }
}

/// One row through a forest's first trees: what most callers ask, with as few instructions as there are, since a row takes no
/// longer than some hundred. `false`, and nothing done, for other trees and several outputs.
///
/// # Panics
/// As [`abreast`].
#[inline]
pub(crate) fn abreast_alone<Y: Real>(
    _: HasScan,
    layout: &Abreast<Y>,
    row: &[f32],
    trees: &Range<usize>,
    sums: &mut [Y],
) -> bool {
    let (0, 1, [sum]) = (trees.start, layout.outputs, sums) else { return false };
    // SAFETY: as for `abreast`.
    unsafe {
        match layout.levels {
            1 => alone::<Y, 2>(layout, row, trees.end, sum),
            2 => alone::<Y, 4>(layout, row, trees.end, sum),
            _ => alone::<Y, 8>(layout, row, trees.end, sum),
        }
    }
    true
}

/// For trees of so many leaves. The sum stays in a register: each addition waits for the one before it.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi1,bmi2")]
fn alone<Y: Real, const LEAVES: usize>(layout: &Abreast<Y>, row: &[f32], count: usize, sum: &mut Y) {
    assert!(count <= layout.trees);
    let values = Values::of(row, layout.features);
    let mut total = *sum;
    for group in 0..count.div_ceil(LANES) {
        // SAFETY: this function is compiled for what the processor has.
        let chosen = unsafe { chosen::<Y, LEAVES>(layout, values, group) };
        let (fours, rest) = chosen.0[..(count - group * LANES).min(LANES)].as_chunks::<4>();
        for four in fours {
            total = total + four[0];
            total = total + four[1];
            total = total + four[2];
            total = total + four[3];
        }
        for leaf in rest {
            total = total + *leaf;
        }
    }
    *sum = total;
}

/// For trees of so many leaves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi1,bmi2")]
fn through<Y: Real, const LEAVES: usize>(
    layout: &Abreast<Y>,
    rows: Rows<'_, f32>,
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    let outputs = layout.outputs;
    assert!(rows.columns() >= layout.features && sums.len() == rows.len() * outputs);
    for row in 0..rows.len() {
        let sums = &mut sums[row * outputs..][..outputs];
        match (start, sums) {
            (0, [sum]) => alone::<Y, LEAVES>(layout, rows.row(row), trees.len(), sum),
            (_, sums) => add_each::<Y, LEAVES>(layout, rows.row(row), trees, start, sums),
        }
    }
}

/// One row through any trees, whose leaves go to sums of their own.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx2,bmi1,bmi2")]
fn add_each<Y: Real, const LEAVES: usize>(
    layout: &Abreast<Y>,
    row: &[f32],
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    let values = Values::of(row, layout.features);
    let mut chosen = Line([Y::ZERO; LANES]);
    for place in 0..trees.len() {
        let at = start + place;
        if place == 0 || at.is_multiple_of(LANES) {
            // SAFETY: this function is compiled for what the processor has.
            chosen = unsafe { self::chosen::<Y, LEAVES>(layout, values, at / LANES) };
        }
        let sum = &mut sums[trees[place].first_output];
        *sum = *sum + chosen.0[at % LANES];
    }
}

/// A row's values.
#[derive(Clone, Copy)]
struct Values<'a> {
    row: &'a [f32],
    features: usize,
    low: __m512,
    high: __m512,
}

impl<'a> Values<'a> {
    /// Of a row that has all features.
    #[inline]
    #[target_feature(enable = "avx512f,bmi2")]
    fn of(row: &'a [f32], features: usize) -> Self {
        assert!(row.len() >= features);
        let in_registers = ((1u64 << features.min(IN_REGISTERS)) - 1) as u32;
        // SAFETY: the masks leave features that the row has.
        unsafe {
            let low = _mm512_maskz_loadu_ps(in_registers as u16, row.as_ptr());
            let high = _mm512_maskz_loadu_ps((in_registers >> 16) as u16, row.as_ptr().wrapping_add(LANES));
            Values { row, features, low, high }
        }
    }

    /// The values of these features.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn at(self, features: __m512i) -> __m512 {
        if self.features <= IN_REGISTERS {
            _mm512_permutex2var_ps(self.low, features, self.high)
        } else {
            // SAFETY: features that the builder took are below the forest's number of them, which the row has.
            unsafe { _mm512_i32gather_ps::<4>(features, self.row.as_ptr()) }
        }
    }
}

/// The answers of sixteen trees, by node from 1 on.
#[inline]
#[target_feature(enable = "avx512f,avx512dq")]
fn answers<const LEAVES: usize>(values: Values<'_>, asked: &[Sixteen]) -> [__mmask16; LEAVES] {
    let mut answers = [0; LEAVES];
    for node in 1..LEAVES {
        let asked = &asked[node - 1];
        // SAFETY: sixteen numbers of 4 bytes are behind each pointer.
        let (features, signs, thresholds) = unsafe {
            (
                _mm512_load_si512(asked.features.as_ptr().cast()),
                _mm512_load_si512(asked.signs.as_ptr().cast()),
                _mm512_load_ps(asked.thresholds.as_ptr()),
            )
        };
        let x = _mm512_xor_ps(values.at(features), _mm512_castsi512_ps(signs));
        answers[node] = _mm512_cmp_ps_mask::<_CMP_GE_OQ>(x, thresholds);
    }
    answers
}

/// The leaves that sixteen trees' answers lead to: the layout's `group`-th sixteen. Always inlined, since values and leaves
/// would else go through memory.
///
/// # Safety
/// The processor has what the functions of this file are compiled for.
#[inline(always)]
unsafe fn chosen<Y: Real, const LEAVES: usize>(
    layout: &Abreast<Y>,
    values: Values<'_>,
    group: usize,
) -> Line<[Y; LANES]> {
    let asked = &layout.asked[group * (LEAVES - 1)..][..LEAVES - 1];
    let leaves = &layout.leaves[group * LEAVES..][..LEAVES];
    let mut chosen = Line([Y::ZERO; LANES]);
    // SAFETY: of the instructions, the caller knows; there is room for the leaves of sixteen trees.
    unsafe {
        let answers = answers::<LEAVES>(values, asked);
        match Y::numbers_mut(&mut chosen.0) {
            NumbersMut::F32(chosen) => {
                _mm512_store_ps(chosen.as_mut_ptr(), among_f32(&answers, leaves));
            }
            NumbersMut::F64(chosen) => {
                let (low, high) = among_f64(&answers, leaves);
                _mm512_store_pd(chosen.as_mut_ptr(), low);
                _mm512_store_pd(chosen.as_mut_ptr().add(LANES / 2), high);
            }
        }
    }
    chosen
}

/// Of sixteen trees' leaves the ones that the answers lead to: each node chooses between what was chosen below it.
#[inline]
#[target_feature(enable = "avx512f")]
fn among_f32<Y: Real, const LEAVES: usize>(
    answers: &[__mmask16; LEAVES],
    leaves: &[Line<[Y; LANES]>],
) -> __m512 {
    let mut among = [_mm512_setzero_ps(); LEAVES];
    for leaf in 0..LEAVES {
        if let Numbers::F32(leaf_of_trees) = Y::numbers(&leaves[leaf].0) {
            // SAFETY: there are sixteen float32, which begin with a cache line.
            among[leaf] = unsafe { _mm512_load_ps(leaf_of_trees.as_ptr()) };
        }
    }
    let mut nodes = LEAVES / 2;
    while nodes > 0 {
        for i in 0..nodes {
            among[i] = _mm512_mask_blend_ps(answers[nodes + i], among[2 * i], among[2 * i + 1]);
        }
        nodes /= 2;
    }
    among[0]
}

/// The same of float64, in two registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn among_f64<Y: Real, const LEAVES: usize>(
    answers: &[__mmask16; LEAVES],
    leaves: &[Line<[Y; LANES]>],
) -> (__m512d, __m512d) {
    let mut among = [(_mm512_setzero_pd(), _mm512_setzero_pd()); LEAVES];
    for leaf in 0..LEAVES {
        if let Numbers::F64(leaf_of_trees) = Y::numbers(&leaves[leaf].0) {
            let (low, high) = leaf_of_trees.split_at(LANES / 2);
            // SAFETY: there are two times eight float64, which begin with a cache line each.
            among[leaf] = unsafe { (_mm512_load_pd(low.as_ptr()), _mm512_load_pd(high.as_ptr())) };
        }
    }
    let mut nodes = LEAVES / 2;
    while nodes > 0 {
        for i in 0..nodes {
            let (answer, left, right) = (answers[nodes + i], among[2 * i], among[2 * i + 1]);
            let low = _mm512_mask_blend_pd(answer as u8, left.0, right.0);
            among[i] = (low, _mm512_mask_blend_pd((answer >> (LANES / 2)) as u8, left.1, right.1));
        }
        nodes /= 2;
    }
    among[0]
}
