//! Where one version stands: being loaded, answering, being loaded again beside the copy that answers, or broken.

use super::ModelState;
use crate::repository::Fingerprint;
use crate::{Loaded, ModelSettings};
use landfall_model::{Problem, Version, VersionState, VersionStatus};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// How new a version is; see [`crate::repository::newness`].
pub(crate) type Newness = (bool, i64, SystemTime);

/// A version that is or is to be loaded, or that failed.
pub(crate) struct Slot {
    pub(crate) version: Version,
    pub(crate) newness: Newness,
    pub(crate) life: Life,
}

/// Where a version stands.
pub(crate) enum Life {
    Loading(Job),
    Available { loaded: Arc<Loaded>, basis: Basis, reload: Option<Reload> },
    Failed { problem: Problem, basis: Basis, job: u64 },
}

/// A load under way.
pub(crate) struct Job {
    pub(crate) number: u64,
    pub(crate) basis: Basis,
    /// Whether a thread has taken it up.
    pub(crate) began: bool,
}

/// A load of a version beside the copy that answers.
pub(crate) enum Reload {
    Running(Job),
    Failed { problem: Problem, basis: Basis, job: u64 },
}

/// What a version is loaded from: when either changes, it is loaded again.
#[derive(Clone)]
pub(crate) struct Basis {
    pub(crate) path: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
}

impl Basis {
    pub(super) fn is_like(&self, other: &Basis) -> bool {
        let same_settings = match (&self.settings, &other.settings) {
            (Ok(a), Ok(b)) => Arc::ptr_eq(a, b) || a.loads_like(b),
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        self.path == other.path && self.fingerprint == other.fingerprint && same_settings
    }
}

impl Slot {
    pub(crate) fn loaded(&self) -> Option<&Arc<Loaded>> {
        match &self.life {
            Life::Available { loaded, .. } => Some(loaded),
            _ => None,
        }
    }

    /// Why it could not be loaded, where that is so.
    pub(crate) fn failure(&self) -> Option<&Problem> {
        match &self.life {
            Life::Failed { problem, .. } => Some(problem),
            _ => None,
        }
    }

    pub(super) fn job(&self) -> Option<u64> {
        match &self.life {
            Life::Loading(job) | Life::Available { reload: Some(Reload::Running(job)), .. } => {
                Some(job.number)
            }
            _ => None,
        }
    }

    pub(crate) fn is_failed(&self) -> bool {
        matches!(self.life, Life::Failed { .. })
    }

    pub(super) fn status(&self) -> VersionStatus {
        let (state, problem) = match &self.life {
            Life::Loading(Job { began: false, .. }) => (VersionState::Start, None),
            Life::Loading(_) => (VersionState::Loading, None),
            Life::Available { reload: Some(Reload::Failed { problem, .. }), .. } => {
                (VersionState::Available, Some(problem.clone()))
            }
            Life::Available { .. } => (VersionState::Available, None),
            Life::Failed { problem, .. } => (VersionState::End, Some(problem.clone())),
        };
        VersionStatus { version: self.version.clone(), state, problem }
    }
}

impl ModelState {
    /// The load of this number, if it is still waited for.
    pub(crate) fn job_mut(&mut self, number: u64) -> Option<(&Version, &mut Job)> {
        self.slots.iter_mut().find_map(|slot| match &mut slot.life {
            Life::Loading(job) | Life::Available { reload: Some(Reload::Running(job)), .. }
                if job.number == number =>
            {
                Some((&slot.version, job))
            }
            _ => None,
        })
    }

    /// Forgets failures, so that what failed is tried again.
    pub(crate) fn forget_failures(&mut self, which: impl Fn(&Version) -> bool) {
        self.slots.retain(|slot| !(slot.is_failed() && which(&slot.version)));
        for slot in &mut self.slots {
            if let Life::Available { reload, .. } = &mut slot.life
                && matches!(reload, Some(Reload::Failed { .. }))
                && which(&slot.version)
            {
                *reload = None;
            }
        }
    }

    /// A load said nothing, since the files changed under it: it counts for nothing until they lie still.
    pub(crate) fn interrupted(&mut self, version: &Version) {
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
    pub(crate) fn put(
        &mut self,
        version: &Version,
        loaded: Arc<Loaded>,
        basis: Basis,
    ) -> Option<Arc<Loaded>> {
        let slot = self.slot_mut(version)?;
        let life = Life::Available { loaded, basis, reload: None };
        match std::mem::replace(&mut slot.life, life) {
            Life::Available { loaded, .. } => Some(loaded),
            _ => None,
        }
    }

    /// Puts on record that a load failed; a copy that answers goes on answering.
    pub(crate) fn fail(&mut self, version: &Version, problem: Problem, basis: Basis, job: u64) {
        let Some(slot) = self.slot_mut(version) else { return };
        match &mut slot.life {
            Life::Available { reload, .. } => *reload = Some(Reload::Failed { problem, basis, job }),
            life => *life = Life::Failed { problem, basis, job },
        }
    }
}
