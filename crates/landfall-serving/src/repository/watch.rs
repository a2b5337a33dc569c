//! When to look at the sources again: native events where the file system gives them, and a full look every so often, so
//! that a lost event heals itself.

mod native;
mod settling;

use super::{Repository, Round, Seen, Warning};
use crate::observer::{Event, Observer};
use crate::{Clock, Source};
use native::Native;
use settling::Settling;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How sources are watched.
#[derive(Clone, Debug)]
pub struct WatchSettings {
    /// How long a version's files must lie still before it is loaded.
    pub settle: Duration,
    /// How long after an event the sources are looked at: copying makes many events.
    pub debounce: Duration,
    /// How often the sources are looked at without any event.
    pub rescan: Duration,
    /// The same where there are no native events.
    pub poll: Duration,
    /// Whether to ask the operating system for events. They never come from network file systems.
    pub native: bool,
    /// Whether sources are looked at again at all.
    pub rounds: Rounds,
}

/// How often sources are looked at without being told to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rounds {
    /// Again and again.
    #[default]
    Always,
    /// Once, until all files there lie still.
    Once,
    /// Not even at the start.
    Never,
}

impl Default for WatchSettings {
    fn default() -> Self {
        WatchSettings {
            settle: Duration::from_secs(1),
            debounce: Duration::from_millis(100),
            rescan: Duration::from_secs(10),
            poll: Duration::from_secs(2),
            native: true,
            rounds: Rounds::Always,
        }
    }
}

/// What wakes the watcher.
pub(crate) enum Look {
    /// Something has changed in a source.
    Event,
    /// A load found its files changed: they are looked at again, however seldom sources are.
    Again,
    /// Somebody asks for a look now, and says that this model's files are whole. The round carries the ticket.
    Now { model: String, ticket: u64 },
    /// There are other sources from now on. The round carries the ticket.
    Sources { sources: Vec<Source>, ticket: u64 },
    /// The end.
    Stop,
}

/// Who waits for the next look.
#[derive(Default)]
struct NextLook {
    /// Models whose files are said to be whole.
    models: BTreeSet<String>,
    tickets: Vec<u64>,
}

/// The watcher's thread.
pub(crate) struct Watch {
    pub(crate) repository: Repository,
    pub(crate) settings: WatchSettings,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    /// Takes a round, with the tickets of those who asked for the look; false, when nobody wants any more.
    pub(crate) hand_on: Box<dyn FnMut(Round, Vec<u64>) -> bool + Send>,
}

impl Watch {
    /// Looks at the sources until told to stop. `events` is where native events are sent to.
    pub(crate) fn run(mut self, inbox: &Receiver<Look>, events: Sender<Look>) {
        let mut native = Native::new(&self.settings, events);
        let mut settling = Settling::new(self.settings.settle);
        let mut said = BTreeSet::new();
        let start = self.clock.now();
        let (mut asked, mut first, mut replaced) = (NextLook::default(), true, None);
        if self.settings.rounds == Rounds::Never && !self.wait(inbox, None, &mut asked, &mut replaced) {
            return;
        }
        loop {
            let mut round = self.repository.look();
            let now = self.clock.now();
            let whole = |model: &Seen| asked.models.contains(&model.name) || (first && model.path.is_file());
            let settles = settling.mark(&mut round, now, self.clock.wall(), whole);
            self.warn(&round, &mut said);
            // At start the whole is waited for, but not for a copy that goes on and on.
            let asked_for = !asked.tickets.is_empty();
            if !first || settles.is_none() || now >= start + 2 * self.settings.settle || asked_for {
                first = false;
                round.sources = replaced.take();
                let NextLook { tickets, .. } = std::mem::take(&mut asked);
                if !(self.hand_on)(round, tickets) {
                    return;
                }
            }
            // Only now it is known what has an end. What changes before it is watched is found by another look.
            let news = native.refresh(&self.repository.watchable()) && self.settings.rounds == Rounds::Always;
            let pace = if native.works() { self.settings.rescan } else { self.settings.poll };
            let again = if news { now } else { now + pace };
            let wake = match self.settings.rounds {
                Rounds::Always => Some(settles.unwrap_or(again).min(again)),
                Rounds::Once | Rounds::Never => settles,
            };
            if !self.wait(inbox, wake, &mut asked, &mut replaced) {
                return;
            }
        }
    }

    /// Waits for the next look; false at the end.
    fn wait(
        &mut self,
        inbox: &Receiver<Look>,
        mut wake: Option<Instant>,
        asked: &mut NextLook,
        replaced: &mut Option<Vec<Source>>,
    ) -> bool {
        loop {
            let told = match wake {
                Some(wake) => inbox.recv_timeout(wake.saturating_duration_since(self.clock.now())),
                None => inbox.recv().map_err(RecvTimeoutError::from),
            };
            match told {
                Ok(Look::Event) => {
                    let soon = self.clock.now() + self.settings.debounce;
                    wake = wake.map(|wake| wake.min(soon));
                }
                Ok(Look::Again) => {
                    let soon = self.clock.now() + self.settings.debounce;
                    wake = Some(wake.map_or(soon, |wake| wake.min(soon)));
                }
                Ok(Look::Now { model, ticket }) => {
                    asked.models.insert(model);
                    asked.tickets.push(ticket);
                    return true;
                }
                Ok(Look::Sources { sources, ticket }) => {
                    self.repository.set_sources(sources.clone());
                    *replaced = Some(sources);
                    asked.tickets.push(ticket);
                    return true;
                }
                Err(RecvTimeoutError::Timeout) => return true,
                Ok(Look::Stop) | Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Says what is new among the warnings; what lasts was said.
    fn warn(&self, round: &Round, said: &mut BTreeSet<String>) {
        let settings = round.models.iter().filter_map(|model| {
            let problem = model.settings.as_ref().err()?.clone();
            Some(Warning::from(problem.at(format!("model {:?}", model.name))))
        });
        let mut now = BTreeSet::new();
        for Warning { text, problem } in settings.chain(round.warnings.iter().cloned()) {
            if !said.contains(&text) && !now.contains(&text) {
                self.observer.event(&Event::Warning { text: &text, problem: problem.as_ref() });
            }
            now.insert(text);
        }
        *said = now;
    }
}
