//! Trees of a document to trees of a forest: what each leaf adds, and where a row without a value goes.

use super::Lowered;
use crate::blocks::{Coding, Feature};
use crate::models::predicate::{Connective, Operator, Predicate};
use crate::models::tree::{MissingStrategy, NONE, Tree};
use crate::resolve::{Build, Slot};
use crate::value::{DataType, Value};
use landfall_forest::{Builder, NodeKind, NodeSpec, Real, Side, Split, Test, TreeSpec};
use std::collections::HashMap;

/// One tree and what its leaves add to the sums.
pub(crate) struct Member<'t> {
    pub(crate) tree: &'t Tree,
    /// By node: a value for each output; `None` where the node does not answer.
    pub(crate) leaf: &'t Answer<'t>,
}

/// A value for each output, by node.
pub(crate) type Answer<'t> = dyn Fn(u32) -> Option<Vec<f64>> + 't;

/// A forest of trees whose answers are added up, each addition rounded to single precision where `single` says so;
/// `None` where a forest would not give the same numbers.
pub(crate) fn lower(b: &Build<'_>, members: &[Member<'_>], outputs: usize, single: bool) -> Option<Lowered> {
    // Trees that ask nothing have no columns to be answered by.
    let features = features(b, members).filter(|features| !features.list.is_empty())?;
    let floats = features.list.iter().all(|feature| match feature.coding {
        Coding::Number => b.slots[feature.slot as usize].dtype == DataType::Float,
        Coding::Category(_) => true,
    });
    let lowering = Lowering { features, members, outputs };
    match (floats, single) {
        (true, true) => lowering.forest::<f32, f32>(),
        (true, false) => lowering.forest::<f32, f64>(),
        (false, true) => lowering.forest::<f64, f32>(),
        (false, false) => lowering.forest::<f64, f64>(),
    }
}

/// The slots that trees ask about.
struct Features {
    list: Vec<Feature>,
    by_slot: HashMap<Slot, u32>,
}

/// What the trees ask of one slot.
#[derive(Default)]
struct Asked {
    order: bool,
    values: Vec<Value>,
}

fn features(b: &Build<'_>, members: &[Member<'_>]) -> Option<Features> {
    let mut asked: HashMap<Slot, Asked> = HashMap::new();
    let mut slots: Vec<Slot> = Vec::new();
    for predicate in members.iter().flat_map(|member| member.tree.nodes.iter().map(|node| &node.predicate)) {
        let Some(question) = Question::of(predicate)? else { continue };
        let entry = asked.entry(question.slot).or_insert_with(|| {
            slots.push(question.slot);
            Asked::default()
        });
        match question.test {
            Ask::Order(..) => entry.order = true,
            Ask::Equal(value) => entry.values.push(value),
            Ask::Among(values) => entry.values.extend_from_slice(values),
            Ask::Missing => {}
        }
    }
    slots.sort_unstable();
    let mut list = Vec::with_capacity(slots.len());
    for slot in &slots {
        let Asked { order, values } = asked.remove(slot)?;
        let number = order || (values.is_empty() && b.slots[*slot as usize].dtype.is_number());
        if number && !values.is_empty() {
            return None;
        }
        let coding = if number { Coding::Number } else { Coding::categories(&values) };
        list.push(Feature { slot: *slot, coding, needed: false, single: false });
    }
    let by_slot = slots.into_iter().zip(0..).collect();
    Some(Features { list, by_slot })
}

/// A predicate that a forest can ask.
struct Question<'p> {
    slot: Slot,
    test: Ask<'p>,
    /// Whether the predicate holds where the question is answered yes.
    positive: bool,
    /// Whether it holds where the value is missing; `None` where that is unknown.
    missing: Option<bool>,
}

#[derive(Clone, Copy)]
enum Ask<'p> {
    Order(Operator, f64),
    Equal(Value),
    Among(&'p [Value]),
    /// Nothing but whether it is missing.
    Missing,
}

impl<'p> Question<'p> {
    /// `Some(None)` for what is always true or always false, `None` for what a forest cannot ask.
    fn of(predicate: &'p Predicate) -> Option<Option<Question<'p>>> {
        let asks = |slot: Slot, test, positive| Question { slot, test, positive, missing: None };
        Some(Some(match predicate {
            Predicate::True | Predicate::False => return Some(None),
            Predicate::Missing { slot, is } => {
                Question { slot: *slot, test: Ask::Missing, positive: !is, missing: Some(*is) }
            }
            Predicate::Order { slot, operator, value } if value.is_finite() => {
                asks(*slot, Ask::Order(*operator, *value), true)
            }
            // All numbers are at most infinite: only whether there is one is asked.
            Predicate::Order { slot, operator: Operator::LessOrEqual, value: f64::INFINITY } => {
                asks(*slot, Ask::Missing, true)
            }
            Predicate::Equal { slot, value, is } => asks(*slot, Ask::Equal(*value), *is),
            Predicate::Among { slot, values, is } => asks(*slot, Ask::Among(values), *is),
            Predicate::Compound { operator, parts } => return Question::of_pair(*operator, parts).map(Some),
            _ => return None,
        }))
    }

    /// A question with its own word on missing values: missing or …, not missing and ….
    fn of_pair(operator: Connective, parts: &'p [Predicate]) -> Option<Question<'p>> {
        let [Predicate::Missing { slot, is }, second] = parts else { return None };
        let holds = match (operator, is) {
            (Connective::Or, true) => true,
            (Connective::And, false) => false,
            _ => return None,
        };
        let question = Question::of(second)??;
        let plain = question.slot == *slot && question.missing.is_none();
        plain.then_some(Question { missing: Some(holds), ..question })
    }
}

/// Where a row goes next within a tree of the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Goto {
    /// A node whose predicate holds.
    Node(u32),
    /// The children of a node from this one on.
    Children { node: u32, child: u32 },
    /// This node answers.
    Answer(u32),
    /// No answer that the forest knows.
    Nothing,
}

/// What is known about a slot on the way.
#[derive(Clone, Copy)]
enum Fact {
    Missing(Slot),
    /// It is not missing, and the predicate of this node does not hold.
    Not(u32),
}

struct Lowering<'t, 'm> {
    features: Features,
    members: &'m [Member<'t>],
    outputs: usize,
}

impl Lowering<'_, '_> {
    fn forest<X: Real, Y: Real>(mut self) -> Option<Lowered> {
        let single = size_of::<X>() == 4;
        let mut builder = Builder::<X, Y>::new(self.features.list.len(), self.outputs).without_covers();
        for member in self.members {
            builder.add(&self.tree(member)?).ok()?;
        }
        for feature in &mut self.features.list {
            feature.single = single && matches!(feature.coding, Coding::Number);
        }
        let forest = builder.finish();
        forest.prepare();
        Some(Lowered { features: self.features.list, outputs: self.outputs, forest: Box::new(forest) })
    }

    fn tree<X: Real, Y: Real>(&mut self, member: &Member<'_>) -> Option<TreeSpec<X, Y>> {
        let tree = member.tree;
        if !matches!(tree.nodes.first()?.predicate, Predicate::True) {
            return None;
        }
        let mut spec = TreeSpec {
            nodes: Vec::new(),
            values: Vec::new(),
            width: self.outputs,
            first_output: 0,
            linear: Vec::new(),
        };
        // A default child that several ways lead to is written more than once: within bounds.
        let most = tree.nodes.len() * 4 + 16;
        let mut open = vec![(tree.settle(Goto::Node(0), None)?, 0usize)];
        spec.nodes.push(placeholder());
        while let Some((to, place)) = open.pop() {
            if spec.nodes.len() > most {
                return None;
            }
            let Goto::Children { node, child } = to else {
                spec.nodes[place].kind = self.leaf(member, to, &mut spec.values)?;
                continue;
            };
            let (split, ways) = self.split::<X>(tree, node, child, spec.nodes.len() as u32)?;
            spec.nodes[place].kind = NodeKind::Split(split);
            for way in ways {
                open.push((way, spec.nodes.len()));
                spec.nodes.push(placeholder());
            }
        }
        Some(spec)
    }

    fn leaf<X: Real, Y: Real>(
        &self,
        member: &Member<'_>,
        to: Goto,
        values: &mut Vec<Y>,
    ) -> Option<NodeKind<X>> {
        let leaf = (values.len() / self.outputs) as u32;
        let answer = match to {
            Goto::Answer(node) => (member.leaf)(node),
            _ => None,
        };
        for value in answer.unwrap_or_else(|| vec![f64::NAN; self.outputs]) {
            let kept = Y::of(value);
            if !value.is_nan() && kept.wide() != value {
                return None;
            }
            values.push(kept);
        }
        Some(NodeKind::Leaf { leaf, id: leaf })
    }

    /// The split that the predicate of a child makes, and where its two sides lead. Its children are the nodes `next`
    /// and the one after it.
    fn split<X: Real>(
        &mut self,
        tree: &Tree,
        node: u32,
        child: u32,
        next: u32,
    ) -> Option<(Split<X>, [Goto; 2])> {
        let question = Question::of(&tree.nodes[child as usize].predicate)??;
        let slot = question.slot;
        let after = Goto::Children { node, child: tree.nodes[child as usize].next_sibling };
        let holds = tree.settle(Goto::Node(child), None)?;
        // Where being there is all that is asked, it is not there where that fails.
        let absent = matches!(question.test, Ask::Missing) && question.positive;
        let fact = if absent { Fact::Missing(slot) } else { Fact::Not(child) };
        let fails = tree.settle(after, Some(fact))?;
        let missing = tree.settle(Goto::Children { node, child }, Some(Fact::Missing(slot)))?;
        let place = *self.features.by_slot.get(&slot)?;
        let feature = &mut self.features.list[place as usize];
        let (yes, no) = if question.positive { (holds, fails) } else { (fails, holds) };
        let (test, yes_is_left) = ask::<X>(&question, &feature.coding)?;
        let (left, right) = if yes_is_left { (yes, no) } else { (no, yes) };
        let to_holds = missing == holds;
        // The next question may be about the same value, and then sends a missing one where it belongs.
        let asks_again = tree.asks(fails) == Some(slot);
        let to_fails =
            missing == fails || asks_again && tree.settle(fails, Some(Fact::Missing(slot)))? == missing;
        let holds_is_left = question.positive == yes_is_left;
        let side = match (to_holds, to_fails) {
            (true, _) => Side::left_if(holds_is_left),
            (false, true) => Side::left_if(!holds_is_left),
            (false, false) => {
                feature.needed = true;
                Side::Right
            }
        };
        let split = Split {
            feature: place,
            test,
            missing: side,
            zero_is_missing: false,
            left: next,
            right: next + 1,
        };
        Some((split, [left, right]))
    }
}

/// The test of a question, and whether its yes is the test's.
fn ask<X: Real>(question: &Question<'_>, coding: &Coding) -> Option<(Test<X>, bool)> {
    let category = |value: Value| coding.code(value);
    Some(match question.test {
        Ask::Order(Operator::Less, value) => (Test::Less(at_least::<X>(value)), true),
        Ask::Order(Operator::GreaterOrEqual, value) => (Test::Less(at_least::<X>(value)), false),
        Ask::Order(Operator::LessOrEqual, value) => (Test::Less(above::<X>(value)?), true),
        Ask::Order(Operator::Greater, value) => (Test::Less(above::<X>(value)?), false),
        Ask::Equal(value) => (Test::Equal(X::of(f64::from(category(value)?))), true),
        Ask::Among(values) => {
            (Test::Among(values.iter().filter_map(|value| category(*value)).collect()), true)
        }
        // No number is less than the lowest: present values all go right.
        Ask::Missing => (Test::Less(X::of(f64::NEG_INFINITY)), false),
    })
}

/// The least number of a type that is not below a number: x < value just where x < it.
fn at_least<X: Real>(value: f64) -> X {
    let near = X::of(value);
    if near.wide() >= value { near } else { next(near) }
}

/// The least number of a type above a number: x <= value just where x < it.
fn above<X: Real>(value: f64) -> Option<X> {
    let near = X::of(value);
    let above = if near.wide() > value { near } else { next(near) };
    above.wide().is_finite().then_some(above)
}

/// The next number of a type.
fn next<X: Real>(number: X) -> X {
    match size_of::<X>() {
        4 => X::of(f64::from((number.wide() as f32).next_up())),
        _ => X::of(number.wide().next_up()),
    }
}

fn placeholder<X>() -> NodeSpec<X> {
    NodeSpec { kind: NodeKind::Leaf { leaf: 0, id: 0 }, cover: 0.0 }
}

impl Tree {
    /// Goes on without a question as far as what is known reaches; `None` where a predicate cannot be asked.
    fn settle(&self, from: Goto, fact: Option<Fact>) -> Option<Goto> {
        let mut to = from;
        let mut fact = fact;
        loop {
            match to {
                Goto::Node(node) if self.is_leaf(node) => return Some(Goto::Answer(node)),
                Goto::Node(node) => {
                    to = Goto::Children { node, child: self.nodes[node as usize].first_child };
                    // Which predicates failed is known of siblings only.
                    fact = None;
                }
                Goto::Children { node, child: NONE } => {
                    return Some(if self.last_prediction { self.last(node) } else { Goto::Nothing });
                }
                Goto::Children { node, child } => {
                    let next = Goto::Children { node, child: self.nodes[child as usize].next_sibling };
                    to = match self.known(child, fact)? {
                        Known::Holds => Goto::Node(child),
                        Known::Fails => next,
                        Known::Open => return Some(to),
                        Known::Missing => match self.missing {
                            MissingStrategy::None => next,
                            MissingStrategy::LastPrediction => return Some(self.last(node)),
                            MissingStrategy::DefaultChild => match self.nodes[node as usize].default_child {
                                NONE => return Some(Goto::Nothing),
                                default => Goto::Node(default),
                            },
                            _ => return Some(Goto::Nothing),
                        },
                    };
                }
                Goto::Answer(_) | Goto::Nothing => return Some(to),
            }
        }
    }

    /// The slot that the next question is about.
    fn asks(&self, to: Goto) -> Option<Slot> {
        let Goto::Children { child, .. } = to else { return None };
        let predicate = &self.nodes.get(child as usize)?.predicate;
        Question::of(predicate)?.map(|question| question.slot)
    }

    fn last(&self, node: u32) -> Goto {
        self.with_score(node).map_or(Goto::Nothing, Goto::Answer)
    }

    fn known(&self, child: u32, fact: Option<Fact>) -> Option<Known> {
        let predicate = &self.nodes[child as usize].predicate;
        let Some(question) = Question::of(predicate)? else {
            return Some(if matches!(predicate, Predicate::True) { Known::Holds } else { Known::Fails });
        };
        Some(match fact {
            Some(Fact::Missing(slot)) if slot == question.slot => match question.missing {
                Some(true) => Known::Holds,
                Some(false) => Known::Fails,
                None => Known::Missing,
            },
            Some(Fact::Not(failed)) => {
                let failed = Question::of(&self.nodes[failed as usize].predicate)??;
                match question.test {
                    _ if question.slot != failed.slot => Known::Open,
                    Ask::Missing if question.positive => Known::Holds,
                    Ask::Missing => Known::Fails,
                    _ if question.is_complement_of(&failed) => Known::Holds,
                    _ => Known::Open,
                }
            }
            _ => Known::Open,
        })
    }
}

/// Whether a predicate holds, as far as that is known.
enum Known {
    Holds,
    Fails,
    Open,
    /// It cannot be told, because the value is missing.
    Missing,
}

impl Question<'_> {
    /// Whether it holds wherever the other, of the same slot, does not, values that are missing left out.
    fn is_complement_of(&self, other: &Question<'_>) -> bool {
        match (self.test, other.test) {
            (Ask::Order(a, x), Ask::Order(b, y)) => {
                x == y && self.positive == other.positive && a == b.complement()
            }
            (Ask::Equal(a), Ask::Equal(b)) => a == b && self.positive != other.positive,
            (Ask::Among(a), Ask::Among(b)) => a == b && self.positive != other.positive,
            _ => false,
        }
    }
}
