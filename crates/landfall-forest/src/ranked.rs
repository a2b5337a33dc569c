//! A second layout, for many rows at once: features become ranks of one byte among their thresholds, and a tree becomes
//! a list of steps that each choose between two leaves for a whole block of rows, without a branch.
//!
//! A rank is exact: `x < t` holds just where fewer than so many thresholds are at most x. Each feature has up to two
//! slots of ranks, one in which a missing value lies below all thresholds and one in which it lies above, so that a
//! missing value costs nothing. The sums are those of [`crate::scalar`] bit for bit: the same leaves, added in the same
//! order.

use crate::forest::Forest;
use crate::{Real, Rows};

/// Thresholds that a feature may have, so that a rank fits into a byte.
const MAX_THRESHOLDS: usize = 255;
/// Thresholds that are compared at once.
pub(crate) const LANES: usize = 16;
/// Leaves that a tree may have, so that a leaf's number fits into a byte.
const MAX_LEAVES: usize = 256;
/// Blocks of leaf numbers that a tree of [`MAX_LEAVES`] needs at a time, the larger side of each split being done first.
const REGISTERS: usize = 9;

/// The layout of a forest; trees that it cannot hold have no steps, and are left to [`crate::lanes`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranked<X> {
    features: Vec<RankedFeature<X>>,
    slots: usize,
    steps: Vec<Step>,
    /// Steps of each tree; `None` where it is left to [`crate::lanes`].
    trees: Vec<Option<std::ops::Range<usize>>>,
    /// Whether thresholds are `<=`, else `<`.
    at_most: bool,
}

/// Thresholds of one feature, ascending, in blocks; what is left of the last block is NaN, which is below nothing.
#[derive(Clone, Debug)]
struct RankedFeature<X> {
    feature: usize,
    count: u8,
    /// The last threshold of each block.
    ends: [X; LANES],
    blocks: Vec<[X; LANES]>,
    /// Slot in which a missing value goes left everywhere, and right.
    missing_left: Option<usize>,
    missing_right: Option<usize>,
}

/// One split: where a row's rank in `slot` is above `rank`, it goes right.
#[derive(Clone, Copy, Debug)]
struct Step {
    slot: u32,
    rank: u8,
    choice: Choice,
    register: u8,
    /// The leaf, or leaves, that it chooses.
    left: u8,
    right: u8,
}

/// What a split chooses between: leaves, and what the registers hold from the splits below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Choice {
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
        let mut thresholds: Vec<Vec<X>> = vec![Vec::new(); forest.features];
        let mut sides = vec![[false; 2]; forest.features];
        for node in forest.nodes.iter().filter(|node| !node.rule.is_leaf()) {
            thresholds[node.feature as usize].push(node.threshold);
            sides[node.feature as usize][usize::from(node.rule.missing_left())] = true;
        }
        let mut ranked = Ranked { at_most, ..Ranked::default() };
        let mut slots = vec![[None; 2]; forest.features];
        for (feature, list) in thresholds.iter_mut().enumerate() {
            list.sort_unstable_by(|a, b| a.wide().total_cmp(&b.wide()));
            // Zeros of both signs are one threshold.
            list.dedup_by(|a, b| *a == *b);
            if list.is_empty() || list.len() > MAX_THRESHOLDS {
                continue;
            }
            let mut slot = |wanted: bool| {
                wanted.then(|| {
                    ranked.slots += 1;
                    ranked.slots - 1
                })
            };
            slots[feature] = sides[feature].map(&mut slot);
            let [missing_right, missing_left] = slots[feature];
            ranked.features.push(RankedFeature::new(feature, list, missing_left, missing_right));
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
    fn rank(&self, x: X, count: impl Fn(&[X; LANES], X) -> u32) -> u8 {
        let whole = if self.blocks.len() == 1 { 0 } else { count(&self.ends, x) as usize };
        (whole * LANES) as u8 + count(&self.blocks[whole], x) as u8
    }
}

/// Steps under construction.
struct Layout<'a, X, Y> {
    forest: &'a Forest<X, Y>,
    thresholds: &'a [Vec<X>],
    /// By feature: where missing goes right, and left.
    slots: &'a [[Option<usize>; 2]],
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
        let fits = |feature: u32| self.thresholds[feature as usize].len() <= MAX_THRESHOLDS;
        if !nodes.iter().all(|node| node.rule.is_leaf() || fits(node.feature)) {
            return false;
        }
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
        let feature = node.feature as usize;
        let rank = self.thresholds[feature].partition_point(|t| *t < node.threshold);
        let slot = self.slots[feature][usize::from(node.rule.missing_left())];
        let [left, right] = leaves;
        let slot = slot.expect("each side that a node sends missing values to has a slot") as u32;
        self.steps.push(Step { slot, rank: rank as u8, choice, register, left, right });
    }
}

/// Trees over rows, by ranks.
pub(crate) struct Job<'a, X, Y> {
    pub(crate) forest: &'a Forest<X, Y>,
    pub(crate) ranked: &'a Ranked<X>,
    pub(crate) rows: Rows<'a, X>,
    pub(crate) trees: std::ops::Range<usize>,
}

/// How thresholds are counted.
pub(crate) trait Count<X> {
    /// How many thresholds are below x.
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32;
    /// How many thresholds are at most x.
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32;
}

/// One after the other, as the compiler sees fit.
pub(crate) struct Plainly;

impl<X: Real> Count<X> for Plainly {
    #[inline(always)]
    fn below(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold < x)).sum()
    }

    #[inline(always)]
    fn at_most(&self, thresholds: &[X; LANES], x: X) -> u32 {
        thresholds.iter().map(|&threshold| u32::from(threshold <= x)).sum()
    }
}

/// A byte for each row of a block. Aligned, so that no access of a vector register lies across two cache lines.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Lanes<const N: usize>([u8; N]);

impl<const N: usize> Lanes<N> {
    const ZERO: Self = Lanes([0; N]);
}

/// Rows of a large block: choosing a step's kind costs little against the step.
const LARGE: usize = 1024;
/// Rows of blocks for what large ones leave, and for what those leave.
const MIDDLE: usize = 256;
const SMALL: usize = 64;
/// Rows below which a block is slower than row by row; where the steps do not stay in a cache near the core, they have to
/// be read for more rows before that pays.
const FEWEST: usize = 16;
const FEWEST_IF_LARGE: usize = 128;
/// Steps beyond which a forest is large in that sense.
const LARGE_STEPS: usize = 1 << 14;

impl<X: Real, Y: Real> Job<'_, X, Y> {
    /// Adds the trees' leaves to all rows' sums. Inlined into a function for each instruction set.
    #[inline(always)]
    pub(crate) fn run<C: Count<X>>(&self, sums: &mut [Y], counted: &C) {
        let end = self.rows.len();
        let start = self.blocks::<LARGE, C>(0..end / LARGE * LARGE, sums, counted);
        let start = self.blocks::<MIDDLE, C>(start..start + (end - start) / MIDDLE * MIDDLE, sums, counted);
        self.blocks::<SMALL, C>(start..end, sums, counted);
    }

    /// Rows in blocks of N; gives where they end.
    #[inline(always)]
    fn blocks<const N: usize, C: Count<X>>(
        &self,
        rows: std::ops::Range<usize>,
        sums: &mut [Y],
        counted: &C,
    ) -> usize {
        if rows.is_empty() {
            return rows.end;
        }
        let mut ranks = vec![Lanes::<N>::ZERO; self.ranked.slots];
        for start in rows.clone().step_by(N) {
            self.block(start, N.min(rows.end - start), &mut ranks, sums, counted);
        }
        rows.end
    }

    #[inline(always)]
    fn block<const N: usize, C: Count<X>>(
        &self,
        start: usize,
        count: usize,
        ranks: &mut [Lanes<N>],
        sums: &mut [Y],
        counted: &C,
    ) {
        if self.ranked.at_most {
            self.rank(start, count, ranks, |thresholds, x| counted.below(thresholds, x));
        } else {
            self.rank(start, count, ranks, |thresholds, x| counted.at_most(thresholds, x));
        }
        let outputs = self.forest.outputs;
        let sums = &mut sums[start * outputs..(start + count) * outputs];
        let mut registers = [Lanes::<N>::ZERO; REGISTERS];
        let mut table = [Y::ZERO; MAX_LEAVES];
        for number in self.trees.clone() {
            let tree = &self.forest.trees[number];
            let Some(steps) = &self.ranked.trees[number] else {
                self.forest.add_tree_by_lanes(self.rows, start..start + count, tree, sums);
                continue;
            };
            if steps.is_empty() {
                registers[0] = Lanes::ZERO;
            }
            for step in &self.ranked.steps[steps.clone()] {
                step.take(&ranks[step.slot as usize], &mut registers);
            }
            let leaves = tree.leaves as usize;
            table[..leaves].copy_from_slice(&self.forest.values[tree.first_value..][..leaves]);
            if outputs == 1 {
                for (sum, &leaf) in sums.iter_mut().zip(&registers[0].0) {
                    *sum = *sum + table[usize::from(leaf)];
                }
            } else {
                let sums = sums[tree.first_output..].iter_mut().step_by(outputs);
                for (sum, &leaf) in sums.zip(&registers[0].0) {
                    *sum = *sum + table[usize::from(leaf)];
                }
            }
        }
    }

    #[inline(always)]
    fn rank<const N: usize>(
        &self,
        start: usize,
        count: usize,
        ranks: &mut [Lanes<N>],
        counted: impl Fn(&[X; LANES], X) -> u32 + Copy,
    ) {
        for feature in &self.ranked.features {
            let mut column = Lanes::<N>::ZERO;
            let mut missing = Lanes::<N>::ZERO;
            for i in 0..count {
                let x = self.rows.row(start + i)[feature.feature];
                column.0[i] = feature.rank(x, counted);
                // Nothing is below what is not a number: its rank is 0.
                missing.0[i] = if x.is_nan() { feature.count } else { 0 };
            }
            if let Some(slot) = feature.missing_left {
                ranks[slot] = column;
            }
            if let Some(slot) = feature.missing_right {
                let both = column.0.iter().zip(&missing.0);
                ranks[slot].0.iter_mut().zip(both).for_each(|(rank, (a, b))| *rank = a | b);
            }
        }
    }
}

impl Step {
    #[inline(always)]
    fn take<const N: usize>(&self, ranks: &Lanes<N>, registers: &mut [Lanes<N>; REGISTERS]) {
        let at = usize::from(self.register);
        let (low, high) = registers.split_at_mut(at + 1);
        let (ranks, here) = (&ranks.0, &mut low[at].0);
        let Step { rank, left, right, .. } = *self;
        match self.choice {
            Choice::Leaves => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, right, left);
                }
            }
            Choice::LeafOrBelow => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, here[i], left);
                }
            }
            Choice::BelowOrLeaf => {
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, right, here[i]);
                }
            }
            Choice::Below => {
                let next = &high[0].0;
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, next[i], here[i]);
                }
            }
            Choice::BelowSwapped => {
                let next = &high[0].0;
                for i in 0..N {
                    here[i] = choose(ranks[i] > rank, here[i], next[i]);
                }
            }
        }
    }
}

/// One of two bytes by arithmetic: written as a choice, the compiler chooses between places to load from, a byte at a
/// time, and the loops around it are not vectorised (twenty times slower).
#[inline(always)]
fn choose(right: bool, if_right: u8, if_left: u8) -> u8 {
    let mask = 0u8.wrapping_sub(u8::from(right));
    (if_right & mask) | (if_left & !mask)
}
