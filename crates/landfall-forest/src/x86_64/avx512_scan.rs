//! AVX-512 with VBMI: all splits of the upper levels at once ([`crate::scanned`]), or all levels of oblivious trees
//! ([`crate::levels`]): 64 ranks, or 16 values, to a register.

use super::avx512::Avx512;
use super::avx512_ranks::Ranks;
use super::avx512_ways::LANES;
use super::{avx512_values, avx512_ways};
use crate::Real;
use crate::few::RowJob;
use crate::levels::{self, Levels};
use crate::line::Line;
use crate::processor::has_scan;
use crate::scanned::{AT_ONCE, Asked, Ends, SLOTS, Scan, WAYS, leaf_numbers};

/// Trees that go through each of the three stages together: answers, ways down, sums.
const TREES: usize = 64;
/// The same of trees that go on among packed splits, where there are not more of them, and where there are: the more of them,
/// the more ways are left together far down. All with room for [`avx512_ways::LANES`] more.
const FEW_PACKED: usize = 128;
const PACKED: usize = 1024;

/// A few rows by scanning; `false`, and nothing done, where the processor cannot.
pub(crate) fn scan<R: Real, X: Real, Y: Real>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    sums: &mut [Y],
) -> bool {
    if !has_scan() {
        return false;
    }
    // SAFETY: the processor has each instruction set that the functions are compiled for.
    unsafe {
        match (job.layout.scanned.splits, job.layout.scanned.shallow()) {
            (8, Some(1)) => shallow_rows::<R, X, Y, 2>(job, sums),
            (8, Some(2)) => shallow_rows::<R, X, Y, 4>(job, sums),
            (8, Some(3)) => shallow_rows::<R, X, Y, 8>(job, sums),
            (8, _) => rows::<R, X, Y, 8, TREES>(job, sums),
            (16, _) => rows::<R, X, Y, 16, TREES>(job, sums),
            (32, _) => rows::<R, X, Y, 32, TREES>(job, sums),
            (_, _) if job.layout.scanned.stands_alone() => rows::<R, X, Y, 64, TREES>(job, sums),
            (_, _) if job.trees.len() <= FEW_PACKED - LANES => rows::<R, X, Y, 64, FEW_PACKED>(job, sums),
            (_, _) => rows::<R, X, Y, 64, PACKED>(job, sums),
        }
    }
    true
}

/// For trees of so many splits in the upper levels, so many trees at a time.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows<R: Real, X: Real, Y: Real, const SPLITS: usize, const TREES: usize>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    sums: &mut [Y],
) {
    let (layout, outputs) = (job.layout.scanned, job.forest.outputs);
    avx512_ways::check(job, SPLITS);
    for (row, sums) in sums.chunks_exact_mut(outputs).enumerate() {
        let row = job.rows.row(row);
        let ranks = match layout.asked {
            Asked::Ranks { .. } => {
                let mut ranks = Line([0u8; SLOTS]);
                job.conditions.rank_row(job.forest, row, &mut ranks.0, &Avx512::new());
                Ranks::of(&ranks.0)
            }
            // Nobody asks for them, and reading what was only just written would take longer than comparing.
            Asked::Values(_) => Ranks::none(),
        };
        let mut first = job.trees.start;
        while first < job.trees.end {
            let most = if layout.stands_alone() { TREES } else { TREES - LANES };
            let count = most.min(job.trees.end - first);
            let mut words = Line([0u64; TREES]);
            match (&layout.asked, job.layout.values) {
                (Asked::Values(_), None) => return,
                (Asked::Values(_), Some(values)) => {
                    avx512_values::answer(values, row, first * SPLITS, count * SPLITS, &mut words.0);
                }
                (Asked::Ranks { slots, ranks: others }, _) => {
                    let (slots, others) = (&slots[first * SPLITS..], &others[first * SPLITS..]);
                    let (slots, others) = (slots.as_chunks().0, others.as_chunks().0);
                    for word in 0..(count * SPLITS).div_ceil(AT_ONCE) {
                        words.0[word] = ranks.above(&slots[word], &others[word]);
                    }
                }
            }
            let mut leaves = Line([0u64; TREES]);
            avx512_ways::down::<R, X, Y, SPLITS, TREES>(job, ranks, first, count, &words, &mut leaves);
            add(job, first, &leaves.0[..count], sums);
            first += count;
        }
    }
}

/// For few trees of up to three levels and single values: eight trees' answers are a word, and so are the numbers of their
/// leaves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn shallow_rows<R: Real, X: Real, Y: Real, const LEAVES: usize>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    sums: &mut [Y],
) {
    avx512_ways::check(job, WAYS);
    let (Ends::Filled(filled), Some(values)) = (&job.layout.ends, job.layout.values) else { return };
    let (filled, _) = filled.leaves.as_chunks::<LEAVES>();
    let outputs = job.forest.outputs;
    // Chunks would be counted by a division, which takes as long as comparing a register of values.
    for row in 0..job.rows.len() {
        let sums = &mut sums[row * outputs..][..outputs];
        let row = job.rows.row(row);
        for first in job.trees.clone().step_by(TREES) {
            let trees = first..job.trees.end.min(first + TREES);
            let mut words = [0u64; TREES / WAYS];
            let (start, count) = (first * WAYS, trees.len() * WAYS);
            avx512_values::answer(values, row, start, count, &mut words);
            let leaves = filled[trees.clone()].chunks(WAYS).enumerate();
            if let [sum] = sums {
                // Kept in a register: each addition waits for the one before it.
                let mut total = *sum;
                for (place, leaves) in leaves {
                    let mut numbers = leaf_numbers::<LEAVES>(words[place]);
                    for leaves in leaves {
                        total = total + leaves[numbers as usize % LEAVES];
                        numbers >>= 8;
                    }
                }
                *sum = total;
                continue;
            }
            for ((place, leaves), trees) in leaves.zip(job.forest.trees[trees].chunks(WAYS)) {
                let mut numbers = leaf_numbers::<LEAVES>(words[place]);
                for (leaves, tree) in leaves.iter().zip(trees) {
                    let sum = &mut sums[tree.first_output];
                    *sum = *sum + leaves[numbers as usize % LEAVES];
                    numbers >>= 8;
                }
            }
        }
    }
}

/// Adds leaves to a row's sums, in the trees' order.
#[inline]
#[target_feature(enable = "avx512f,avx2")]
fn add<R: Real, X: Real, Y: Real>(
    job: &RowJob<'_, R, X, Y, Scan<'_, R, X, Y>>,
    first: usize,
    leaves: &[u64],
    sums: &mut [Y],
) {
    let width = job.layout.scanned.width;
    let trees = &job.forest.trees[first..first + leaves.len()];
    if width == 1 && sums.len() == 1 {
        let mut sum = sums[0];
        match job.layout.ends {
            Ends::Filled(filled) => {
                for leaf in leaves {
                    sum = sum + filled.leaves[*leaf as usize];
                }
            }
            Ends::Packed(_) => {
                for place in 0..leaves.len() {
                    sum = sum + job.forest.values[trees[place].first_value + leaves[place] as usize];
                }
            }
        }
        sums[0] = sum;
        return;
    }
    for (tree, leaf) in trees.iter().zip(leaves) {
        let (values, first) = match job.layout.ends {
            Ends::Filled(filled) => (&filled.leaves, 0),
            Ends::Packed(_) => (&job.forest.values, tree.first_value),
        };
        let values = &values[first + *leaf as usize * width..][..width];
        for (sum, value) in sums[tree.first_output..].iter_mut().zip(values) {
            *sum = *sum + *value;
        }
    }
}

/// A few rows through oblivious trees; `false`, and nothing done, where the processor cannot, or ranks have more slots than
/// two registers.
pub(crate) fn scan_levels<R: Real, X: Real, Y: Real>(
    job: &RowJob<'_, R, X, Y, Levels>,
    sums: &mut [Y],
) -> bool {
    if !has_scan() || job.conditions.slots() > SLOTS {
        return false;
    }
    // SAFETY: the processor has each instruction set that the functions are compiled for.
    unsafe {
        match job.layout.places {
            8 => rows_of_levels::<R, X, Y, 8>(job, sums),
            _ => rows_of_levels::<R, X, Y, 16>(job, sums),
        }
    }
    true
}

/// For trees of so many places for levels.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx2,popcnt,bmi1,bmi2,lzcnt")]
fn rows_of_levels<R: Real, X: Real, Y: Real, const PLACES: usize>(
    job: &RowJob<'_, R, X, Y, Levels>,
    sums: &mut [Y],
) {
    const { assert!(levels::AT_ONCE == AT_ONCE) };
    let (forest, first) = (job.forest, job.trees.start);
    let (slots, _) = job.layout.slots[first * PLACES..].as_chunks();
    let (others, _) = job.layout.ranks[first * PLACES..].as_chunks();
    for (row, sums) in sums.chunks_exact_mut(forest.outputs).enumerate() {
        let row = job.rows.row(row);
        let mut ranks = Line([0u8; SLOTS]);
        job.conditions.rank_row(forest, row, &mut ranks.0, &Avx512::new());
        let ranks = Ranks::of(&ranks.0);
        for (word, trees) in forest.trees[job.trees.clone()].chunks(AT_ONCE / PLACES).enumerate() {
            let mut answers = ranks.above(&slots[word], &others[word]);
            let leaves = std::iter::repeat_with(|| {
                let leaf = answers & ((1 << PLACES) - 1);
                answers >>= PLACES;
                leaf as u32
            });
            forest.add_leaves(trees, leaves, row, sums);
        }
    }
}
