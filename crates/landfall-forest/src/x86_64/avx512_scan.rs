//! AVX-512 with VBMI: all splits of the upper levels at once ([`crate::scanned`]), or all levels of oblivious trees
//! ([`crate::levels`]): 64 ranks, or 16 values, to a register.

use super::avx512::{Avx512, has_avx512};
use super::{avx512_values, avx512_ways};
use crate::Real;
use crate::few::RowJob;
use crate::levels::{self, Levels};
use crate::scanned::{AT_ONCE, Asked, SLOTS, Scanned};
use std::arch::x86_64::*;
use std::sync::LazyLock;

/// Trees that go through each of the three stages together: answers, ways down, sums.
const TREES: usize = 64;
/// The same of forests that have no more of them: memory for the others would be cleared in vain.
const FEW_TREES: usize = 16;

/// Whether the processor has what this file is compiled for.
pub(crate) fn has_scan() -> bool {
    // Asked for each row: a dozen questions would be a tenth of what a row of a small model takes.
    static HAS: LazyLock<bool> = LazyLock::new(|| is_x86_feature_detected!("avx512vbmi") && has_avx512());
    *HAS
}

/// A row's ranks in registers.
#[derive(Clone, Copy)]
pub(super) struct Ranks([__m512i; 2]);

impl Ranks {
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn of(ranks: &[u8; SLOTS]) -> Self {
        // SAFETY: there are 128 bytes.
        Ranks(unsafe { [0, 64].map(|half| _mm512_loadu_si512(ranks.as_ptr().add(half).cast())) })
    }

    /// Of no row.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn none() -> Self {
        Ranks([_mm512_setzero_si512(); 2])
    }

    /// The ranks of 64 slots.
    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    pub(super) fn at(self, slots: __m512i) -> __m512i {
        _mm512_permutex2var_epi8(self.0[0], slots, self.0[1])
    }

    /// Of 64 slots, which ranks are above others.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn above(self, slots: &[u8; AT_ONCE], others: &[u8; AT_ONCE]) -> u64 {
        // SAFETY: there are 64 bytes each.
        let (slots, others) = unsafe {
            (_mm512_loadu_si512(slots.as_ptr().cast()), _mm512_loadu_si512(others.as_ptr().cast()))
        };
        _mm512_cmpgt_epu8_mask(self.at(slots), others)
    }
}

/// A few rows by scanning; `false`, and nothing done, where the processor cannot.
pub(crate) fn scan<X: Real, Y: Real>(job: &RowJob<'_, X, Y, Scanned<X>>, sums: &mut [Y]) -> bool {
    if !has_scan() {
        return false;
    }
    // SAFETY: the processor has each instruction set that the functions are compiled for.
    unsafe {
        match job.layout.splits {
            8 if job.trees.len() <= FEW_TREES => rows::<X, Y, 8, FEW_TREES>(job, sums),
            8 => rows::<X, Y, 8, TREES>(job, sums),
            16 => rows::<X, Y, 16, TREES>(job, sums),
            32 => rows::<X, Y, 32, TREES>(job, sums),
            _ => rows::<X, Y, 64, TREES>(job, sums),
        }
    }
    true
}

/// For trees of so many splits in the upper levels, so many trees at a time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows<X: Real, Y: Real, const SPLITS: usize, const TREES: usize>(
    job: &RowJob<'_, X, Y, Scanned<X>>,
    sums: &mut [Y],
) {
    let (layout, outputs) = (job.layout, job.forest.outputs);
    avx512_ways::check(job, SPLITS);
    for (row, sums) in sums.chunks_exact_mut(outputs).enumerate() {
        let row = job.rows.row(row);
        let ranks = match layout.asked {
            Asked::Ranks { .. } => {
                let mut ranks = [0u8; SLOTS];
                job.conditions.rank_row(job.forest, row, &mut ranks, &Avx512::new());
                Ranks::of(&ranks)
            }
            // Nobody asks for them, and reading what was only just written would take longer than comparing.
            Asked::Values { .. } => Ranks::none(),
        };
        let mut first = job.trees.start;
        while first < job.trees.end {
            let count = TREES.min(job.trees.end - first);
            let mut words = [0u64; TREES];
            match &layout.asked {
                Asked::Values { .. } => {
                    avx512_values::answer(&layout.asked, row, first * SPLITS, count * SPLITS, &mut words);
                }
                Asked::Ranks { slots, ranks: others } => {
                    let (slots, others) = (&slots[first * SPLITS..], &others[first * SPLITS..]);
                    let (slots, others) = (slots.as_chunks().0, others.as_chunks().0);
                    for word in 0..(count * SPLITS).div_ceil(AT_ONCE) {
                        words[word] = ranks.above(&slots[word], &others[word]);
                    }
                }
            }
            let mut leaves = [0u64; TREES];
            avx512_ways::down::<X, Y, SPLITS, TREES>(job, ranks, first, count, &words, &mut leaves);
            add(job, first, &leaves[..count], sums);
            first += count;
        }
    }
}

/// Adds leaves to a row's sums, in the trees' order.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn add<X: Real, Y: Real>(job: &RowJob<'_, X, Y, Scanned<X>>, first: usize, leaves: &[u64], sums: &mut [Y]) {
    let (layout, width) = (job.layout, job.layout.width);
    let trees = &job.forest.trees[first..first + leaves.len()];
    let filled = if layout.stands_alone() { job.forest.filled() } else { None };
    if width == 1 && sums.len() == 1 {
        let mut sum = sums[0];
        if let Some(filled) = filled {
            for leaf in leaves {
                sum = sum + filled.leaves[*leaf as usize];
            }
        } else {
            for (tree, leaf) in trees.iter().zip(leaves) {
                sum = sum + job.forest.values[tree.first_value + *leaf as usize];
            }
        }
        sums[0] = sum;
        return;
    }
    for (tree, leaf) in trees.iter().zip(leaves) {
        let (values, first) = match filled {
            Some(filled) => (&filled.leaves, 0),
            None => (&job.forest.values, tree.first_value),
        };
        let values = &values[first + *leaf as usize * width..][..width];
        for (sum, value) in sums[tree.first_output..].iter_mut().zip(values) {
            *sum = *sum + *value;
        }
    }
}

/// A few rows through oblivious trees; `false`, and nothing done, where the processor cannot, or ranks have more slots than
/// two registers.
pub(crate) fn scan_levels<X: Real, Y: Real>(job: &RowJob<'_, X, Y, Levels>, sums: &mut [Y]) -> bool {
    if !has_scan() || job.conditions.slots() > SLOTS {
        return false;
    }
    // SAFETY: the processor has each instruction set that the functions are compiled for.
    unsafe {
        match job.layout.places {
            8 => rows_of_levels::<X, Y, 8>(job, sums),
            _ => rows_of_levels::<X, Y, 16>(job, sums),
        }
    }
    true
}

/// For trees of so many places for levels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows_of_levels<X: Real, Y: Real, const PLACES: usize>(job: &RowJob<'_, X, Y, Levels>, sums: &mut [Y]) {
    const { assert!(levels::AT_ONCE == AT_ONCE) };
    let (forest, first) = (job.forest, job.trees.start);
    let (slots, _) = job.layout.slots[first * PLACES..].as_chunks();
    let (others, _) = job.layout.ranks[first * PLACES..].as_chunks();
    for (row, sums) in sums.chunks_exact_mut(forest.outputs).enumerate() {
        let row = job.rows.row(row);
        let mut ranks = [0u8; SLOTS];
        job.conditions.rank_row(forest, row, &mut ranks, &Avx512::new());
        let ranks = Ranks::of(&ranks);
        for (word, trees) in forest.trees[job.trees.clone()].chunks(AT_ONCE / PLACES).enumerate() {
            let mut answers = ranks.above(&slots[word], &others[word]);
            for tree in trees {
                let leaf = answers & ((1 << PLACES) - 1);
                answers >>= PLACES;
                forest.add_leaf(tree, leaf as usize, row, sums);
            }
        }
    }
}
