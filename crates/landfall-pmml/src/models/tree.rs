//! `<TreeModel>`: nodes with predicates, flat, children linked.

use super::forest::Alone;
use super::predicate::{self, Predicate};
use super::{Body, Header, Math, MiningFunction};
use crate::blocks::{Answers, BlockCx};
use crate::read::Element;
use crate::resolve::Build;
use crate::run::{Answer, Cx};
use crate::value::Value;
use landfall_model::Problem;

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
    let mut tree = Tree {
        nodes: Vec::new(),
        distributions: Vec::new(),
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
            "Node" if tree.nodes.is_empty() => nodes(b, child, header, &mut tree)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if tree.nodes.is_empty() {
        return Err(b.xml.malformed(element.place, "<TreeModel> has no node"));
    }
    tree.nodes.shrink_to_fit();
    tree.distributions.shrink_to_fit();
    if header.is_outermost() && tree.answers_by_nodes(header) {
        tree.alone = Alone::new(b, &tree, header.list);
    }
    Ok(Box::new(tree))
}

/// A node whose children are still being read.
struct Open<'a> {
    element: Element<'a>,
    node: u32,
    last_child: u32,
    predicate: Option<Predicate>,
    scores: Vec<ClassScore>,
}

/// Reads a node and all below it. Trees may be deeper than other elements, so this does not recurse.
fn nodes<'a>(b: &mut Build<'a>, root: Element<'a>, header: &Header, tree: &mut Tree) -> Result<(), Problem> {
    let mut stack = vec![open(b, root, header, tree, NONE)?];
    while let Some(top) = stack.last_mut() {
        let Some(child) = b.xml.child(&top.element)? else {
            if let Some(done) = stack.pop() {
                close(b, done, tree)?;
            }
            continue;
        };
        match child.name.as_ref() {
            "Node" => {
                let (parent, before) = (top.node, top.last_child);
                let opened = open(b, child, header, tree, parent)?;
                match before {
                    NONE => tree.nodes[parent as usize].first_child = opened.node,
                    before => tree.nodes[before as usize].next_sibling = opened.node,
                }
                top.last_child = opened.node;
                stack.push(opened);
            }
            "ScoreDistribution" => {
                let score = distribution(b, &child, header)?;
                top.scores.push(score);
            }
            "Regression" | "DecisionTree" => {
                let at = tree.embedded.len() as u32;
                tree.nodes[top.node as usize].embedded = at;
                let model = super::read_embedded(b, &child, header)?;
                tree.embedded.push(Box::new(super::Embedded(model)));
            }
            // How the training data looked.
            "Partition" => b.xml.skip(&child)?,
            _ => match predicate::read(b, &child, header.scope)? {
                Some(predicate) => top.predicate = Some(predicate),
                None => return Err(b.xml.unknown(&child, &top.element)),
            },
        }
    }
    Ok(())
}

fn open<'a>(
    b: &mut Build<'a>,
    element: Element<'a>,
    header: &Header,
    tree: &mut Tree,
    parent: u32,
) -> Result<Open<'a>, Problem> {
    element.only(&b.xml, &["id", "score", "recordCount", "defaultChild"])?;
    let node = tree.nodes.len() as u32;
    let id = match element.get("id") {
        Some(id) => Value::Text(b.symbols.intern(id)),
        None => Value::Num(f64::from(node + 1)),
    };
    let score = header.score(b, &element, "score")?.unwrap_or(Value::Missing);
    tree.nodes.push(Node {
        predicate: Predicate::True,
        score,
        id,
        record_count: element.number(&b.xml, "recordCount")?.unwrap_or(0.0),
        distribution: (0, 0),
        parent,
        first_child: NONE,
        next_sibling: NONE,
        default_child: NONE,
        embedded: NONE,
    });
    Ok(Open { element, node, last_child: NONE, predicate: None, scores: Vec::new() })
}

fn distribution<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
) -> Result<ClassScore, Problem> {
    element.only(&b.xml, &["value", "recordCount", "confidence", "probability"])?;
    let text = element.need(&b.xml, "value")?.to_owned();
    let class = header.class(b, &text).0;
    let score = ClassScore {
        class: class as u32,
        probability: header.math.number(&b.xml, element, "probability")?.unwrap_or(f64::NAN),
        confidence: header.math.number(&b.xml, element, "confidence")?,
        count: element.number(&b.xml, "recordCount")?.unwrap_or(0.0),
    };
    b.xml.leaf(element)?;
    Ok(score)
}

fn close<'a>(b: &mut Build<'a>, open: Open<'a>, tree: &mut Tree) -> Result<(), Problem> {
    let at = open.node as usize;
    let Some(predicate) = open.predicate else {
        return Err(b.xml.malformed(open.element.place, "<Node> has no predicate"));
    };
    tree.nodes[at].predicate = predicate;
    let start = tree.distributions.len() as u32;
    let total = open.scores.iter().fold(0.0, |sum, score| sum + score.count);
    for mut score in open.scores {
        if score.probability.is_nan() {
            score.probability = if total > 0.0 { tree.math.round(score.count / total) } else { 0.0 };
        }
        tree.distributions.push(score);
    }
    tree.nodes[at].distribution = (start, tree.distributions.len() as u32);
    if let Some(id) = open.element.get("defaultChild") {
        let wanted = Value::Text(b.symbols.intern(id));
        let found = tree.children(open.node).find(|child| tree.nodes[*child as usize].id == wanted);
        match found {
            Some(child) => tree.nodes[at].default_child = child,
            None => return Err(open.element.value(&b.xml, "defaultChild")),
        }
    }
    Ok(())
}

impl Node {
    /// The score, where the node has one of its own.
    pub(super) fn plain_score(&self) -> Option<Value> {
        Some(self.score).filter(|score| !score.is_missing())
    }
}

impl Tree {
    fn children(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let first = Some(self.nodes[node as usize].first_child).filter(|child| *child != NONE);
        std::iter::successors(first, |child| {
            Some(self.nodes[*child as usize].next_sibling).filter(|child| *child != NONE)
        })
    }

    pub(super) fn is_leaf(&self, node: u32) -> bool {
        self.nodes[node as usize].first_child == NONE
    }

    /// The node that decides, and how often a default child was taken; `None` for no prediction.
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
                match (self.nodes[child as usize].predicate.holds(cx)?, self.missing) {
                    (Some(true), _) => {
                        // A surrogate is a way around a missing value, as a default child is.
                        if self.penalty != 1.0 && self.nodes[child as usize].predicate.used_surrogate(cx)? {
                            defaults += 1;
                        }
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
    pub(super) fn constant(&self, node: u32, list: &[Value]) -> Option<(Value, Vec<(Value, f64)>)> {
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
        let mut shares: Vec<(Value, f64)> =
            scores.iter().filter_map(|score| Some((class(score)?, score.probability))).collect();
        // The class alone: all of the probability is its.
        if shares.is_empty() && self.function == MiningFunction::Classification {
            shares.push((value, 1.0));
        }
        Some((value, shares))
    }

    fn answer_with(
        &self,
        cx: &mut Cx<'_>,
        node: u32,
        defaults: i32,
        answer: &mut Answer,
    ) -> Result<(), Problem> {
        let found = &self.nodes[node as usize];
        answer.value = found.score;
        answer.entity = found.id;
        if let Some(regression) = self.embedded.get(found.embedded as usize) {
            regression.run(cx, answer)?;
            // Without a value that the regression needs, the node's own score stands.
            if answer.value.is_missing() {
                answer.value = found.score;
            }
            return Ok(());
        }
        if self.function == MiningFunction::Regression {
            return Ok(());
        }
        let (start, end) = found.distribution;
        let scores = &self.distributions[start as usize..end as usize];
        if scores.is_empty() {
            // The class alone: all of the probability is its.
            if !found.score.is_missing() {
                answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
                if let Some(class) = cx.m.lists[answer.list].iter().position(|class| *class == found.score) {
                    answer.scores[class] = 1.0;
                }
            }
            return Ok(());
        }
        answer.scores.resize(cx.m.lists[answer.list].len(), 0.0);
        let penalty = (0..defaults).fold(1.0, |penalty, _| self.math.round(penalty * self.penalty));
        if scores.iter().any(|score| score.confidence.is_some()) {
            answer.confidences.resize(answer.scores.len(), 0.0);
        }
        let mut best: Option<&ClassScore> = None;
        for score in scores {
            answer.scores[score.class as usize] = score.probability;
            if let Some(confidence) = score.confidence {
                answer.confidences[score.class as usize] = self.math.round(confidence * penalty);
            }
            if best.is_none_or(|best| score.probability > best.probability) {
                best = Some(score);
            }
        }
        if answer.confidences.is_empty() && defaults > 0 {
            answer.confidences.extend(answer.scores.iter().map(|score| self.math.round(score * penalty)));
        }
        if answer.value.is_missing()
            && let Some(best) = best
        {
            answer.value = cx.m.lists[answer.list][best.class as usize];
        }
        Ok(())
    }

    /// All leaves below that are not excluded, weighted by their share of the training rows.
    fn collect(
        &self,
        cx: &mut Cx<'_>,
        node: u32,
        weight: f64,
        leaves: &mut Vec<(u32, f64)>,
    ) -> Result<(), Problem> {
        let mut stack = vec![(node, weight)];
        while let Some((node, weight)) = stack.pop() {
            if self.is_leaf(node) {
                leaves.push((node, weight));
                continue;
            }
            let mut open = Vec::new();
            for child in self.children(node) {
                let holds = self.nodes[child as usize].predicate.holds(cx)?;
                if holds != Some(false) {
                    open.push(child);
                }
                // Rows that would not have gone to one of those before stop here: none goes on to those after.
                let stops = self.missing == MissingStrategy::AggregateNodes || open.len() == 1;
                if holds == Some(true) && stops {
                    break;
                }
            }
            let total: f64 = open.iter().map(|child| self.nodes[*child as usize].record_count).sum();
            for child in open.iter().rev() {
                let count = self.nodes[*child as usize].record_count;
                let share = if open.len() == 1 {
                    1.0
                } else if total > 0.0 {
                    count / total
                } else {
                    0.0
                };
                stack.push((*child, weight * share));
            }
        }
        Ok(())
    }

    /// Several leaves at once: their counts are added, or their confidences weighted.
    fn answer_below(&self, cx: &mut Cx<'_>, node: u32, answer: &mut Answer) -> Result<(), Problem> {
        let mut leaves = Vec::new();
        self.collect(cx, node, 1.0, &mut leaves)?;
        let classes = cx.m.lists[answer.list].len();
        if self.function == MiningFunction::Regression {
            let numbers = leaves
                .iter()
                .filter_map(|(leaf, weight)| Some((self.nodes[*leaf as usize].score.num()?, weight)));
            let (sum, total) = numbers.fold((0.0, 0.0), |(sum, total), (x, w)| (sum + x * w, total + w));
            answer.value = if total > 0.0 { Value::Num(sum / total) } else { Value::Missing };
            return Ok(());
        }
        answer.scores.resize(classes, 0.0);
        let weighted = self.missing == MissingStrategy::WeightedConfidence;
        if weighted {
            answer.confidences.resize(classes, 0.0);
        }
        for (leaf, weight) in &leaves {
            let (start, end) = self.nodes[*leaf as usize].distribution;
            for score in &self.distributions[start as usize..end as usize] {
                let class = score.class as usize;
                if weighted {
                    answer.confidences[class] += weight * score.confidence.unwrap_or(score.probability);
                    answer.scores[class] += weight * score.probability;
                } else {
                    answer.scores[class] += score.count;
                }
            }
        }
        let best_of = |scores: &[f64]| {
            let mut best = None;
            for (class, score) in scores.iter().enumerate() {
                if *score > 0.0 && best.is_none_or(|best: usize| *score > scores[best]) {
                    best = Some(class);
                }
            }
            best
        };
        let best = if weighted { best_of(&answer.confidences) } else { best_of(&answer.scores) };
        super::normalization::simple_max(&mut answer.scores, self.math);
        answer.value = best.map_or(Value::Missing, |class| cx.m.lists[answer.list][class]);
        Ok(())
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
