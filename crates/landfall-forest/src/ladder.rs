//! Ranks of a block of rows as bits, and where they are above any one of 255: a question about a rank costs three reads,
//! whatever the ranks are.

use crate::mask::Mask;

/// Bits of a rank.
pub(crate) const BITS: usize = 8;

/// For each half of the ranks' bits, where it is above each number: a rank is above another where its high half is, or
/// where that is the same and its low half is above.
pub(crate) struct Ladder {
    /// The high half is above this less one.
    high: [Mask; 17],
    /// The low half is above this.
    low: [Mask; 16],
}

impl Ladder {
    /// Of nothing.
    pub(crate) const EMPTY: Ladder = Ladder { high: [Mask::NONE; 17], low: [Mask::NONE; 16] };

    /// Of ranks; `planes` are their bits, the lowest first.
    #[inline(always)]
    pub(crate) fn fill(&mut self, planes: &[Mask; BITS]) {
        climb([&planes[0], &planes[1], &planes[2], &planes[3]], &mut self.low);
        self.high[0] = Mask::ALL;
        climb([&planes[4], &planes[5], &planes[6], &planes[7]], &mut self.high[1..]);
    }

    /// Rows whose rank is above this one, or that are among `also`.
    #[inline(always)]
    pub(crate) fn above(&self, rank: u8, also: &Mask, into: &mut Mask) {
        let (high, low) = (usize::from(rank >> 4), usize::from(rank & 15));
        let (over, same, low) = (&self.high[high + 1], &self.high[high], &self.low[low]);
        for word in 0..into.0.len() {
            into.0[word] = over.0[word] | (same.0[word] & low.0[word]) | also.0[word];
        }
    }
}

/// Where a number of four bits, the lowest first, is above each of 0 to 15; by halves as well.
#[inline(always)]
fn climb(bits: [&Mask; 4], into: &mut [Mask]) {
    for word in 0..Mask::NONE.0.len() {
        let [a, b, c, d] = bits.map(|bit| bit.0[word]);
        let low = [b | a, b, b & a, 0];
        let (over, same) = ([d | c, d, d & c, 0], [u64::MAX, d | c, d, d & c]);
        for high in 0..4 {
            for place in 0..4 {
                into[4 * high + place].0[word] = over[high] | (same[high] & low[place]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::ROWS;

    #[test]
    fn a_rank_is_above_another_as_a_number() {
        let rank = |row: usize| (row * 89 + row / 256) as u8;
        let mut planes = [Mask::NONE; BITS];
        for row in 0..ROWS {
            for (bit, plane) in planes.iter_mut().enumerate() {
                plane.0[row / 64] |= u64::from(rank(row) >> bit & 1) << (row % 64);
            }
        }
        let mut ladder = Ladder::EMPTY;
        ladder.fill(&planes);
        for other in 0..=255 {
            let mut answer = Mask::NONE;
            ladder.above(other, &Mask::NONE, &mut answer);
            for row in 0..ROWS {
                let found = answer.0[row / 64] >> (row % 64) & 1 == 1;
                assert_eq!(found, rank(row) > other, "{} above {other}", rank(row));
            }
        }
    }
}
