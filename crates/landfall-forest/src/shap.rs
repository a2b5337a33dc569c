//! What each feature contributes to a row's sum: path-dependent Shapley values of trees, in float64 throughout.
//!
//! Of a leaf with value v, a player i whose splits on the way the row passes (o = 1) or not (o = 0), and through which the
//! part z of the training data came, has the value v (o - z) times the mean over the orders of the other players of the
//! product of their o where they come before i, and z where they come after. That mean is an integral: of the product
//! of (1 - t) z + t o over the others, for t from 0 to 1. It is a polynomial's, so that a sum over a few points t is the
//! integral itself ([`quadrature`]), and sums of leaves are carried up the tree by point, as Bifet, Read and Xu do it
//! with coefficients ("Linear TreeShap"). All factors are positive: nothing is taken off a path again, and nothing
//! cancels.

mod plan;
mod quadrature;
mod walk;

use crate::trees::{Tree, Trees};
use crate::{Real, Rows};
use landfall_model::Problem;
use plan::{Held, Plan};
use quadrature::Quadrature;
use std::collections::BTreeMap;
use std::ops::Range;
use walk::{Lanes, Walk};

/// Deepest tree whose contributions are told: paths take memory by the square of the depth.
const MAX_DEPTH: usize = 500;
/// Rows side by side.
const LANES: usize = 8;
/// From so many rows on, lanes without a row cost less than rows one by one.
const WORTH_LANES: usize = 3;
/// Rows that go through a tree before the next one is taken.
const BLOCK_ROWS: usize = 256;

/// Sums that are kept at a time, beyond those of one value of each leaf: a file decides on their number.
const MOST_SUMS: usize = 1 << 14;

/// Memory for contributions, kept between calls.
#[derive(Default, Debug)]
pub struct ShapSpace {
    plan: Plan,
    rules: BTreeMap<usize, Quadrature>,
    many: Lanes<LANES>,
    one: Lanes<1>,
}

impl<X: Real, Y: Real> Trees<X, Y> {
    /// As [`crate::Forest::contributions`].
    pub(crate) fn contributions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.check_contributions()?;
        let side = self.players.count + 1;
        let width = self.outputs * side;
        assert!(rows.columns() >= self.features && sums.len() == rows.len() * width);
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let block = start..rows.len().min(start + BLOCK_ROWS);
            let sums = &mut sums[block.start * width..block.end * width];
            for tree in &self.trees[trees.clone()] {
                self.each_gain(tree, rows, block.clone(), Held::None, space, |row, output, player, gain| {
                    sums[row * width + output * side + player] += gain;
                });
                let means = space.plan.average(self, tree);
                for row in sums.chunks_exact_mut(width) {
                    for (k, mean) in means.iter().enumerate() {
                        row[(tree.first_output + k) * side + side - 1] += mean;
                    }
                }
            }
        }
        Ok(())
    }

    /// As [`crate::Forest::interactions`].
    pub(crate) fn interactions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.check_contributions()?;
        let side = self.players.count + 1;
        let width = self.outputs * side * side;
        assert!(rows.columns() >= self.features && sums.len() == rows.len() * width);
        sums.fill(0.0);
        for start in (0..rows.len()).step_by(BLOCK_ROWS) {
            let block = start..rows.len().min(start + BLOCK_ROWS);
            let sums = &mut sums[block.start * width..block.end * width];
            for tree in &self.trees[trees.clone()] {
                self.pairs(tree, rows, block.clone(), space, sums);
            }
        }
        Ok(())
    }

    /// Adds one tree's pairs. What a player changes of another is half of what the other gains where it is known, less
    /// what it gains where it is not.
    fn pairs(
        &self,
        tree: &Tree,
        rows: Rows<'_, X>,
        block: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) {
        let side = self.players.count + 1;
        let place = |row: usize, output: usize| (row * self.outputs + output) * side * side;
        self.each_gain(tree, rows, block.clone(), Held::None, space, |row, output, player, gain| {
            sums[place(row, output) + player * side + player] += gain;
        });
        let means = space.plan.average(self, tree);
        for row in 0..block.len() {
            for (k, mean) in means.iter().enumerate() {
                sums[place(row, tree.first_output + k) + side * side - 1] += mean;
            }
        }
        let asked: Vec<usize> = space.plan.players.iter().map(|&player| player as usize).collect();
        for held in asked {
            for (how, half) in [(Held::Known(held), 0.5), (Held::Unknown(held), -0.5)] {
                self.each_gain(tree, rows, block.clone(), how, space, |row, output, player, gain| {
                    if player != held {
                        let line = place(row, output) + held * side;
                        sums[line + player] += half * gain;
                        sums[line + held] -= half * gain;
                    }
                });
            }
        }
    }

    fn check_contributions(&self) -> Result<(), Problem> {
        let what = if !self.has_covers() && !self.trees.is_empty() {
            "contributions of a model whose file does not say how much data came through each node"
        } else if self.has_linear_leaves() {
            "contributions of linear leaves"
        } else if self.depth() > MAX_DEPTH {
            "contributions of trees deeper than 500 splits"
        } else {
            return Ok(());
        };
        Err(Problem::unsupported(what, "ask for the other outputs"))
    }

    /// Tells, of each row of a block (by its place in it), output and player, what the player gains in one tree.
    fn each_gain(
        &self,
        tree: &Tree,
        rows: Rows<'_, X>,
        block: Range<usize>,
        held: Held,
        space: &mut ShapSpace,
        mut tell: impl FnMut(usize, usize, usize, f64),
    ) {
        let ShapSpace { plan, rules, many, one } = space;
        plan.set(self, tree, held);
        if plan.depth == 0 {
            return;
        }
        let plan = &*plan;
        let rule = &*rules.entry(plan.points).or_insert_with(|| Quadrature::of(plan.points));
        // Sums are kept by level, point and value of a leaf.
        let most = (MOST_SUMS / ((plan.depth + 1) * plan.points)).max(1);
        for first_value in (0..tree.width).step_by(most) {
            let values = first_value..tree.width.min(first_value + most);
            let job = Job { forest: self, tree, plan, rule, held, values };
            for start in (block.start..block.end).step_by(LANES) {
                let group = start..block.end.min(start + LANES);
                let place = start - block.start;
                if group.len() >= WORTH_LANES {
                    let last = group.end - 1;
                    let lanes = std::array::from_fn(|lane| rows.row((start + lane).min(last)));
                    job.tell(lanes, group.len(), many, |lane, output, player, gain| {
                        tell(place + lane, output, player, gain);
                    });
                } else {
                    for (lane, row) in group.enumerate() {
                        job.tell([rows.row(row)], 1, one, |_, output, player, gain| {
                            tell(place + lane, output, player, gain);
                        });
                    }
                }
            }
        }
    }
}

/// Some values of a tree's leaves, to be explained.
struct Job<'a, X, Y> {
    forest: &'a Trees<X, Y>,
    tree: &'a Tree,
    plan: &'a Plan,
    rule: &'a Quadrature,
    held: Held,
    values: Range<usize>,
}

impl<X: Real, Y: Real> Job<'_, X, Y> {
    /// Tells the gains of the first `count` rows: lane, output, player, gain.
    fn tell<const L: usize>(
        &self,
        rows: [&[X]; L],
        count: usize,
        lanes: &mut Lanes<L>,
        mut tell: impl FnMut(usize, usize, usize, f64),
    ) {
        let (forest, plan, rule, held) = (self.forest, self.plan, self.rule, self.held);
        let (width, first) = (self.values.len(), self.values.start);
        Walk { forest, plan, rule, held, width, first, rows, lanes: &mut *lanes }.run();
        for (place, gains) in lanes.gains.iter().enumerate() {
            let player = plan.players[place / width] as usize;
            let output = self.tree.first_output + first + place % width;
            gains[..count].iter().enumerate().for_each(|(lane, &gain)| tell(lane, output, player, gain));
        }
    }
}
