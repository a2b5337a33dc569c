//! Trees of a document to trees of a forest: what each leaf adds, and where a row without a value goes.

mod question;
mod way;

use super::Lowered;
use crate::blocks::{Coding, Feature, RowValues};
use crate::models::predicate::Predicate;
use crate::models::tree::Tree;
use crate::resolve::{Build, Slot};
use crate::value::{DataType, Value};
use landfall_forest::{Builder, NodeKind, NodeSpec, Real, Side, Split, TreeSpec};
use question::{Ask, Question};
use std::collections::HashMap;
use way::{Fact, Goto};

/// One tree and what its leaves add to the sums.
pub(crate) struct Member<'t> {
    pub(crate) tree: &'t Tree,
    /// By node: a value for each output; `None` where the node does not answer.
    pub(crate) leaf: &'t Answer<'t>,
}

/// A value for each output, by node.
pub(crate) type Answer<'t> = dyn Fn(u32) -> Option<RowValues> + 't;

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

struct Lowering<'t, 'm> {
    features: Features,
    members: &'m [Member<'t>],
    outputs: usize,
}

impl Lowering<'_, '_> {
    fn forest<X: Real, Y: Real>(mut self) -> Option<Lowered> {
        let single = size_of::<X>() == 4;
        let mut builder = Builder::<X, Y>::new(self.features.list.len(), self.outputs).without_covers();
        let mut spec = TreeSpec {
            nodes: Vec::new(),
            values: Vec::new(),
            width: self.outputs,
            first_output: 0,
            linear: Vec::new(),
        };
        for member in self.members {
            self.tree(member, &mut spec)?;
            builder.add(&spec).ok()?;
        }
        for feature in &mut self.features.list {
            feature.single = single && matches!(feature.coding, Coding::Number);
        }
        let forest = Box::new(builder.finish());
        Some(Lowered { features: self.features.list, outputs: self.outputs, forest })
    }

    /// Writes a tree's nodes and values in place of those of the tree before.
    fn tree<X: Real, Y: Real>(&mut self, member: &Member<'_>, spec: &mut TreeSpec<X, Y>) -> Option<()> {
        let tree = member.tree;
        if !matches!(tree.nodes.first()?.predicate, Predicate::True) {
            return None;
        }
        spec.nodes.clear();
        spec.values.clear();
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
        Some(())
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
        for value in answer.unwrap_or_else(|| RowValues::from_elem(f64::NAN, self.outputs)) {
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
        let (test, yes_is_left) = question.asked::<X>(&feature.coding)?;
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

fn placeholder<X>() -> NodeSpec<X> {
    NodeSpec { kind: NodeKind::Leaf { leaf: 0, id: 0 }, cover: 0.0 }
}
