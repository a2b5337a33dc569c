//! What is loaded, and in which state: read on every request, without a lock.

mod lifecycle;
mod model_state;

use crate::{Lease, VersionPolicy};
use arc_swap::ArcSwap;
use landfall_model::{
    Problem, Reason, Version, VersionChoice, VersionState, VersionStatistics, VersionStatus,
};
pub(crate) use lifecycle::Action;
pub(crate) use model_state::{Life, ModelState};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

/// What is loaded, and in which state. A lookup reads one atomically swapped pointer; it never waits.
pub struct Catalog {
    snapshot: ArcSwap<Snapshot>,
}

/// Everything at one moment.
#[derive(Clone, Default)]
pub(crate) struct Snapshot {
    /// Callers look up, and only those who run the server put in: no caller can choose what collides.
    pub(crate) models: FxHashMap<Arc<str>, Arc<Listed>>,
    pub(crate) ready: bool,
    /// Nothing is found any more: the server is shutting down.
    pub(crate) closed: bool,
}

/// One model at one moment.
#[derive(Default)]
pub(crate) struct Listed {
    pub(crate) info: ModelInfo,
    /// What a call without a version gets.
    pub(crate) default: Option<Lease>,
    /// Newest first.
    pub(crate) available: Vec<Lease>,
    /// Labels whose versions are available.
    pub(crate) bound: HashMap<String, Lease>,
}

/// A model, for people and programs that manage it.
#[derive(Clone, Debug, Default)]
pub struct ModelInfo {
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Its versions that were ever to be loaded, newest first.
    pub versions: Vec<VersionStatus>,
    /// What a call without a version gets.
    pub default: Option<Version>,
    /// The version that was promoted (or rolled back to) to be that, if one was.
    pub pinned: Option<Version>,
    /// Which versions are kept loaded.
    pub policy: VersionPolicy,
    /// Labels, and the versions that they are meant to point at.
    pub labels: BTreeMap<String, Version>,
    /// Whether it was unloaded by a call.
    pub unloaded: bool,
    /// Whether its files still lie in the repository.
    pub present: bool,
}

impl Catalog {
    pub(crate) fn new() -> Self {
        Catalog { snapshot: ArcSwap::from_pointee(Snapshot::default()) }
    }

    /// Puts another state of the world in place, and gives the one before.
    pub(crate) fn swap(&self, snapshot: Snapshot) -> Arc<Snapshot> {
        self.snapshot.swap(Arc::new(snapshot))
    }

    /// A hold on the version that a caller asks for.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`], [`Reason::NoVersionAvailable`], [`Reason::VersionNotFound`],
    /// [`Reason::VersionNotReady`], [`Reason::LabelNotFound`] or [`Reason::ShuttingDown`].
    #[inline]
    pub fn find(&self, model: &str, choice: &VersionChoice) -> Result<Lease, Problem> {
        let snapshot = self.snapshot.load();
        let Some(listed) = snapshot.models.get(model).filter(|_| !snapshot.closed) else {
            return Err(unknown(&snapshot, model));
        };
        let lease = match choice {
            VersionChoice::Default => listed.default.as_ref(),
            VersionChoice::Exact(version) => listed.exact(version),
            VersionChoice::Label(label) => {
                let free_form =
                    || listed.exact(&Version::named(label)).filter(|l| l.version().number().is_none());
                listed.bound.get(label).or_else(free_form)
            }
        };
        lease.cloned().ok_or_else(|| listed.missing(model, choice))
    }

    /// All models, by name.
    pub fn models(&self) -> Vec<ModelInfo> {
        let snapshot = self.snapshot.load();
        let mut models: Vec<ModelInfo> = snapshot.models.values().map(|listed| listed.info.clone()).collect();
        models.sort_by(|a, b| a.name.cmp(&b.name));
        models
    }

    /// One model.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`].
    pub fn model(&self, model: &str) -> Result<ModelInfo, Problem> {
        let snapshot = self.snapshot.load();
        let listed = snapshot.models.get(model);
        listed.map(|listed| listed.info.clone()).ok_or_else(|| unknown(&snapshot, model))
    }

    /// The states of a model's versions, newest first; those that ended stay listed for a while.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`].
    pub fn statuses(&self, model: &str) -> Result<Vec<VersionStatus>, Problem> {
        self.model(model).map(|info| info.versions)
    }

    /// The version that a label points at, whether or not it answers yet.
    pub fn labelled(&self, model: &str, label: &str) -> Option<Version> {
        self.snapshot.load().models.get(model)?.info.labels.get(label).cloned()
    }

    /// What the versions that answer have done, by model and newest first: of one model, or of all.
    pub fn statistics(&self, model: Option<&str>) -> Vec<VersionStatistics> {
        self.available(model).iter().map(|lease| lease.statistics()).collect()
    }

    /// The versions that answer, by model and newest first: of one model, or of all.
    pub fn available(&self, model: Option<&str>) -> Vec<Lease> {
        let snapshot = self.snapshot.load();
        let mut models: Vec<&Arc<Listed>> = snapshot.models.values().collect();
        models.retain(|listed| model.is_none_or(|model| model == listed.info.name));
        models.sort_by(|a, b| a.info.name.cmp(&b.info.name));
        models.iter().flat_map(|listed| listed.available.iter().cloned()).collect()
    }

    /// Whether everything that was asked for answers: the first look at all sources is done, every model that somebody
    /// asked for by name has a version that answers, and no shutdown has begun.
    pub fn is_ready(&self) -> bool {
        self.snapshot.load().ready
    }
}

impl Listed {
    fn exact(&self, version: &Version) -> Option<&Lease> {
        self.available.iter().find(|lease| lease.version() == version)
    }

    #[cold]
    fn missing(&self, model: &str, choice: &VersionChoice) -> Problem {
        let model = model.to_owned();
        let coming = |version: &Version| {
            let is = |status: &&VersionStatus| status.version == *version;
            let state = self.info.versions.iter().find(is).map(|status| status.state);
            matches!(state, Some(VersionState::Start | VersionState::Loading))
        };
        let not_ready = |version: &Version| Reason::VersionNotReady {
            model: model.clone(),
            version: version.to_string(),
        };
        Problem::new(match choice {
            VersionChoice::Default => match &self.info.pinned {
                Some(pinned) if coming(pinned) => not_ready(pinned),
                _ => Reason::NoVersionAvailable { model },
            },
            VersionChoice::Exact(version) if coming(version) => not_ready(version),
            VersionChoice::Exact(version) => Reason::VersionNotFound { model, version: version.to_string() },
            VersionChoice::Label(label) => match self.info.labels.get(label) {
                Some(version) if coming(version) => not_ready(version),
                Some(version) => Reason::VersionNotFound { model, version: version.to_string() },
                None => Reason::LabelNotFound { model, label: label.clone() },
            },
        })
    }
}

#[cold]
fn unknown(snapshot: &Snapshot, model: &str) -> Problem {
    Problem::new(match snapshot.closed {
        true => Reason::ShuttingDown,
        false => Reason::ModelNotFound { model: model.to_owned() },
    })
}
