//! A layout for one row, or a few: all splits of the upper levels are answered, whether the row comes to them or not, since
//! sixty-four ranks ([`crate::conditions`]) are looked up and compared as quickly as one; the answers of a tree are one word,
//! and the way down it a few shifts. Two levels below are looked up for eight trees at a time; trees that are deeper go on
//! among packed splits ([`crate::packed`]). A forest of few splits compares the row's values themselves.

use crate::Real;
use crate::conditions::Conditions;
pub(crate) use crate::filled::UPPER;
use crate::filled::{self, Filled};
use crate::node::SplitKinds;
use crate::packed::{Packed, To};
use crate::trees::{Tree, Trees};

/// Slots that splits may name: bytes of two registers.
pub(crate) const SLOTS: usize = 128;
/// Splits that are answered at once.
pub(crate) const AT_ONCE: usize = 64;
/// Trees whose ways down are taken together.
pub(crate) const WAYS: usize = 8;
/// A rank that no other is above.
const NOWHERE: u8 = u8::MAX;
/// Trees that are deeper: the least part of the places below the upper levels that splits take.
const SPLIT_PLACES: usize = 4;

/// The layout of a forest: of each tree, as many splits and leaves as if all leaves lay equally deep.
#[derive(Clone, Debug)]
pub(crate) struct Scanned<X> {
    /// Splits of a tree's upper levels, the root being 1, and those below i being 2 i and 2 i + 1.
    pub(crate) splits: usize,
    pub(crate) asked: Asked<X>,
    pub(crate) below: Below,
    /// Values of a leaf: those of [`crate::filled`], where trees are not deeper.
    pub(crate) width: usize,
}

/// The layout and what ways end at, for rows of numbers of type `R`.
pub(crate) struct Scan<'a, R, X, Y> {
    pub(crate) scanned: &'a Scanned<X>,
    /// What values are compared with, where they are.
    pub(crate) values: Option<&'a Values<R>>,
    pub(crate) ends: Ends<'a, Y>,
}

/// What ways end at.
pub(crate) enum Ends<'a, Y> {
    /// Leaves, by their places among all that are filled up.
    Filled(&'a Filled<Y>),
    /// Packed splits, where [`Scanned::below`] says so.
    Packed(&'a Packed),
}

/// What the splits of the upper levels ask.
#[derive(Clone, Debug)]
pub(crate) enum Asked<X> {
    /// Whether the rank in a slot is above another.
    Ranks { slots: Vec<u8>, ranks: Vec<u8> },
    /// Whether a feature's value is to the right of a threshold.
    Values(Values<X>),
}

/// Thresholds that values are compared with.
#[derive(Clone, Debug)]
pub(crate) struct Values<X> {
    pub(crate) features: Vec<u32>,
    pub(crate) thresholds: Vec<X>,
    /// By eight splits: whether a missing value goes right.
    pub(crate) missing_right: Vec<u8>,
    /// Whether a value equal to the threshold goes left.
    pub(crate) at_most: bool,
}

/// What lies below the upper levels.
#[derive(Clone, Debug)]
pub(crate) enum Below {
    /// Leaves, after so many levels.
    Leaves(usize),
    /// Two levels more, and then leaves: the slots of a split and the two below it, and from the fifth byte on their ranks.
    Two(Vec<[u8; 8]>),
    /// Packed splits by their places in their trees, or [`LEAF`] and a leaf's number.
    Packed(Vec<u16>),
}

/// What tells leaves from splits.
pub(crate) const LEAF: u16 = 1 << 15;

impl<X: Real> Scanned<X> {
    /// The layout; `None` where a forest does not fit. `packed` is asked where trees go on among packed splits.
    pub(crate) fn of<'p, Y: Real>(
        forest: &Trees<X, Y>,
        conditions: &Conditions<X>,
        packed: impl FnOnce() -> Option<&'p Packed>,
    ) -> Option<Self> {
        let depth = forest.depth();
        let width = forest.trees.first()?.width;
        let leaves: usize = forest.trees.iter().map(|tree| tree.leaves as usize).sum();
        let levels = if depth > UPPER { UPPER + 2 } else { depth };
        let is_shallow = filled::levels(forest).is_some();
        let upper = levels.min(UPPER);
        let splits = (1 << upper).max(WAYS);
        let fits = conditions.slots() <= SLOTS
            && forest.trees.iter().all(|tree| tree.width == width && !tree.is_linear && !tree.is_oblivious);
        if !fits {
            return None;
        }
        let mut layout = Scanned {
            splits,
            // What goes on below the upper levels goes by ranks.
            asked: Asked::new(forest, conditions, splits, is_shallow && levels <= UPPER),
            below: Below::Leaves(levels),
            width,
        };
        if !is_shallow {
            let worth = forest.trees.len() << UPPER <= SPLIT_PLACES * leaves && depth > UPPER;
            let packed = packed().filter(|_| worth)?;
            layout.below = Below::Packed(starts(forest, packed));
        } else if levels > UPPER {
            layout.below = Below::Two(Vec::with_capacity((forest.trees.len() + WAYS) << UPPER));
        }
        let mut space = Default::default();
        for tree in &forest.trees {
            layout.add(forest, conditions, tree, upper, &mut space);
        }
        if let Below::Two(lower) = &mut layout.below {
            // Lets the two levels below be read of eight trees from the last one on.
            lower.extend([[0; 8]; WAYS << UPPER]);
        }
        layout.asked.pad();
        Some(layout)
    }

    fn add<Y: Real>(
        &mut self,
        forest: &Trees<X, Y>,
        conditions: &Conditions<X>,
        tree: &Tree,
        upper: usize,
        [nodes, lower]: &mut [Vec<u32>; 2],
    ) {
        let is_leaf = |node: u32| forest.nodes[node as usize].rule.is_leaf();
        let below = |node: u32| forest.nodes[node as usize].below(node);
        nodes.clear();
        nodes.push(tree.root);
        self.asked.push(forest, conditions, None);
        for _ in 0..upper {
            lower.clear();
            for &node in nodes.iter() {
                self.asked.push(forest, conditions, Some(node as usize).filter(|_| !is_leaf(node)));
                lower.extend(below(node));
            }
            std::mem::swap(nodes, lower);
        }
        (1 << upper..self.splits).for_each(|_| self.asked.push(forest, conditions, None));
        match &mut self.below {
            Below::Packed(_) | Below::Leaves(_) => {}
            Below::Two(asked) => {
                let place = |node: u32| {
                    let (slot, rank) =
                        if is_leaf(node) { (0, NOWHERE) } else { conditions.place(node as usize) };
                    (slot as u8, rank)
                };
                for &node in nodes.iter() {
                    let [first, second, third] = [node, below(node)[0], below(node)[1]].map(place);
                    asked.push([first.0, second.0, third.0, 0, first.1, second.1, third.1, 0]);
                }
            }
        }
    }

    /// Levels of the deepest tree, where values are compared, a tree's splits fit into a byte, and leaves have single values.
    pub(crate) fn shallow(&self) -> Option<usize> {
        match (&self.below, &self.asked) {
            (Below::Leaves(levels), Asked::Values(_)) if 1 << levels <= WAYS && self.width == 1 => {
                Some(*levels)
            }
            _ => None,
        }
    }

    /// Whether it needs no other layout.
    pub(crate) fn stands_alone(&self) -> bool {
        !matches!(self.below, Below::Packed(_))
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        let asked = match &self.asked {
            Asked::Ranks { slots, ranks } => slots.len() + ranks.len(),
            Asked::Values(values) => values.memory_bytes(),
        };
        let below = match &self.below {
            Below::Leaves(_) => 0,
            Below::Two(lower) => 8 * lower.len(),
            Below::Packed(starts) => 2 * starts.len(),
        };
        asked + below
    }
}

impl<X: Real> Asked<X> {
    /// Of no splits yet: values where no other splits are asked, and comparing those of all costs less than ranking the row.
    fn new<Y: Real>(forest: &Trees<X, Y>, conditions: &Conditions<X>, splits: usize, are_all: bool) -> Self {
        let registers = (forest.trees.len() * splits * size_of::<X>()).div_ceil(64);
        let plain = are_all && conditions.others.is_empty() && forest.splits != SplitKinds::Mixed;
        if plain && registers <= conditions.parts.len() {
            let at_most = forest.splits == SplitKinds::AtMost;
            Asked::Values(Values {
                features: Vec::new(),
                thresholds: Vec::new(),
                missing_right: Vec::new(),
                at_most,
            })
        } else {
            let places = forest.trees.len() * splits + AT_ONCE;
            Asked::Ranks { slots: Vec::with_capacity(places), ranks: Vec::with_capacity(places) }
        }
    }

    /// Adds a node's question, or one that nothing is to the right of.
    fn push<Y: Real>(&mut self, forest: &Trees<X, Y>, conditions: &Conditions<X>, node: Option<usize>) {
        match self {
            Asked::Ranks { slots, ranks } => {
                let (slot, rank) = node.map_or((0, NOWHERE), |node| conditions.place(node));
                slots.push(slot as u8);
                ranks.push(rank);
            }
            Asked::Values(Values { features, thresholds, missing_right, .. }) => {
                let node = node.map(|node| &forest.nodes[node]);
                let place = features.len();
                if place.is_multiple_of(8) {
                    missing_right.push(0);
                }
                features.push(node.map_or(0, |node| node.feature() as u32));
                thresholds.push(node.map_or(X::NAN, |node| node.threshold));
                let right = node.is_some_and(|node| !node.rule.missing_left());
                missing_right[place / 8] |= u8::from(right) << (place % 8);
            }
        }
    }

    /// Lets whole registers be read behind the last tree.
    fn pad(&mut self) {
        match self {
            Asked::Ranks { slots, ranks } => {
                slots.extend([0; AT_ONCE]);
                ranks.extend([NOWHERE; AT_ONCE]);
            }
            Asked::Values(Values { features, thresholds, missing_right, .. }) => {
                features.extend([0; AT_ONCE]);
                thresholds.extend([X::NAN; AT_ONCE]);
                missing_right.extend([0; AT_ONCE / 8]);
            }
        }
    }
}

impl<X: Real> Values<X> {
    /// The same for rows of float32.
    pub(crate) fn narrowed(&self) -> Values<f32> {
        Values {
            features: self.features.clone(),
            thresholds: self.thresholds.iter().map(|x| f32::bound(x.wide(), self.at_most)).collect(),
            missing_right: self.missing_right.clone(),
            at_most: self.at_most,
        }
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.features.len() * 4 + self.thresholds.len() * size_of::<X>() + self.missing_right.len()
    }
}

/// The numbers of the leaves that eight trees' answers lead to, a byte for each: `answers` has a byte for each tree, whose bit i
/// is the answer of split i. All eight at once: an answer of each level chooses among the two of the next one.
#[inline(always)]
pub(crate) fn leaf_numbers<const LEAVES: usize>(answers: u64) -> u64 {
    const LOWEST: u64 = 0x0101_0101_0101_0101;
    let chosen = |by: u64, left: u32| {
        let (left, right) = (answers >> left, answers >> (left + 1));
        left ^ ((left ^ right) & by)
    };
    let first = answers >> 1 & LOWEST;
    if LEAVES == 2 {
        return first;
    }
    let second = chosen(first, 2) & LOWEST;
    if LEAVES == 4 {
        return 2 * first + second;
    }
    let (left, right) = (chosen(second, 4), chosen(second, 6));
    let third = (left ^ ((left ^ right) & first)) & LOWEST;
    4 * first + 2 * second + third
}

/// By tree and way down the upper levels, where packed splits go on; and what a reader of four bytes reads behind the last.
fn starts<X, Y>(forest: &Trees<X, Y>, packed: &Packed) -> Vec<u16> {
    let mut starts = Vec::with_capacity((forest.trees.len() << UPPER) + 2);
    let (mut ways, mut below) = (Vec::new(), Vec::new());
    for number in 0..forest.trees.len() {
        ways.clear();
        ways.push(To::Split(0));
        for _ in 0..UPPER {
            below.clear();
            below.extend(ways.iter().flat_map(|&way| packed.below(number, way)));
            std::mem::swap(&mut ways, &mut below);
        }
        starts.extend(ways.iter().map(|way| match *way {
            To::Split(place) => place,
            To::Leaf(leaf) => LEAF | leaf,
        }));
    }
    starts.extend([0; 2]);
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same<const LEAVES: usize>(answers: u64) {
        let mut expected = [0u8; 8];
        for (number, answers) in expected.iter_mut().zip(answers.to_le_bytes()) {
            let mut place = 1;
            while place < LEAVES {
                place = 2 * place + usize::from(answers >> place & 1);
            }
            *number = (place - LEAVES) as u8;
        }
        assert_eq!(leaf_numbers::<LEAVES>(answers).to_le_bytes(), expected, "{answers:#x}");
    }

    #[test]
    fn answers_of_eight_trees_lead_to_their_leaves() {
        // Each byte stands beside several others.
        for byte in 0..=u8::MAX {
            let answers = u64::from_le_bytes(std::array::from_fn(|i| byte.wrapping_mul((37 * i + 1) as u8)));
            same::<2>(answers);
            same::<4>(answers);
            same::<8>(answers);
        }
    }
}
