//! What neighbours say together of a target: a mean, or the class with most votes.

use super::{Continuous, Neighbors};
use crate::functions::median;
use crate::resolve::Build;
use crate::value::Value;
use std::cmp::Reverse;

/// Which of the classes with equally many votes wins: the more frequent in training, then the first as text.
#[derive(Debug, Default)]
pub(super) struct Preference(Vec<(Value, usize)>);

impl Preference {
    /// By a target's values in training.
    pub(super) fn of(b: &Build<'_>, values: impl Iterator<Item = Value>) -> Self {
        let mut counts: Vec<(Value, usize)> = Vec::new();
        for value in values {
            match counts.iter_mut().find(|(other, _)| *other == value) {
                Some((_, count)) => *count += 1,
                None => counts.push((value, 1)),
            }
        }
        let text = |value: Value| match value {
            Value::Text(symbol) => b.symbols.text(symbol).map(|text| text.to_string()).unwrap_or_default(),
            value => format!("{:030.10}", value.num().unwrap_or(0.0)),
        };
        let keyed = counts.into_iter().map(|(value, count)| ((Reverse(count), text(value)), value));
        let mut keyed: Vec<_> = keyed.collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        let alike = keyed.chunk_by(|a, b| a.0 == b.0).enumerate();
        Preference(alike.flat_map(|(place, all)| all.iter().map(move |(_, value)| (*value, place))).collect())
    }

    fn place(&self, value: Value) -> Option<usize> {
        self.0.iter().find(|(other, _)| *other == value).map(|(_, place)| *place)
    }

    /// The class with the most votes.
    fn winner(&self, votes: &[(Value, f64)]) -> Option<Value> {
        let most = votes.iter().map(|(_, count)| *count).fold(f64::NEG_INFINITY, f64::max);
        let tied = votes.iter().filter(|(_, count)| *count == most).map(|(value, _)| *value);
        tied.min_by_key(|value| self.place(*value))
    }
}

impl Neighbors {
    /// What the nearest say of a target. Each class that has votes goes to `share` with its part of all votes; `classes` are
    /// the list that it is counted in.
    pub(super) fn judge(
        &self,
        nearest: &[(usize, f64)],
        target: usize,
        classes: &[Value],
        mut share: impl FnMut(usize, f64),
    ) -> Value {
        if self.targets[target].continuous {
            return Value::of(self.number(nearest, target));
        }
        let votes = self.votes(nearest, target);
        if self.tells_shares(target) {
            let total = self.sum(votes.iter().map(|(_, count)| *count));
            for (value, count) in &votes {
                if let Some(class) = classes.iter().position(|class| class == value) {
                    share(class, self.math.round(count / total));
                }
            }
        }
        self.targets[target].preference.winner(&votes).unwrap_or(Value::Missing)
    }

    fn weight(&self, distance: f64) -> f64 {
        // The threshold keeps neighbours that are not alike at all from weighing nothing together.
        let kept = self.math.round(distance + self.threshold);
        if self.measure.distance { self.math.round(1.0 / kept) } else { kept }
    }

    fn sum(&self, numbers: impl Iterator<Item = f64>) -> f64 {
        numbers.fold(0.0, |sum, number| self.math.round(sum + number))
    }

    /// What each neighbour weighs.
    fn weights(&self, nearest: &[(usize, f64)]) -> Vec<f64> {
        let all: Vec<f64> = nearest.iter().map(|(_, distance)| self.weight(*distance)).collect();
        // Without a threshold those at no distance outweigh all others.
        match all.iter().any(|weight| weight.is_infinite()) {
            true => all.iter().map(|weight| f64::from(u8::from(weight.is_infinite()))).collect(),
            false => all,
        }
    }

    fn number(&self, nearest: &[(usize, f64)], target: usize) -> Option<f64> {
        let value = |at: usize| self.rows[at].targets[target].num().map(|number| self.math.round(number));
        let values: Vec<f64> = nearest.iter().filter_map(|(at, _)| value(*at)).collect();
        let count = values.len() as f64;
        let mean = |sum: f64, count: f64| self.math.round(sum / count);
        (count > 0.0).then(|| match self.continuous {
            Continuous::Average => mean(self.sum(values.into_iter()), count),
            Continuous::Median => self.math.round(median(values)),
            Continuous::WeightedAverage => {
                let weights = self.weights(nearest);
                let weighted = nearest.iter().zip(weights).filter_map(|((at, _), w)| Some((value(*at)?, w)));
                let weighted: Vec<(f64, f64)> = weighted.collect();
                let products = weighted.iter().map(|(x, w)| self.math.round(x * w));
                mean(self.sum(products), self.sum(weighted.iter().map(|(_, w)| *w)))
            }
        })
    }

    /// Votes by value, in order of first appearance among the nearest.
    fn votes(&self, nearest: &[(usize, f64)], target: usize) -> Vec<(Value, f64)> {
        let mut votes: Vec<(Value, f64)> = Vec::new();
        let weights = if self.weighted_vote { self.weights(nearest) } else { vec![1.0; nearest.len()] };
        for ((at, _), vote) in nearest.iter().zip(weights) {
            let value = self.rows[*at].targets[target];
            match votes.iter_mut().find(|(other, _)| *other == value) {
                Some((_, count)) => *count = self.math.round(*count + vote),
                None => votes.push((value, vote)),
            }
        }
        votes
    }
}
