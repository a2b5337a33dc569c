//! Questions whether x is in a set: each set becomes a column of its own, 1 where x is in it, so that trees ask for
//! "less than a half".

use super::super::Refusal;
use super::nodes::{Asks, Mode, Node, Split};
use landfall_forest::Real;

/// Sets beyond which a row would be mostly their columns.
const MOST: usize = 1024;

/// All sets of a model, each with the feature that is held against it.
pub(super) struct Sets<X> {
    features: usize,
    sets: Vec<Set<X>>,
}

#[derive(PartialEq)]
struct Set<X> {
    feature: u32,
    /// Ascending.
    members: Vec<X>,
    missing_is_yes: bool,
    /// Whether the whole part of x is looked for.
    truncates: bool,
}

impl<X: Real> Sets<X> {
    /// None yet, for rows of so many features.
    pub(super) fn new(features: usize) -> Self {
        Sets { features, sets: Vec::new() }
    }

    /// Columns of a row that trees look at.
    pub(super) fn columns(&self) -> usize {
        self.features + self.sets.len()
    }

    /// Columns that a row must come with.
    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// Whether there are none: rows are looked at as they come.
    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// The column for a node's question.
    pub(super) fn column(&mut self, split: &Split, members: &[f64], truncates: bool) -> Result<u32, Refusal> {
        let mut members: Vec<X> = members.iter().map(|&member| X::of(member)).collect();
        members.sort_unstable_by(|a, b| a.wide().total_cmp(&b.wide()));
        let set = Set { feature: split.feature, members, missing_is_yes: split.missing_is_yes, truncates };
        let place = self.sets.iter().position(|known| *known == set).unwrap_or(self.sets.len());
        if place == MOST {
            return Err(Refusal::not(format!("more than {MOST} sets of categories")));
        }
        if place == self.sets.len() {
            self.sets.push(set);
        }
        Ok((self.features + place) as u32)
    }

    /// Rows with the columns of the sets behind those that came, `columns` of them.
    pub(super) fn extended(&self, rows: &[X], columns: usize) -> Vec<X> {
        let mut extended = Vec::with_capacity(rows.len() / columns.max(1) * self.columns());
        for row in rows.chunks_exact(columns.max(1)) {
            extended.extend_from_slice(&row[..self.features]);
            extended.extend(
                self.sets.iter().map(
                    |set| {
                        if set.holds(row[set.feature as usize]) { X::of(1.0) } else { X::ZERO }
                    },
                ),
            );
        }
        extended
    }
}

impl<X: Real> Set<X> {
    fn holds(&self, x: X) -> bool {
        if x.is_nan() {
            return self.missing_is_yes;
        }
        let x = if self.truncates { X::of(x.wide().trunc()) } else { x };
        let place = self.members.partition_point(|member| *member < x);
        self.members.get(place).is_some_and(|member| *member == x)
    }
}

/// Writers say "x is one of these" by a chain of nodes that each compare with one value, lead to the same node where it
/// is that, and to the next of them where it is not. Gives the last of the chain, and what the whole of it asks.
pub(super) fn of_chain<'a>(tree: &'a [Node], first: &'a Split) -> (&'a Split, Asks) {
    let Asks::Compare(Mode::Equal, value) = first.asks else { return (first, first.asks.clone()) };
    let (mut last, mut members) = (first, vec![value]);
    while let Node::Split(next) = &tree[last.no]
        && let Asks::Compare(Mode::Equal, value) = next.asks
        && (next.feature, next.yes, next.missing_is_yes) == (last.feature, last.yes, last.missing_is_yes)
        && members.len() < tree.len()
    {
        members.push(value);
        last = next;
    }
    if members.len() == 1 { (first, first.asks.clone()) } else { (last, Asks::OneOf(members)) }
}
