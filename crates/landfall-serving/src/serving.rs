//! Everything put together: threads that watch, keep, load and free.

use crate::catalog::Catalog;
use crate::control::Control;
use crate::control::Keeper;
use crate::control::{Finished, Lines, Message, Work, free_all};
use crate::journal::Journal;
use crate::kit::Kit;
use crate::loader::load;
use crate::locked::lock;
use crate::observer::{Event, Observer};
use crate::repository::Fingerprint;
use crate::repository::Look;
use crate::repository::Repository;
use crate::repository::Watch;
use crate::start::{Setup, Start, Started};
use crate::{Clock, Source};
use landfall_model::Problem;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// Models that are watched, loaded and served, until it is shut down or dropped.
pub struct Serving {
    catalog: Arc<Catalog>,
    control: Control,
    keeper: Sender<Message>,
    watch: Sender<Look>,
    start: Arc<Start>,
    clock: Arc<dyn Clock>,
    /// Threads that end soon after they are told to.
    threads: Vec<JoinHandle<()>>,
    /// Closed when all versions are freed.
    freed: Receiver<()>,
}

impl Serving {
    /// Starts to look at the sources and to load what lies there. Returns at once.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn start(setup: Setup) -> Result<Serving, Problem> {
        let (own, inbox) = channel();
        let (watch, looks) = channel();
        let (loaders, works) = channel();
        let (reaper, retired) = channel();
        let (freed_when_dropped, freed) = channel();
        let catalog = Arc::new(Catalog::new());
        let start = Arc::new(Start::default());
        let journals = setup
            .sources
            .iter()
            .map(|source| journal(setup.state.as_deref(), source, &*setup.observer))
            .collect();
        let keeper = Keeper::new(
            &setup,
            journals,
            catalog.clone(),
            start.clone(),
            Lines { watch: watch.clone(), loaders, reaper, own: own.clone() },
        );
        let rounds = own.clone();
        let watcher = Watch {
            repository: Repository::new(setup.sources, setup.kit.clone()),
            settings: setup.watch,
            clock: setup.clock.clone(),
            observer: setup.observer,
            hand_on: Box::new(move |round, tickets| rounds.send(Message::Round(round, tickets)).is_ok()),
        };
        let events = watch.clone();
        let give_back = setup.kit.give_back;
        spawn("reaper", move || {
            let _freed_when_dropped: Sender<()> = freed_when_dropped;
            free_all(&retired, give_back);
        })?;
        let works = Arc::new(Mutex::new(works));
        for _ in 0..setup.load_threads.max(1) {
            let (works, kit, clock, own) =
                (works.clone(), setup.kit.clone(), setup.clock.clone(), own.clone());
            spawn("loader", move || load_all(&works, &kit, &*clock, &own))?;
        }
        let keeping = spawn("keeper", move || keeper.run(&inbox))?;
        let watching = spawn("watch", move || watcher.run(&looks, events))?;
        let control = Control::new(own.clone());
        let threads = vec![keeping, watching];
        Ok(Serving { catalog, control, keeper: own, watch, start, clock: setup.clock, threads, freed })
    }

    /// What is loaded.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Control over what is loaded.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// Waits until everything that lay in the sources at the start is loaded, or has failed to be; gives how it went by
    /// model. `None`, when the time is up before.
    pub fn wait_until_settled(&self, timeout: Duration) -> Option<Vec<Started>> {
        self.start.wait(timeout, &*self.clock)
    }

    /// No longer ready, while everything goes on answering: a shutdown has begun, and whoever sends calls here should
    /// send them elsewhere.
    pub fn drain(&self) {
        let _ = self.keeper.send(Message::Drain);
    }

    /// Takes everything out of service and frees it. Says whether all leases ended in time; what is still held when the
    /// time is up is freed when its lease ends.
    pub fn shutdown(mut self, timeout: Duration) -> bool {
        self.close();
        // Nothing is ever sent: the channel closes when the reaper has freed all.
        !matches!(self.freed.recv_timeout(timeout), Err(std::sync::mpsc::RecvTimeoutError::Timeout))
    }

    fn close(&mut self) {
        let _ = self.watch.send(Look::Stop);
        let _ = self.keeper.send(Message::Close);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.close();
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Problem> {
    Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| Problem::io(format!("start the thread {name:?}"), &error))
}

/// A loader's thread: takes one load after the other, until the keeper is gone.
fn load_all(works: &Mutex<Receiver<Work>>, kit: &Kit, clock: &dyn Clock, keeper: &Sender<Message>) {
    loop {
        // Only one loader waits at a time; it holds the lock for as long as it waits.
        let Ok(work) = lock(works).recv() else { return };
        let Work { job, order, fingerprint, .. } = &work;
        let (job, model) = (*job, order.model.clone());
        if keeper.send(Message::Began { model: model.clone(), job }).is_err() {
            return;
        }
        let started = clock.now();
        let outcome = load(kit, order);
        (kit.give_back)();
        let changed = !Fingerprint::of(&order.path).is_ok_and(|now| now == *fingerprint);
        let took = clock.now().saturating_duration_since(started);
        if keeper.send(Message::Finished(Finished { model, job, outcome, changed, took, work })).is_err() {
            return;
        }
    }
}

/// The journal of a source.
fn journal(state: Option<&Path>, source: &Source, observer: &dyn Observer) -> Journal {
    let Some(state) = state else { return Journal::in_memory() };
    let (journal, note) = Journal::open(&state.join(folder_of(&source.path)).join("journal"));
    if let Some(text) = &note {
        observer.event(&Event::Warning { text, problem: None });
    }
    journal
}

/// The name of a source's folder under the state folder: readable, and different for each path.
fn folder_of(path: &Path) -> String {
    let path = std::fs::canonicalize(path)
        .unwrap_or_else(|_| std::path::absolute(path).unwrap_or_else(|_| path.into()));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let sum = crate::journal::checksum(&path.to_string_lossy());
    format!("{}-{sum}", name.trim_start_matches('.').chars().take(64).collect::<String>())
}

#[cfg(test)]
mod tests;
