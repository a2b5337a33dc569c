//! AVX2: sixteen shallow trees ([`crate::abreast`]), eight of them to a register, for rows of float32.

use crate::abreast::{Abreast, LANES, Sixteen};
use crate::line::Line;
use crate::processor::HasAvx2;
use crate::trees::Tree;
use crate::{Real, Rows};
use std::arch::x86_64::*;
use std::ops::Range;

/// Trees, or features, of a register.
const EIGHT: usize = 8;

/// A few rows through trees that follow each other from the layout's tree `start` on.
///
/// # Panics
/// When rows are narrower than the forest's features, or `sums` are not its outputs for each of them.
#[inline]
pub(crate) fn avx2_abreast<Y: Real>(
    layout: &Abreast<Y>,
    rows: Rows<'_, f32>,
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    let HasAvx2 { .. } = layout.has;
    // SAFETY: the layout holds that the processor has each instruction set that the functions are compiled for.
    unsafe {
        match layout.levels {
            1 => by_width::<Y, 2>(layout, rows, trees, start, sums),
            2 => by_width::<Y, 4>(layout, rows, trees, start, sums),
            _ => by_width::<Y, 8>(layout, rows, trees, start, sums),
        }
    }
}

/// For trees of so many leaves: values of up to 32 features stay in registers.
#[inline]
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
fn by_width<Y: Real, const LEAVES: usize>(
    layout: &Abreast<Y>,
    rows: Rows<'_, f32>,
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    match layout.features.div_ceil(EIGHT) {
        0..=2 => through::<Y, LEAVES, 2>(layout, rows, trees, start, sums),
        3..=4 => through::<Y, LEAVES, 4>(layout, rows, trees, start, sums),
        _ => through::<Y, LEAVES, 0>(layout, rows, trees, start, sums),
    }
}

/// The same, for values in so many registers, or in none.
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
fn through<Y: Real, const LEAVES: usize, const PARTS: usize>(
    layout: &Abreast<Y>,
    rows: Rows<'_, f32>,
    trees: &[Tree],
    start: usize,
    sums: &mut [Y],
) {
    let (outputs, range) = (layout.outputs, start..start + trees.len());
    assert!(range.end <= layout.trees && sums.len() == rows.len() * outputs);
    for row in 0..rows.len() {
        let values = Values::<PARTS>::of(rows.row(row), layout.features);
        match &mut sums[row * outputs..][..outputs] {
            // In a register: each addition waits for the one before it.
            [sum] => {
                let mut total = *sum;
                each_leaf::<Y, LEAVES, PARTS>(layout, values, range.clone(), |_, leaf| total = total + leaf);
                *sum = total;
            }
            sums => each_leaf::<Y, LEAVES, PARTS>(layout, values, range.clone(), |tree, leaf| {
                let sum = &mut sums[trees[tree - start].first_output];
                *sum = *sum + leaf;
            }),
        }
    }
}

/// The leaves that a row comes to in these trees, one after the other.
#[inline]
#[target_feature(enable = "avx2,popcnt,bmi1,bmi2,lzcnt")]
fn each_leaf<Y: Real, const LEAVES: usize, const PARTS: usize>(
    layout: &Abreast<Y>,
    values: Values<'_, PARTS>,
    trees: Range<usize>,
    mut add: impl FnMut(usize, Y),
) {
    for group in trees.start / LANES..trees.end.div_ceil(LANES) {
        let asked = &layout.asked[group * (LEAVES - 1)..][..LEAVES - 1];
        let leaves = &layout.leaves[group * LEAVES..][..LEAVES];
        let numbers = numbers::<LEAVES, PARTS>(values, asked);
        let first = group * LANES;
        for tree in trees.start.max(first)..trees.end.min(first + LANES) {
            let lane = tree % LANES;
            add(tree, leaves[numbers.0[lane] as usize % LEAVES].0[lane]);
        }
    }
}

/// A row's values, eight to a register.
#[derive(Clone, Copy)]
struct Values<'a, const PARTS: usize> {
    row: &'a [f32],
    parts: [__m256; PARTS],
}

impl<'a, const PARTS: usize> Values<'a, PARTS> {
    /// Of a row that has all features.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn of(row: &'a [f32], features: usize) -> Self {
        assert!(row.len() >= features && (PARTS == 0 || features <= PARTS * EIGHT));
        let mut parts = [_mm256_setzero_ps(); PARTS];
        for (part, values) in parts.iter_mut().enumerate() {
            let left = features.saturating_sub(part * EIGHT).min(EIGHT) as i32;
            let is_there =
                _mm256_cmpgt_epi32(_mm256_set1_epi32(left), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
            // SAFETY: the mask leaves features that the row has.
            *values = unsafe { _mm256_maskload_ps(row.as_ptr().wrapping_add(part * EIGHT), is_there) };
        }
        Values { row, parts }
    }

    /// The values of these features: a register is asked by the lowest three bits of a feature's number, those above choose.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn at(self, features: __m256i) -> __m256 {
        if PARTS == 0 {
            // SAFETY: features that the builder took are below the forest's number of them, which the row has.
            return unsafe { _mm256_i32gather_ps::<4>(self.row.as_ptr(), features) };
        }
        let mut found = [_mm256_setzero_ps(); PARTS];
        for (found, part) in found.iter_mut().zip(self.parts) {
            *found = _mm256_permutevar8x32_ps(part, features);
        }
        let choices = [_mm256_slli_epi32::<28>(features), _mm256_slli_epi32::<27>(features)];
        let mut left = PARTS;
        for choice in choices {
            if left == 1 {
                break;
            }
            left /= 2;
            for pair in 0..left {
                found[pair] =
                    _mm256_blendv_ps(found[2 * pair], found[2 * pair + 1], _mm256_castsi256_ps(choice));
            }
        }
        found[0]
    }
}

/// The numbers of the leaves that sixteen trees' answers lead to.
#[inline]
#[target_feature(enable = "avx2")]
fn numbers<const LEAVES: usize, const PARTS: usize>(
    values: Values<'_, PARTS>,
    asked: &[Sixteen],
) -> Line<[u32; LANES]> {
    let mut numbers = Line([0; LANES]);
    for half in 0..LANES / EIGHT {
        let found = eight::<LEAVES, PARTS>(values, asked, half * EIGHT);
        // SAFETY: there is room for eight numbers in each half, which begins with half a cache line.
        unsafe { _mm256_store_si256(numbers.0[half * EIGHT..].as_mut_ptr().cast(), found) };
    }
    numbers
}

/// The same of eight trees, from this lane on: below a node, its answer chooses between those of the next level, and each
/// level's answer is a bit of the number.
#[inline]
#[target_feature(enable = "avx2")]
fn eight<const LEAVES: usize, const PARTS: usize>(
    values: Values<'_, PARTS>,
    asked: &[Sixteen],
    lane: usize,
) -> __m256i {
    let mut answers = [_mm256_setzero_ps(); LEAVES];
    for (answer, asked) in answers[1..].iter_mut().zip(asked) {
        let (features, signs, thresholds) = (
            &asked.features[lane..][..EIGHT],
            &asked.signs[lane..][..EIGHT],
            &asked.thresholds[lane..][..EIGHT],
        );
        // SAFETY: eight numbers of 4 bytes are behind each pointer, and begin with half a cache line.
        let (features, signs, thresholds) = unsafe {
            (
                _mm256_load_si256(features.as_ptr().cast()),
                _mm256_load_ps(signs.as_ptr().cast()),
                _mm256_load_ps(thresholds.as_ptr()),
            )
        };
        *answer = _mm256_cmp_ps::<_CMP_GE_OQ>(_mm256_xor_ps(values.at(features), signs), thresholds);
    }
    let mut number = _mm256_setzero_si256();
    let mut nodes = 1;
    while nodes < LEAVES {
        let mut level = [_mm256_setzero_ps(); LEAVES];
        level[..nodes].copy_from_slice(&answers[nodes..2 * nodes]);
        // The nearest level above chooses first, of two neighbours.
        let mut above = nodes / 2;
        while above > 0 {
            for node in 0..above {
                level[node] = _mm256_blendv_ps(level[2 * node], level[2 * node + 1], answers[above + node]);
            }
            above /= 2;
        }
        let bit = _mm256_set1_epi32((LEAVES / 2 / nodes) as i32);
        number = _mm256_or_si256(number, _mm256_and_si256(_mm256_castps_si256(level[0]), bit));
        nodes *= 2;
    }
    number
}
