//! `<BayesianNetworkModel>`: what is known of some nodes says how likely the values of the others are.

mod distribution;
mod infer;
mod linear;
mod read;

use super::{Body, Header};
use crate::expression::{self, Expr};
use crate::read::Element;
use crate::resolve::{Build, Slot};
use crate::run::{Answer, Cx};
use crate::value::Value;
use distribution::Distribution;
use landfall_model::Problem;

pub(super) const ATTRIBUTES: &[&str] = &["modelType", "inferenceMethod"];

/// Nodes, each after its parents.
#[derive(Debug)]
struct Network {
    nodes: Vec<Node>,
    /// Nodes that are predicted, and which of the model's other targets they are; `None` for its own.
    targets: Vec<(usize, Option<usize>)>,
}

#[derive(Debug)]
struct Node {
    name: String,
    /// What the data says of it; `None` for one that is predicted.
    observed: Option<Slot>,
    /// Its value while a case is looked at.
    slot: Slot,
    parents: Vec<usize>,
    /// Fields that its probabilities are made of, those of the document among them: they follow the case that is looked at.
    derived: Vec<(Slot, Expr)>,
    /// Where a number of it falls into another bin of such a field.
    cuts: Vec<f64>,
    /// Whether it is a number, and in each case normal around a mean that is linear in the numbers of other nodes, with a
    /// variance that they do not touch.
    is_linear: bool,
    kind: Kind,
}

impl Node {
    /// Makes the fields that its probabilities are made of, of the values that its parents have now.
    fn derive(&self, cx: &mut Cx<'_>) -> Result<(), Problem> {
        for (slot, expr) in &self.derived {
            let value = expression::evaluate(expr, cx)?;
            cx.set(*slot, value);
        }
        Ok(())
    }
}

#[derive(Debug)]
enum Kind {
    Discrete { states: Vec<State>, cases: Vec<Case<Vec<f64>>> },
    Continuous { cases: Vec<Case<Distribution>> },
}

#[derive(Debug)]
struct State {
    value: Value,
    /// Its place among the model's classes.
    class: usize,
}

/// What holds where the parents have certain values.
#[derive(Debug)]
struct Case<T> {
    parents: Vec<(Parent, Value)>,
    then: T,
}

/// What a probability depends on.
#[derive(Clone, Copy, Debug)]
enum Parent {
    Node(usize),
    /// A field that is no node: one made of nodes, or one of the data.
    Field(Slot),
}

/// Reads the element.
pub(super) fn read<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &mut Header,
) -> Result<Box<dyn Body>, Problem> {
    // How the network came about, and how the writer would infer: what is inferred here is exact.
    match element.get("modelType") {
        None | Some("General" | "TAN" | "Markov-blanket") => {}
        Some(_) => return Err(element.value(&b.xml, "modelType")),
    }
    match element.get("inferenceMethod") {
        None | Some("Other" | "MCMC" | "Exact") => {}
        Some(_) => return Err(element.value(&b.xml, "inferenceMethod")),
    }
    let mut documents = Vec::new();
    while let Some(child) = header.next(b, element)? {
        if child.name != "BayesianNetworkNodes" {
            return Err(b.xml.unknown(&child, element));
        }
        child.only(&b.xml, &[])?;
        while let Some(node) = b.xml.child(&child)? {
            documents.push(read::document(b, &node, &child)?);
        }
    }
    let nodes = read::resolve(b, header, documents, element)?;
    let mut targets = Vec::new();
    for (name, _) in &header.results {
        if let Some(at) = nodes.iter().position(|node| node.name == *name) {
            targets.push((at, header.other(name)));
        }
    }
    if targets.is_empty() {
        return Err(b.xml.malformed(element.place, "<BayesianNetworkModel> has no node that is its target"));
    }
    Ok(Box::new(Network { nodes, targets }))
}

impl Body for Network {
    fn run(&self, cx: &mut Cx<'_>, answer: &mut Answer) -> Result<(), Problem> {
        let Some(beliefs) = infer::infer(self, cx)? else { return Ok(()) };
        for ((at, other), belief) in self.targets.iter().zip(&beliefs) {
            let said = match other {
                Some(other) => &mut answer.others[*other],
                None => &mut *answer,
            };
            match &self.nodes[*at].kind {
                Kind::Discrete { states, .. } => {
                    said.scores.resize(cx.m.lists[said.list].len(), 0.0);
                    for (state, share) in states.iter().zip(&belief.shares) {
                        said.scores[state.class] = share / belief.total;
                    }
                    said.value = belief.best().map_or(Value::Missing, |state| states[state].value);
                }
                Kind::Continuous { .. } => {
                    said.deviation = Some(belief.deviation());
                    said.value = Value::Num(belief.mean());
                }
            }
        }
        Ok(())
    }
}
