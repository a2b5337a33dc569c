//! A second layout, for many rows at once: features become ranks of one byte among their thresholds, and a tree becomes
//! a list of steps that each choose between two leaves for a whole block of rows, without a branch.
//!
//! A rank is exact: x is below the threshold at place p just where at most p thresholds are at most x. Each feature has up
//! to two slots of ranks, one in which a missing value lies below all thresholds and one in which it lies above, so that
//! a missing value costs nothing. The sums are those of [`crate::scalar`] bit for bit: the same leaves, added in the same
//! order.

use crate::Real;
use crate::forest::{Forest, Node};

/// Thresholds that are ranked together, so that a rank fits into a byte; a feature with more has several ranks, each
/// among a part of them.
const PART: usize = 255;
/// Parts, for each tree, beyond which finding ranks takes longer than going down the trees.
const PARTS_FOR_TREE: usize = 3;
/// Thresholds that are compared at once.
pub(crate) const LANES: usize = 16;
/// Leaves that a tree may have, so that a leaf's number fits into a byte.
pub(crate) const MAX_LEAVES: usize = 256;
/// Rows below which a block is slower than row by row; where the steps do not stay in a cache near the core, they have to
/// be read for more rows before that pays.
const FEWEST: usize = 16;
const FEWEST_IF_LARGE: usize = 128;
/// Steps beyond which a forest is large in that sense.
const LARGE_STEPS: usize = 1 << 14;

/// Blocks of leaf numbers that a tree of [`MAX_LEAVES`] needs at a time, the larger side of each split being done first.
pub(crate) const REGISTERS: usize = 9;

/// The layout of a forest; trees that it cannot hold have no steps, and are left to [`crate::lanes`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked<X> {
    pub(crate) features: Vec<RankedFeature<X>>,
    pub(crate) slots: usize,
    pub(crate) steps: Vec<Step>,
    /// Steps of each tree; `None` where it is left to [`crate::lanes`].
    pub(crate) trees: Vec<Option<std::ops::Range<usize>>>,
    /// Whether thresholds are `<=`, else `<`.
    pub(crate) at_most: bool,
}

/// Thresholds of one feature, or a part of them, ascending, in blocks; what is left of the last block is NaN, which is below nothing.
#[derive(Clone, Debug)]
pub(crate) struct RankedFeature<X> {
    pub(crate) feature: usize,
    pub(crate) count: u8,
    /// The last threshold of each block.
    ends: [X; LANES],
    blocks: Vec<[X; LANES]>,
    /// Slot in which a missing value goes left everywhere, and right.
    pub(crate) missing_left: Option<usize>,
    pub(crate) missing_right: Option<usize>,
}

/// One split: where a row's rank in `slot` is above `rank`, it goes right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) slot: u32,
    pub(crate) rank: u8,
    pub(crate) choice: Choice,
    pub(crate) register: u8,
    /// The leaf, or leaves, that it chooses.
    pub(crate) left: u8,
    pub(crate) right: u8,
}

/// What a split chooses between: leaves, and what the registers hold from the splits below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    Leaves,
    /// A leaf on the left, this register on the right.
    LeafOrBelow,
    BelowOrLeaf,
    /// This register on the left, the next one on the right.
    Below,
    /// This register on the right, the next one on the left.
    BelowSwapped,
}

impl<X: Real> Ranked<X> {
    /// The layout of a forest whose splits are all of one kind; `None` where no tree of it fits.
    pub(crate) fn of<Y: Real>(forest: &Forest<X, Y>, at_most: bool) -> Option<Self> {
        let splits = || forest.nodes.iter().filter(|node| !node.rule.is_leaf());
        let mut thresholds: Vec<Vec<X>> = vec![Vec::new(); forest.features];
        splits().for_each(|node| thresholds[node.feature as usize].push(node.threshold));
        for list in &mut thresholds {
            list.sort_unstable_by(|a, b| a.wide().total_cmp(&b.wide()));
            // Zeros of both signs are one threshold.
            list.dedup_by(|a, b| *a == *b);
        }
        let parts: usize = thresholds.iter().map(|list| list.len().div_ceil(PART)).sum();
        if parts > forest.trees.len() * PARTS_FOR_TREE {
            return None;
        }
        // By part: whether nodes send missing values right, and left.
        let parts_of = |list: &Vec<X>| vec![[false; 2]; list.len().div_ceil(PART)];
        let mut sides: Vec<Vec<[bool; 2]>> = thresholds.iter().map(parts_of).collect();
        for node in splits() {
            let part = place(&thresholds, node) / PART;
            sides[node.feature as usize][part][usize::from(node.rule.missing_left())] = true;
        }
        let mut ranked = Ranked { at_most, ..Ranked::default() };
        let mut slots: Vec<Vec<[Option<usize>; 2]>> = vec![Vec::new(); forest.features];
        for (feature, list) in thresholds.iter().enumerate() {
            for (part, wanted) in list.chunks(PART).zip(&sides[feature]) {
                let slot = wanted.map(|wanted| {
                    wanted.then(|| {
                        ranked.slots += 1;
                        ranked.slots - 1
                    })
                });
                slots[feature].push(slot);
                let [missing_right, missing_left] = slot;
                ranked.features.push(RankedFeature::new(feature, part, missing_left, missing_right));
            }
        }
        let mut layout = Layout { forest, thresholds: &thresholds, slots: &slots, steps: Vec::new() };
        for tree in 0..forest.trees.len() {
            let start = layout.steps.len();
            let fits = layout.add(tree);
            if !fits {
                layout.steps.truncate(start);
            }
            ranked.trees.push(fits.then_some(start..layout.steps.len()));
        }
        ranked.steps = layout.steps;
        ranked.trees.iter().any(Option::is_some).then_some(ranked)
    }

    /// Whether so many rows are worth blocks.
    pub(crate) fn pays_for(&self, rows: usize) -> bool {
        rows >= if self.steps.len() > LARGE_STEPS { FEWEST_IF_LARGE } else { FEWEST }
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let blocks: usize = self.features.iter().map(|feature| feature.blocks.len()).sum();
        self.steps.len() * size_of::<Step>()
            + blocks * LANES * size_of::<X>()
            + self.features.len() * size_of::<RankedFeature<X>>()
            + self.trees.len() * size_of::<Option<std::ops::Range<usize>>>()
    }
}

impl<X: Real> RankedFeature<X> {
    fn new(feature: usize, list: &[X], missing_left: Option<usize>, missing_right: Option<usize>) -> Self {
        let mut blocks = vec![[X::NAN; LANES]; list.len() / LANES + 1];
        for (i, &threshold) in list.iter().enumerate() {
            blocks[i / LANES][i % LANES] = threshold;
        }
        let mut ends = [X::NAN; LANES];
        for (end, block) in ends.iter_mut().zip(&blocks) {
            *end = block[LANES - 1];
        }
        RankedFeature { feature, count: list.len() as u8, ends, blocks, missing_left, missing_right }
    }

    /// How many thresholds `count` says of: those among the blocks' ends, then those in one block, without a branch.
    #[inline(always)]
    pub(crate) fn rank(&self, x: X, count: impl Fn(&[X; LANES], X) -> u32) -> u8 {
        let whole = if self.blocks.len() == 1 { 0 } else { count(&self.ends, x) as usize };
        (whole * LANES) as u8 + count(&self.blocks[whole], x) as u8
    }
}

/// Where a node's threshold stands among those of its feature.
fn place<X: Real>(thresholds: &[Vec<X>], node: &Node<X>) -> usize {
    thresholds[node.feature as usize].partition_point(|threshold| *threshold < node.threshold)
}

/// Steps under construction.
struct Layout<'a, X, Y> {
    forest: &'a Forest<X, Y>,
    thresholds: &'a [Vec<X>],
    /// By feature and part: where missing goes right, and left.
    slots: &'a [Vec<[Option<usize>; 2]>],
    steps: Vec<Step>,
}

impl<X: Real, Y: Real> Layout<'_, X, Y> {
    /// Adds a tree's steps, if it fits.
    fn add(&mut self, number: usize) -> bool {
        let tree = &self.forest.trees[number];
        if tree.leaves as usize > MAX_LEAVES || tree.is_linear || tree.width != 1 {
            return false;
        }
        let root = tree.root as usize;
        let end = self.forest.trees.get(number + 1);
        let nodes = &self.forest.nodes[root..end.map_or(self.forest.nodes.len(), |end| end.root as usize)];
        // Registers that each node takes; children stand behind their parents.
        let mut needs = vec![0u8; nodes.len()];
        for at in (0..nodes.len()).rev().filter(|&at| !nodes[at].rule.is_leaf()) {
            let left = nodes[at].next as usize - root;
            let (left, right) = (needs[left], needs[left + 1]);
            needs[at] = if left == right { left + 1 } else { left.max(right) };
        }
        if usize::from(needs[0]) > REGISTERS {
            return false;
        }
        if !nodes[0].rule.is_leaf() {
            self.emit(root, root, &needs, 0);
        }
        true
    }

    fn emit(&mut self, at: usize, root: usize, needs: &[u8], register: u8) {
        let node = self.forest.nodes[at];
        let (left, right) = (node.next as usize, node.next as usize + 1);
        let leaf = |at: usize| {
            let node = &self.forest.nodes[at];
            node.rule.is_leaf().then_some(node.next as u8)
        };
        let (choice, leaves) = match (leaf(left), leaf(right)) {
            (Some(left), Some(right)) => (Choice::Leaves, [left, right]),
            (Some(leaf), None) => {
                self.emit(right, root, needs, register);
                (Choice::LeafOrBelow, [leaf, 0])
            }
            (None, Some(leaf)) => {
                self.emit(left, root, needs, register);
                (Choice::BelowOrLeaf, [0, leaf])
            }
            (None, None) => {
                let left_first = needs[left - root] >= needs[right - root];
                let (first, second) = if left_first { (left, right) } else { (right, left) };
                self.emit(first, root, needs, register);
                self.emit(second, root, needs, register + 1);
                (if left_first { Choice::Below } else { Choice::BelowSwapped }, [0, 0])
            }
        };
        let place = place(self.thresholds, &node);
        let slot = self.slots[node.feature as usize][place / PART][usize::from(node.rule.missing_left())];
        let rank = (place % PART) as u8;
        let [left, right] = leaves;
        let slot = slot.expect("each side that a node sends missing values to has a slot") as u32;
        self.steps.push(Step { slot, rank, choice, register, left, right });
    }
}
