//! What a document holds beside the specification, under names that it leaves to writers: passed over, and told.

use super::Place;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Names that are told, at most.
const NAMES_MAX: usize = 16;

/// Names that were passed over, and where each stands first. A clone adds to the same list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Added(Rc<RefCell<BTreeMap<String, Place>>>);

impl Added {
    /// An element or attribute was passed over.
    pub(super) fn note(&self, name: &str, place: Place) {
        let mut names = self.0.borrow_mut();
        if names.len() < NAMES_MAX && !names.contains_key(name) {
            names.insert(name.to_owned(), place);
        }
    }

    /// All of them, each with its place in words.
    pub(super) fn told(&self, place: impl Fn(Place) -> String) -> Vec<String> {
        self.0.borrow().iter().map(|(name, at)| format!("{name} ({})", place(*at))).collect()
    }
}
