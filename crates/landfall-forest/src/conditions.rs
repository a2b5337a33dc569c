//! The different questions that a forest asks, each once: as a rank of one byte among a feature's thresholds, or as a
//! question of its own. Both layouts for speed ([`crate::sliced`], [`crate::packed`]) stand on them.
//!
//! A rank is exact: x is below the threshold at place p just where at most p thresholds are at most x. Each list of
//! thresholds has up to two slots of ranks, one in which a missing value lies below all thresholds and one in which it
//! lies above, so that a missing value costs nothing.

use crate::Real;
use crate::column::Column;
use crate::real::widened;
use crate::thresholds::Thresholds;
use crate::trees::Trees;

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
    /// The number of each split's question, by node. Kept until the layouts are made, as what follows.
    numbers: Vec<u32>,
    /// By question: a row goes right where its rank in the slot is above this one. They ascend.
    places: Vec<(u32, u8)>,
}

/// Thresholds of one column and one kind of test, or a part of them, ascending, in blocks; what is left of the last block is NaN,
/// which is below nothing.
#[derive(Clone, Debug)]
pub(crate) struct Part<X> {
    pub(crate) column: usize,
    /// Whether thresholds are `<=`, else `<`.
    pub(crate) at_most: bool,
    pub(crate) count: u8,
    /// The last threshold of each block.
    ends: [X; LANES],
    pub(crate) blocks: Vec<[X; LANES]>,
    /// Slot in which a missing value goes left everywhere, and right.
    pub(crate) missing_left: Option<usize>,
    pub(crate) missing_right: Option<usize>,
}

/// The number of no question.
const NONE: u32 = u32::MAX;

/// How thresholds are counted.
pub(crate) trait Count<X> {
    /// How many thresholds are below x.
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32;
    /// How many thresholds are at most x.
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32;
}

impl<X> Default for Conditions<X> {
    fn default() -> Self {
        Conditions {
            columns: Vec::new(),
            parts: Vec::new(),
            others: Vec::new(),
            ranked: 0,
            numbers: Vec::new(),
            places: Vec::new(),
        }
    }
}

impl<X: Real> Conditions<X> {
    /// The questions of all nodes.
    pub(crate) fn of<Y: Real>(forest: &Trees<X, Y>) -> Self {
        let mut conditions = Conditions::default();
        let mut thresholds = Thresholds::new();
        let mut others = Vec::new();
        let mut numbers = Vec::with_capacity(forest.nodes.len());
        for (place, node) in forest.nodes.iter().enumerate() {
            let number = thresholds.number(place, node);
            if number.is_none() && !node.rule.is_leaf() {
                others.push(place as u32);
            }
            let side = u32::from(node.rule.missing_left());
            numbers.push(number.map_or(NONE, |number| 2 * number + side));
        }
        let order = thresholds.in_order();
        // By threshold and where missing values go: the question's number.
        let mut questions = vec![NONE; 2 * order.len()];
        let list = |number: &u32| thresholds.found[*number as usize].0.list();
        for list in order.chunk_by(|a, b| list(a) == list(b)) {
            let key = thresholds.found[list[0] as usize].0;
            if conditions.columns.last() != Some(&key.column()) {
                conditions.columns.push(key.column());
            }
            for part in list.chunks(PART) {
                conditions.add_part(forest, &thresholds, part, &mut questions);
            }
        }
        for number in numbers.iter_mut().filter(|number| **number != NONE) {
            *number = questions[*number as usize];
        }
        conditions.numbers = numbers;
        conditions.add_others(forest, others);
        conditions
    }

    /// Adds a part of the last column, and tells its thresholds their questions: by where splits send missing values.
    fn add_part<Y: Real>(
        &mut self,
        forest: &Trees<X, Y>,
        thresholds: &Thresholds,
        part: &[u32],
        questions: &mut [u32],
    ) {
        let sides = part.iter().fold(0, |sides, &number| sides | thresholds.sides[number as usize]);
        let slot = [0, 1].map(|side| {
            (sides >> side & 1 == 1).then(|| {
                let slot = self.ranked;
                self.ranked += 1;
                for (rank, &number) in (0..=u8::MAX).zip(part) {
                    questions[2 * number as usize + side] = self.places.len() as u32;
                    self.places.push((slot as u32, rank));
                }
                slot
            })
        });
        let [missing_right, missing_left] = slot;
        let at_most = thresholds.found[part[0] as usize].0.at_most();
        let threshold = |&number: &u32| forest.nodes[thresholds.found[number as usize].1 as usize].threshold;
        let list: Vec<X> = part.iter().map(threshold).collect();
        self.parts.push(Part::new(self.columns.len() - 1, at_most, &list, missing_left, missing_right));
    }

    /// Gives each different question of these nodes a slot.
    fn add_others<Y: Real>(&mut self, forest: &Trees<X, Y>, mut nodes: Vec<u32>) {
        let question = |&at: &u32| {
            let node = &forest.nodes[at as usize];
            (node.rule.question(), node.threshold.wide().to_bits())
        };
        nodes.sort_unstable_by_key(question);
        let mut last = None;
        for node in nodes {
            let asked = question(&node);
            if last != Some(asked) {
                self.places.push(((self.ranked + self.others.len()) as u32, 0));
                self.others.push(node);
                last = Some(asked);
            }
            self.numbers[node as usize] = self.places.len() as u32 - 1;
        }
    }

    /// How many slots there are.
    pub(crate) fn slots(&self) -> usize {
        self.ranked + self.others.len()
    }

    /// How many questions there may be: some are asked by no split, where others of their part have both sides.
    pub(crate) fn questions(&self) -> usize {
        self.places.len()
    }

    /// The number of a split's question.
    #[inline]
    pub(crate) fn question(&self, node: usize) -> usize {
        self.numbers[node] as usize
    }

    /// The slot and rank of a question. They ascend with its number.
    #[inline]
    pub(crate) fn place_of(&self, question: usize) -> (u32, u8) {
        self.places[question]
    }

    /// The slot and rank of a split.
    #[inline]
    pub(crate) fn place(&self, node: usize) -> (u32, u8) {
        self.place_of(self.question(node))
    }

    /// A row's ranks by slot, and the answers to questions of their own.
    #[inline(always)]
    pub(crate) fn rank_row<T: Real, Y: Real, const SLOTS: usize>(
        &self,
        forest: &Trees<T, Y>,
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
            ranks[slot % SLOTS] = u8::from(!forest.goes_left(node, widened(row[node.feature()])));
        }
    }

    /// The same without what only layouts ask for.
    pub(crate) fn closed(self) -> Self {
        Conditions { numbers: Vec::new(), places: Vec::new(), ..self }
    }

    /// The same for rows of float32, with all that only layouts ask for left out. Ranks are the same ones: a number lies above a
    /// threshold just where it lies above what [`Real::bound`] makes of it, of which some may be equal.
    pub(crate) fn narrowed(&self) -> Conditions<f32> {
        Conditions {
            columns: self.columns.clone(),
            parts: self.parts.iter().map(Part::narrowed).collect(),
            others: self.others.clone(),
            ranked: self.ranked,
            numbers: Vec::new(),
            places: Vec::new(),
        }
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
        blocks * LANES * size_of::<X>()
            + self.parts.len() * size_of::<Part<X>>()
            + self.columns.len() * size_of::<Column>()
            + self.others.len() * 4
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
        Part { column, at_most, count, ends, blocks, missing_left, missing_right }
    }

    fn narrowed(&self) -> Part<f32> {
        let list: Vec<f32> = self.list().iter().map(|x| f32::bound(x.wide(), self.at_most)).collect();
        Part::new(self.column, self.at_most, &list, self.missing_left, self.missing_right)
    }

    /// Whether many rows are ranked before it is asked about them.
    pub(crate) fn is_long(&self) -> bool {
        usize::from(self.count) > FEW
    }

    /// The thresholds.
    pub(crate) fn list(&self) -> &[X] {
        &self.blocks.as_flattened()[..usize::from(self.count)]
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
