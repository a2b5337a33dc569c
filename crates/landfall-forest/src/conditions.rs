//! The different questions that a forest asks, each once: as a rank of one byte among a feature's thresholds, or as a
//! question of its own. Both layouts for speed ([`crate::sliced`], [`crate::packed`]) stand on them.
//!
//! A rank is exact: x is below the threshold at place p just where at most p thresholds are at most x. Each list of
//! thresholds has up to two slots of ranks, one in which a missing value lies below all thresholds and one in which it
//! lies above, so that a missing value costs nothing.

use crate::forest::{Forest, Node, Rule};
use crate::{Real, Rows};

/// Thresholds that are ranked together, so that a rank fits into a byte; a longer list has several ranks, each among a part
/// of it.
pub(crate) const PART: usize = 255;
/// Thresholds that are compared at once.
pub(crate) const LANES: usize = 16;
/// Thresholds of a part up to which comparing them all with many rows is quicker than ranking the rows first.
pub(crate) const FEW: usize = 24;

/// What is asked, and where the answers are found.
#[derive(Clone, Debug)]
pub(crate) struct Conditions<X> {
    /// Features as questions look at them.
    pub(crate) columns: Vec<Column>,
    pub(crate) parts: Vec<Part<X>>,
    /// Nodes of which each asks a question that is no threshold: slot `ranked + i` is 1 where the row goes right at it.
    pub(crate) others: Vec<u32>,
    /// Slots that hold ranks; those of `others` follow.
    pub(crate) ranked: usize,
    /// The slot and rank of each node, by node: a row goes right where its rank in the slot is above this one. Kept until
    /// the layouts are made.
    places: Vec<(u32, u8)>,
}

/// A feature, as it is or with zero as a missing value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Column {
    pub(crate) feature: u32,
    pub(crate) zero_is_missing: bool,
}

/// Thresholds of one column and one kind of test, or a part of them, ascending, in blocks; what is left of the last block
/// is NaN, which is below nothing.
#[derive(Clone, Debug)]
pub(crate) struct Part<X> {
    pub(crate) column: usize,
    /// Whether thresholds are `<=`, else `<`.
    pub(crate) at_most: bool,
    pub(crate) count: u8,
    /// The last threshold of each block.
    ends: [X; LANES],
    blocks: Vec<[X; LANES]>,
    /// Of more than a few float32, which are ranked by halving: the middle threshold at 1, and below the one at i the middles of the halves beside it at 2 i and
    /// 2 i + 1.
    pub(crate) halves: Vec<X>,
    /// Slot in which a missing value goes left everywhere, and right.
    pub(crate) missing_left: Option<usize>,
    pub(crate) missing_right: Option<usize>,
}

/// How thresholds are counted.
pub(crate) trait Count<X> {
    /// How many thresholds are below x.
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32;
    /// How many thresholds are at most x.
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32;
}

/// A split on a threshold, so that sorted ones lie list by list, a list being of one column and kind of test, and in each
/// by threshold. From the highest bit: the feature (27 bits), whether zero is missing, whether the test is `<=`, the
/// threshold (64 bits), the node (31 bits), and whether a missing value goes left.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn of<X: Real>(number: usize, node: &Node<X>) -> Option<Key> {
        let at_most = match node.rule.test() {
            _ if node.rule.is_leaf() => return None,
            Rule::LESS => false,
            Rule::AT_MOST => true,
            _ => return None,
        };
        let list = (node.feature() as u128) << 2
            | u128::from(node.rule.zero_is_missing()) << 1
            | u128::from(at_most);
        // Zeros of both signs are one threshold. The bits of a negative number descend where it ascends.
        let bits = (node.threshold.wide() + 0.0).to_bits();
        let ascending = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        Some(Key(list << 96
            | u128::from(ascending) << 32
            | (number as u128) << 1
            | u128::from(node.rule.missing_left())))
    }

    fn list(self) -> u32 {
        (self.0 >> 96) as u32
    }

    fn column(self) -> Column {
        Column { feature: self.list() >> 2, zero_is_missing: self.list() & 2 != 0 }
    }

    fn at_most(self) -> bool {
        self.list() & 1 != 0
    }

    /// What two splits share that ask the same, but for where a missing value goes.
    fn question(self) -> u128 {
        self.0 >> 32
    }

    fn node(self) -> usize {
        (self.0 as u32 >> 1) as usize
    }

    fn missing_left(self) -> usize {
        (self.0 & 1) as usize
    }
}

impl<X> Default for Conditions<X> {
    fn default() -> Self {
        Conditions {
            columns: Vec::new(),
            parts: Vec::new(),
            others: Vec::new(),
            ranked: 0,
            places: Vec::new(),
        }
    }
}

impl<X: Real> Conditions<X> {
    /// The questions of all nodes.
    pub(crate) fn of<Y: Real>(forest: &Forest<X, Y>) -> Self {
        let mut conditions = Conditions { places: vec![(0, 0); forest.nodes.len()], ..Conditions::default() };
        let mut keys = Vec::with_capacity(forest.nodes.len());
        let mut others = Vec::new();
        for (number, node) in forest.nodes.iter().enumerate() {
            match Key::of(number, node) {
                Some(key) => keys.push(key),
                None if node.rule.is_leaf() => {}
                None => others.push(number as u32),
            }
        }
        keys.sort_unstable();
        for list in keys.chunk_by(|a, b| a.list() == b.list()) {
            conditions.add_list(forest, list);
        }
        conditions.add_others(forest, others);
        conditions
    }

    /// Cuts a list into parts of as many thresholds as a byte can rank.
    fn add_list<Y: Real>(&mut self, forest: &Forest<X, Y>, keys: &[Key]) {
        let column = keys[0].column();
        if self.columns.last() != Some(&column) {
            self.columns.push(column);
        }
        let mut thresholds = Vec::with_capacity(PART);
        let mut first = 0;
        for (at, key) in keys.iter().enumerate() {
            if at == first || key.question() != keys[at - 1].question() {
                if thresholds.len() == PART {
                    self.add_part(&thresholds, &keys[first..at]);
                    thresholds.clear();
                    first = at;
                }
                thresholds.push(forest.nodes[key.node()].threshold);
            }
            self.places[key.node()].1 = (thresholds.len() - 1) as u8;
        }
        self.add_part(&thresholds, &keys[first..]);
    }

    /// Adds a part of the last column, and tells its splits their slots: by where they send missing values.
    fn add_part(&mut self, thresholds: &[X], keys: &[Key]) {
        let slot = [0, 1].map(|side| {
            keys.iter().any(|key| key.missing_left() == side).then(|| {
                self.ranked += 1;
                self.ranked - 1
            })
        });
        for key in keys {
            let slot =
                slot[key.missing_left()].expect("each side that splits send missing values to has a slot");
            self.places[key.node()].0 = slot as u32;
        }
        let [missing_right, missing_left] = slot;
        let (column, at_most) = (self.columns.len() - 1, keys[0].at_most());
        self.parts.push(Part::new(column, at_most, thresholds, missing_left, missing_right));
    }

    /// Gives each different question of these nodes a slot.
    fn add_others<Y: Real>(&mut self, forest: &Forest<X, Y>, mut nodes: Vec<u32>) {
        let question = |&at: &u32| {
            let node = &forest.nodes[at as usize];
            (node.rule.question(), node.threshold.wide().to_bits())
        };
        nodes.sort_unstable_by_key(question);
        let mut last = None;
        for node in nodes {
            let asked = question(&node);
            if last != Some(asked) {
                self.others.push(node);
                last = Some(asked);
            }
            self.places[node as usize] = ((self.ranked + self.others.len() - 1) as u32, 0);
        }
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.ranked + self.others.len()
    }

    /// The slot and rank of a split.
    pub(crate) fn place(&self, node: usize) -> (u32, u8) {
        self.places[node]
    }

    /// A row's ranks by slot, and the answers to questions of their own.
    #[inline(always)]
    pub(crate) fn rank_row<Y: Real, const SLOTS: usize>(
        &self,
        forest: &Forest<X, Y>,
        row: &[X],
        ranks: &mut [u8; SLOTS],
        counted: &impl Count<X>,
    ) {
        for part in &self.parts {
            let x = self.columns[part.column].value(row);
            let rank = part.rank(x, counted);
            if let Some(slot) = part.missing_left {
                ranks[slot % SLOTS] = rank;
            }
            if let Some(slot) = part.missing_right {
                ranks[slot % SLOTS] = if x.is_nan() { part.count } else { rank };
            }
        }
        for (slot, &node) in (self.ranked..).zip(&self.others) {
            let node = &forest.nodes[node as usize];
            ranks[slot % SLOTS] = u8::from(!forest.goes_left(node, row[node.feature()]));
        }
    }

    /// Lets go of what only layouts ask for.
    pub(crate) fn close(&mut self) {
        self.places = Vec::new();
    }

    /// The part that a slot's ranks are of; `None` for a question of its own.
    pub(crate) fn part_of_slot(&self, slot: usize) -> Option<usize> {
        // Parts and their slots ascend together.
        let first = |part: &Part<X>| part.missing_right.or(part.missing_left).unwrap_or(0);
        (slot < self.ranked).then(|| self.parts.partition_point(|part| first(part) <= slot) - 1)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let blocks: usize = self.parts.iter().map(|part| part.blocks.len()).sum();
        let halves: usize = self.parts.iter().map(|part| part.halves.len()).sum();
        (blocks * LANES + halves) * size_of::<X>()
            + self.parts.len() * size_of::<Part<X>>()
            + self.columns.len() * size_of::<Column>()
            + self.others.len() * 4
    }
}

impl Column {
    /// The value that questions see.
    #[inline(always)]
    pub(crate) fn value<X: Real>(self, row: &[X]) -> X {
        let x = row[self.feature as usize];
        if self.zero_is_missing && x == X::ZERO { X::NAN } else { x }
    }

    /// One value of each row from `start` on.
    #[inline(always)]
    pub(crate) fn fill<X: Real>(self, rows: Rows<'_, X>, start: usize, into: &mut [X]) {
        for (i, value) in into.iter_mut().enumerate() {
            *value = self.value(rows.row(start + i));
        }
    }
}

impl<X: Real> Part<X> {
    fn new(
        column: usize,
        at_most: bool,
        list: &[X],
        missing_left: Option<usize>,
        missing_right: Option<usize>,
    ) -> Self {
        let mut blocks = vec![[X::NAN; LANES]; list.len() / LANES + 1];
        for (i, &threshold) in list.iter().enumerate() {
            blocks[i / LANES][i % LANES] = threshold;
        }
        let mut ends = [X::NAN; LANES];
        for (end, block) in ends.iter_mut().zip(&blocks) {
            *end = block[LANES - 1];
        }
        let count = list.len() as u8;
        Part { column, at_most, count, ends, blocks, halves: halves(list), missing_left, missing_right }
    }

    /// Whether many rows are ranked before it is asked about them.
    pub(crate) fn is_long(&self) -> bool {
        usize::from(self.count) > FEW
    }

    /// The threshold at a place.
    pub(crate) fn threshold(&self, rank: u8) -> X {
        self.blocks[usize::from(rank) / LANES][usize::from(rank) % LANES]
    }

    /// How many thresholds a row is to the right of: those among the blocks' ends, then those in one block, without a
    /// branch on x. Nothing is below what is not a number: its rank is 0.
    #[inline(always)]
    pub(crate) fn rank(&self, x: X, counted: &impl Count<X>) -> u8 {
        if self.at_most {
            let whole = if self.blocks.len() == 1 { 0 } else { counted.below(&self.ends, x) as usize };
            (whole * LANES) as u8 + counted.below(&self.blocks[whole], x) as u8
        } else {
            let whole = if self.blocks.len() == 1 { 0 } else { counted.at_most(&self.ends, x) as usize };
            (whole * LANES) as u8 + counted.at_most(&self.blocks[whole], x) as u8
        }
    }
}

/// Thresholds in the order in which halving asks for them, as if NaN followed them; none of what is not ranked so.
fn halves<X: Real>(list: &[X]) -> Vec<X> {
    if list.len() <= FEW || size_of::<X>() != size_of::<f32>() {
        return Vec::new();
    }
    let mut halves = vec![X::NAN; (list.len() + 1).next_power_of_two()];
    for at in 1..halves.len() {
        // Of so many thresholds that are below one node of this level, the middle one.
        let level = at.ilog2();
        let below = halves.len() >> level;
        let place = (at - (1 << level)) * below + below / 2 - 1;
        if let Some(&threshold) = list.get(place) {
            halves[at] = threshold;
        }
    }
    halves
}
