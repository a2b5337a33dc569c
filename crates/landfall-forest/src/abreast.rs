//! A layout for one row of float32, or a few: trees of up to three levels stand abreast, sixteen of them in one register or two
//! with a node of each. All nodes are asked, and each answer chooses between the two leaves, or what was chosen of them, below it.

use crate::Real;
use crate::filled::{self, UPPER};
use crate::line::Line;
use crate::node::{Node, SplitKinds};
use crate::processor::{HasAvx2, HasScan};
use crate::trees::{Tree, Trees};

/// Trees that stand abreast.
pub(crate) const LANES: usize = 16;
/// Levels of trees that this is worth it for.
const LEVELS: usize = 3;
/// Nodes of sixteen trees that are asked as quickly as a row is ranked among a part's thresholds, by AVX-512. By AVX2 as many
/// as there may be are asked in half the time; so many are for the sake of memory.
const NODES_FOR_PART: usize = 2;
const NODES_FOR_PART_BY_AVX2: usize = 8;

/// The layout of a forest.
#[derive(Clone, Debug)]
pub(crate) struct Abreast<Y> {
    pub(crate) levels: usize,
    /// Features that trees may ask for.
    pub(crate) features: usize,
    /// Sums of a row.
    pub(crate) outputs: usize,
    pub(crate) trees: usize,
    /// It is made for processors alone that it can be asked by.
    pub(crate) has: HasAvx2,
    /// Those that have AVX-512 as well are asked by it.
    pub(crate) scan: Option<HasScan>,
    /// Of each sixteen trees, 2^levels - 1 questions, level by level.
    pub(crate) asked: Vec<Sixteen>,
    /// Of each sixteen trees, 2^levels leaves.
    pub(crate) leaves: Vec<Line<[Y; LANES]>>,
}

/// The same node of sixteen trees: whether a feature's value, with its sign turned or not, is at least a threshold. That is the
/// question whether a row goes the way that missing values do not go; where they go right, of the turned value.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub(crate) struct Sixteen {
    pub(crate) features: [u32; LANES],
    pub(crate) signs: [u32; LANES],
    pub(crate) thresholds: [f32; LANES],
}

impl Sixteen {
    /// Questions that are answered no.
    const NONE: Sixteen = Sixteen { features: [0; LANES], signs: [0; LANES], thresholds: [f32::NAN; LANES] };

    fn ask<X: Real>(&mut self, lane: usize, node: &Node<X>, at_most: bool) {
        let threshold = f32::bound(node.threshold.wide(), at_most);
        let missing_right = !node.rule.missing_left();
        self.features[lane] = node.feature() as u32;
        self.signs[lane] = if missing_right { 1 << 31 } else { 0 };
        // x > t; -x > -t for x < t. Above infinity there is nothing.
        let above = |threshold: f32| if threshold == f32::INFINITY { f32::NAN } else { threshold.next_up() };
        self.thresholds[lane] = match (at_most, missing_right) {
            (true, false) => above(threshold),
            (true, true) => -threshold,
            (false, false) => threshold,
            (false, true) => above(-threshold),
        };
    }
}

impl<Y: Real> Abreast<Y> {
    /// The layout; `None` where trees are deeper, have leaves of several values, or ask for more than thresholds, and where
    /// ranking a row among so many parts' thresholds is quicker.
    pub(crate) fn of<X: Real>(forest: &Trees<X, Y>, parts: impl FnOnce() -> usize) -> Option<Self> {
        const { assert!(LEVELS <= UPPER) };
        let (has, scan) = (HasAvx2::here()?, HasScan::here());
        let levels = filled::levels(forest).filter(|levels| (1..=LEVELS).contains(levels))?;
        let asked = forest.trees.len().div_ceil(LANES) * ((1 << levels) - 1);
        let is_plain = forest.splits != SplitKinds::Mixed && forest.trees[0].width == 1;
        let for_part = if scan.is_some() { NODES_FOR_PART } else { NODES_FOR_PART_BY_AVX2 };
        if !is_plain || asked > for_part * parts() {
            return None;
        }
        let leaves = Vec::with_capacity(forest.trees.len().div_ceil(LANES) << levels);
        let asked = Vec::with_capacity(asked);
        let Trees { features, outputs, .. } = *forest;
        let trees = forest.trees.len();
        let mut layout = Abreast { levels, features, outputs, trees, has, scan, asked, leaves };
        forest.trees.chunks(LANES).for_each(|trees| layout.add(forest, trees));
        Some(layout)
    }

    fn add<X: Real>(&mut self, forest: &Trees<X, Y>, trees: &[Tree]) {
        let mut asked = [Sixteen::NONE; (1 << LEVELS) - 1];
        let mut leaves = [Line([Y::ZERO; LANES]); 1 << LEVELS];
        let splits = (1 << self.levels) - 1;
        for (lane, tree) in trees.iter().enumerate() {
            let mut nodes = [tree.root; (2 << LEVELS) - 1];
            for place in 0..splits {
                let at = nodes[place];
                let node = &forest.nodes[at as usize];
                let mut below = node.below(at);
                if !node.rule.is_leaf() {
                    asked[place].ask(lane, node, forest.splits == SplitKinds::AtMost);
                    if !node.rule.missing_left() {
                        below.reverse();
                    }
                }
                [nodes[2 * place + 1], nodes[2 * place + 2]] = below;
            }
            for (leaf, &node) in leaves.iter_mut().zip(&nodes[splits..2 * splits + 1]) {
                leaf.0[lane] = forest.values[tree.first_value + forest.nodes[node as usize].next as usize];
            }
        }
        self.asked.extend_from_slice(&asked[..splits]);
        self.leaves.extend_from_slice(&leaves[..splits + 1]);
    }

    /// Bytes held.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.asked.len() * size_of::<Sixteen>() + self.leaves.len() * size_of::<Line<[Y; LANES]>>()
    }
}
