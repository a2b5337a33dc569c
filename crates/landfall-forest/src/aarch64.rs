//! NEON: 16 values, or 16 ranks, against a threshold give lanes of ones, and those the bits of a mask. What is unsafe is to
//! call functions compiled for an instruction set, and to load registers, and is argued for here.
#![expect(
    unsafe_code,
    reason = "functions of an instruction set may be called only where the processor has it"
)]

use crate::Real;
use crate::blocks::{Job, Machine};
use crate::conditions::{Count, LANES};
use crate::few::{ByRanks, RowJob};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS};
use crate::plain::{Plain, add_leaves};
use crate::real::Numbers;
use std::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

/// Whether the processor has what this file is compiled for.
pub(crate) fn has_neon() -> bool {
    is_aarch64_feature_detected!("neon")
}

/// With NEON where the processor has it.
pub(crate) fn neon<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
    #[target_feature(enable = "neon")]
    fn run<R: Real, X: Real, Y: Real>(job: &Job<'_, R, X, Y>, sums: &mut [Y]) {
        job.run(sums, &Neon(()));
    }
    if has_neon() {
        // SAFETY: the processor has the instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        job.run(sums, &Plain);
    }
}

/// A few rows, with NEON where the processor has it.
pub(crate) fn neon_row<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(
    job: &RowJob<'_, R, X, Y, L>,
    sums: &mut [Y],
) {
    #[target_feature(enable = "neon")]
    fn run<R: Real, X: Real, Y: Real, L: ByRanks<X, Y>>(job: &RowJob<'_, R, X, Y, L>, sums: &mut [Y]) {
        job.run(sums, &Neon(()));
    }
    if has_neon() {
        // SAFETY: the processor has the instruction set that the function is compiled for.
        unsafe { run(job, sums) }
    } else {
        job.run(sums, &Plain);
    }
}

/// Made where the processor is known to have what this file is compiled for: in [`neon`] and [`neon_row`] alone.
struct Neon(());

/// A comparison of values v with x.
#[derive(Clone, Copy)]
enum Compare {
    Below,
    AtMost,
    Above,
    AtLeast,
    /// Above, or no number.
    NotAtMost,
    /// At least as much, or no number.
    NotBelow,
}

impl<X: Real> Count<X> for Neon {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: a `Neon` is made only where the processor has what the function is compiled for.
        unsafe { bits(thresholds, x, Compare::Below) }.count_ones()
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        // SAFETY: as above.
        unsafe { bits(thresholds, x, Compare::AtMost) }.count_ones()
    }
}

impl<X: Real, Y: Real> Machine<X, Y> for Neon {
    #[inline(always)]
    fn right_of(
        &self,
        values: &[X; ROWS],
        threshold: X,
        at_most: bool,
        missing_right: bool,
        into: &mut Mask,
    ) {
        let compare = match (at_most, missing_right) {
            (false, true) => Compare::NotBelow,
            (false, false) => Compare::AtLeast,
            (true, true) => Compare::NotAtMost,
            (true, false) => Compare::Above,
        };
        let (parts, _) = values.as_chunks::<LANES>();
        let (words, _) = parts.as_chunks::<4>();
        for (word, parts) in into.0.iter_mut().zip(words) {
            let mut all = 0;
            for (place, part) in parts.iter().enumerate() {
                // SAFETY: as above.
                all |= u64::from(unsafe { bits(part, threshold, compare) }) << (16 * place);
            }
            *word = all;
        }
    }

    #[inline(always)]
    fn planes(&self, bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
        // SAFETY: as above.
        unsafe { planes_of(bytes, planes) }
    }

    #[inline(always)]
    fn add(&self, planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
        add_leaves(planes, leaves, sums);
    }
}

/// A bit for each of sixteen values that compares so with x.
#[inline]
#[target_feature(enable = "neon")]
fn bits<X: Real>(values: &[X; LANES], x: X, compare: Compare) -> u16 {
    match X::numbers(values) {
        Numbers::F32(values) => {
            let x = vdupq_n_f32(x.wide() as f32);
            let four = |place: usize| {
                // SAFETY: four float32, of any alignment, are behind the pointer to a part that was cut out as such.
                let values = unsafe { vld1q_f32(values[place * 4..place * 4 + 4].as_ptr()) };
                vmovn_u32(compare_f32(values, x, compare))
            };
            packed(vcombine_u16(four(0), four(1)), vcombine_u16(four(2), four(3)))
        }
        Numbers::F64(values) => {
            let x = vdupq_n_f64(x.wide());
            let two = |place: usize| {
                // SAFETY: two float64, of any alignment, are behind the pointer to a part that was cut out as such.
                let values = unsafe { vld1q_f64(values[place * 2..place * 2 + 2].as_ptr()) };
                vmovn_u64(compare_f64(values, x, compare))
            };
            let four = |place: usize| vmovn_u32(vcombine_u32(two(2 * place), two(2 * place + 1)));
            packed(vcombine_u16(four(0), four(1)), vcombine_u16(four(2), four(3)))
        }
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn compare_f32(values: float32x4_t, x: float32x4_t, compare: Compare) -> uint32x4_t {
    match compare {
        Compare::Below => vcltq_f32(values, x),
        Compare::AtMost => vcleq_f32(values, x),
        Compare::Above => vcgtq_f32(values, x),
        Compare::AtLeast => vcgeq_f32(values, x),
        Compare::NotAtMost => vmvnq_u32(vcleq_f32(values, x)),
        Compare::NotBelow => vmvnq_u32(vcltq_f32(values, x)),
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn compare_f64(values: float64x2_t, x: float64x2_t, compare: Compare) -> uint64x2_t {
    let all = vdupq_n_u64(u64::MAX);
    match compare {
        Compare::Below => vcltq_f64(values, x),
        Compare::AtMost => vcleq_f64(values, x),
        Compare::Above => vcgtq_f64(values, x),
        Compare::AtLeast => vcgeq_f64(values, x),
        Compare::NotAtMost => veorq_u64(vcleq_f64(values, x), all),
        Compare::NotBelow => veorq_u64(vcltq_f64(values, x), all),
    }
}

/// Sixteen lanes, each all ones or zeros, as bits.
#[inline]
#[target_feature(enable = "neon")]
fn packed(low: uint16x8_t, high: uint16x8_t) -> u16 {
    weighed(vcombine_u8(vmovn_u16(low), vmovn_u16(high)))
}

/// As [`packed`], of bytes: each lane keeps the bit of its place, and the sum of eight has them all.
#[inline]
#[target_feature(enable = "neon")]
fn weighed(lanes: uint8x16_t) -> u16 {
    const WEIGHTS: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: sixteen bytes are behind the pointer.
    let weights = unsafe { vld1q_u8(WEIGHTS.as_ptr()) };
    let bits = vandq_u8(lanes, weights);
    u16::from_le_bytes([vaddv_u8(vget_low_u8(bits)), vaddv_u8(vget_high_u8(bits))])
}

/// The bits of bytes, plane by plane.
#[inline]
#[target_feature(enable = "neon")]
fn planes_of(bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
    let (words, _) = bytes.as_chunks::<64>();
    for (place, bytes) in words.iter().enumerate() {
        let mut found = [0u64; BITS];
        for part in 0..4 {
            // SAFETY: a word has 64 bytes, each part 16 of them.
            let lanes = unsafe { vld1q_u8(bytes.as_ptr().add(16 * part)) };
            for (bit, word) in found.iter_mut().enumerate() {
                let is_set = vtstq_u8(lanes, vdupq_n_u8(1 << bit));
                *word |= u64::from(weighed(is_set)) << (16 * part);
            }
        }
        for (plane, word) in planes.iter_mut().zip(found) {
            plane.0[place] = word;
        }
    }
}
