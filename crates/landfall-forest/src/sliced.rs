//! A layout for many rows at once: the answers to a question are the bits of one register for hundreds of rows, and a tree
//! becomes one operation on such registers for each split, whatever its shape.
//!
//! Leaves are numbered from left to right, so that each split stands between two neighbours and divides all leaves into
//! those before and those behind it. Whether a row ends behind split s follows from s's own answer and from the nearest
//! splits above it that it lies to the left of (a) and to the right of (b):
//!
//! ```text
//! behind(s) = behind(a) or (behind(b) and right(s))
//! ```
//!
//! How many splits a row ends behind is its leaf's number. As the splits that a row is behind are always the first ones,
//! bit k of that count is the exclusive or of `behind` at every 2^k-th split. The idea of answers as bits is that of
//! QuickScorer (Lucchese and others, "QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of Regression
//! Trees"), turned by a right angle: bits stand for rows, not for leaves. No row's way decides where the next load or
//! jump goes.

use crate::Real;
use crate::conditions::{Conditions, Part};
use crate::forest::Forest;
use std::ops::Range;

/// Leaves that a tree may have: splits are numbered in a byte.
pub(crate) const MAX_LEAVES: usize = 256;
/// Different questions of a group: their answers for a block of rows should stay in the second-level cache.
const GROUP_CONDITIONS: usize = 8192;
/// Thresholds of a part up to which comparing them all is quicker than ranking first.
const FEW_THRESHOLDS: usize = 48;

/// The layout of a forest; trees that it cannot hold have no place, and are left to [`crate::lanes`].
#[derive(Clone, Debug)]
pub(crate) struct Sliced<X> {
    pub(crate) groups: Vec<Group>,
    pub(crate) questions: Vec<Question<X>>,
    /// By group, the numbers of its questions.
    pub(crate) asked: Vec<u32>,
    pub(crate) trees: Vec<Way>,
    pub(crate) steps: Vec<Step>,
    /// By part of the conditions: whether ranks are needed.
    pub(crate) is_ranked: Vec<bool>,
    /// Answers that the largest group has.
    pub(crate) most_asked: usize,
}

/// Trees that share answers.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) trees: Range<usize>,
    /// Its part of `asked`.
    pub(crate) asked: Range<usize>,
}

/// How a question is answered for a block of rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Question<X> {
    /// A column's values against a threshold.
    Value { column: u32, threshold: X, at_most: bool, missing_right: bool },
    /// A slot's ranks against a rank.
    Rank { slot: u32, rank: u8 },
    /// A node, row by row.
    Node(u32),
}

/// How a tree is evaluated.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// By steps.
    Steps(Range<usize>),
    /// All nodes of a level ask the same: the answers are the bits of the leaf's number. The steps name the questions, the
    /// root's first.
    Oblivious(Range<usize>),
    /// Row by row.
    Lanes,
}

/// One split, from the root down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Step {
    /// Its question's place in its group.
    pub(crate) asked: u16,
    /// Its number from the left.
    pub(crate) at: u8,
    /// The nearest split above that it lies to the left of; 255 for none.
    pub(crate) before: u8,
    /// One more than the nearest split above that it lies to the right of; 0 for none.
    pub(crate) behind: u8,
}

impl<X: Real> Sliced<X> {
    /// The layout; `None` where no tree fits.
    pub(crate) fn of<Y: Real>(forest: &Forest<X, Y>, conditions: &Conditions<X>) -> Option<Self> {
        let is_ranked =
            conditions.parts.iter().map(|part| usize::from(part.count) > FEW_THRESHOLDS).collect();
        let mut sliced = Sliced {
            groups: Vec::new(),
            questions: Vec::new(),
            asked: Vec::new(),
            trees: Vec::with_capacity(forest.trees.len()),
            steps: Vec::new(),
            is_ranked,
            most_asked: 0,
        };
        let mut layout = Layout::new(forest, conditions);
        for tree in 0..forest.trees.len() {
            layout.add(tree, &mut sliced);
        }
        layout.close(&mut sliced);
        sliced.asked.shrink_to_fit();
        sliced.steps.shrink_to_fit();
        sliced.questions.shrink_to_fit();
        sliced.trees.iter().any(|way| !matches!(way, Way::Lanes)).then_some(sliced)
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.groups.len() * size_of::<Group>()
            + self.questions.len() * size_of::<Question<X>>()
            + self.asked.len() * 4
            + self.trees.len() * size_of::<Way>()
            + self.steps.len() * size_of::<Step>()
            + self.is_ranked.len()
    }
}

/// Groups under construction.
struct Layout<'a, X, Y> {
    forest: &'a Forest<X, Y>,
    conditions: &'a Conditions<X>,
    /// By slot, where its questions begin in `numbers`.
    slots: Vec<u32>,
    /// By slot and rank: the question's number, and its place in the group.
    numbers: Vec<[u32; 2]>,
    first_tree: usize,
    first_asked: usize,
}

const NONE: u32 = u32::MAX;

impl<'a, X: Real, Y: Real> Layout<'a, X, Y> {
    fn new(forest: &'a Forest<X, Y>, conditions: &'a Conditions<X>) -> Self {
        let mut slots = vec![0; conditions.slots()];
        let mut sizes = vec![1u32; conditions.slots()];
        for part in &conditions.parts {
            for slot in [part.missing_left, part.missing_right].into_iter().flatten() {
                sizes[slot] = u32::from(part.count);
            }
        }
        let mut total = 0;
        for (slot, size) in slots.iter_mut().zip(sizes) {
            *slot = total;
            total += size;
        }
        let numbers = vec![[NONE; 2]; total as usize];
        Layout { forest, conditions, slots, numbers, first_tree: 0, first_asked: 0 }
    }

    fn add(&mut self, number: usize, sliced: &mut Sliced<X>) {
        let tree = &self.forest.trees[number];
        let leaves = tree.leaves as usize;
        if leaves > MAX_LEAVES || leaves - 1 > GROUP_CONDITIONS {
            sliced.trees.push(Way::Lanes);
            return;
        }
        if sliced.asked.len() - self.first_asked + leaves - 1 > GROUP_CONDITIONS {
            self.close_group(number, sliced);
        }
        let start = sliced.steps.len();
        let way = if let Some(levels) = self.oblivious(number) {
            for node in levels {
                let asked = self.ask(node, sliced);
                sliced.steps.push(Step { asked, ..Step::default() });
            }
            Way::Oblivious
        } else {
            self.add_steps(tree.root as usize, sliced);
            Way::Steps
        };
        sliced.trees.push(way(start..sliced.steps.len()));
    }

    /// A node of each level, where all nodes of each level ask the same.
    fn oblivious(&self, number: usize) -> Option<Vec<usize>> {
        let tree = &self.forest.trees[number];
        if 1usize.checked_shl(tree.depth) != Some(tree.leaves as usize) {
            return None;
        }
        // A tree of so many leaves and levels is complete: level by level, nodes follow each other.
        let root = tree.root as usize;
        let levels = (0..tree.depth).map(|level| root + (1usize << level) - 1);
        levels
            .map(|first| {
                let width = first - root + 1;
                let place = self.conditions.place(first);
                (first..first + width).all(|node| self.conditions.place(node) == place).then_some(first)
            })
            .collect()
    }

    fn add_steps(&mut self, root: usize, sliced: &mut Sliced<X>) {
        if self.forest.nodes[root].rule.is_leaf() {
            return;
        }
        // Nodes to come, with the bounds of their leaves' numbers and the splits around them.
        let mut open = vec![(root, 255u8, 0u8)];
        while let Some((node, before, behind)) = open.pop() {
            let asked = self.ask(node, sliced);
            let left = self.forest.nodes[node].next as usize;
            let at = self.last_leaf(left);
            sliced.steps.push(Step { asked, at, before, behind });
            let mut open_split = |node: usize, before, behind| {
                if !self.forest.nodes[node].rule.is_leaf() {
                    open.push((node, before, behind));
                }
            };
            open_split(left + 1, before, at + 1);
            open_split(left, at, behind);
        }
    }

    /// The number of the last leaf below a node: that of the split to the right of it.
    fn last_leaf(&self, mut node: usize) -> u8 {
        while !self.forest.nodes[node].rule.is_leaf() {
            node = self.forest.nodes[node].next as usize + 1;
        }
        self.forest.nodes[node].next as u8
    }

    /// The place of a node's question in the group.
    fn ask(&mut self, node: usize, sliced: &mut Sliced<X>) -> u16 {
        let (slot, rank) = self.conditions.place(node);
        let [number, place] = &mut self.numbers[self.slots[slot as usize] as usize + usize::from(rank)];
        if *number == NONE {
            *number = sliced.questions.len() as u32;
            sliced.questions.push(question(self.conditions, slot as usize, rank, &sliced.is_ranked));
        }
        if *place == NONE {
            *place = (sliced.asked.len() - self.first_asked) as u32;
            sliced.asked.push(*number);
        }
        *place as u16
    }

    fn close_group(&mut self, end: usize, sliced: &mut Sliced<X>) {
        let asked = self.first_asked..sliced.asked.len();
        sliced.most_asked = sliced.most_asked.max(asked.len());
        sliced.groups.push(Group { trees: self.first_tree..end, asked });
        (self.first_tree, self.first_asked) = (end, sliced.asked.len());
        self.numbers.iter_mut().for_each(|[_, place]| *place = NONE);
    }

    fn close(mut self, sliced: &mut Sliced<X>) {
        if self.first_tree < self.forest.trees.len() {
            self.close_group(self.forest.trees.len(), sliced);
        }
    }
}

fn question<X: Real>(conditions: &Conditions<X>, slot: usize, rank: u8, is_ranked: &[bool]) -> Question<X> {
    let Some(number) = conditions.part_of_slot(slot) else {
        return Question::Node(conditions.others[slot - conditions.ranked]);
    };
    let part: &Part<X> = &conditions.parts[number];
    if is_ranked[number] {
        return Question::Rank { slot: slot as u32, rank };
    }
    Question::Value {
        column: part.column as u32,
        threshold: part.threshold(rank),
        at_most: part.at_most,
        missing_right: part.missing_right == Some(slot),
    }
}
