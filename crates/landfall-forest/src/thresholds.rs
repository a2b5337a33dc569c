//! The different thresholds that a forest's splits ask for: found by hashing, since a forest has many splits for each of
//! them, and sorted once each.

use crate::Real;
use crate::column::Column;
use crate::node::{Node, Rule};
use std::hash::{BuildHasher, RandomState};

/// A place of the table: a key and its number.
#[derive(Clone, Copy)]
struct Entry {
    threshold: u64,
    list: u32,
    number: u32,
}

/// Places of an empty table.
const FIRST: usize = 1 << 10;
/// Of a place of the table: that it is free.
const FREE: u32 = u32::MAX;

/// A threshold, so that sorted ones lie list by list, a list being of one column and kind of test, and ascend in each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    /// From the highest bit: the feature, whether zero is missing, and whether the test is `<=`.
    list: u32,
    /// The threshold's bits, turned so that they ascend with it.
    threshold: u64,
}

impl Key {
    /// Of a split on a threshold.
    #[inline(always)]
    fn of<X: Real>(node: &Node<X>) -> Option<Key> {
        let at_most = match node.rule.test() {
            _ if node.rule.is_leaf() => return None,
            Rule::LESS => 0,
            Rule::AT_MOST => 1,
            _ => return None,
        };
        let zero = u32::from(node.rule.zero_is_missing());
        // Zeros of both signs are one threshold. The bits of a negative number descend where it ascends.
        let bits = (node.threshold.wide() + 0.0).to_bits();
        let threshold = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        Some(Key { list: (node.feature() as u32) << 2 | zero << 1 | at_most, threshold })
    }

    /// What tells lists apart.
    pub(crate) fn list(self) -> u32 {
        self.list
    }

    pub(crate) fn column(self) -> Column {
        Column { feature: self.list >> 2, zero_is_missing: self.list & 2 != 0 }
    }

    pub(crate) fn at_most(self) -> bool {
        self.list & 1 != 0
    }
}

/// Thresholds by the order in which they were found.
pub(crate) struct Thresholds {
    /// Odd, and known to nobody who writes a file: no file makes many thresholds meet at one place of the table.
    factors: [u64; 2],
    /// Keys and their numbers, by hash; a power of two of places.
    table: Vec<Entry>,
    /// Bits of a hash that are no place.
    shift: u32,
    /// Each threshold's key, and a node that asks for it.
    pub(crate) found: Vec<(Key, u32)>,
    /// By number: 1 where splits send missing values right, 2 where they send them left, and 3 where there are both.
    pub(crate) sides: Vec<u8>,
}

impl Thresholds {
    const EMPTY: Entry = Entry { list: 0, threshold: 0, number: FREE };

    pub(crate) fn new() -> Self {
        let random = RandomState::new();
        Thresholds {
            factors: [0u8, 1].map(|which| random.hash_one(which) | 1),
            table: vec![Thresholds::EMPTY; FIRST],
            shift: u64::BITS - FIRST.ilog2(),
            found: Vec::new(),
            sides: Vec::new(),
        }
    }

    /// The number of a node's threshold; `None` where it asks for none.
    #[inline(always)]
    pub(crate) fn number<X: Real>(&mut self, place: usize, node: &Node<X>) -> Option<u32> {
        let key = Key::of(node)?;
        let last = self.table.len() - 1;
        let mut at = self.start(key);
        let number = loop {
            let Entry { threshold, list, number } = self.table[at & last];
            if number == FREE {
                break self.add(at & last, key, place as u32);
            }
            if (Key { list, threshold }) == key {
                break number;
            }
            at += 1;
        };
        self.sides[number as usize] |= 1 + u8::from(node.rule.missing_left());
        Some(number)
    }

    /// Where a key's search begins: the highest bits of a sum of products are as good as random.
    #[inline(always)]
    fn start(&self, key: Key) -> usize {
        let [first, second] = self.factors;
        let hash = key.threshold.wrapping_mul(first).wrapping_add(u64::from(key.list).wrapping_mul(second));
        (hash >> self.shift) as usize
    }

    fn add(&mut self, at: usize, key: Key, node: u32) -> u32 {
        let number = self.found.len() as u32;
        self.found.push((key, node));
        self.sides.push(0);
        self.table[at] = Entry { threshold: key.threshold, list: key.list, number };
        if 2 * self.found.len() > self.table.len() {
            self.grow();
        }
        number
    }

    /// Their numbers, so that keys ascend.
    pub(crate) fn in_order(&self) -> Vec<u32> {
        let whole = |(key, number): (&Key, u32)| {
            u128::from(key.list) << 96 | u128::from(key.threshold) << 32 | u128::from(number)
        };
        let mut order: Vec<u128> = self.found.iter().map(|(key, _)| key).zip(0..).map(whole).collect();
        order.sort_unstable();
        order.into_iter().map(|whole| whole as u32).collect()
    }

    fn grow(&mut self) {
        let length = 4 * self.table.len();
        self.table.clear();
        self.table.resize(length, Thresholds::EMPTY);
        self.shift = u64::BITS - length.ilog2();
        for (number, &(key, _)) in self.found.iter().enumerate() {
            let mut at = self.start(key);
            while self.table[at].number != FREE {
                at = (at + 1) & (length - 1);
            }
            self.table[at] = Entry { threshold: key.threshold, list: key.list, number: number as u32 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_threshold_has_one_number_and_they_ascend() {
        let mut thresholds = Thresholds::new();
        let node = |i: usize, left: bool| {
            // Over 3 features, both zeros among the values; more than the table has places at first.
            let threshold =
                (((i * 7919) % 5001) as f64 - 2500.0) * if i.is_multiple_of(2) { 1.0 } else { -1.0 };
            Node { threshold, next: 0, rule: Rule::split(Rule::LESS, left, false, (i % 3) as u32) }
        };
        let mut numbers = std::collections::HashMap::new();
        for i in 0..20_000 {
            let asked = node(i, i.is_multiple_of(5));
            let number = thresholds.number(i, &asked).unwrap();
            let known = (asked.feature(), (asked.threshold + 0.0).to_bits());
            assert_eq!(*numbers.entry(known).or_insert(number), number);
        }
        assert_eq!(numbers.len(), thresholds.found.len());
        assert!(2 * thresholds.found.len() > FIRST);
        let order = thresholds.in_order();
        let asked = |number: u32| {
            let asked = node(thresholds.found[number as usize].1 as usize, false);
            (asked.feature(), asked.threshold)
        };
        assert!(order.windows(2).all(|pair| asked(pair[0]) < asked(pair[1])));
        assert_eq!(thresholds.number(0, &Node::<f64>::LEAF), None);
    }
}
