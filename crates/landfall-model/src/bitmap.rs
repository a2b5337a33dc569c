//! One bit for each element: which values are missing.

use std::ops::Range;

/// A growing list of bits, 64 to a word.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// No bits.
    pub const fn new() -> Self {
        Bitmap { words: Vec::new(), len: 0 }
    }

    /// `len` bits, all `value`.
    pub fn filled(len: usize, value: bool) -> Self {
        let mut bits = Bitmap { words: vec![if value { u64::MAX } else { 0 }; len.div_ceil(64)], len };
        bits.clear_tail();
        bits
    }

    /// Number of bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bit at `index`; `false` beyond the end.
    #[inline]
    pub fn get(&self, index: usize) -> bool {
        self.words.get(index / 64).is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// Appends a bit.
    pub fn push(&mut self, value: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.len += 1;
        self.set(self.len - 1, value);
    }

    /// Changes a bit.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn set(&mut self, index: usize, value: bool) {
        assert!(index < self.len, "bit {index} of {}", self.len);
        let (word, bit) = (&mut self.words[index / 64], 1 << (index % 64));
        if value { *word |= bit } else { *word &= !bit }
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether any bit is set.
    pub fn any(&self) -> bool {
        self.words.iter().any(|&word| word != 0)
    }

    /// Places of the set bits, ascending.
    pub fn ones(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(i, &word)| {
            std::iter::successors((word != 0).then_some(word), |w| Some(w & (w - 1)).filter(|&w| w != 0))
                .map(move |w| i * 64 + w.trailing_zeros() as usize)
        })
    }

    /// A copy of a part.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        range.map(|i| self.get(i)).collect()
    }

    fn clear_tail(&mut self) {
        if let Some(last) = self.words.last_mut()
            && !self.len.is_multiple_of(64)
        {
            *last &= (1 << (self.len % 64)) - 1;
        }
    }
}

impl FromIterator<bool> for Bitmap {
    fn from_iter<I: IntoIterator<Item = bool>>(values: I) -> Self {
        let mut bits = Bitmap::new();
        values.into_iter().for_each(|value| bits.push(value));
        bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_as_they_went_in() {
        let pattern: Vec<bool> = (0..200).map(|i| i % 7 == 0 || i % 64 == 63).collect();
        let bits: Bitmap = pattern.iter().copied().collect();
        assert_eq!((0..200).map(|i| bits.get(i)).collect::<Vec<_>>(), pattern);
        assert_eq!(bits.count(), pattern.iter().filter(|b| **b).count());
        assert_eq!(bits.ones().collect::<Vec<_>>(), (0..200).filter(|&i| pattern[i]).collect::<Vec<_>>());
        assert_eq!(bits.slice(60..70), pattern[60..70].iter().copied().collect());
    }

    #[test]
    fn a_filled_map_has_no_bits_beyond_its_end() {
        assert_eq!(Bitmap::filled(70, true).count(), 70);
        assert!(!Bitmap::filled(70, true).get(70));
    }
}
