//! What each feature contributes to a row's sum: path-dependent TreeSHAP (Lundberg, Erion, Lee: "Consistent
//! Individualized Feature Attribution for Tree Ensembles", algorithm 2), in float64 throughout.

use crate::forest::Tree;
use crate::{Forest, Real, Rows};
use landfall_model::Problem;
use std::ops::Range;

/// Deepest tree whose contributions are told: paths take memory by the square of the depth, and a stack
/// frame for each split.
const MAX_DEPTH: usize = 500;

/// Part of a node's training data that went to a child.
pub(crate) fn share(child: f64, node: f64) -> f64 {
    if node == 0.0 { 0.0 } else { child / node }
}

/// One feature on the way from the root.
#[derive(Clone, Copy, Default, Debug)]
struct Step {
    /// `usize::MAX` for the root's own step.
    feature: usize,
    /// Part of the paths that go on where the feature is unknown, and where it is known.
    unknown: f64,
    known: f64,
    weight: f64,
}

/// Memory for paths, kept between calls.
#[derive(Default, Debug)]
pub struct ShapSpace {
    steps: Vec<Step>,
    with: Vec<f64>,
    without: Vec<f64>,
    plain: Vec<f64>,
}

/// A feature that is held fixed: known, or unknown, on all paths.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    None,
    Known(usize),
    Unknown(usize),
}

impl Held {
    fn feature(self) -> Option<usize> {
        match self {
            Held::None => None,
            Held::Known(feature) | Held::Unknown(feature) => Some(feature),
        }
    }
}

/// What one walk down a tree carries along.
struct Walk<'a, X, Y> {
    forest: &'a Forest<X, Y>,
    tree: &'a Tree,
    row: &'a [X],
    held: Held,
    /// [outputs, players + 1].
    sums: &'a mut [f64],
}

/// How a node was come to.
#[derive(Clone, Copy)]
struct Arrival {
    node: usize,
    /// Where the path of the node above starts, and its last step.
    base: usize,
    depth: usize,
    feature: usize,
    unknown: f64,
    known: f64,
    /// Part of the held feature's paths that come here.
    part: f64,
}

impl<X: Real, Y: Real> Forest<X, Y> {
    /// Contributions of each feature to the sums of `trees`, the last place of each output holding their average:
    /// [rows, outputs, players + 1]. The base is not in them.
    ///
    /// # Errors
    /// Unimplemented, where the file tells no covers, leaves are linear functions, or a tree is too deep.
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn contributions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.check_contributions()?;
        let width = self.outputs * (self.players.count + 1);
        assert!(sums.len() == rows.len() * width);
        for (row, sums) in sums.chunks_exact_mut(width).enumerate() {
            self.explain(rows.row(row), trees.clone(), Held::None, space, sums);
        }
        Ok(())
    }

    /// Contributions of each pair of features: [rows, outputs, features + 1, features + 1], symmetric, a feature's own on
    /// the diagonal, the average in the last place.
    ///
    /// # Errors
    /// As [`Forest::contributions`].
    ///
    /// # Panics
    /// As [`Forest::add_margins`].
    pub fn interactions(
        &self,
        rows: Rows<'_, X>,
        trees: Range<usize>,
        space: &mut ShapSpace,
        sums: &mut [f64],
    ) -> Result<(), Problem> {
        self.check_contributions()?;
        let side = self.players.count + 1;
        let width = self.outputs * side;
        assert!(sums.len() == rows.len() * width * side);
        let counts = self.splits_by_feature();
        let with_splits = (0..self.features).filter(|&feature| counts[feature] > 0);
        let mut asked: Vec<usize> = with_splits.map(|feature| self.players.of(feature)).collect();
        asked.sort_unstable();
        asked.dedup();
        let [mut plain, mut with, mut without] =
            [&mut space.plain, &mut space.with, &mut space.without].map(std::mem::take);
        for (row, sums) in sums.chunks_exact_mut(width * side).enumerate() {
            let mut fill = |held: Held, into: &mut Vec<f64>| {
                into.clear();
                into.resize(width, 0.0);
                self.explain(rows.row(row), trees.clone(), held, space, into);
            };
            sums.fill(0.0);
            fill(Held::None, &mut plain);
            for output in 0..self.outputs {
                for k in 0..side {
                    sums[(output * side + k) * side + k] = plain[output * side + k];
                }
            }
            for &feature in &asked {
                fill(Held::Known(feature), &mut with);
                fill(Held::Unknown(feature), &mut without);
                for output in 0..self.outputs {
                    for k in (0..side).filter(|&k| k != feature) {
                        let half = (with[output * side + k] - without[output * side + k]) / 2.0;
                        sums[(output * side + feature) * side + k] += half;
                        sums[(output * side + feature) * side + feature] -= half;
                    }
                }
            }
        }
        (space.plain, space.with, space.without) = (plain, with, without);
        Ok(())
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

    fn explain(&self, row: &[X], trees: Range<usize>, held: Held, space: &mut ShapSpace, sums: &mut [f64]) {
        let side = self.players.count + 1;
        for tree in &self.trees[trees] {
            if held == Held::None {
                for k in 0..tree.width {
                    sums[(tree.first_output + k) * side + self.players.count] +=
                        self.expectations[tree.first_expectation + k];
                }
            }
            let deepest = tree.depth as usize + 2;
            let needed = deepest * (deepest + 1) / 2 + deepest;
            if space.steps.len() < needed {
                space.steps.resize(needed, Step::default());
            }
            let start = Arrival {
                node: tree.root as usize,
                base: 0,
                depth: 0,
                feature: usize::MAX,
                unknown: 1.0,
                known: 1.0,
                part: 1.0,
            };
            Walk { forest: self, tree, row, held, sums }.visit(start, &mut space.steps);
        }
    }
}

impl<X: Real, Y: Real> Walk<'_, X, Y> {
    fn visit(&mut self, arrival: Arrival, steps: &mut [Step]) {
        if arrival.part == 0.0 {
            return;
        }
        let Arrival { node, base, mut depth, feature, unknown, known, part } = arrival;
        // The path of the node above is kept, for its other child: this one's lies behind it.
        let path = base + depth + 1;
        steps.copy_within(base..base + depth + 1, path);
        if self.held.feature() != Some(feature) {
            extend(&mut steps[path..], depth, feature, unknown, known);
        }
        let split = self.forest.nodes[node];
        if split.rule.is_leaf() {
            self.add_leaf(split.next as usize, &steps[path..=path + depth], part);
            return;
        }
        let asked = self.forest.players.of(split.feature as usize);
        let left = self.forest.goes_left(&split, self.row[split.feature as usize]);
        let hot = split.next as usize + usize::from(!left);
        let cold = split.next as usize + usize::from(left);
        let covers = &self.forest.covers;
        let [hot_share, cold_share] = [hot, cold].map(|child| share(covers[child], covers[node]));
        let (mut unknown, mut known) = (1.0, 1.0);
        // A feature that was asked about before is taken off the path, to be put on anew.
        if let Some(earlier) = (1..=depth).find(|&i| steps[path + i].feature == asked) {
            (unknown, known) = (steps[path + earlier].unknown, steps[path + earlier].known);
            unwind(&mut steps[path..=path + depth], earlier);
            depth -= 1;
        }
        let (hot_part, cold_part, holds) = match self.held {
            Held::Known(held) if held == asked => (part, 0.0, true),
            Held::Unknown(held) if held == asked => (part * hot_share, part * cold_share, true),
            _ => (part, part, false),
        };
        // A held feature takes no step of its own.
        let depth = if holds { depth } else { depth + 1 };
        let base = path;
        let step = |node, share: f64, known, part| Arrival {
            node,
            base,
            depth,
            feature: asked,
            unknown: share * unknown,
            known,
            part,
        };
        let skips = |share: f64| self.forest.players.skip_empty && share == 0.0;
        let (skips_hot, skips_cold) = (skips(hot_share), skips(cold_share));
        if !skips_hot {
            self.visit(step(hot, hot_share, known, hot_part), steps);
        }
        if !skips_cold {
            self.visit(step(cold, cold_share, 0.0, cold_part), steps);
        }
    }

    fn add_leaf(&mut self, leaf: usize, path: &[Step], part: f64) {
        let side = self.forest.players.count + 1;
        let first = self.tree.first_value + leaf * self.tree.width;
        let values = &self.forest.values[first..first + self.tree.width];
        for (i, step) in path.iter().enumerate().skip(1) {
            let scale = unwound_sum(path, i) * (step.known - step.unknown) * part;
            for (k, value) in values.iter().enumerate() {
                self.sums[(self.tree.first_output + k) * side + step.feature] += scale * value.wide();
            }
        }
    }
}

/// Puts a step on a path of `depth` steps.
fn extend(path: &mut [Step], depth: usize, feature: usize, unknown: f64, known: f64) {
    path[depth] = Step { feature, unknown, known, weight: if depth == 0 { 1.0 } else { 0.0 } };
    let length = (depth + 1) as f64;
    for i in (0..depth).rev() {
        path[i + 1].weight += known * path[i].weight * (i + 1) as f64 / length;
        path[i].weight *= unknown * (depth - i) as f64 / length;
    }
}

/// Takes a step off a path.
fn unwind(path: &mut [Step], step: usize) {
    let depth = path.len() - 1;
    let Step { unknown, known, .. } = path[step];
    let length = path.len() as f64;
    let mut next = path[depth].weight;
    for i in (0..depth).rev() {
        if known != 0.0 {
            let kept = path[i].weight;
            path[i].weight = next * length / ((i + 1) as f64 * known);
            next = kept - path[i].weight * unknown * (depth - i) as f64 / length;
        } else {
            path[i].weight = path[i].weight * length / (unknown * (depth - i) as f64);
        }
    }
    for i in step..depth {
        path[i] = Step { weight: path[i].weight, ..path[i + 1] };
    }
}

/// The sum of a path's weights, were a step taken off.
fn unwound_sum(path: &[Step], step: usize) -> f64 {
    let depth = path.len() - 1;
    let Step { unknown, known, .. } = path[step];
    let length = path.len() as f64;
    let mut next = path[depth].weight;
    let mut total = 0.0;
    for i in (0..depth).rev() {
        if known != 0.0 {
            let weight = next * length / ((i + 1) as f64 * known);
            total += weight;
            next = path[i].weight - weight * unknown * ((depth - i) as f64 / length);
        } else if unknown != 0.0 {
            total += path[i].weight / unknown / ((depth - i) as f64 / length);
        }
    }
    total
}
