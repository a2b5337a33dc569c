//! The nodes of a tree ensemble, from any of its three operators' attributes, in one form.
//!
//! Format: `TreeEnsembleClassifier` and `TreeEnsembleRegressor` of `ai.onnx.ml` 1 and 3 (nodes by tree and number, in
//! whatever order), `TreeEnsemble` of 5 (nodes and leaves by place, roots listed).

mod by_place;

use super::super::Refusal;
use crate::lowered::constant;
use crate::node::Attributes;
use landfall_model::{DType, Problem, Tensor};
use std::collections::HashMap;
use std::ops::Range;

/// What a node asks about x. Where x is missing the answer is no, but to [`Mode::NotEqual`]; unless the node says that
/// missing values go the way of yes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Mode {
    AtMost,
    Less,
    AtLeast,
    Greater,
    Equal,
    NotEqual,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Split(Split),
    /// Its part of [`Nodes::weights`].
    Leaf(Range<usize>),
}

/// A question, and the nodes of the tree that its answers lead to.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) feature: u32,
    pub(super) asks: Asks,
    /// Whether a missing value goes the way of yes.
    pub(super) missing_is_yes: bool,
    pub(super) yes: usize,
    pub(super) no: usize,
}

/// A comparison with a value, or whether x is in a set.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Asks {
    Compare(Mode, f64),
    /// x is one of these.
    OneOf(Vec<f64>),
    /// The whole part of x is one of these.
    WholeOf(Vec<f64>),
}

/// All trees.
#[derive(Default)]
pub(super) struct Nodes {
    /// The nodes of each tree; the first is the root.
    pub(super) trees: Vec<Vec<Node>>,
    /// What leaves add: a target, or class, and how much.
    pub(super) weights: Vec<(u32, f64)>,
}

/// Numbers that come as a list of floats, or as a tensor of the type that is computed in.
pub(super) fn numbers(attributes: &Attributes<'_>, name: &str) -> Result<Vec<f64>, Refusal> {
    let listed = attributes.floats(name)?;
    if !listed.is_empty() {
        return Ok(listed.into_iter().map(f64::from).collect());
    }
    let tensor = constant::of(attributes, &format!("{name}_as_tensor"))?;
    tensor.map_or(Ok(Vec::new()), |tensor| of_tensor(name, &tensor))
}

fn of_tensor(name: &str, tensor: &Tensor) -> Result<Vec<f64>, Refusal> {
    match tensor.dtype() {
        DType::F32 => Ok(tensor.values::<f32>()?.iter().copied().map(f64::from).collect()),
        DType::F64 => Ok(tensor.values::<f64>()?.to_vec()),
        other => Err(Refusal::not(format!("{name} of {other}"))),
    }
}

fn broken(what: impl Into<String>) -> Refusal {
    Refusal::Broken(Problem::invalid(what))
}

/// Lists that belong together have one length.
fn same_length(lengths: &[(&str, usize)]) -> Result<(), Refusal> {
    match lengths.iter().find(|(_, length)| *length != lengths[0].1) {
        None => Ok(()),
        Some((name, length)) => {
            Err(broken(format!("{} has {} entries, {name} has {length}", lengths[0].0, lengths[0].1)))
        }
    }
}

fn target(id: i64, targets: usize) -> Result<u32, Refusal> {
    let known = usize::try_from(id).is_ok_and(|id| id < targets);
    u32::try_from(id)
        .ok()
        .filter(|_| known)
        .ok_or_else(|| broken(format!("a leaf for target {id} of {targets}")))
}

fn feature(id: i64) -> Result<u32, Refusal> {
    u32::try_from(id)
        .ok()
        .filter(|&id| id <= 1 << 24)
        .ok_or_else(|| broken(format!("a node asks for feature {id}")))
}

/// Which nodes send a missing value the way of yes; shorter lists mean no.
fn missing_is_yes(attributes: &Attributes<'_>) -> Result<Vec<i64>, Problem> {
    attributes.integers("nodes_missing_value_tracks_true")
}

impl Nodes {
    /// Of `TreeEnsembleClassifier` (`leaf`: `class`) and `TreeEnsembleRegressor` (`target`).
    pub(super) fn by_number(
        attributes: &Attributes<'_>,
        leaf: &str,
        targets: usize,
    ) -> Result<Self, Refusal> {
        let list = |name: &str| attributes.integers(name);
        let tree_ids = list("nodes_treeids")?;
        let numbers_of = list("nodes_nodeids")?;
        let (features, yes, no) =
            (list("nodes_featureids")?, list("nodes_truenodeids")?, list("nodes_falsenodeids")?);
        let modes = attributes.texts("nodes_modes")?;
        let values = numbers(attributes, "nodes_values")?;
        let tracks = missing_is_yes(attributes)?;
        same_length(&[
            ("nodes_treeids", tree_ids.len()),
            ("nodes_nodeids", numbers_of.len()),
            ("nodes_featureids", features.len()),
            ("nodes_truenodeids", yes.len()),
            ("nodes_falsenodeids", no.len()),
            ("nodes_modes", modes.len()),
            ("nodes_values", values.len()),
        ])?;
        let places = Places::of(&tree_ids, &numbers_of)?;
        let mut leaves = Leaves::read(attributes, leaf, targets, &places)?;
        let mut trees = Vec::with_capacity(places.trees.len());
        for (number, range) in places.trees.iter().enumerate() {
            let here = |what: Refusal| what.at(format!("tree {}", tree_ids[range.start]));
            let mut nodes = Vec::with_capacity(range.len());
            for at in range.clone() {
                if modes[at] == b"LEAF" {
                    nodes.push(Node::Leaf(leaves.of(at)));
                    continue;
                }
                let child = |id: i64| {
                    let place = places.find(number, id).map(|place| place - range.start);
                    place.ok_or_else(|| {
                        here(broken(format!("node {}: child {id}, which is not there", numbers_of[at])))
                    })
                };
                nodes.push(Node::Split(Split {
                    feature: feature(features[at]).map_err(here)?,
                    asks: Asks::Compare(mode_of_name(modes[at])?, values[at]),
                    missing_is_yes: tracks.get(at) == Some(&1),
                    yes: child(yes[at])?,
                    no: child(no[at])?,
                }));
            }
            trees.push(nodes);
        }
        Ok(Nodes { trees, weights: leaves.weights })
    }
}

fn mode_of_name(name: &[u8]) -> Result<Mode, Refusal> {
    Ok(match name {
        b"BRANCH_LEQ" => Mode::AtMost,
        b"BRANCH_LT" => Mode::Less,
        b"BRANCH_GTE" => Mode::AtLeast,
        b"BRANCH_GT" => Mode::Greater,
        b"BRANCH_EQ" => Mode::Equal,
        b"BRANCH_NEQ" => Mode::NotEqual,
        other => return Err(Refusal::not(format!("nodes of mode {}", String::from_utf8_lossy(other)))),
    })
}

/// Where nodes lie that are named by tree and number.
struct Places<'a> {
    /// By tree, in the order of the file.
    trees: Vec<Range<usize>>,
    of_tree: HashMap<i64, usize>,
    numbers: &'a [i64],
    /// By tree: numbers that are not in order are looked up.
    looked_up: Vec<Option<HashMap<i64, usize>>>,
}

impl<'a> Places<'a> {
    fn of(tree_ids: &[i64], numbers: &'a [i64]) -> Result<Self, Refusal> {
        let mut places =
            Places { trees: Vec::new(), of_tree: HashMap::new(), numbers, looked_up: Vec::new() };
        let mut start = 0;
        for run in tree_ids.chunk_by(|a, b| a == b) {
            let range = start..start + run.len();
            start = range.end;
            if places.of_tree.insert(run[0], places.trees.len()).is_some() {
                return Err(Refusal::not(format!("tree {}, whose nodes do not lie together", run[0])));
            }
            let in_order = range.clone().zip(0..).all(|(at, number)| numbers[at] == number);
            let table: HashMap<i64, usize> =
                if in_order { HashMap::new() } else { range.clone().map(|at| (numbers[at], at)).collect() };
            if !in_order && table.len() != range.len() {
                return Err(broken(format!("tree {}: two nodes of one number", run[0])));
            }
            places.looked_up.push((!in_order).then_some(table));
            places.trees.push(range);
        }
        Ok(places)
    }

    fn find(&self, tree: usize, number: i64) -> Option<usize> {
        match &self.looked_up[tree] {
            Some(table) => table.get(&number).copied(),
            None => {
                let range = &self.trees[tree];
                usize::try_from(number).ok().filter(|&n| n < range.len()).map(|n| range.start + n)
            }
        }
    }

    fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// Weights by node, in the order in which the file lists those of one node.
struct Leaves {
    starts: Vec<usize>,
    weights: Vec<(u32, f64)>,
}

impl Leaves {
    fn read(
        attributes: &Attributes<'_>,
        kind: &str,
        targets: usize,
        places: &Places<'_>,
    ) -> Result<Self, Refusal> {
        let list = |name: &str| attributes.integers(&format!("{kind}_{name}"));
        let (trees, nodes, ids) = (list("treeids")?, list("nodeids")?, list("ids")?);
        let weights = numbers(attributes, &format!("{kind}_weights"))?;
        same_length(&[
            ("treeids of leaves", trees.len()),
            ("nodeids of leaves", nodes.len()),
            ("ids of leaves", ids.len()),
            ("weights", weights.len()),
        ])?;
        let mut starts = vec![0usize; places.len() + 1];
        let mut at = Vec::with_capacity(ids.len());
        for (&tree, &node) in trees.iter().zip(&nodes) {
            let place = places.of_tree.get(&tree).and_then(|&tree| places.find(tree, node));
            let place = place
                .ok_or_else(|| broken(format!("tree {tree}: a weight of node {node}, which is not there")))?;
            starts[place + 1] += 1;
            at.push(place);
        }
        for place in 0..places.len() {
            starts[place + 1] += starts[place];
        }
        let mut next = starts.clone();
        let mut sorted = vec![(0, 0.0); ids.len()];
        for ((place, &id), weight) in at.into_iter().zip(&ids).zip(weights) {
            sorted[next[place]] = (target(id, targets)?, weight);
            next[place] += 1;
        }
        Ok(Leaves { starts, weights: sorted })
    }

    fn of(&mut self, place: usize) -> Range<usize> {
        self.starts[place]..self.starts[place + 1]
    }
}
