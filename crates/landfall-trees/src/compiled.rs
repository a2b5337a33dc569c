//! What the readers make of a file, whichever library wrote it.

use crate::classes::Classes;
use crate::features::{Categories, Derive, Feature, RowRules};
use crate::linear::Linear;
use crate::spread::Spread;
use crate::transform::Transform;
use landfall_forest::{Forest, Real};
use std::ops::Range;

/// What a reader makes of a file: features compared as `X`, sums in `Y`.
#[derive(Debug)]
pub(crate) struct Compiled<X, Y> {
    pub(crate) format: &'static str,
    pub(crate) evaluator: Evaluator<X, Y>,
    pub(crate) extent: Extent,
    pub(crate) features: Vec<Feature>,
    /// Sums of a row.
    pub(crate) groups: usize,
    /// What sums start with, by group.
    pub(crate) base: Vec<Y>,
    /// What is made of a row's sums, where anything is.
    pub(crate) after: Option<ScaleAndBias>,
    /// How the sums come to the places of all classes, where the library shows more of them than there are sums.
    pub(crate) spread: Option<Spread>,
    /// Whether a call may bring its own base.
    pub(crate) takes_base_margin: bool,
    pub(crate) transform: Box<dyn Transform<Y>>,
    /// How logarithms of probabilities are made of sums, where the library tells them.
    pub(crate) log_probability: Option<Box<dyn Transform<Y>>>,
    /// The classes of a classifier.
    pub(crate) classes: Option<Classes>,
    /// Whether a prediction is a class.
    pub(crate) predicts_classes: bool,
    /// What trees look at beyond the features.
    pub(crate) derived: Option<Box<dyn Derive<X>>>,
    pub(crate) rules: RowRules<X>,
    /// Whether the library tells contributions, and interactions.
    pub(crate) explains: bool,
    /// Of how many groups, from the first, contributions are told.
    pub(crate) explained_groups: usize,
    pub(crate) interacts: bool,
    /// Whether contributions are [n, groups * (features + 1)], else [n, groups, features + 1].
    pub(crate) flat_contributions: bool,
    pub(crate) structure: Vec<(String, String)>,
    /// The importance of features that a file tells, by kind.
    pub(crate) importance: Vec<Importance>,
    /// Whether the library writes a blank of a name as an underscore.
    pub(crate) blanks_are_underscores: bool,
    /// Whether the importance of features is how much they change sums, which the forest tells when it is asked.
    pub(crate) tells_value_changes: bool,
    pub(crate) notes: Vec<String>,
}

/// One kind of importance, by feature.
#[derive(Clone, Debug)]
pub(crate) struct Importance {
    pub(crate) kind: &'static str,
    pub(crate) of_features: Vec<f64>,
}

impl<X, Y> Compiled<X, Y> {
    /// Whether the file names categories of a feature.
    pub(crate) fn names_categories(&self) -> bool {
        self.features.iter().any(|feature| feature.categories.is_some())
    }

    /// Whether categories have codes, by which a matrix can give them.
    pub(crate) fn has_codes(&self) -> bool {
        let is_hashed = |feature: &Feature| matches!(feature.categories, Some(Categories::Hashed));
        !self.features.iter().any(is_hashed)
    }

    /// Values of a row that trees look at.
    pub(crate) fn width(&self) -> usize {
        self.features.len() + self.derived.as_ref().map_or(0, |derived| derived.columns())
    }

    /// Values of a margin.
    pub(crate) fn margins(&self) -> usize {
        self.spread.as_ref().map_or(self.groups, Spread::width)
    }

    /// What contributions are computed of.
    pub(crate) fn players(&self) -> usize {
        self.derived.as_ref().map_or(self.features.len(), |derived| derived.players())
    }
}

/// What is made of the sums of a row: each times the scale, and its bias added.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScaleAndBias {
    pub(crate) scale: f64,
    /// By group.
    pub(crate) bias: Vec<f64>,
}

impl ScaleAndBias {
    pub(crate) fn is_identity(&self) -> bool {
        self.scale == 1.0 && self.bias.iter().all(|&bias| bias == 0.0)
    }

    /// Applies it to the sums of all rows.
    pub(crate) fn apply<Y: Real>(&self, sums: &mut [Y]) {
        for row in sums.chunks_exact_mut(self.bias.len().max(1)) {
            for (sum, bias) in row.iter_mut().zip(&self.bias) {
                *sum = Y::of(sum.wide() * self.scale + bias);
            }
        }
    }
}

/// What adds up.
#[derive(Debug)]
pub(crate) enum Evaluator<X, Y> {
    Forest(Box<Forest<X, Y>>),
    Linear(Linear<Y>),
}

/// The trees that are used.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Extent {
    pub(crate) trees: Range<usize>,
    /// Rounds that they make up.
    pub(crate) rounds: usize,
    /// Whether the first tree is among them.
    pub(crate) from_start: bool,
}

/// Adds to a model's structure what its forest tells.
pub(crate) fn describe<X: Real, Y: Real>(forest: &Forest<X, Y>, structure: &mut Vec<(String, String)>) {
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    add("trees", forest.trees().to_string());
    add("nodes", forest.nodes().to_string());
    add("depth", forest.depth().to_string());
}
