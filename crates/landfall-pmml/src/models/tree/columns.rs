//! A tree over columns whose predicates a forest cannot ask.

use super::{MissingStrategy, NONE, Tree};
use crate::models::columns::{Asking, Branch, Branches, Otherwise};
use crate::resolve::Build;

/// Questions beyond which a row's own way down is shorter than all its answers.
const MOST_QUESTIONS: usize = 1024;

impl Tree {
    /// The tree over columns; `None` where columns do not tell what it asks. `answers` says of which nodes all is known that
    /// they answer.
    pub(in crate::models) fn branches(
        &self,
        b: &Build<'_>,
        answers: &dyn Fn(u32) -> bool,
    ) -> Option<Branches> {
        let number = |node: u32| if answers(node) { f64::from(node) } else { f64::NAN };
        let last = |node: u32| self.with_score(node).map_or(f64::NAN, number);
        let mut asking = Asking::of(b, self.nodes.iter().map(|node| &node.predicate));
        let mut nodes = Vec::with_capacity(self.nodes.len());
        for (place, node) in (0..).zip(&self.nodes) {
            nodes.push(Branch {
                asked: asking.ask(&node.predicate)?,
                children: self.children(place).collect(),
                own: number(place),
                unknown: match self.missing {
                    MissingStrategy::None => Otherwise::On,
                    MissingStrategy::LastPrediction => Otherwise::Answered(last(place)),
                    MissingStrategy::DefaultChild if node.default_child != NONE => {
                        Otherwise::Child(node.default_child)
                    }
                    _ => Otherwise::Answered(f64::NAN),
                },
                without_child: if self.last_prediction { last(place) } else { f64::NAN },
            });
        }
        let fits = !asking.features.list.is_empty() && asking.questions.count() <= MOST_QUESTIONS;
        fits.then_some(Branches { features: asking.features.list, questions: asking.questions, nodes })
    }
}
