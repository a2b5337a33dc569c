//! `<Node>`s of a document, read without recursion: trees may be deeper than other elements.

use super::{ClassScore, NONE, Node, Tree};
use crate::models::predicate::{self, Predicate};
use crate::models::{Embedded, Header, read_embedded};
use crate::read::Element;
use crate::resolve::Build;
use crate::value::Value;
use landfall_model::Problem;

/// A node whose children are still being read.
struct Open<'a> {
    element: Element<'a>,
    node: u32,
    last_child: u32,
    has_predicate: bool,
    /// Where its own scores begin among those of all nodes that are open.
    first_score: usize,
}

/// Reads a node and all below it.
pub(super) fn read<'a>(
    b: &mut Build<'a>,
    root: Element<'a>,
    header: &Header,
    tree: &mut Tree,
) -> Result<(), Problem> {
    let mut scores = Vec::new();
    let mut stack = vec![open(b, root, header, tree, NONE)?];
    while let Some(top) = stack.last_mut() {
        let Some(child) = b.xml.child(&top.element)? else {
            if let Some(done) = stack.pop() {
                close(b, done, &mut scores, tree)?;
            }
            continue;
        };
        match child.name.as_ref() {
            "Node" => {
                let (parent, before) = (top.node, top.last_child);
                let opened = Open { first_score: scores.len(), ..open(b, child, header, tree, parent)? };
                match before {
                    NONE => tree.nodes[parent as usize].first_child = opened.node,
                    before => tree.nodes[before as usize].next_sibling = opened.node,
                }
                top.last_child = opened.node;
                stack.push(opened);
            }
            "ScoreDistribution" => scores.push(distribution(b, &child, header)?),
            "Regression" | "DecisionTree" => {
                let at = tree.embedded.len() as u32;
                tree.nodes[top.node as usize].embedded = at;
                let model = read_embedded(b, &child, header)?;
                tree.embedded.push(Box::new(Embedded(model)));
            }
            // How the training data looked.
            "Partition" => b.xml.skip(&child)?,
            _ => match predicate::read(b, &child, header.scope)? {
                Some(predicate) => {
                    tree.nodes[top.node as usize].predicate = predicate;
                    top.has_predicate = true;
                }
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
    Ok(Open { element, node, last_child: NONE, has_predicate: false, first_score: 0 })
}

fn distribution<'a>(
    b: &mut Build<'a>,
    element: &Element<'a>,
    header: &Header,
) -> Result<ClassScore, Problem> {
    element.only(&b.xml, &["value", "recordCount", "confidence", "probability"])?;
    let class = header.class(b, element.need(&b.xml, "value")?).0;
    let score = ClassScore {
        class: class as u32,
        probability: header.math.number(&b.xml, element, "probability")?.unwrap_or(f64::NAN),
        confidence: header.math.number(&b.xml, element, "confidence")?,
        count: element.number(&b.xml, "recordCount")?.unwrap_or(0.0),
    };
    b.xml.leaf(element)?;
    Ok(score)
}

fn close<'a>(
    b: &mut Build<'a>,
    open: Open<'a>,
    scores: &mut Vec<ClassScore>,
    tree: &mut Tree,
) -> Result<(), Problem> {
    let at = open.node as usize;
    if !open.has_predicate {
        return Err(b.xml.malformed(open.element.place, "<Node> has no predicate"));
    }
    let start = tree.distributions.len() as u32;
    let total = scores[open.first_score..].iter().fold(0.0, |sum, score| sum + score.count);
    for mut score in scores.drain(open.first_score..) {
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
