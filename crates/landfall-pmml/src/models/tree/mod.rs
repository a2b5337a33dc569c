//! `<TreeModel>`: nodes with predicates, flat, children linked.

mod answer;
mod columns;
mod nodes;

use super::forest::Alone;
use super::predicate::Predicate;
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx};
use crate::read::Element;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;
use smallvec::SmallVec;

pub(super) const ATTRIBUTES: &[&str] =
    &["missingValueStrategy", "missingValuePenalty", "noTrueChildStrategy", "splitCharacteristic"];

/// No node.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug)]
pub(crate) struct Tree {
    pub(super) nodes: Vec<Node>,
    distributions: Vec<ClassScore>,
    /// Regressions within nodes, which score in their stead.
    embedded: Vec<Box<dyn Body>>,
    pub(super) missing: MissingStrategy,
    penalty: f64,
    pub(super) last_prediction: bool,
    pub(super) function: MiningFunction,
    math: Math,
    /// The same over columns.
    alone: Option<Alone>,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) predicate: Predicate,
    score: Value,
    id: Value,
    record_count: f64,
    distribution: (u32, u32),
    parent: u32,
    pub(super) first_child: u32,
    pub(super) next_sibling: u32,
    pub(super) default_child: u32,
    embedded: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ClassScore {
    pub(super) class: u32,
    pub(super) probability: f64,
    confidence: Option<f64>,
    count: f64,
}

/// Classes and their probabilities.
type Shares = SmallVec<[(Value, f64); 4]>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum MissingStrategy {
    LastPrediction,
    NullPrediction,
    DefaultChild,
    WeightedConfidence,
    AggregateNodes,
    None,
}

pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    let missing = match element.get("missingValueStrategy") {
        None | Some("none") => MissingStrategy::None,
        Some("lastPrediction") => MissingStrategy::LastPrediction,
        Some("nullPrediction") => MissingStrategy::NullPrediction,
        Some("defaultChild") => MissingStrategy::DefaultChild,
        Some("weightedConfidence") => MissingStrategy::WeightedConfidence,
        Some("aggregateNodes") => MissingStrategy::AggregateNodes,
        Some(_) => return Err(element.value(&b.xml, "missingValueStrategy")),
    };
    let last_prediction = match element.get("noTrueChildStrategy") {
        None | Some("returnNullPrediction") => false,
        Some("returnLastPrediction") => true,
        Some(_) => return Err(element.value(&b.xml, "noTrueChildStrategy")),
    };
    match element.get("splitCharacteristic") {
        None | Some("binarySplit" | "multiSplit") => {}
        Some(_) => return Err(element.value(&b.xml, "splitCharacteristic")),
    }
    let space = std::mem::take(&mut b.tree_space);
    let mut tree = Tree {
        nodes: space.nodes,
        distributions: space.distributions,
        embedded: Vec::new(),
        missing,
        penalty: header.math.number(&b.xml, element, "missingValuePenalty")?.unwrap_or(1.0),
        last_prediction,
        function: header.function,
        math: header.math,
        alone: None,
    };
    while let Some(child) = header.next(b, element)? {
        match child.name.as_ref() {
            "Node" if tree.nodes.is_empty() => nodes::read(b, child, header, &mut tree)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if tree.nodes.is_empty() {
        return Err(b.xml.malformed(element.place, "<TreeModel> has no node"));
    }
    b.tree_space = tree.settle_in();
    if header.is_outermost() && tree.answers_by_nodes(header) {
        tree.alone = Alone::new(b, &tree, header.list);
    }
    Ok(Box::new(tree))
}

/// Memory in which one tree after the other grows: no tree's vectors are copied while they do, and none keeps room for more.
#[derive(Default)]
pub(crate) struct Space {
    nodes: Vec<Node>,
    distributions: Vec<ClassScore>,
}

impl Node {
    /// The score, where the node has one of its own.
    pub(super) fn plain_score(&self) -> Option<Value> {
        Some(self.score).filter(|score| !score.is_missing())
    }
}

impl Tree {
    /// Moves to memory of its own size, and gives back that in which it grew.
    fn settle_in(&mut self) -> Space {
        let nodes = self.nodes.drain(..).collect();
        let distributions = self.distributions.drain(..).collect();
        Space {
            nodes: std::mem::replace(&mut self.nodes, nodes),
            distributions: std::mem::replace(&mut self.distributions, distributions),
        }
    }

    fn children(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let first = Some(self.nodes[node as usize].first_child).filter(|child| *child != NONE);
        std::iter::successors(first, |child| {
            Some(self.nodes[*child as usize].next_sibling).filter(|child| *child != NONE)
        })
    }

    pub(super) fn is_leaf(&self, node: u32) -> bool {
        self.nodes[node as usize].first_child == NONE
    }

    /// The node that decides, and how often a missing value was got around; `None` for no prediction.
    fn descend(&self, cx: &mut Cx<'_>) -> Result<Reached, Problem> {
        let mut at = 0;
        let mut defaults = 0;
        match self.nodes[0].predicate.holds(cx)? {
            Some(true) => {}
            Some(false) | None => return Ok(Reached::Nothing),
        }
        'down: loop {
            if self.is_leaf(at) {
                return Ok(Reached::Node(at, defaults));
            }
            for child in self.children(at) {
                let predicate = &self.nodes[child as usize].predicate;
                let holds = predicate.holds(cx)?;
                // A surrogate is a way around a missing value, as a default child is.
                if self.penalty != 1.0 && holds.is_some() && predicate.used_surrogate(cx)? {
                    defaults += 1;
                }
                match (holds, self.missing) {
                    (Some(true), _) => {
                        at = child;
                        continue 'down;
                    }
                    (Some(false), _) | (None, MissingStrategy::None) => {}
                    (None, MissingStrategy::NullPrediction) => return Ok(Reached::Nothing),
                    (None, MissingStrategy::LastPrediction) => return Ok(Reached::Last(at, defaults)),
                    (None, MissingStrategy::DefaultChild) => {
                        let default = self.nodes[at as usize].default_child;
                        if default == NONE {
                            return Ok(Reached::Nothing);
                        }
                        defaults += 1;
                        at = default;
                        continue 'down;
                    }
                    (None, MissingStrategy::WeightedConfidence | MissingStrategy::AggregateNodes) => {
                        return Ok(Reached::Below(at));
                    }
                }
            }
            return Ok(if self.last_prediction { Reached::Last(at, defaults) } else { Reached::Nothing });
        }
    }

    /// The node, or the nearest one above it, that says something.
    pub(super) fn with_score(&self, mut node: u32) -> Option<u32> {
        loop {
            let Node { score, distribution, parent, .. } = &self.nodes[node as usize];
            if !score.is_missing() || distribution.0 != distribution.1 {
                return Some(node);
            }
            if *parent == NONE {
                return None;
            }
            node = *parent;
        }
    }

    /// Whether which node is reached says all that is asked of the tree.
    fn answers_by_nodes(&self, header: &Header) -> bool {
        let confident = self.distributions.iter().any(|score| score.confidence.is_some());
        let asked = confident && header.outputs.iter().any(super::output::Document::asks_confidence);
        let known = matches!(self.function, MiningFunction::Regression | MiningFunction::Classification);
        known && !asked && self.penalty == 1.0 && self.embedded.is_empty()
    }

    /// A node's classes.
    pub(super) fn shares(&self, node: u32) -> &[ClassScore] {
        let (start, end) = self.nodes[node as usize].distribution;
        &self.distributions[start as usize..end as usize]
    }

    /// What a node is called.
    pub(super) fn id(&self, node: u32) -> Value {
        self.nodes[node as usize].id
    }

    /// What a node answers whatever the row: its value, and the probabilities of `classes`, where it has any. `None` for
    /// a node without an answer of its own.
    pub(super) fn constant(&self, node: u32, list: &[Value]) -> Option<(Value, Shares)> {
        let Node { score, distribution, embedded, .. } = &self.nodes[node as usize];
        if *embedded != NONE {
            return None;
        }
        let (start, end) = *distribution;
        let scores = &self.distributions[start as usize..end as usize];
        let class = |score: &ClassScore| list.get(score.class as usize).copied();
        let mut best: Option<&ClassScore> = None;
        for score in scores {
            if best.is_none_or(|best| score.probability > best.probability) {
                best = Some(score);
            }
        }
        let value = match score {
            Value::Missing => class(best?)?,
            score => *score,
        };
        let mut shares: Shares =
            scores.iter().filter_map(|score| Some((class(score)?, score.probability))).collect();
        // The class alone: all of the probability is its.
        if shares.is_empty() && self.function == MiningFunction::Classification {
            shares.push((value, 1.0));
        }
        Some((value, shares))
    }
}

enum Reached {
    Nothing,
    Node(u32, i32),
    Last(u32, i32),
    Below(u32),
}

impl Body for Tree {
    fn as_tree(&self) -> Option<&Tree> {
        Some(self)
    }

    fn rows_grown_from(&self) -> Option<f64> {
        self.nodes.first().map(|root| root.record_count).filter(|rows| *rows > 0.0)
    }

    fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        self.alone.as_ref().is_some_and(|alone| alone.over_columns(self, cx, answers))
    }

    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        if let Some(node) = self.alone.as_ref().and_then(|alone| alone.node(cx)) {
            return self.answer_with(cx, node, 0, answer);
        }
        match self.descend(cx)? {
            Reached::Nothing => {}
            Reached::Node(node, defaults) => self.answer_with(cx, node, defaults, answer)?,
            Reached::Last(node, defaults) => {
                if let Some(node) = self.with_score(node) {
                    self.answer_with(cx, node, defaults, answer)?;
                }
            }
            Reached::Below(node) => self.answer_below(cx, node, answer)?,
        }
        Ok(())
    }
}
