//! How much predictions change with a feature: the library's `PredictionValuesChange`.

use super::columns::Question;
use super::raw::{RawModel, RawNode, RawTree, Shape};

/// By player, in hundredths of the whole; all zero where the file tells no weights of leaves.
pub(crate) fn prediction_values_change(
    model: &RawModel,
    questions: &[Question],
    players: &[u32],
    count: usize,
) -> Vec<f64> {
    let mut changes = vec![0.0; count];
    for tree in &model.trees {
        if tree.weights.len() * model.dimension != tree.values.len() {
            return vec![0.0; count];
        }
        let mut add = |split: usize, change: f64| {
            let player = questions.get(split).and_then(|question| players.get(question.column as usize));
            if let Some(player) = player {
                changes[*player as usize] += change;
            }
        };
        match &tree.shape {
            Shape::Oblivious(splits)
                if tree.weights.len() == 1usize.checked_shl(splits.len() as u32).unwrap_or(0) =>
            {
                for (level, &split) in splits.iter().enumerate() {
                    add(split, tree.change(model.dimension, 1 << level));
                }
            }
            Shape::Oblivious(_) => {}
            Shape::Nested(nodes) => nested(tree, nodes, model.dimension, &mut add),
        }
    }
    let total: f64 = changes.iter().sum();
    if total > 0.0 {
        changes.iter_mut().for_each(|change| *change *= 100.0 / total);
    }
    changes
}

impl RawTree {
    /// Weighted squares of what two leaves differ from their mean, over all pairs whose numbers differ in one bit.
    fn change(&self, dimension: usize, bit: usize) -> f64 {
        let values = self.values.chunks_exact(2 * bit * dimension);
        let pairs = values.zip(self.weights.chunks_exact(2 * bit));
        pairs.map(|(values, weights)| by_pairs(values, weights, dimension, bit)).sum()
    }
}

/// As [`RawTree::change`], of leaves of which the first `bit` have their pairs right behind them.
fn by_pairs(values: &[f64], weights: &[f64], dimension: usize, bit: usize) -> f64 {
    let (first, second) = values.split_at(bit * dimension);
    let (before, behind) = weights.split_at(bit);
    let mut sum = 0.0;
    for leaf in 0..bit.min(before.len()).min(behind.len()) {
        let mut squares = 0.0;
        for k in leaf * dimension..(leaf + 1) * dimension {
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

fn change(weights: [f64; 2], values: [&[f64]; 2]) -> f64 {
    let total = weights[0] + weights[1];
    if total == 0.0 {
        return 0.0;
    }
    let pairs = values[0].iter().zip(values[1]);
    pairs
        .map(|(first, second)| {
            let mean = (first * weights[0] + second * weights[1]) / total;
            (first - mean).powi(2) * weights[0] + (second - mean).powi(2) * weights[1]
        })
        .sum()
}

/// From the leaves up: of each split, by the means of its two sides.
fn nested(tree: &RawTree, nodes: &[RawNode], dimension: usize, add: &mut impl FnMut(usize, f64)) {
    let mut order = vec![0usize];
    let mut at = 0;
    // A file whose nodes lead in circles is refused later; here it only must come to an end.
    while at < order.len() && order.len() <= nodes.len() {
        if let Some(RawNode::Split { left, right, .. }) = nodes.get(order[at]) {
            order.extend([*left as usize, *right as usize]);
        }
        at += 1;
    }
    let nothing = || (0.0, vec![0.0; dimension]);
    let mut means: Vec<(f64, Vec<f64>)> = vec![(0.0, Vec::new()); nodes.len()];
    for &node in order.iter().rev() {
        let mean = match nodes.get(node) {
            Some(RawNode::Leaf(leaf)) => {
                let leaf = *leaf as usize;
                let values = tree.values.get(leaf * dimension..(leaf + 1) * dimension);
                match (tree.weights.get(leaf), values) {
                    (Some(weight), Some(values)) => (*weight, values.to_vec()),
                    _ => nothing(),
                }
            }
            Some(RawNode::Split { split, left, right }) => {
                let side = |child: u32| {
                    let known = means.get(child as usize).filter(|mean| mean.1.len() == dimension);
                    known.cloned().unwrap_or_else(nothing)
                };
                let sides = [side(*left), side(*right)];
                let weights = [sides[0].0, sides[1].0];
                add(*split, change(weights, [&sides[0].1, &sides[1].1]));
                let total = weights[0] + weights[1];
                let pairs = sides[0].1.iter().zip(&sides[1].1);
                let mean = pairs
                    .map(|(a, b)| if total == 0.0 { 0.0 } else { (a * weights[0] + b * weights[1]) / total });
                (total, mean.collect())
            }
            None => continue,
        };
        means[node] = mean;
    }
}
