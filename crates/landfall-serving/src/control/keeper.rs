//! The thread that owns all state of what is loaded: it hears of rounds, loads and calls one after the other, decides by
//! `catalog/lifecycle.rs`, and puts each new state of the catalog in place. Nothing here is shared, so nothing is locked.

mod loads;
mod pending;
mod publish;
mod retry;
mod round;
mod verbs;

use super::ask::{Answered, Ask, Asked, Reply, Verb};
use super::deferred::Deferred;
use super::message::{Lines, Message};
use super::reaper::Retired;
use crate::catalog::Action;
use crate::catalog::ModelState;
use crate::catalog::{Catalog, Listed};
use crate::journal::Entry;
use crate::journal::Journal;
use crate::observer::{Event, Observer};
use crate::repository::Look;
use crate::start::{Setup, Start};
use crate::{Clock, Source};
use landfall_model::Problem;
use pending::Pending;
use retry::Retrying;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::UNIX_EPOCH;

/// All state of what is loaded.
pub(crate) struct Keeper {
    pub(crate) sources: Vec<Source>,
    /// By source.
    pub(crate) journals: Vec<Journal>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) start: Arc<Start>,
    pub(crate) lines: Lines,
    pub(crate) models: BTreeMap<String, ModelState>,
    pub(crate) pending: Vec<Pending>,
    pub(crate) retrying: Retrying,
    /// Those who replaced all sources, by the ticket of the look that they wait for; and those whose look has come.
    replacing: Vec<(u64, Reply)>,
    replaced: Vec<Reply>,
    listed: FxHashMap<Arc<str>, Arc<Listed>>,
    changed: BTreeSet<String>,
    /// What to say and what to let go once the catalog shows it.
    pub(crate) deferred: Vec<Deferred>,
    retired: Vec<Retired>,
    next_number: u64,
    phase: Phase,
    draining: bool,
    /// Sources that could not be looked at from the first round on.
    absent: Vec<(PathBuf, Problem)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No round has come yet.
    New,
    /// The first round's models are being loaded.
    Starting,
    Running,
}

impl Keeper {
    pub(crate) fn new(
        setup: &Setup,
        journals: Vec<Journal>,
        catalog: Arc<Catalog>,
        start: Arc<Start>,
        lines: Lines,
    ) -> Self {
        Keeper {
            sources: setup.sources.clone(),
            journals,
            catalog,
            clock: setup.clock.clone(),
            observer: setup.observer.clone(),
            start,
            lines,
            models: BTreeMap::new(),
            pending: Vec::new(),
            retrying: Retrying::new(setup.retries),
            replacing: Vec::new(),
            replaced: Vec::new(),
            listed: FxHashMap::default(),
            changed: BTreeSet::new(),
            deferred: Vec::new(),
            retired: Vec::new(),
            next_number: 1,
            phase: Phase::New,
            draining: false,
            absent: Vec::new(),
        }
    }

    /// Hears messages until the end.
    pub(crate) fn run(mut self, inbox: &Receiver<Message>) {
        loop {
            let told = match self.retrying.next_due() {
                None => inbox.recv().map_err(RecvTimeoutError::from),
                Some(due) => inbox.recv_timeout(due.saturating_duration_since(self.clock.now())),
            };
            let message = match told {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    self.retry();
                    self.publish();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            match message {
                Message::Round(round, tickets) => self.round(round, &tickets),
                Message::Began { model, job } => self.began(&model, job),
                Message::Finished(finished) => self.finished(finished),
                Message::Gone { model, serial } => self.gone(&model, serial),
                Message::Asked(asked) => self.asked(asked),
                Message::Drain => self.draining = true,
                Message::Close => {
                    self.close();
                    return;
                }
            }
            self.publish();
        }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Does what comes next for a model.
    pub(crate) fn refresh(&mut self, name: &str) {
        self.forget_abandoned();
        let Some(model) = self.models.get_mut(name) else { return };
        let journal = self.journals.get(model.source);
        let orders = journal.map(|journal| journal.orders().of(name)).unwrap_or_default();
        let awaited = &self.pending;
        model.orders = orders;
        model.awaited = awaited.iter().filter(|p| p.model() == name).filter_map(Pending::needs).collect();
        for action in model.steps() {
            match action {
                Action::Load(version) => self.load(name, &version),
                Action::Unload(version) => self.unload(name, &version),
            }
        }
        self.changed.insert(name.to_owned());
        self.settle(name);
    }

    /// Tries again to open the journal of a model's source, if that could not be. What it says is carried out, as it would have
    /// been at the start.
    fn reopen_journal(&mut self, model: &str) {
        let Some(source) = self.models.get(model).map(|model| model.source) else { return };
        let Some(note) = self.journals.get_mut(source).and_then(Journal::try_again) else { return };
        self.observer.event(&Event::Warning { text: &note, problem: None });
        let of_source = self.models.values().filter(|model| model.source == source);
        let models: Vec<(String, bool)> =
            of_source.map(|model| (model.name.to_string(), model.asked_for)).collect();
        for (name, asked_for) in models {
            if asked_for {
                self.journals[source].overrule_unload(&name);
            }
            self.refresh(&name);
        }
    }

    /// A control call was carried out: says so once the catalog shows it.
    pub(crate) fn tell_changed(&mut self, Entry { who, model, what, .. }: Entry) {
        self.deferred.push(Deferred::Changed { who, model, what });
    }

    fn asked(&mut self, asked: Asked) {
        let Asked { ask, reply } = asked;
        match ask {
            Ask::History => {
                let entries = in_order(self.journals.iter().map(Journal::entries));
                reply.send(Ok(Answered::History(entries)));
            }
            Ask::Replace { sources } => {
                let ticket = self.number();
                self.replacing.push((ticket, reply));
                let _ = self.lines.watch.send(Look::Sources { sources, ticket });
            }
            Ask::Change { model, who, verb: Verb::Unload } => {
                self.reopen_journal(&model);
                self.unload_all(&model, who, reply);
            }
            Ask::Change { model, who, verb } => {
                self.reopen_journal(&model);
                // The files may have come a moment ago.
                let ticket = self.number();
                self.pending.push(Pending::new(model.clone(), who, verb, reply, ticket));
                let _ = self.lines.watch.send(Look::Now { model, ticket });
            }
        }
    }
}

/// Entries of several journals by time. Those of one journal keep their order, though a clock was set back between them.
fn in_order<'j>(journals: impl Iterator<Item = &'j [Entry]>) -> Vec<Entry> {
    let mut all = Vec::new();
    for journal in journals {
        let mut latest = UNIX_EPOCH;
        all.extend(journal.iter().map(|entry| {
            latest = latest.max(entry.at);
            (latest, entry)
        }));
    }
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, entry)| entry.clone()).collect()
}

#[cfg(test)]
impl Keeper {
    /// One whose words nobody hears.
    pub(crate) fn alone(setup: &Setup) -> Self {
        use std::sync::mpsc::channel;
        let lines = Lines { watch: channel().0, loaders: channel().0, reaper: channel().0, own: channel().0 };
        let journals = setup.sources.iter().map(|_| Journal::in_memory()).collect();
        Keeper::new(setup, journals, Arc::new(Catalog::new()), Arc::default(), lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::What;
    use std::time::Duration;

    #[test]
    fn a_clock_that_was_set_back_puts_nothing_out_of_order() {
        let entry = |who: &str, seconds| Entry {
            at: UNIX_EPOCH + Duration::from_secs(seconds),
            who: who.into(),
            model: "m".into(),
            what: What::Load,
        };
        let first = [entry("a", 100), entry("b", 50), entry("c", 101)];
        let second = [entry("x", 99), entry("y", 102)];
        let order = in_order([&first[..], &second].into_iter());
        let names: String = order.iter().map(|entry| entry.who.as_str()).collect();
        assert_eq!(names, "xabcy");
    }
}
