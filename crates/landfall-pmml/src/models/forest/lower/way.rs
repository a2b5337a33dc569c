//! Where a row goes within a tree of the document, as far as what is known of it reaches.

use super::question::{Ask, Question};
use crate::models::predicate::Predicate;
use crate::models::tree::{MissingStrategy, NONE, Tree};
use crate::resolve::Slot;

/// Where a row goes next within a tree of the document.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Goto {
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
pub(super) enum Fact {
    Missing(Slot),
    /// It is not missing, and the predicate of this node does not hold.
    Not(u32),
}

impl Tree {
    /// Goes on without a question as far as what is known reaches; `None` where a predicate cannot be asked.
    pub(super) fn settle(&self, from: Goto, fact: Option<Fact>) -> Option<Goto> {
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
    pub(super) fn asks(&self, to: Goto) -> Option<Slot> {
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
