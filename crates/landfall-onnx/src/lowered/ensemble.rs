//! The operators that trees are: `TreeEnsembleClassifier`, `TreeEnsembleRegressor` and `TreeEnsemble` of `ai.onnx.ml`,
//! compiled onto the forest.
//!
//! Rows of float32 are compared and added up in float32, rows of float64 in float64, in the order of the trees; other
//! numbers become float32 first.

mod compile;
mod nodes;
mod scores;
mod sets;

use super::Refusal;
use super::labels::{Label, Labels};
use super::steps::{Built, Give, given};
use super::transform::{Calculates, PostTransform};
use crate::node::Node;
use crate::owned;
use compile::{Compiled, compile};
use landfall_forest::{Real, Rows};
use landfall_model::{DType, Element, Problem, Shape, Tensor};
use nodes::{Nodes, numbers};
use scores::{Aggregate, Classes, Finish, Score};
use std::sync::Arc;

/// Targets that a file of few weights may declare.
const TARGETS_OF_FEW: usize = 1 << 16;
/// Rows whose leaves are looked up at a time.
const BLOCK_ROWS: usize = 256;

/// What is told of an ensemble.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Described {
    pub(super) trees: usize,
    pub(super) nodes: usize,
    pub(super) depth: usize,
    pub(super) memory_bytes: usize,
}

/// Whether a node is one of the three.
pub(super) fn is_ensemble(domain: &str, operator: &str) -> bool {
    domain == "ai.onnx.ml"
        && matches!(operator, "TreeEnsembleClassifier" | "TreeEnsembleRegressor" | "TreeEnsemble")
}

/// What the attributes beside the nodes say.
struct Head {
    targets: usize,
    aggregate: Aggregate,
    transform: PostTransform,
    base: Vec<f64>,
    classifier: Option<Labels>,
}

/// An ensemble ready to run.
struct Ensemble<X> {
    compiled: Compiled<X>,
    finish: Finish<X>,
    classifier: Option<(Classes, Labels)>,
    /// Without leaves to look up: which targets leaves add to.
    are_set: Vec<bool>,
}

/// Compiles a node for inputs of a type.
pub(super) fn build(node: &Node<'_>, input: DType) -> Result<(Built, Described), Refusal> {
    let head = Head::read(node)?;
    let nodes = match node.operator {
        "TreeEnsemble" => Nodes::by_place(&node.attributes, head.targets)?,
        "TreeEnsembleClassifier" => Nodes::by_number(&node.attributes, "class", head.targets)?,
        _ => Nodes::by_number(&node.attributes, "target", head.targets)?,
    };
    if head.targets > TARGETS_OF_FEW && head.targets > nodes.weights.len() {
        return Err(Refusal::not(format!("{} targets for {} weights", head.targets, nodes.weights.len())));
    }
    let is_plain = node.operator == "TreeEnsemble";
    match input {
        DType::F64 => {
            Ensemble::<f64>::compiled(head, &nodes)?.built(if is_plain { DType::F64 } else { DType::F32 })
        }
        DType::F32 => Ensemble::<f32>::compiled(head, &nodes)?.built(DType::F32),
        DType::I64 | DType::I32 if head.classifier.is_some() => {
            Ensemble::<f32>::compiled(head, &nodes)?.built(DType::F32)
        }
        other => Err(Refusal::not(format!("trees over {other}"))),
    }
}

impl Head {
    fn read(node: &Node<'_>) -> Result<Self, Refusal> {
        let attributes = &node.attributes;
        if node.operator == "TreeEnsemble" {
            let number =
                |name: &str, default| Ok::<i64, Problem>(attributes.integer(name)?.unwrap_or(default));
            return Ok(Head {
                targets: targets(number("n_targets", 0)?)?,
                aggregate: match number("aggregate_function", 1)? {
                    0 => Aggregate::Average,
                    1 => Aggregate::Sum,
                    2 => Aggregate::Min,
                    3 => Aggregate::Max,
                    other => return Err(Refusal::not(format!("aggregate function {other}"))),
                },
                // The text of the operator numbers these two the other way round; this is how they are run.
                transform: match number("post_transform", 0)? {
                    0 => PostTransform::None,
                    1 => PostTransform::Logistic,
                    2 => PostTransform::Softmax,
                    3 => PostTransform::SoftmaxZero,
                    4 => PostTransform::Probit,
                    other => return Err(Refusal::not(format!("post transform {other}"))),
                },
                base: Vec::new(),
                classifier: None,
            });
        }
        let text = |name: &str| attributes.text(name).map(|text| text.unwrap_or_default());
        let transform = PostTransform::read(attributes)?;
        let aggregate = match text("aggregate_function")? {
            b"" | b"SUM" => Aggregate::Sum,
            b"AVERAGE" => Aggregate::Average,
            b"MIN" => Aggregate::Min,
            b"MAX" => Aggregate::Max,
            other => {
                return Err(Refusal::not(format!("aggregate function {}", String::from_utf8_lossy(other))));
            }
        };
        let base = numbers(attributes, "base_values")?;
        let classifier = (node.operator == "TreeEnsembleClassifier")
            .then(|| Labels::read(node, "classlabels_int64s"))
            .transpose()?;
        let targets = match &classifier {
            Some(labels) => labels.len(),
            None => targets(attributes.integer("n_targets")?.unwrap_or(0))?,
        };
        let fits = base.is_empty()
            || base.len() == targets
            || (classifier.is_some() && targets == 2 && base.len() == 1);
        if targets == 0 || !fits {
            return Err(Refusal::not(format!("{} base values for {targets} targets", base.len())));
        }
        Ok(Head { targets, aggregate, transform, base, classifier })
    }
}

impl Head {
    /// Whether one of two scores is never written in some rows: what stood in memory is the answer then.
    fn leaves_a_score_to_chance(&self, adds: &[Adds]) -> bool {
        let [_, second] = adds else { return false };
        match self.base.len() {
            2 => false,
            1 if self.transform != PostTransform::Probit => *second == Adds::InSome,
            _ => self.transform == PostTransform::Probit && *second != Adds::Always,
        }
    }
}

fn targets(number: i64) -> Result<usize, Refusal> {
    let targets = usize::try_from(number).ok().filter(|&n| n > 0 && n <= u32::MAX as usize);
    targets.ok_or_else(|| Refusal::not(format!("{number} targets")))
}

/// In which rows leaves add to a target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Adds {
    Always,
    Never,
    InSome,
}

/// For each target, whether there is a tree all of whose leaves add to it.
fn adds(nodes: &Nodes, targets: usize) -> Vec<Adds> {
    let mut adds = vec![Adds::Never; targets];
    let mut leaves_of = vec![0usize; targets];
    for tree in &nodes.trees {
        let (mut leaves, mut touched) = (0, Vec::new());
        for node in tree {
            let nodes::Node::Leaf(range) = node else { continue };
            leaves += 1;
            for (target, _) in &nodes.weights[range.clone()] {
                let count = &mut leaves_of[*target as usize];
                if *count == 0 {
                    touched.push(*target as usize);
                }
                *count += 1;
            }
        }
        for target in touched {
            let all = std::mem::take(&mut leaves_of[target]) >= leaves;
            if all {
                adds[target] = Adds::Always;
            } else if adds[target] == Adds::Never {
                adds[target] = Adds::InSome;
            }
        }
    }
    adds
}

impl<X: Real + Element + Calculates> Ensemble<X> {
    fn compiled(head: Head, nodes: &Nodes) -> Result<Self, Refusal> {
        let adds = adds(nodes, head.targets);
        // Whether leaves added to a class or target decides over labels and bases: where that differs by row, leaves are
        // looked up.
        let is_classifier = head.classifier.is_some();
        let is_sum = is_classifier || matches!(head.aggregate, Aggregate::Sum | Aggregate::Average);
        let matters = is_classifier || (head.targets > 1 && !head.base.is_empty());
        let is_known = !matters || adds.iter().all(|adds| *adds != Adds::InSome);
        if is_classifier && head.leaves_a_score_to_chance(&adds) {
            return Err(Refusal::not("a score of two that ONNX Runtime leaves to chance"));
        }
        let compiled = compile(nodes, head.targets, is_sum && is_known)?;
        let mut classes: Vec<u32> = nodes.weights.iter().map(|(class, _)| *class).collect();
        classes.sort_unstable();
        classes.dedup();
        let found = Classes {
            is_binary: head.targets == 2 && classes.len() == 1,
            all_positive: nodes.weights.iter().all(|(_, weight)| *weight >= 0.0 || weight.is_nan()),
        };
        Ok(Ensemble {
            compiled,
            finish: Finish {
                aggregate: if is_classifier { Aggregate::Sum } else { head.aggregate },
                transform: head.transform,
                base: head.base.iter().map(|&base| X::of(base)).collect(),
                trees: nodes.trees.len(),
                targets: head.targets,
            },
            classifier: head.classifier.map(|labels| (found, labels)),
            are_set: adds.iter().map(|adds| !matters || *adds == Adds::Always).collect(),
        })
    }

    fn built(self, scores: DType) -> Result<(Built, Described), Refusal> {
        let forest = &self.compiled.forest;
        let described = Described {
            trees: forest.trees(),
            nodes: forest.nodes(),
            depth: forest.depth(),
            memory_bytes: forest.memory_bytes()
                + self.compiled.weights.len() * size_of::<(u32, X)>()
                + self.compiled.leaves.len() * size_of::<std::ops::Range<usize>>(),
        };
        let outputs = match &self.classifier {
            Some((_, labels)) => vec![labels.dtype(), scores],
            None => vec![scores],
        };
        let ensemble = Arc::new(self);
        let run = move |inputs: &[Give<'_>]| ensemble.run(given(inputs, 0)?, scores);
        Ok((Built::exact(outputs, run), described))
    }

    fn run(&self, x: &Tensor, scores: DType) -> Result<Vec<Tensor>, Problem> {
        let converted = of_integers(x)?;
        let x = converted.as_ref().unwrap_or(x);
        let (rows, columns) = match x.shape()[..] {
            [columns] => (1, columns),
            [rows, columns] => (rows, columns),
            _ => return Err(Problem::invalid(format!("trees take a matrix, found shape {}", x.shape()))),
        };
        let asked = self.compiled.sets.features();
        if columns < asked {
            return Err(Problem::invalid(format!("the trees ask for {asked} features, rows have {columns}")));
        }
        let (out, labels) = self.scores(x.values::<X>()?, rows, columns);
        let shape = Shape::new(&[rows, self.finish.targets]);
        let out = if scores == X::DTYPE {
            owned::tensor(shape, out)?
        } else {
            owned::tensor(shape, out.iter().map(|score| score.to_f32()).collect::<Vec<f32>>())?
        };
        match &self.classifier {
            Some((_, names)) => Ok(vec![names.tensor(&labels)?, out]),
            None => Ok(vec![out]),
        }
    }

    fn scores(&self, values: &[X], rows: usize, columns: usize) -> (Vec<X>, Vec<Label>) {
        let targets = self.finish.targets;
        let (mut out, mut labels) = (Vec::with_capacity(rows * targets), Vec::new());
        let mut scores = vec![Score { value: X::ZERO, is_set: false }; targets];
        let extended;
        let sets = &self.compiled.sets;
        let (values, columns) = if sets.is_empty() {
            (values, columns)
        } else {
            extended = sets.extended(values, columns);
            (&extended[..], sets.columns())
        };
        let mut finish = |scores: &mut [Score<X>], out: &mut Vec<X>| match &self.classifier {
            Some((classes, _)) => labels.push(self.finish.classification(*classes, scores, out)),
            None => self.finish.regression(scores, out),
        };
        let forest = &self.compiled.forest;
        if self.compiled.adds {
            let mut sums = vec![X::ZERO; rows * targets];
            forest.add_margins(Rows::new(values, rows, columns), 0..forest.trees(), &mut sums);
            for sums in sums.chunks_exact(targets) {
                for (score, (&value, &is_set)) in scores.iter_mut().zip(sums.iter().zip(&self.are_set)) {
                    *score = Score { value, is_set };
                }
                finish(&mut scores, &mut out);
            }
            return (out, labels);
        }
        let trees = forest.trees();
        let mut ids = vec![0i32; BLOCK_ROWS.min(rows) * trees];
        for start in (0..rows).step_by(BLOCK_ROWS) {
            let block = BLOCK_ROWS.min(rows - start);
            let values = &values[start * columns..(start + block) * columns];
            let ids = &mut ids[..block * trees];
            forest.leaf_ids(Rows::new(values, block, columns), 0..trees, ids);
            for row in 0..block {
                scores.fill(Score { value: X::ZERO, is_set: false });
                for &id in &ids[row * trees..(row + 1) * trees] {
                    self.add_leaf(id as u32 as usize, &mut scores);
                }
                finish(&mut scores, &mut out);
            }
        }
        (out, labels)
    }

    /// Takes one leaf into the scores.
    fn add_leaf(&self, leaf: usize, scores: &mut [Score<X>]) {
        for &(target, weight) in &self.compiled.weights[self.compiled.leaves[leaf].clone()] {
            let score = &mut scores[target as usize];
            let replaces = match self.finish.aggregate {
                Aggregate::Sum | Aggregate::Average => {
                    score.value = score.value + weight;
                    false
                }
                Aggregate::Min => !score.is_set || weight < score.value,
                Aggregate::Max => !score.is_set || weight > score.value,
            };
            if replaces {
                score.value = weight;
            }
            score.is_set = true;
        }
    }
}

/// Integers as float32; `None` for what is a float.
fn of_integers(x: &Tensor) -> Result<Option<Tensor>, Problem> {
    let shape = x.shape().clone();
    match x.dtype() {
        DType::I64 => owned::tensor(shape, x.values::<i64>()?.iter().map(|&v| v as f32).collect()).map(Some),
        DType::I32 => owned::tensor(shape, x.values::<i32>()?.iter().map(|&v| v as f32).collect()).map(Some),
        _ => Ok(None),
    }
}
