//! When to look at the sources again, and which versions lie still: native events where the file system gives them, and
//! a full look every so often, so that a lost event heals itself.

use crate::keeper::Message;
use crate::observer::{Event, Observer};
use crate::print::Print;
use crate::repository::{Repository, Round, Seen};
use crate::{Clock, Source};
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeSet, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime};

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
    /// Somebody asks for a look now, and says that this model's files are whole. The round carries the ticket.
    Now { model: String, ticket: u64 },
    /// There are other sources from now on. The round carries the ticket.
    Sources { sources: Vec<Source>, ticket: u64 },
    /// The end.
    Stop,
}

/// Since when each version's files have lain still.
pub(crate) struct Settling {
    settle: Duration,
    since: HashMap<PathBuf, (Print, Instant)>,
}

impl Settling {
    pub(crate) fn new(settle: Duration) -> Self {
        Settling { settle, since: HashMap::new() }
    }

    /// Marks the versions whose files lie still: nothing was done to them for the settling time, by the file system's
    /// clock or by ours, or `whole` says so. Gives the time at which the next one will, if nothing changes.
    pub(crate) fn mark(
        &mut self,
        round: &mut Round,
        now: Instant,
        wall: SystemTime,
        whole: impl Fn(&Seen) -> bool,
    ) -> Option<Instant> {
        let mut since = HashMap::new();
        let mut next = None;
        for model in &mut round.models {
            let is_whole = whole(model);
            for version in &mut model.versions {
                let start = match self.since.get(&version.path) {
                    Some((print, start)) if *print == version.print => *start,
                    _ => now,
                };
                since.insert(version.path.clone(), (version.print, start));
                let still = start + self.settle;
                let old = wall.duration_since(version.print.touched).is_ok_and(|age| age >= self.settle);
                version.settled = is_whole || old || now >= still;
                if !version.settled {
                    next = Some(next.map_or(still, |next: Instant| next.min(still)));
                }
            }
        }
        self.since = since;
        next
    }
}

/// Who asked for the next look.
#[derive(Default)]
struct Asked {
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
    pub(crate) keeper: Sender<Message>,
}

impl Watch {
    /// Looks at the sources until told to stop. `events` is where native events are sent to.
    pub(crate) fn run(mut self, inbox: &Receiver<Look>, events: Sender<Look>) {
        let mut native = Native::new(&self.settings, events);
        let mut settling = Settling::new(self.settings.settle);
        let mut said = BTreeSet::new();
        let start = self.clock.now();
        let (mut asked, mut first, mut replaced) = (Asked::default(), true, None);
        if self.settings.rounds == Rounds::Never && !self.wait(inbox, None, &mut asked, &mut replaced) {
            return;
        }
        loop {
            // Watch first, then look: what changes in between makes an event.
            native.refresh(&self.repository);
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
                let Asked { tickets, .. } = std::mem::take(&mut asked);
                if self.keeper.send(Message::Round(round, tickets)).is_err() {
                    return;
                }
            }
            let pace = if native.works() { self.settings.rescan } else { self.settings.poll };
            let again = now + pace;
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
        asked: &mut Asked,
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
        let sources = self.repository.sources();
        let dropped = round.dropped.iter().map(|(source, problem)| {
            format!(
                "cannot look at {}, what was loaded from it stays: {problem}",
                sources[*source].path.display()
            )
        });
        let settings = round.models.iter().filter_map(|model| {
            let problem = model.settings.as_ref().err()?;
            Some(format!("model {:?}: {problem}", model.name))
        });
        let now: BTreeSet<String> = dropped.chain(settings).chain(round.warnings.iter().cloned()).collect();
        for text in now.difference(said) {
            self.observer.event(&Event::Warning { text });
        }
        *said = now;
    }
}

/// The operating system's events.
struct Native {
    watcher: Option<RecommendedWatcher>,
    /// What is watched, by the inode that the path led to: a folder that was replaced is another one.
    watched: HashMap<PathBuf, u64>,
    all: bool,
}

impl Native {
    fn new(settings: &WatchSettings, events: Sender<Look>) -> Self {
        let handler = move |event: notify::Result<notify::Event>| {
            // Reading is no change; our own reading least of all.
            let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
            let quiet = |kind: EventKind| matches!(kind, EventKind::Access(_)) && kind != written;
            if !event.is_ok_and(|event| quiet(event.kind)) {
                // The watcher has gone: nobody wants to know.
                let _ = events.send(Look::Event);
            }
        };
        let watcher = settings.native.then(|| notify::recommended_watcher(handler).ok()).flatten();
        Native { watcher, watched: HashMap::new(), all: false }
    }

    /// Watches what is not watched yet: a folder may have come, or come back.
    fn refresh(&mut self, repository: &Repository) {
        let Some(watcher) = &mut self.watcher else { return };
        self.all = true;
        for source in repository.sources() {
            let is_folder = source.path.is_dir();
            let path = if is_folder { source.path.as_path() } else { crate::files::parent(&source.path) };
            let mode = if is_folder { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
            self.all &= watch(watcher, &mut self.watched, path, mode);
        }
    }

    /// Whether changes in all sources make events.
    fn works(&self) -> bool {
        self.watcher.is_some() && self.all
    }
}

fn watch(
    watcher: &mut RecommendedWatcher,
    watched: &mut HashMap<PathBuf, u64>,
    path: &Path,
    mode: RecursiveMode,
) -> bool {
    let Ok(inode) = std::fs::metadata(path).map(|metadata| metadata.ino()) else {
        watched.remove(path);
        return false;
    };
    match watched.get(path) {
        Some(known) if *known == inode => return true,
        Some(_) => {
            let _ = watcher.unwatch(path);
        }
        None => {}
    }
    let works = watcher.watch(path, mode).is_ok();
    if works {
        watched.insert(path.to_owned(), inode);
    }
    works
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ModelSettings;
    use crate::repository::SeenVersion;
    use landfall_model::Version;

    const SECOND: Duration = Duration::from_secs(1);

    fn round(path: &Path) -> Round {
        let print = Print::of(path).unwrap();
        let version = SeenVersion {
            version: Version::numbered(1),
            path: path.into(),
            print,
            settled: false,
            own: None,
        };
        let model = Seen {
            name: "m".into(),
            source: 0,
            path: path.into(),
            settings: Ok(Arc::new(ModelSettings::default())),
            versions: vec![version],
        };
        Round { models: vec![model], ..Round::default() }
    }

    struct Case {
        folder: tempfile::TempDir,
        settling: Settling,
        start: Instant,
        wall: SystemTime,
    }

    impl Case {
        #[expect(clippy::disallowed_methods, reason = "a start to count from; nothing waits")]
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a"), "half").unwrap();
            let wall = Print::of(folder.path()).unwrap().touched;
            Case { folder, settling: Settling::new(SECOND), start: Instant::now(), wall }
        }

        /// Whether the version lies still after `ms`, by a file system whose clock stands.
        fn settled(&mut self, ms: u64, wall_ms: u64, whole: bool) -> (bool, Option<Duration>) {
            let mut round = round(self.folder.path());
            let now = self.start + Duration::from_millis(ms);
            let wall = self.wall + Duration::from_millis(wall_ms);
            let next = self.settling.mark(&mut round, now, wall, |_| whole);
            (round.models[0].versions[0].settled, next.map(|next| next - self.start))
        }
    }

    #[test]
    fn a_version_lies_still_when_nothing_changed_for_the_settling_time() {
        let mut case = Case::new();
        assert_eq!(case.settled(0, 0, false), (false, Some(SECOND)));
        assert_eq!(case.settled(999, 0, false), (false, Some(SECOND)));
        assert_eq!(case.settled(1000, 0, false), (true, None));
    }

    #[test]
    fn a_change_starts_the_wait_again() {
        let mut case = Case::new();
        case.settled(0, 0, false);
        std::fs::write(case.folder.path().join("a"), "half and more").unwrap();
        assert_eq!(case.settled(900, 0, false), (false, Some(Duration::from_millis(1900))));
        assert_eq!(case.settled(1500, 0, false), (false, Some(Duration::from_millis(1900))));
        std::fs::write(case.folder.path().join("b"), "").unwrap();
        assert_eq!(case.settled(1899, 0, false), (false, Some(Duration::from_millis(2899))));
        assert_eq!(case.settled(2899, 0, false), (true, None));
    }

    #[test]
    fn files_that_were_last_touched_long_ago_need_no_wait() {
        assert_eq!(Case::new().settled(0, 1000, false), (true, None));
    }

    #[test]
    fn whoever_says_that_the_files_are_whole_need_not_wait() {
        assert_eq!(Case::new().settled(0, 0, true), (true, None));
    }
}
