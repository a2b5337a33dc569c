//! A model ready to run, whichever library wrote it.

use crate::classes::Classes;
use crate::features::{Categories, Derive, Feature, RowRules};
use crate::interface::{self, OutputKind};
use crate::linear::Linear;
use crate::run::TreeInstance;
use crate::transform::Transform;
use landfall_forest::{Forest, Real};
use landfall_model::{CostClass, Element, Facts, Instance, Later, Model, Problem, Signature};
use std::ops::Range;
use std::sync::Arc;

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
    /// Whether the default way to call the model lists its columns: the file names categories.
    pub(crate) fn lists_columns(&self) -> bool {
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

/// A loaded model.
pub(crate) struct TreeModel<X, Y> {
    plan: Arc<Plan<X, Y>>,
    signatures: Vec<Arc<Signature>>,
    facts: Facts,
}

/// What every run needs, made once.
pub(crate) struct Plan<X, Y> {
    pub(crate) compiled: Compiled<X, Y>,
    /// By place in the signature.
    pub(crate) outputs: Vec<OutputKind>,
}

impl<X: Real + Element, Y: Real + Element> TreeModel<X, Y> {
    /// # Errors
    /// Invalid argument, when names clash.
    pub(crate) fn new(mut compiled: Compiled<X, Y>) -> Result<Self, Problem> {
        let (signatures, outputs) = interface::of(&compiled)?;
        let facts = Facts {
            engine: crate::NAME,
            format: compiled.format,
            memory_bytes: None,
            threads_inside: 1,
            cost: cost(&compiled),
            structure: std::mem::take(&mut compiled.structure),
            notes: std::mem::take(&mut compiled.notes),
            opening: Vec::new(),
            later: Later::default(),
        };
        let plan = Arc::new(Plan { compiled, outputs });
        Ok(TreeModel { plan, signatures, facts })
    }
}

impl<X: Real + Element, Y: Real + Element> Model for TreeModel<X, Y> {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(TreeInstance::new(self.plan.clone())))
    }

    fn prepare(&self) {
        if let Evaluator::Forest(forest) = &self.plan.compiled.evaluator {
            forest.prepare();
        }
    }

    fn facts(&self) -> Facts {
        let plan = self.plan.clone();
        Facts {
            memory_bytes: Some(memory_bytes(&plan.compiled) as u64),
            later: Later::new(move || importance(&plan.compiled)),
            ..self.facts.clone()
        }
    }
}

/// Splits that a row passes, up to which a call is never worth a hop to another thread.
const TINY_SPLITS: usize = 2000;

fn cost<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> CostClass {
    let splits = match &compiled.evaluator {
        Evaluator::Forest(forest) => forest.trees() * forest.depth(),
        Evaluator::Linear(_) => compiled.features.len() * compiled.groups,
    };
    if splits <= TINY_SPLITS { CostClass::Tiny } else { CostClass::Unknown }
}

/// Features listed by importance.
const LISTED: usize = 20;

/// Adds to a model's structure what its forest tells.
pub(crate) fn describe<X: Real, Y: Real>(forest: &Forest<X, Y>, structure: &mut Vec<(String, String)>) {
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    add("trees", forest.trees().to_string());
    add("nodes", forest.nodes().to_string());
    add("depth", forest.depth().to_string());
}

/// Bytes held now: layouts of trees are made where they are first asked for.
fn memory_bytes<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> usize {
    let derived = compiled.derived.as_ref().map_or(0, |derived| derived.memory_bytes());
    derived
        + match &compiled.evaluator {
            Evaluator::Forest(forest) => forest.memory_bytes(),
            Evaluator::Linear(linear) => linear.memory_bytes(),
        }
}

/// The importance of features: what the file tells, and by how much they change sums.
fn importance<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for Importance { kind, of_features } in &compiled.importance {
        list_importance(kind, of_features, &compiled.features, &mut told);
    }
    if !compiled.tells_value_changes {
        return told;
    }
    let Evaluator::Forest(forest) = &compiled.evaluator else { return told };
    let Some(by_player) = forest.value_changes() else { return told };
    let mut by_feature = vec![0.0; compiled.features.len()];
    match &compiled.derived {
        Some(derived) => derived.share(&by_player, &mut by_feature),
        None => by_feature.copy_from_slice(&by_player),
    }
    list_importance("PredictionValuesChange", &by_feature, &compiled.features, &mut told);
    told
}

/// Adds to a model's structure one kind of importance of its features, the largest first; nothing where all are zero.
fn list_importance(
    kind: &str,
    importance: &[f64],
    features: &[Feature],
    structure: &mut Vec<(String, String)>,
) {
    let mut order: Vec<usize> = (0..features.len()).filter(|&feature| importance[feature] != 0.0).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]).then(a.cmp(&b)));
    let shown = order.iter().take(LISTED).map(|&feature| {
        let value = importance[feature];
        let name = &features[feature].name;
        if value.fract() == 0.0 {
            format!("{name} {value}")
        } else if value.abs() < 1e-3 {
            format!("{name} {value:.6e}")
        } else {
            format!("{name} {value:.6}")
        }
    });
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if order.len() > LISTED {
        text += &format!(", and {} more", order.len() - LISTED);
    }
    if !text.is_empty() {
        structure.push((format!("importance ({kind})"), text));
    }
}
