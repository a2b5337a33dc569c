//! Sets of categories, each as a bit map where that is small and as a sorted list where it is not.

use std::ops::Range;

/// All sets of a forest, in one allocation.
#[derive(Clone, Debug, Default)]
pub(crate) struct CategorySets {
    words: Vec<u32>,
    sets: Vec<Set>,
}

#[derive(Clone, Debug)]
enum Set {
    Bits(Range<u32>),
    Sorted(Range<u32>),
}

/// Words of a bit map for each listed category, beyond which a list is kept: a file of a few bytes may name category
/// 2^31, and must not cost more memory than it is long.
const WORDS_PER_CATEGORY: usize = 4;

impl CategorySets {
    /// Adds a set; gives its number.
    pub(crate) fn add(&mut self, categories: &[u32]) -> usize {
        let start = self.words.len();
        let words = categories.iter().max().map_or(0, |&max| max as usize / 32 + 1);
        let bits = words <= WORDS_PER_CATEGORY * categories.len();
        if bits {
            self.words.resize(start + words, 0);
            for &category in categories {
                self.words[start + category as usize / 32] |= 1 << (category % 32);
            }
        } else {
            self.words.extend_from_slice(categories);
            self.words[start..].sort_unstable();
        }
        let range = start as u32..self.words.len() as u32;
        self.sets.push(if bits { Set::Bits(range) } else { Set::Sorted(range) });
        self.sets.len() - 1
    }

    /// Whether a set holds a category.
    #[inline]
    pub(crate) fn holds(&self, set: usize, category: u32) -> bool {
        let part = |range: &Range<u32>| &self.words[range.start as usize..range.end as usize];
        match &self.sets[set] {
            Set::Bits(range) => {
                part(range).get(category as usize / 32).is_some_and(|word| word >> (category % 32) & 1 == 1)
            }
            Set::Sorted(range) => part(range).binary_search(&category).is_ok(),
        }
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.words.len() * 4 + self.sets.len() * size_of::<Set>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it_and_nothing_else() {
        let mut sets = CategorySets::default();
        for listed in [&[0, 2, 31, 32, 70][..], &[], &[5], &[16_000_000, 3], &[u32::MAX]] {
            let set = sets.add(listed);
            for category in (0..100).chain([3, 16_000_000, 16_000_001, u32::MAX]) {
                assert_eq!(sets.holds(set, category), listed.contains(&category), "{category} in {listed:?}");
            }
        }
        assert!(sets.memory_bytes() < 1000, "a large category costs no large map");
    }
}
