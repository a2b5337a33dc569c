//! A layout for a few rows: a split in four bytes, so that many stay in the caches near the core. Splits ask for a row's
//! ranks ([`crate::conditions`]), which are found first. Eight ways down at a time: a way waits for memory at each split,
//! and eight that do not depend on each other overlap.

use crate::Real;
use crate::conditions::Conditions;
use crate::few::{ByRanks, RowJob, SLOTS, fits};
use crate::trees::Trees;
use std::hint::select_unpredictable;
use std::ops::Range;

/// Ways down at a time.
const WAYS: usize = 8;
/// The layout of a forest.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) splits: Vec<Split>,
    trees: Vec<Place>,
}

/// Where a split leads to, by its place among its tree's, or the leaf's number.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub(crate) enum To {
    Split(u16),
    Leaf(u16),
}

/// Where a tree's splits begin, and how many there are from the root to the farthest and nearest leaf.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Place {
    first: u32,
    farthest: u16,
    nearest: u16,
}

/// Slot (8 bits), rank (8 bits), whether it is the last one (1 bit), and what it leads to (15 bits): the split on the left, the
/// one on the right following it, or the leaf on the left, likewise.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Split(u32);

impl Split {
    const TARGETS: usize = 1 << 15;
    pub(crate) const LAST: u32 = 1 << 16;
    pub(crate) const TARGET_SHIFT: u32 = 17;

    fn new(slot: u32, rank: u8, is_last: bool, target: usize) -> Self {
        let last = if is_last { Split::LAST } else { 0 };
        Split(slot | u32::from(rank) << 8 | last | (target as u32) << Split::TARGET_SHIFT)
    }

    #[inline(always)]
    pub(crate) fn is_last(self) -> bool {
        self.0 & Split::LAST != 0
    }

    /// Where a row of these ranks goes.
    #[inline(always)]
    pub(crate) fn target<const SLOTS: usize>(self, ranks: &[u8; SLOTS]) -> u32 {
        let rank = ranks[(self.0 & 0xff) as usize % SLOTS];
        (self.0 >> Split::TARGET_SHIFT) + u32::from(rank > (self.0 >> 8) as u8)
    }
}

impl Packed {
    /// The layout; `None` where a forest asks too many questions, or has a tree that is too large or not written out.
    pub(crate) fn of<X: Real, Y: Real>(forest: &Trees<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        if !fits(conditions) || forest.trees.iter().any(|tree| tree.is_oblivious) {
            return None;
        }
        let mut packed = Packed { splits: Vec::new(), trees: Vec::with_capacity(forest.trees.len()) };
        for tree in &forest.trees {
            packed.add(forest, conditions, tree.root as usize)?;
        }
        packed.splits.shrink_to_fit();
        Some(packed)
    }

    fn add<X: Real, Y: Real>(
        &mut self,
        forest: &Trees<X, Y>,
        conditions: &Conditions<X>,
        root: usize,
    ) -> Option<()> {
        let first = self.splits.len();
        // Nodes in the order of their places. Two leaves side by side have none, a leaf beside a split has one.
        let mut order = vec![(root, 1u16)];
        let (mut farthest, mut nearest) = (0, u16::MAX);
        let mut at = 0;
        while let Some(&(number, level)) = order.get(at) {
            at += 1;
            let node = &forest.nodes[number];
            let left = node.next as usize;
            let is_leaf = |node: usize| forest.nodes[node].rule.is_leaf();
            let split = if is_leaf(number) {
                // It asks nobody's slot, and leads to itself.
                (nearest, farthest) = (nearest.min(level), farthest.max(level));
                Split::new(SLOTS as u32 - 1, u8::MAX, true, left)
            } else {
                let (slot, rank) = conditions.place(number);
                if is_leaf(left) && is_leaf(left + 1) {
                    (nearest, farthest) = (nearest.min(level), farthest.max(level));
                    Split::new(slot, rank, true, forest.nodes[left].next as usize)
                } else {
                    let target = order.len();
                    order.extend([(left, level + 1), (left + 1, level + 1)]);
                    Split::new(slot, rank, false, target)
                }
            };
            self.splits.push(split);
        }
        let fits = order.len() < Split::TARGETS && farthest < u16::MAX;
        self.trees.push(Place { first: first as u32, farthest, nearest });
        fits.then_some(())
    }

    /// Where trees lie, each in eight bytes that begin with the number of its first split.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn places(&self) -> &[Place] {
        &self.trees
    }

    /// What lies below a place of a tree, left and right.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn below(&self, tree: usize, place: To) -> [To; 2] {
        let To::Split(place) = place else { return [place; 2] };
        let split = self.splits[self.trees[tree].first as usize + usize::from(place)];
        let target = (split.0 >> Split::TARGET_SHIFT) as u16;
        if split.0 & 0xff == SLOTS as u32 - 1 {
            [To::Leaf(target); 2]
        } else if split.is_last() {
            [To::Leaf(target), To::Leaf(target + 1)]
        } else {
            [To::Split(target), To::Split(target + 1)]
        }
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.splits.len() * size_of::<Split>() + self.trees.len() * size_of::<Place>()
    }

    /// The leaves that a row of these ranks comes to in eight trees.
    #[inline(always)]
    fn leaves(&self, trees: &[Place; WAYS], ranks: &[u8; SLOTS]) -> [u32; WAYS] {
        let splits = self.splits.as_slice();
        let nearest = trees.iter().map(|tree| tree.nearest).min().unwrap_or(1);
        let farthest = trees.iter().map(|tree| tree.farthest).max().unwrap_or(1);
        let mut at = trees.map(|tree| tree.first);
        let mut split = at.map(|at| splits[at as usize]);
        for _ in 1..nearest {
            for way in 0..WAYS {
                at[way] = trees[way].first + split[way].target(ranks);
                split[way] = splits[at[way] as usize];
            }
        }
        for _ in nearest..farthest {
            let mut goes_on = false;
            for way in 0..WAYS {
                let is_last = split[way].is_last();
                let next = trees[way].first + split[way].target(ranks);
                at[way] = select_unpredictable(is_last, at[way], next);
                split[way] = splits[at[way] as usize];
                goes_on |= !is_last;
            }
            if !goes_on {
                break;
            }
        }
        split.map(|split| split.target(ranks))
    }
}

impl<X: Real, Y: Real> ByRanks<X, Y> for Packed {
    #[inline(always)]
    fn add_leaves<R: Real>(
        &self,
        job: &RowJob<'_, R, X, Y, Self>,
        rows: Range<usize>,
        ranks: &[[u8; SLOTS]],
        sums: &mut [Y],
    ) {
        let outputs = job.forest.outputs;
        let trees = &job.forest.trees[job.trees.clone()];
        let places = &self.trees[job.trees.clone()];
        for (trees, places) in trees.chunks(WAYS).zip(places.chunks(WAYS)) {
            // What the last eight lack is made up by their first one.
            let eight: [Place; WAYS] =
                std::array::from_fn(|way| places[if way < places.len() { way } else { 0 }]);
            for ((row, ranks), sums) in rows.clone().zip(ranks).zip(sums.chunks_exact_mut(outputs)) {
                let leaves = self.leaves(&eight, ranks);
                job.forest.add_leaves(trees, leaves, job.rows.row(row), sums);
            }
        }
    }
}
