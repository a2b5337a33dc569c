//! A control call on its way to the keeper, and the way back.

use crate::Source;
use crate::journal::{Entry, What};
use landfall_model::{Problem, Version};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

/// A control call on its way to the keeper.
pub(crate) struct Asked {
    pub(crate) ask: Ask,
    pub(crate) reply: Reply,
}

pub(crate) enum Ask {
    Change { model: String, who: String, verb: Verb },
    Replace { sources: Vec<Source> },
    History,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verb {
    Load,
    Unload,
    Promote { version: Version, label: Option<String> },
    Rollback,
}

/// The way back to a caller, who may have left.
pub(crate) struct Reply {
    answer: Sender<Result<Answered, Problem>>,
    /// Taken by the caller when the time is up, or by the keeper when it begins to change something.
    taken: Arc<AtomicBool>,
}

pub(crate) enum Answered {
    Done,
    /// A label, or the default, was moved.
    Moved(What),
    History(Vec<Entry>),
}

impl Reply {
    /// The way back over `answer`, for as long as `taken` does not say that the caller has left.
    pub(crate) fn new(answer: Sender<Result<Answered, Problem>>, taken: Arc<AtomicBool>) -> Self {
        Reply { answer, taken }
    }

    /// The way back to a caller who has left.
    #[cfg(test)]
    pub(crate) fn to_nobody() -> Self {
        Reply::new(std::sync::mpsc::channel().0, Arc::new(AtomicBool::new(true)))
    }

    /// Whether the caller still waits. From now on he waits for as long as it takes.
    pub(crate) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.taken.load(Ordering::Acquire)
    }

    pub(crate) fn send(self, outcome: Result<Answered, Problem>) {
        let _ = self.answer.send(outcome);
    }
}
