//! The thread that owns all state of what is loaded: it hears of rounds, loads and calls one after the other, decides by
//! `lifecycle.rs`, and puts each new state of the catalog in place. Nothing here is shared, so nothing is locked.

use crate::catalog::{Catalog, Listed, Snapshot};
use crate::control::{Ask, Asked, Reply, Verb};
use crate::journal::Journal;
use crate::lifecycle::Action;
use crate::loader::{LoadReport, Order};
use crate::model_state::{Life, ModelState, Reload};
use crate::observer::Observer;
use crate::pending::Pending;
use crate::reaper::Retired;
use crate::repository::{Round, Seen};
use crate::retry::Retrying;
use crate::serving::{Setup, Start, Started};
use crate::told::Told;
use crate::watch::Look;
use crate::{Clock, Loaded, Source};
use landfall_model::{Problem, Reason, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// What the keeper hears.
pub(crate) enum Message {
    /// What lies in the sources now, with the tickets of those who asked for the look.
    Round(Round, Vec<u64>),
    /// A loader has taken up a load.
    Began { model: Arc<str>, job: u64 },
    /// A load has ended.
    Finished(Finished),
    /// The last lease on a version out of service has ended, and its memory is free.
    Gone { model: Arc<str>, serial: u64 },
    /// A control call.
    Asked(Asked),
    /// No longer ready: a shutdown has begun, what is under way goes on.
    Drain,
    /// The end.
    Close,
}

/// How a load ended.
pub(crate) struct Finished {
    pub(crate) model: Arc<str>,
    pub(crate) job: u64,
    pub(crate) outcome: Result<(Arc<Loaded>, LoadReport), Problem>,
    /// Whether the files changed while they were read: then the outcome says nothing.
    pub(crate) changed: bool,
    pub(crate) took: Duration,
    /// What was to be loaded, for another try.
    pub(crate) work: Work,
}

/// One load, for the loaders.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) job: u64,
    pub(crate) order: Order,
    pub(crate) print: crate::print::Print,
    /// How often it was tried before.
    pub(crate) tried: u32,
}

/// Where the keeper's words go.
pub(crate) struct Lines {
    pub(crate) watch: Sender<Look>,
    pub(crate) loaders: Sender<Work>,
    pub(crate) reaper: Sender<Retired>,
    /// To itself, for those who answer.
    pub(crate) own: Sender<Message>,
}

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
    listed: HashMap<String, Arc<Listed>>,
    changed: BTreeSet<String>,
    /// What to say and what to let go once the catalog shows it.
    pub(crate) told: Vec<Told>,
    retired: Vec<Retired>,
    next_number: u64,
    phase: Phase,
    draining: bool,
    /// Sources that could not be looked at from the first round on.
    absent: Vec<(PathBuf, Problem)>,
}

/// The source of a model that no source names any more.
const NOWHERE: usize = usize::MAX;

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
            listed: HashMap::new(),
            changed: BTreeSet::new(),
            told: Vec::new(),
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

    fn round(&mut self, mut round: Round, tickets: &[u64]) {
        if let Some(sources) = round.sources.take() {
            self.take_sources(sources);
        }
        let dropped: BTreeSet<usize> = round.dropped.iter().map(|(source, _)| *source).collect();
        let mut there = BTreeSet::new();
        for seen in round.models {
            there.insert(seen.name.clone());
            self.see(seen);
        }
        for (name, model) in &mut self.models {
            if !there.contains(name) && !dropped.contains(&model.source) {
                model.present = false;
                model.seen.clear();
            }
        }
        if self.phase == Phase::New {
            self.phase = Phase::Starting;
            let path = |source: usize| self.sources[source].path.clone();
            self.absent =
                round.dropped.into_iter().map(|(source, problem)| (path(source), problem)).collect();
        }
        self.absent.retain(|(path, _)| dropped.iter().any(|source| self.sources[*source].path == *path));
        self.hasten_changed();
        for name in self.models.keys().cloned().collect::<Vec<_>>() {
            self.refresh(&name);
        }
        self.looked(tickets);
        let seen = self.replacing.extract_if(.., |(ticket, _)| tickets.contains(ticket));
        self.replaced.extend(seen.map(|(_, reply)| reply));
    }

    /// Other sources are in force. Models keep their places by name; those that no source names have none any more.
    fn take_sources(&mut self, sources: Vec<Source>) {
        for (name, model) in &mut self.models {
            let place = sources.iter().position(|source| source.name.as_deref() == Some(name));
            model.asked_for = place.is_some_and(|place| sources[place].asked_for);
            model.source = place.unwrap_or(NOWHERE);
        }
        self.journals = sources.iter().map(|_| Journal::in_memory()).collect();
        self.sources = sources;
    }

    /// Takes up what lies there of one model.
    fn see(&mut self, seen: Seen) {
        let orders = self.journals[seen.source].orders().of(&seen.name);
        let source = &self.sources[seen.source];
        let asked_for = source.asked_for && source.path == seen.path;
        let known = self.models.contains_key(&seen.name);
        let model = self
            .models
            .entry(seen.name.clone())
            .or_insert_with(|| ModelState::new(&seen.name, seen.source, asked_for, orders));
        if !known && asked_for && model.orders.unloaded {
            // Whoever names a model at start wants it, whatever was unloaded before.
            model.orders.unloaded = false;
            self.journals[seen.source].overrule_unload(&seen.name);
        }
        (model.present, model.path, model.source, model.seen) = (true, seen.path, seen.source, seen.versions);
        // Settings that cannot be read do not undo those that could.
        let had_good_ones = known && model.settings.is_ok();
        if seen.settings.is_ok() || !had_good_ones {
            model.settings = seen.settings;
        }
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

    fn load(&mut self, name: &str, version: &Version) {
        let job = self.number();
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(seen) = model.seen(version).cloned() else { return };
        model.begin(&seen, job);
        let settings = model.basis(&seen).settings;
        let path = seen.path;
        let order = Order { model: model.name.clone(), version: seen.version, path, settings };
        // Loaders end after the keeper does.
        let _ = self.lines.loaders.send(Work { job, order, print: seen.print, tried: 0 });
    }

    fn unload(&mut self, name: &str, version: &Version) {
        let serial = self.number();
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(at) = model.slots.iter().position(|slot| slot.version == *version) else { return };
        let slot = model.slots.remove(at);
        let Life::Available { loaded, .. } = slot.life else { return };
        model.draining.push((serial, slot.version.clone(), slot.newness));
        let model = model.name.clone();
        self.told.push(Told::Unloading { model: model.clone(), version: slot.version });
        let own = self.lines.own.clone();
        let tell = move || {
            let _ = own.send(Message::Gone { model, serial });
        };
        self.retired.push(Retired::Version(loaded, Box::new(tell)));
    }

    fn began(&mut self, name: &str, job: u64) {
        let Some(model) = self.models.get_mut(name) else { return };
        let Some((version, job)) = model.job_mut(job) else { return };
        job.began = true;
        let version = version.clone();
        let path = model.seen(&version).map(|seen| seen.path.clone()).unwrap_or_default();
        self.told.push(Told::Loading { model: model.name.clone(), version, path });
        self.changed.insert(name.to_owned());
    }

    fn finished(&mut self, finished: Finished) {
        let name = finished.model.to_string();
        let Some(model) = self.models.get_mut(&name) else { return self.discard(finished.outcome) };
        let Some((version, job)) = model.job_mut(finished.job) else { return self.discard(finished.outcome) };
        let (version, basis) = (version.clone(), job.basis.clone());
        if finished.changed {
            model.interrupted(&version);
            // The watcher looks again and says when the files lie still.
            let _ = self.lines.watch.send(Look::Event);
            self.discard(finished.outcome);
            return self.refresh(&name);
        }
        match finished.outcome {
            Ok((loaded, report)) if model.wants(&version) => {
                let engine = loaded.facts().engine;
                let took = finished.took;
                let model_name = model.name.clone();
                let before = model.put(&version, loaded, basis);
                self.retired.extend(before.map(|loaded| Retired::Version(loaded, Box::new(|| ()))));
                self.told.push(Told::Available { model: model_name, version, engine, report, took });
            }
            Ok(nobody_wants_it) => {
                model.give_up(&version);
                self.discard(Ok(nobody_wants_it));
            }
            Err(problem) if model.wants(&version) && self.retrying.takes(&finished.work) => {
                self.try_again(finished.work, &problem);
            }
            Err(problem) => {
                let model_name = model.name.clone();
                model.fail(&version, problem.clone(), basis, finished.job);
                self.told.push(Told::Failed { model: model_name, version, problem });
            }
        }
        self.refresh(&name);
    }

    fn discard(&mut self, outcome: Result<(Arc<Loaded>, LoadReport), Problem>) {
        if let Ok((loaded, _)) = outcome {
            self.retired.push(Retired::Version(loaded, Box::new(|| ())));
        }
    }

    fn gone(&mut self, name: &str, serial: u64) {
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(at) = model.draining.iter().position(|(other, ..)| *other == serial) else { return };
        let (_, version, newness) = model.draining.remove(at);
        model.end(version.clone(), newness, None);
        self.told.push(Told::Unloaded { model: model.name.clone(), version });
        self.changed.insert(name.to_owned());
    }

    /// A control call was carried out: says so once the catalog shows it.
    pub(crate) fn tell_changed(&mut self, who: String, what: String) {
        self.told.push(Told::Changed { who, what });
    }

    fn asked(&mut self, asked: Asked) {
        let Asked { ask, reply } = asked;
        match ask {
            Ask::History => {
                let mut entries: Vec<_> =
                    self.journals.iter().flat_map(|journal| journal.entries().iter().cloned()).collect();
                entries.sort_by_key(|entry| entry.at);
                reply.history(entries);
            }
            Ask::Replace { sources } => {
                let ticket = self.number();
                self.replacing.push((ticket, reply));
                let _ = self.lines.watch.send(Look::Sources { sources, ticket });
            }
            Ask::Change { model, who, verb: Verb::Unload } => self.unload_all(&model, who, reply),
            Ask::Change { model, who, verb } => {
                // The files may have come a moment ago.
                let ticket = self.number();
                self.pending.push(Pending::new(model.clone(), who, verb, reply, ticket));
                let _ = self.lines.watch.send(Look::Now { model, ticket });
            }
        }
    }

    /// Puts the new state in place, then says what is new, then lets go what is old.
    pub(crate) fn publish(&mut self) {
        let starting = self.phase == Phase::Starting;
        if starting && self.models.values().all(|model| !model.is_loading()) {
            self.phase = Phase::Running;
        }
        for name in std::mem::take(&mut self.changed) {
            if let Some(model) = self.models.get_mut(&name) {
                self.listed.insert(name, Arc::new(model.listed()));
            }
        }
        let answers =
            |model: &ModelState| !model.asked_for || model.default.is_some() || model.orders.unloaded;
        let ready = self.phase == Phase::Running
            && !self.draining
            && self.absent.is_empty()
            && self.models.values().all(answers);
        let snapshot = Snapshot { models: self.listed.clone(), ready, closed: false };
        self.retired.push(Retired::Snapshot(self.catalog.swap(snapshot)));
        for told in std::mem::take(&mut self.told) {
            told.tell(&*self.observer);
        }
        for retired in self.retired.drain(..) {
            // The reaper ends after the keeper does.
            let _ = self.lines.reaper.send(retired);
        }
        if starting && self.phase == Phase::Running {
            self.start.done(self.outcomes());
        }
        self.replaced.drain(..).for_each(|reply| reply.send(Ok(())));
        self.answer_all();
    }

    /// How the start went, by model.
    fn outcomes(&self) -> Vec<Started> {
        let outcome = |model: &ModelState| {
            let failure = || {
                if model.orders.unloaded {
                    return crate::pending::unloaded(&model.name);
                }
                let failed = model.failure_since(0).map(|(version, problem)| {
                    problem.clone().at(format!("model {:?} version {version}", model.name))
                });
                failed.unwrap_or_else(|| model.none_available())
            };
            model.default.clone().ok_or_else(failure)
        };
        let models = self.models.values().map(|model| Started {
            model: model.name.to_string(),
            path: model.path.clone(),
            outcome: outcome(model),
        });
        let absent = self.absent.iter().map(|(path, problem)| Started {
            model: String::new(),
            path: path.clone(),
            outcome: Err(problem.clone()),
        });
        models.chain(absent).collect()
    }

    fn close(&mut self) {
        for pending in self.pending.drain(..) {
            pending.refuse(Problem::new(Reason::ShuttingDown));
        }
        for (_, reply) in self.replacing.drain(..) {
            reply.send(Err(Problem::new(Reason::ShuttingDown)));
        }
        self.answer_all();
        for name in self.models.keys().cloned().collect::<Vec<_>>() {
            let slots = &self.models[&name].slots;
            slots.iter().filter_map(|slot| slot.loaded()).for_each(|loaded| loaded.close());
            let versions: Vec<Version> = slots.iter().map(|slot| slot.version.clone()).collect();
            versions.iter().rev().for_each(|version| self.unload(&name, version));
        }
        self.listed.clear();
        let before = self.catalog.swap(Snapshot { closed: true, ..Snapshot::default() });
        self.retired.push(Retired::Snapshot(before));
        for told in std::mem::take(&mut self.told) {
            told.tell(&*self.observer);
        }
        for retired in self.retired.drain(..) {
            let _ = self.lines.reaper.send(retired);
        }
        self.start.done(Vec::new());
    }
}

impl ModelState {
    /// A load said nothing, since the files changed under it: it counts for nothing until they lie still.
    fn interrupted(&mut self, version: &Version) {
        if let Some(seen) = self.seen.iter_mut().find(|seen| seen.version == *version) {
            seen.settled = false;
        }
        self.give_up(version);
    }

    /// Forgets a load under way; a copy that answers goes on answering.
    pub(crate) fn give_up(&mut self, version: &Version) {
        if let Some(slot) = self.slot_mut(version)
            && let Life::Available { reload, .. } = &mut slot.life
        {
            *reload = None;
            return;
        }
        self.slots.retain(|slot| slot.version != *version);
    }

    /// Makes a loaded version available, and gives the copy that it replaces.
    fn put(
        &mut self,
        version: &Version,
        loaded: Arc<Loaded>,
        basis: crate::model_state::Basis,
    ) -> Option<Arc<Loaded>> {
        let slot = self.slot_mut(version)?;
        let life = Life::Available { loaded, basis, reload: None };
        match std::mem::replace(&mut slot.life, life) {
            Life::Available { loaded, .. } => Some(loaded),
            _ => None,
        }
    }

    fn fail(&mut self, version: &Version, problem: Problem, basis: crate::model_state::Basis, job: u64) {
        let Some(slot) = self.slot_mut(version) else { return };
        match &mut slot.life {
            Life::Available { reload, .. } => *reload = Some(Reload::Failed { problem, basis, job }),
            life => *life = Life::Failed { problem, basis, job },
        }
    }
}
