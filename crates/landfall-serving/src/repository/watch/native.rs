//! The operating system's events: that something has changed in a source.

use super::{Look, WatchSettings};
use crate::Source;
use crate::repository::files::parent;
use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::Sender;

/// The operating system's events.
pub(super) struct Native {
    watcher: Option<RecommendedWatcher>,
    watched: HashMap<PathBuf, Watched>,
    all: bool,
}

/// What is watched under a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Watched {
    /// To which the path led: a folder that was replaced is another one.
    inode: u64,
    /// With all folders in it.
    deep: bool,
}

impl Native {
    pub(super) fn new(settings: &WatchSettings, events: Sender<Look>) -> Self {
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

    /// Watches what is not watched yet: a folder may have come, or come back. Says whether there was such a one.
    pub(super) fn refresh(&mut self, sources: &[&Source]) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        // A folder may hold a file that is a source, and be one itself.
        let mut wanted: BTreeMap<&Path, bool> = BTreeMap::new();
        for source in sources {
            let is_folder = source.path.is_dir();
            let path = if is_folder { source.path.as_path() } else { parent(&source.path) };
            *wanted.entry(path).or_default() |= is_folder;
        }
        self.watched.retain(|path, watched| {
            let stays = wanted.get(path.as_path()) == Some(&watched.deep);
            if !stays {
                // It may have gone, and its watch with it.
                let _ = watcher.unwatch(path);
            }
            stays
        });
        let before = self.watched.clone();
        self.all = true;
        for (path, deep) in wanted {
            self.all &= watch(watcher, &mut self.watched, path, deep);
        }
        self.watched.iter().any(|(path, watched)| before.get(path) != Some(watched))
    }

    /// Whether changes in all sources make events.
    pub(super) fn works(&self) -> bool {
        self.watcher.is_some() && self.all
    }
}

/// Watches a folder, unless it is watched already; says whether it is.
fn watch(
    watcher: &mut RecommendedWatcher,
    watched: &mut HashMap<PathBuf, Watched>,
    path: &Path,
    deep: bool,
) -> bool {
    let Ok(inode) = std::fs::metadata(path).map(|metadata| metadata.ino()) else {
        watched.remove(path);
        return false;
    };
    let wanted = Watched { inode, deep };
    match watched.get(path) {
        Some(known) if *known == wanted => return true,
        Some(_) => {
            let _ = watcher.unwatch(path);
        }
        None => {}
    }
    let mode = if deep { RecursiveMode::Recursive } else { RecursiveMode::NonRecursive };
    let works = watcher.watch(path, mode).is_ok();
    if works {
        watched.insert(path.to_owned(), wanted);
    }
    works
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_watched_as_deep_as_their_sources_need_and_no_longer_than_those_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let models = folder.path().join("models");
        std::fs::create_dir(&models).unwrap();
        std::fs::write(models.join("a.fake"), "").unwrap();
        let (events, _looks) = std::sync::mpsc::channel();
        let mut native = Native::new(&WatchSettings::default(), events);
        let (file, all) = (Source::path(models.join("a.fake")), Source::path(&models));
        let mut deep = |sources: &[Source]| {
            let sources: Vec<&Source> = sources.iter().collect();
            assert!(native.refresh(&sources) && !native.refresh(&sources));
            assert!(native.works());
            native.watched.get(&models).map(|watched| watched.deep)
        };
        assert_eq!(deep(std::slice::from_ref(&file)), Some(false));
        assert_eq!(deep(&[file.clone(), all]), Some(true));
        assert_eq!(deep(&[file]), Some(false));
        assert_eq!(deep(&[Source::path(folder.path())]), None);
    }
}
