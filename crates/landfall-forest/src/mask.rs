//! Answers of a block of rows: a bit for each.

use bytemuck::{Pod, Zeroable};

/// Rows of a block: what the widest registers hold a bit for.
pub(crate) const ROWS: usize = 512;
/// Leaves that a table for [`leaf_numbers`] has room for.
pub(crate) const LEAVES: usize = 256;

/// A bit for each row of a block, the first row's the lowest of the first word. Aligned, so that no access of a register
/// lies across two cache lines.
#[derive(Clone, Copy, Pod, Zeroable, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Mask(pub(crate) [u64; ROWS / 64]);

impl Mask {
    /// No row.
    pub(crate) const NONE: Mask = Mask([0; ROWS / 64]);
    /// All rows.
    pub(crate) const ALL: Mask = Mask([u64::MAX; ROWS / 64]);
}

/// The numbers of 64 rows, whose bits lie in one word of each plane; up to eight planes, the lowest bit's first.
#[inline(always)]
pub(crate) fn leaf_numbers(planes: &[Mask], word: usize) -> [u8; 64] {
    let mut numbers = [0; 64];
    for eighth in 0..8 {
        let mut square = 0u64;
        for (bit, plane) in planes.iter().enumerate() {
            square |= (plane.0[word] >> (8 * eighth) & 0xff) << (8 * bit);
        }
        let eight = transposed(square).to_le_bytes();
        numbers[8 * eighth..][..8].copy_from_slice(&eight);
    }
    numbers
}

/// A square of eight times eight bits with its rows as columns (Warren, "Hacker's Delight", section 7-3).
#[inline(always)]
pub(crate) fn transposed(mut square: u64) -> u64 {
    for (shift, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swapped = (square ^ (square >> shift)) & mask;
        square ^= swapped ^ (swapped << shift);
    }
    square
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_the_bits_of_numbers() {
        let number = |row: usize| (row * 89 + row / 7) as u8;
        let mut planes = [Mask::NONE; 8];
        for row in 0..ROWS {
            for (bit, plane) in planes.iter_mut().enumerate() {
                plane.0[row / 64] |= u64::from(number(row) >> bit & 1) << (row % 64);
            }
        }
        for word in 0..ROWS / 64 {
            let numbers = leaf_numbers(&planes, word);
            (0..64).for_each(|i| assert_eq!(numbers[i], number(word * 64 + i)));
        }
    }
}
