//! Unknown numbers that are normal around what is linear in each other: all of them are one normal distribution, whose mean and
//! covariance follow in closed form (Koller and Friedman, Probabilistic Graphical Models, section 7.2), however many they are.

use crate::expression::{Derived, DocumentKind, DocumentNode};
use crate::value::DataType;
use std::collections::HashMap;

/// How a number depends on unknown ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Degree {
    None,
    Linear,
    Other,
}

/// Degrees by name: those of nodes, and of fields that are made of them. Other names depend on nothing unknown.
#[derive(Clone, Default, Debug)]
pub(super) struct Degrees(HashMap<String, Degree>);

impl Degrees {
    /// Adds a node, which is a number or not, of a type: numbers of other types are rounded.
    pub(super) fn add_node(&mut self, name: &str, is_number: bool, dtype: DataType) {
        let degree = match (is_number, dtype) {
            (false, _) => Degree::None,
            (true, DataType::Double) => Degree::Linear,
            (true, _) => Degree::Other,
        };
        self.0.insert(name.to_owned(), degree);
    }

    /// Adds a field that is made of those before it.
    pub(super) fn add_field(&mut self, field: &Derived, is_own: &dyn Fn(&str) -> bool) {
        let degree = match self.of(&field.expression, is_own) {
            Degree::Linear if field.dtype != DataType::Double => Degree::Other,
            degree => degree,
        };
        self.0.insert(field.name.clone(), degree);
    }

    pub(super) fn of_name(&self, name: &str) -> Degree {
        self.0.get(name).copied().unwrap_or(Degree::None)
    }

    /// Of an expression; `is_own` says which functions are the document's own.
    pub(super) fn of(&self, node: &DocumentNode, is_own: &dyn Fn(&str) -> bool) -> Degree {
        match &node.kind {
            DocumentKind::FieldRef { field, .. } => self.of_name(field),
            DocumentKind::Apply(apply) if !is_own(&apply.function) => {
                let degrees: Vec<Degree> =
                    apply.arguments.iter().map(|argument| self.of(argument, is_own)).collect();
                let most = degrees.iter().copied().max().unwrap_or(Degree::None);
                let unknown = degrees.iter().filter(|degree| **degree != Degree::None).count();
                match (apply.function.as_str(), most) {
                    (_, Degree::None) => Degree::None,
                    ("+" | "-" | "sum" | "avg", Degree::Linear) => Degree::Linear,
                    ("*" | "product", Degree::Linear) if unknown == 1 => Degree::Linear,
                    ("/", Degree::Linear) if degrees[0] == Degree::Linear && unknown == 1 => Degree::Linear,
                    _ => Degree::Other,
                }
            }
            _ => {
                let mut names = Vec::new();
                node.fields(&mut names);
                let known = names.iter().all(|name| self.of_name(name) == Degree::None);
                if known { Degree::None } else { Degree::Other }
            }
        }
    }
}

/// What is known of the numbers of some nodes: a normal distribution of all of them.
#[derive(Clone, Default, Debug)]
pub(super) struct Joint {
    /// The nodes, in the order in which they came.
    nodes: Vec<usize>,
    means: Vec<f64>,
    covariances: Vec<Vec<f64>>,
}

/// A number that depends on those of a joint distribution: its own mean and variance, and its covariances with them.
#[derive(Clone, Debug)]
pub(super) struct Next {
    pub(super) mean: f64,
    pub(super) variance: f64,
    covariances: Vec<f64>,
}

impl Joint {
    pub(super) fn holds(&self, node: usize) -> bool {
        self.nodes.contains(&node)
    }

    /// Mean and variance of a node that it holds.
    pub(super) fn of(&self, node: usize) -> Option<(f64, f64)> {
        let at = self.nodes.iter().position(|other| *other == node)?;
        Some((self.means[at], self.covariances[at][at].max(0.0)))
    }

    /// A number of this variance around `constant` and so much times each of some nodes.
    pub(super) fn next(&self, constant: f64, variance: f64, slopes: &[(usize, f64)]) -> Next {
        let mut next = Next { mean: constant, variance, covariances: vec![0.0; self.nodes.len()] };
        for (node, slope) in slopes {
            let Some(at) = self.nodes.iter().position(|other| other == node) else { continue };
            next.mean += slope * self.means[at];
            for (covariance, of_node) in next.covariances.iter_mut().zip(&self.covariances[at]) {
                *covariance += slope * of_node;
            }
        }
        for (node, slope) in slopes {
            let at = self.nodes.iter().position(|other| other == node);
            next.variance += at.map_or(0.0, |at| slope * next.covariances[at]);
        }
        next
    }

    /// With one more node.
    pub(super) fn with(&self, node: usize, next: Next) -> Joint {
        let mut joint = self.clone();
        for (row, covariance) in joint.covariances.iter_mut().zip(&next.covariances) {
            row.push(*covariance);
        }
        let mut own = next.covariances;
        own.push(next.variance);
        joint.covariances.push(own);
        joint.nodes.push(node);
        joint.means.push(next.mean);
        joint
    }

    /// What is known once a number is known to be `x`; of one that depends on nothing unknown nothing more.
    pub(super) fn given(&self, next: &Next, x: f64) -> Joint {
        let mut joint = self.clone();
        if next.variance == 0.0 {
            return joint;
        }
        for (at, row) in joint.covariances.iter_mut().enumerate() {
            let gain = next.covariances[at] / next.variance;
            joint.means[at] += gain * (x - next.mean);
            row.iter_mut().zip(&next.covariances).for_each(|(own, other)| *own -= gain * other);
        }
        joint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_known_from_its_end() {
        // a is 1 ± 2, b is 3 a + 1 with a variance of 4; b is seen to be 10.
        let a = Joint::default().with(0, Joint::default().next(1.0, 4.0, &[]));
        let b = a.next(1.0, 4.0, &[(0, 3.0)]);
        assert_eq!((b.mean, b.variance), (4.0, 40.0));
        let seen = a.given(&b, 10.0);
        // The gain is 12 / 40: 1 + 0.3 · 6, and 4 - 0.3 · 12.
        let (mean, variance) = seen.of(0).unwrap();
        assert!((mean - 2.8).abs() < 1e-15 && (variance - 0.4).abs() < 1e-15, "{mean} {variance}");
        assert!(seen.of(1).is_none() && a.with(1, b).holds(1));
    }
}
