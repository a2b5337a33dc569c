//! How much sums change with a feature: over all splits, by what the leaves on both sides differ, weighted with the training
//! data that came there. It is what CatBoost calls `PredictionValuesChange`.

use crate::Real;
use crate::trees::{Tree, Trees};

impl<X: Real, Y: Real> Trees<X, Y> {
    /// By player, in hundredths of the whole; `None` where nodes do not know their cover.
    pub(crate) fn value_changes(&self) -> Option<Vec<f64>> {
        if !self.has_covers() {
            return None;
        }
        let mut changes = vec![0.0; self.players.count];
        for tree in &self.trees {
            if tree.is_oblivious {
                self.add_levels(tree, &mut changes)
            } else {
                self.add_nodes(tree, &mut changes)
            }
        }
        let total: f64 = changes.iter().sum();
        if total > 0.0 {
            changes.iter_mut().for_each(|change| *change *= 100.0 / total);
        }
        Some(changes)
    }

    /// Of an oblivious tree: over all pairs of leaves whose numbers differ in the level's bit.
    fn add_levels(&self, tree: &Tree, changes: &mut [f64]) {
        let leaves = tree.leaves as usize;
        let weights: Vec<f64> = (0..leaves).map(|leaf| self.covers.get(tree.first_cover + leaf)).collect();
        let values: Vec<f64> =
            self.values[tree.first_value..][..leaves * tree.width].iter().map(|v| v.wide()).collect();
        for level in 0..tree.depth as usize {
            let node = &self.nodes[tree.root as usize + tree.depth as usize - 1 - level];
            let half = 1 << level;
            let values = values.chunks_exact(2 * half * tree.width);
            let pairs = values.zip(weights.chunks_exact(2 * half));
            let change: f64 =
                pairs.map(|(values, weights)| by_pairs(values, weights, tree.width, half)).sum();
            changes[self.players.of(node.feature())] += change;
        }
    }

    /// Of any other tree, from the leaves up: of each split, by the means of its two sides.
    fn add_nodes(&self, tree: &Tree, changes: &mut [f64]) {
        let (root, width, count) = (tree.root as usize, tree.width, 2 * tree.leaves as usize - 1);
        let cover = |place: usize| self.covers.get(tree.first_cover + place);
        let mut means = vec![0.0; count * width];
        for place in (0..count).rev() {
            let node = &self.nodes[root + place];
            if node.rule.is_leaf() {
                let values = &self.values[tree.first_value + node.next as usize * width..][..width];
                means[place * width..][..width]
                    .iter_mut()
                    .zip(values)
                    .for_each(|(mean, value)| *mean = value.wide());
                continue;
            }
            // What is below a node lies behind it.
            let left = node.next as usize - root;
            let (own, below) = means.split_at_mut(left * width);
            let (first, second) = below[..2 * width].split_at(width);
            let weights = [cover(left), cover(left + 1)];
            changes[self.players.of(node.feature())] += by_pairs(&below[..2 * width], &weights, width, 1);
            let total = weights[0] + weights[1];
            for (mean, (a, b)) in own[place * width..][..width].iter_mut().zip(first.iter().zip(second)) {
                *mean = if total == 0.0 { 0.0 } else { (a * weights[0] + b * weights[1]) / total };
            }
        }
    }
}

/// Weighted squares of what two leaves differ from their mean, of leaves of which the first `half` have their pairs right
/// behind them.
fn by_pairs(values: &[f64], weights: &[f64], width: usize, half: usize) -> f64 {
    let (first, second) = values.split_at(half * width);
    let (before, behind) = weights.split_at(half);
    let mut sum = 0.0;
    for leaf in 0..half.min(before.len()).min(behind.len()) {
        let mut squares = 0.0;
        for k in leaf * width..(leaf + 1) * width {
            squares += (first[k] - second[k]) * (first[k] - second[k]);
        }
        // The mean lies between both values as the weights divide it.
        let total = before[leaf] + behind[leaf];
        if total != 0.0 {
            sum += squares * (before[leaf] * behind[leaf] / total);
        }
    }
    sum
}
