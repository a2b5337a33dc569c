//! Everything together, over real folders and threads, with an engine of a few lines.

mod broken;
mod control;
mod replaced;
mod swaps;

use super::*;
use crate::fake::{FakeEngine, LONG, Story, answer, kit, put, scale, setup};
use crate::{Lease, Retries, SystemClock, WatchSettings};
use landfall_model::{Version, VersionChoice, VersionState};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A repository on disk and what serves it.
struct Case {
    folder: tempfile::TempDir,
    engine: Arc<FakeEngine>,
    story: Arc<Story>,
    serving: Option<Serving>,
    settle: Duration,
    rounds: crate::Rounds,
    retries: Retries,
}

impl Case {
    /// A folder of models with these files. Nothing is served yet.
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        put(&folder.path().join("models"), files);
        Case {
            folder,
            engine: Arc::default(),
            story: Arc::default(),
            serving: None,
            settle: Duration::from_millis(60),
            rounds: crate::Rounds::Always,
            retries: Retries::default(),
        }
    }

    /// The same, served from the folder of models.
    fn served(files: &[(&str, &str)]) -> Self {
        let mut case = Case::with(files);
        case.serve(vec![Source { asked_for: true, ..Source::path(case.models()) }]);
        case
    }

    fn models(&self) -> PathBuf {
        self.folder.path().join("models")
    }

    fn put(&self, files: &[(&str, &str)]) {
        put(&self.models(), files);
    }

    /// Starts to serve, and waits until all that is there is loaded.
    fn serve(&mut self, sources: Vec<Source>) -> Vec<Started> {
        self.serve_without_waiting(sources);
        self.serving().wait_until_settled(LONG).expect("the start is over")
    }

    fn serve_without_waiting(&mut self, sources: Vec<Source>) {
        self.serving = None;
        let watch = WatchSettings {
            settle: self.settle,
            debounce: Duration::from_millis(5),
            rescan: Duration::from_millis(200),
            poll: Duration::from_millis(50),
            native: true,
            rounds: self.rounds,
        };
        let setup = Setup {
            sources,
            kit: kit(self.engine.clone()),
            state: Some(self.folder.path().join("state")),
            watch,
            load_threads: 2,
            retries: self.retries,
            clock: Arc::new(SystemClock),
            observer: self.story.clone(),
        };
        self.serving = Some(Serving::start(setup).unwrap());
    }

    fn serving(&self) -> &Serving {
        self.serving.as_ref().unwrap()
    }

    fn find(&self, choice: &VersionChoice) -> Result<Lease, Problem> {
        self.serving().catalog().find("m", choice)
    }

    fn default(&self) -> String {
        self.find(&VersionChoice::Default)
            .map_or_else(|problem| problem.to_string(), |l| l.version().to_string())
    }

    fn label(&self, label: &str) -> String {
        let lease = self.find(&VersionChoice::Label(label.to_owned()));
        lease.map_or_else(|problem| problem.to_string(), |lease| lease.version().to_string())
    }

    /// `"3 AVAILABLE, 2 END"`.
    fn states(&self) -> String {
        let Ok(statuses) = self.serving().catalog().statuses("m") else { return String::new() };
        let state = |state: VersionState| format!("{state:?}").to_uppercase();
        let all: Vec<String> = statuses.iter().map(|s| format!("{} {}", s.version, state(s.state))).collect();
        all.join(", ")
    }

    fn wait(&self, what: &str, holds: impl FnMut() -> bool) {
        self.story.wait_until(what, holds);
    }

    fn wait_states(&self, states: &str) {
        self.wait(&format!("states are {states}, not {}", self.states()), || self.states() == states);
    }

    fn happened(&self, line: &str) -> bool {
        self.story.lines().iter().any(|other| other == line)
    }

    fn control(&self) -> &crate::Control {
        self.serving().control()
    }

    fn promote(&self, version: &str, label: Option<&str>) -> Result<(), Problem> {
        self.control().promote("m", &Version::named(version), label, "ann", LONG)
    }

    /// What was rolled back, as the log and the listing say it.
    fn rollback(&self) -> Result<String, Problem> {
        self.control().rollback("m", "ann", LONG).map(|what| what.to_string())
    }
}

#[test]
fn a_file_is_served_and_served_anew_when_it_changes() {
    let mut case = Case::with(&[("m.fake", "fake\nscale 1\nend\n")]);
    let started = case.serve(vec![Source::path(case.models().join("m.fake"))]);
    assert_eq!(started[0].outcome.as_ref().unwrap(), &Version::numbered(1));
    assert!(case.serving().catalog().is_ready());
    assert_eq!(answer(&case.find(&VersionChoice::Default).unwrap()), 1.0);
    case.put(&[("m.fake", "fake\nscale 2\nend\n")]);
    let scale = || case.find(&VersionChoice::Default).map(|lease| answer(&lease)).unwrap();
    case.wait("the new file is served", || scale() == 2.0);
    assert_eq!(case.states(), "1 AVAILABLE");
}

#[test]
fn the_start_says_how_it_went_by_model() {
    let mut case = Case::with(&[("a/1/m.fake", "fake\nend\n"), ("b/1/m.fake", "fake\nfail broken\nend\n")]);
    let there = Source::path(case.models());
    let missing = Source::path(case.folder.path().join("nothing"));
    let started = case.serve(vec![there, missing]);
    let told: Vec<(&str, bool)> = started.iter().map(|s| (s.model.as_str(), s.outcome.is_ok())).collect();
    assert_eq!(told, [("a", true), ("b", false), ("", false)]);
    let problem = started[1].outcome.as_ref().unwrap_err().to_string();
    assert!(problem.starts_with(r#"model "b" version 1: "#) && problem.ends_with("broken"), "{problem}");
    assert!(!case.serving().catalog().is_ready(), "a source that was asked for is missing");
}

#[test]
fn a_shutdown_frees_all_versions_and_refuses_by_name() {
    let mut case = Case::served(&[("m/1/a.fake", "fake\nend\n"), ("m/model.toml", "all")]);
    let lease = case.find(&VersionChoice::Default).unwrap();
    case.serving().drain();
    case.wait("it is no longer ready", || !case.serving().catalog().is_ready());
    assert_eq!(case.default(), "1", "draining goes on answering");
    let (catalog, control) = (case.serving().catalog().clone(), case.control().clone());
    assert!(!case.serving.take().unwrap().shutdown(Duration::from_millis(20)), "a lease is still held");
    let problem = catalog.find("m", &VersionChoice::Default).unwrap_err();
    assert_eq!(*problem.reason(), landfall_model::Reason::ShuttingDown);
    assert_eq!(*control.unload("m", "ann", LONG).unwrap_err().reason(), landfall_model::Reason::ShuttingDown);
    drop(lease);
    let mut again = Case::served(&[("m/1/a.fake", "fake\nend\n")]);
    assert!(again.serving.take().unwrap().shutdown(LONG));
}

#[test]
fn a_folder_for_state_is_readable_and_different_for_each_path() {
    let (a, b) = (folder_of(Path::new("/models/ctr")), folder_of(Path::new("/other/ctr")));
    assert!(a.starts_with("ctr-") && a != b);
    assert!(folder_of(Path::new("/a/..b c/é")).starts_with("_-"));
}

#[test]
fn memory_is_given_back_after_each_load_on_the_thread_that_loaded() {
    static GIVEN: AtomicUsize = AtomicUsize::new(0);
    let folder = tempfile::tempdir().unwrap();
    put(
        folder.path(),
        &[("a/1/m.fake", &scale(1)), ("b/1/m.fake", "fake\nfail broken\nend\n"), ("c/1/m.fake", &scale(3))],
    );
    let mut setup = setup(folder.path());
    let kit = Arc::get_mut(&mut setup.kit).unwrap();
    kit.give_back = || {
        if std::thread::current().name() == Some("loader") {
            GIVEN.fetch_add(1, Ordering::SeqCst);
        }
    };
    let serving = Serving::start(setup).unwrap();
    let started = serving.wait_until_settled(LONG).unwrap();
    let failed = started.iter().filter(|start| start.outcome.is_err()).count();
    assert_eq!((started.len(), failed, GIVEN.load(Ordering::SeqCst)), (3, 1, 3), "a load that failed, too");
}
