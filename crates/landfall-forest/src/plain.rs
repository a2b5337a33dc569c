//! What every processor can do, as the compiler sees fit.

use crate::Real;
use crate::blocks::Machine;
use crate::conditions::{Count, LANES};
use crate::ladder::BITS;
use crate::mask::{Mask, ROWS, leaf_numbers, transposed};

/// No instruction set beyond what the program is compiled for.
pub(crate) struct Plain;

impl<X: Real> Count<X> for Plain {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold < x)).sum()
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold <= x)).sum()
    }
}

impl<X: Real, Y: Real> Machine<X, Y> for Plain {
    #[inline(always)]
    fn right_of(
        &self,
        values: &[X; ROWS],
        threshold: X,
        at_most: bool,
        missing_right: bool,
        into: &mut Mask,
    ) {
        let (words, _) = values.as_chunks::<64>();
        for (values, mask) in words.iter().zip(&mut into.0) {
            let mut bits = 0;
            for (i, &x) in values.iter().enumerate() {
                let right =
                    if at_most { x > threshold } else { x >= threshold } | (x.is_nan() & missing_right);
                bits |= u64::from(right) << i;
            }
            *mask = bits;
        }
    }

    #[inline(always)]
    fn planes(&self, bytes: &[u8; ROWS], planes: &mut [Mask; BITS]) {
        let (eights, _) = bytes.as_chunks::<8>();
        for (i, eight) in eights.iter().enumerate() {
            let square = transposed(u64::from_le_bytes(*eight)).to_le_bytes();
            for (plane, bits) in planes.iter_mut().zip(square) {
                let word = &mut plane.0[i / 8];
                *word = if i % 8 == 0 { 0 } else { *word } | u64::from(bits) << (8 * (i % 8));
            }
        }
    }

    #[inline(always)]
    fn add(&self, planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
        add_leaves(planes, leaves, sums);
    }
}

/// Adds each row's leaf to its sum.
#[inline(always)]
pub(crate) fn add_leaves<Y: Real>(planes: &[Mask], leaves: &[Y], sums: &mut [Y]) {
    let (words, _) = sums.as_chunks_mut::<64>();
    for (word, sums) in words.iter_mut().enumerate() {
        for (sum, leaf) in sums.iter_mut().zip(leaf_numbers(planes, word)) {
            *sum = *sum + leaves[usize::from(leaf)];
        }
    }
}
