//! What one model says of one row, before it becomes fields.

use crate::resolve::ClassList;
use crate::value::{Symbol, Value};

/// A model's answer to one row.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// What is predicted: a number, a class, a cluster.
    pub(crate) value: Value,
    /// The list in which `scores` are counted.
    pub(crate) list: ClassList,
    /// Probability of each class of the list (or votes); empty where the model gives none.
    pub(crate) scores: Vec<f64>,
    /// Confidence of each class of the list, where the model has it.
    pub(crate) confidences: Vec<f64>,
    /// Confidence of the prediction.
    pub(crate) confidence: Option<f64>,
    /// What was reached within the model: a node, a cluster, a rule, neighbours.
    pub(crate) entity: Value,
    /// How the prediction is shown to people, where the model itself says so.
    pub(crate) display: Value,
    /// Entities with their affinity or weight, best first or in the model's order.
    pub(crate) ranked: Vec<Ranked>,
    /// Whether `ranked` counts distances: smaller is nearer.
    pub(crate) nearest_first: bool,
    /// Reason codes, most important first.
    pub(crate) reasons: Vec<Symbol>,
    /// Standard error of the prediction.
    pub(crate) deviation: Option<f64>,
    /// Where the deviation is that of another number: that number, and what leads from it to the prediction.
    pub(crate) limits: Option<(Link, f64)>,
    /// Association rules that apply.
    pub(crate) rules: Vec<Recommendation>,
    /// What is said of the model's other targets, in their order.
    pub(crate) others: Vec<Answer>,
}

/// What leads from a number within a model to its prediction.
pub(crate) type Link = fn(f64) -> f64;

/// An entity and how near it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked {
    pub(crate) entity: Value,
    pub(crate) name: Value,
    pub(crate) affinity: f64,
}

/// An association rule by its place, and in which of the three senses it applies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recommendation {
    pub(crate) rule: usize,
    /// Its antecedent is among the items.
    pub(crate) antecedent: bool,
    /// Its consequent is among the items.
    pub(crate) consequent: bool,
}

impl Default for Answer {
    fn default() -> Self {
        Answer {
            value: Value::Missing,
            list: 0,
            scores: Vec::new(),
            confidences: Vec::new(),
            confidence: None,
            entity: Value::Missing,
            display: Value::Missing,
            ranked: Vec::new(),
            nearest_first: false,
            reasons: Vec::new(),
            deviation: None,
            limits: None,
            rules: Vec::new(),
            others: Vec::new(),
        }
    }
}

impl Answer {
    /// Nothing is said.
    pub(crate) fn clear(&mut self) {
        self.value = Value::Missing;
        self.entity = Value::Missing;
        self.display = Value::Missing;
        (self.confidence, self.deviation, self.limits) = (None, None, None);
        self.nearest_first = false;
        self.scores.clear();
        self.confidences.clear();
        self.ranked.clear();
        self.reasons.clear();
        self.rules.clear();
        self.others.iter_mut().for_each(Answer::clear);
    }

    /// Entities, nearest first; equal ones in the model's order. What compares as no number is not among them.
    pub(crate) fn nearest(&self) -> Vec<Ranked> {
        let mut all = self.ranked.clone();
        all.retain(|ranked| !ranked.affinity.is_nan());
        match self.nearest_first {
            true => all.sort_by(|a, b| a.affinity.total_cmp(&b.affinity)),
            false => all.sort_by(|a, b| b.affinity.total_cmp(&a.affinity)),
        }
        all
    }

    /// The class with the highest score, the first of equal ones; `None` without scores.
    pub(crate) fn best(&self) -> Option<usize> {
        best_of(&self.scores)
    }
}

/// The place of the highest score, the first of equal ones; `None` without scores.
fn best_of(scores: &[f64]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (class, &score) in scores.iter().enumerate() {
        if best.is_none_or(|best| score > scores[best]) {
            best = Some(class);
        }
    }
    best
}
