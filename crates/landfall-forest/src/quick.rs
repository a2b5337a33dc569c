//! A layout for one row, or a few: QuickScorer's bit vectors (Lucchese et al., 2015), of sixteen trees at once. A word has a bit
//! for each of a tree's leaves, from left to right. Each split that a row goes right at takes the leaves on its left away,
//! whether the row's way comes to it or not; the first leaf that is left is the one that the way ends at. That asks all
//! splits, but none waits for another: trees of few leaves that are deep, as grown leaf by leaf, are quicker to ask whole.

use crate::Real;
use crate::conditions::Conditions;
use crate::few::fits;
use crate::filled::UPPER;
use crate::scanned::SLOTS;
use crate::trees::{Tree, Trees};

/// Trees that are asked together.
pub(crate) const LANES: usize = 16;
/// Splits of each of them that are asked at once.
pub(crate) const STEPS: usize = 4;
/// Leaves that a tree may have: bits of a word.
const LEAVES: u32 = u32::BITS;
/// A rank that no other is above.
const NOWHERE: u8 = u8::MAX;

/// The layout of a forest.
#[derive(Clone, Debug)]
pub(crate) struct QuickScorer {
    /// By sixteen trees: where what they ask ends.
    pub(crate) ends: Vec<usize>,
    pub(crate) asked: Vec<Asked>,
    /// By tree.
    pub(crate) adds: Vec<Adds>,
}

/// Four splits of each of sixteen trees.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Asked {
    /// A row goes right where its rank in a slot is above another, one of sixteen trees' splits behind the other.
    pub(crate) slots: [u8; LANES * STEPS],
    pub(crate) ranks: [u8; LANES * STEPS],
    /// The leaves that it may still come to then.
    pub(crate) left: [[u32; LANES]; STEPS],
}

/// Where a tree's leaves have their values, one for each, and which sum they are added to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Adds {
    pub(crate) first_value: u32,
    pub(crate) output: u32,
}

impl Asked {
    /// Splits that no row goes right at.
    const NONE: Asked = Asked {
        slots: [0; LANES * STEPS],
        ranks: [NOWHERE; LANES * STEPS],
        left: [[u32::MAX; LANES]; STEPS],
    };
}

impl QuickScorer {
    /// The layout; `None` where a tree has too many leaves or several values in each, all are so shallow that few levels are
    /// quicker to go down, or there are more slots than two registers have bytes.
    pub(crate) fn of<X: Real, Y: Real>(forest: &Trees<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        let is_small =
            |tree: &Tree| tree.leaves <= LEAVES && tree.width == 1 && !tree.is_linear && !tree.is_oblivious;
        let is_asked = fits(conditions) && conditions.slots() <= SLOTS && forest.depth() > UPPER;
        if !is_asked || !forest.trees.iter().all(is_small) || u32::try_from(forest.values.len()).is_err() {
            return None;
        }
        let adds =
            |tree: &Tree| Adds { first_value: tree.first_value as u32, output: tree.first_output as u32 };
        let mut layout = QuickScorer {
            ends: Vec::with_capacity(forest.trees.len().div_ceil(LANES)),
            asked: Vec::new(),
            adds: forest.trees.iter().map(adds).collect(),
        };
        for trees in forest.trees.chunks(LANES) {
            layout.add(forest, conditions, trees);
        }
        layout.asked.shrink_to_fit();
        Some(layout)
    }

    fn add<X: Real, Y: Real>(&mut self, forest: &Trees<X, Y>, conditions: &Conditions<X>, trees: &[Tree]) {
        let first = self.asked.len();
        let splits = trees.iter().map(|tree| tree.leaves as usize - 1).max().unwrap_or(0);
        self.asked.resize(first + splits.div_ceil(STEPS), Asked::NONE);
        // Splits that are still to be asked, each with the number of the first leaf below it.
        let mut open = Vec::new();
        for (lane, tree) in trees.iter().enumerate() {
            open.push(tree.root);
            let mut step = 0;
            while let Some(at) = open.pop() {
                let node = &forest.nodes[at as usize];
                if node.rule.is_leaf() {
                    continue;
                }
                let (slot, rank) = conditions.place(at as usize);
                let asked = &mut self.asked[first + step / STEPS];
                asked.slots[step % STEPS * LANES + lane] = slot as u8;
                asked.ranks[step % STEPS * LANES + lane] = rank;
                // Leaves are numbered from left to right.
                let bits = first_leaf(forest, at)..first_leaf(forest, node.next + 1);
                asked.left[step % STEPS][lane] = bits.fold(u32::MAX, |left, bit| left & !(1 << bit));
                open.extend(node.below(at));
                step += 1;
            }
        }
        self.ends.push(self.asked.len());
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.asked.len() * size_of::<Asked>()
            + self.ends.len() * size_of::<usize>()
            + self.adds.len() * size_of::<Adds>()
    }
}

/// Adds leaves to a row's sums, in the trees' order.
#[inline(always)]
pub(crate) fn add<Y: Real>(values: &[Y], trees: &[Adds], leaves: &[u32], sums: &mut [Y]) {
    let values = trees.iter().zip(leaves).map(|(tree, leaf)| values[(tree.first_value + leaf) as usize]);
    if let [sum] = sums {
        *sum = values.fold(*sum, |sum, value| sum + value);
        return;
    }
    for (tree, value) in trees.iter().zip(values) {
        let sum = &mut sums[tree.output as usize];
        *sum = *sum + value;
    }
}

/// The number of the leftmost leaf at or below a node.
fn first_leaf<X: Real, Y: Real>(forest: &Trees<X, Y>, mut at: u32) -> u32 {
    loop {
        let node = &forest.nodes[at as usize];
        if node.rule.is_leaf() {
            return node.next;
        }
        at = node.next;
    }
}
