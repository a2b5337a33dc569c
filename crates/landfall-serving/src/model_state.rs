//! One model as the keeper knows it: what lies there, what stands where, what was asked for.

use crate::catalog::{Listed, ModelInfo};
use crate::lifecycle::{Action, Standing, Wish, next, wanted};
use crate::not_there::none_available;
use crate::orders::ModelOrders;
use crate::print::Print;
use crate::repository::{SeenVersion, newness};
use crate::{Lease, Loaded, ModelSettings, VersionPolicy};
use landfall_model::{Problem, Version, VersionState, VersionStatus};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// How many ended versions of a model stay listed.
const MOST_ENDED: usize = 16;

/// One model.
pub(crate) struct ModelState {
    pub(crate) name: Arc<str>,
    pub(crate) source: usize,
    pub(crate) path: PathBuf,
    /// Whether its files lie in the repository.
    pub(crate) present: bool,
    /// Whether somebody asked for exactly this model.
    pub(crate) asked_for: bool,
    /// The last ones that could be read.
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
    /// What lies there, newest first.
    pub(crate) seen: Vec<SeenVersion>,
    pub(crate) orders: ModelOrders,
    /// Versions that waiting calls need.
    pub(crate) awaited: Vec<Version>,
    pub(crate) slots: Vec<Slot>,
    /// Versions out of service whose leases have not ended: by a number of each.
    pub(crate) draining: Vec<(u64, Version, Newness)>,
    ended: VecDeque<(VersionStatus, Newness)>,
    /// Labels, and the versions that they point at by now.
    bound: BTreeMap<String, Version>,
    /// What a call without a version got last.
    pub(crate) default: Option<Version>,
}

type Newness = (bool, i64, SystemTime);

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
    pub(crate) print: Print,
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
}

impl Basis {
    fn is_like(&self, other: &Basis) -> bool {
        let same_settings = match (&self.settings, &other.settings) {
            (Ok(a), Ok(b)) => Arc::ptr_eq(a, b) || a.loads_like(b),
            (Err(a), Err(b)) => a == b,
            _ => false,
        };
        self.path == other.path && self.print == other.print && same_settings
    }
}

impl ModelState {
    pub(crate) fn new(name: &str, source: usize, asked_for: bool, orders: ModelOrders) -> Self {
        ModelState {
            name: name.into(),
            source,
            path: PathBuf::new(),
            present: false,
            asked_for,
            settings: Ok(Arc::default()),
            seen: Vec::new(),
            orders,
            awaited: Vec::new(),
            slots: Vec::new(),
            draining: Vec::new(),
            ended: VecDeque::new(),
            bound: BTreeMap::new(),
            default: None,
        }
    }

    pub(crate) fn slot(&self, version: &Version) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.version == *version)
    }

    pub(crate) fn slot_mut(&mut self, version: &Version) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.version == *version)
    }

    pub(crate) fn available(&self, version: &Version) -> Option<&Arc<Loaded>> {
        self.slot(version).and_then(Slot::loaded)
    }

    pub(crate) fn seen(&self, version: &Version) -> Option<&SeenVersion> {
        self.seen.iter().find(|seen| seen.version == *version)
    }

    /// Whether any version is being loaded.
    pub(crate) fn is_loading(&self) -> bool {
        self.oldest_job().is_some()
    }

    /// The number of the first of the loads under way.
    pub(crate) fn oldest_job(&self) -> Option<u64> {
        self.slots.iter().filter_map(Slot::job).min()
    }

    /// What the next load of a version would start from.
    pub(crate) fn basis(&self, seen: &SeenVersion) -> Basis {
        let settings = seen.own.clone().unwrap_or_else(|| self.settings.clone());
        Basis { path: seen.path.clone(), print: seen.print, settings }
    }

    /// Labels and where they are meant to point: those that were moved outrank the configured ones.
    pub(crate) fn labels(&self) -> BTreeMap<String, Version> {
        let configured = self.settings.as_ref().map(|settings| settings.labels.clone()).unwrap_or_default();
        let mut labels: BTreeMap<String, Version> =
            configured.iter().map(|(label, version)| (label.clone(), Version::named(version))).collect();
        labels.extend(self.orders.labels.clone());
        labels
    }

    /// What to do next, after failures of what is no longer there or has changed are forgotten.
    pub(crate) fn steps(&mut self) -> Vec<Action> {
        self.forget_changed();
        self.with_wish(next)
    }

    /// Whether a version is wanted.
    pub(crate) fn wants(&self, version: &Version) -> bool {
        self.with_wish(wanted).contains(version)
    }

    fn with_wish<T>(&self, ask: impl FnOnce(&Wish<'_>, &[(Version, Standing)]) -> T) -> T {
        let known: Vec<(Version, Standing)> =
            self.slots.iter().map(|slot| (slot.version.clone(), self.standing(slot))).collect();
        let live = |version: &Version| self.slot(version).is_some_and(|slot| !slot.is_failed());
        let there = self.seen.iter().filter(|seen| seen.settled || live(&seen.version));
        let on_disk: Vec<Version> = there.map(|seen| seen.version.clone()).collect();
        let unloaded = self.orders.unloaded;
        let mut named = self.awaited.clone();
        if !unloaded {
            let only_point = self.settings.as_ref().is_ok_and(|settings| settings.labels_only_point);
            named.extend(self.labels().into_values().filter(|_| !only_point));
            named.extend(self.orders.pinned.clone());
        }
        let policy = self.settings.as_ref().map_or_else(|_| VersionPolicy::default(), |s| s.policy());
        ask(&Wish { on_disk: &on_disk, policy: &policy, named: &named, unloaded }, &known)
    }

    fn standing(&self, slot: &Slot) -> Standing {
        match &slot.life {
            Life::Loading(_) => Standing::Loading,
            Life::Failed { .. } => Standing::Failed,
            Life::Available { basis, reload, .. } => {
                let Some(seen) = self.seen(&slot.version).filter(|seen| seen.settled) else {
                    return Standing::Available;
                };
                let now = self.basis(seen);
                match reload {
                    _ if basis.is_like(&now) => Standing::Available,
                    Some(Reload::Running(_)) => Standing::Available,
                    Some(Reload::Failed { basis, .. }) if basis.is_like(&now) => Standing::Available,
                    _ => Standing::Stale,
                }
            }
        }
    }

    /// A failure counts as long as the files that it was seen with lie there unchanged.
    fn forget_changed(&mut self) {
        let mut slots = std::mem::take(&mut self.slots);
        slots.retain(|slot| {
            let Life::Failed { basis, problem, .. } = &slot.life else { return true };
            match self.seen(&slot.version) {
                Some(seen) => !seen.settled || self.basis(seen).is_like(basis),
                None => {
                    self.end(slot.version.clone(), slot.newness, Some(problem.clone()));
                    false
                }
            }
        });
        self.slots = slots;
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

    /// Puts a load under way on record.
    pub(crate) fn begin(&mut self, seen: &SeenVersion, number: u64) {
        let job = Job { number, basis: self.basis(seen), began: false };
        let newness = newness(&seen.version, &seen.print);
        self.ended.retain(|(status, _)| status.version != seen.version);
        match self.slot_mut(&seen.version) {
            Some(Slot { life: Life::Available { reload, .. }, .. }) => *reload = Some(Reload::Running(job)),
            Some(slot) => slot.life = Life::Loading(job),
            None => {
                self.slots.push(Slot { version: seen.version.clone(), newness, life: Life::Loading(job) });
                self.slots.sort_by_key(|slot| std::cmp::Reverse(slot.newness));
            }
        }
    }

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

    /// Lists a version as ended.
    pub(crate) fn end(&mut self, version: Version, newness: Newness, problem: Option<Problem>) {
        self.ended.retain(|(status, _)| status.version != version);
        self.ended.push_back((VersionStatus { version, state: VersionState::End, problem }, newness));
        if self.ended.len() > MOST_ENDED {
            self.ended.pop_front();
        }
    }

    /// Why nothing is available, where nothing failed.
    pub(crate) fn none_available(&self) -> Problem {
        let policy = self.settings.as_ref().map(|settings| settings.policy()).unwrap_or_default();
        none_available(&self.name, &policy, &self.seen)
    }

    /// The failure of the newest version that was tried in a load of this number or a later one.
    pub(crate) fn failure_since(&self, number: u64) -> Option<(&Version, &Problem)> {
        self.slots.iter().find_map(|slot| match &slot.life {
            Life::Failed { problem, job, .. }
            | Life::Available { reload: Some(Reload::Failed { problem, job, .. }), .. }
                if *job >= number =>
            {
                Some((&slot.version, problem))
            }
            _ => None,
        })
    }

    /// What a call without a version gets. A promoted version that is still on its way at start is waited for; when
    /// something answered before, that goes on answering.
    fn choose_default(&self) -> Option<Version> {
        let newest = self.slots.iter().find(|slot| slot.loaded().is_some()).map(|slot| slot.version.clone());
        let Some(pinned) = &self.orders.pinned else { return newest };
        if self.available(pinned).is_some() {
            return Some(pinned.clone());
        }
        let coming = self.slot(pinned).is_some_and(|slot| !slot.is_failed());
        match &self.default {
            Some(before) if self.available(before).is_some() => Some(before.clone()),
            None if coming => None,
            _ => newest,
        }
    }

    /// The version before the one that calls without a version get.
    pub(crate) fn before_default(&self) -> Option<Version> {
        let default = self.default.as_ref()?;
        let mut older = self.seen.iter().skip_while(|seen| seen.version != *default).skip(1);
        let good = |seen: &&SeenVersion| !self.slot(&seen.version).is_some_and(Slot::is_failed);
        older.find(good).map(|seen| seen.version.clone())
    }

    /// Binds labels whose versions are ready, and gives what the catalog shows.
    pub(crate) fn listed(&mut self) -> Listed {
        let labels = self.labels();
        let mut bound = std::mem::take(&mut self.bound);
        bound.retain(|label, version| labels.contains_key(label) && self.available(version).is_some());
        for (label, version) in &labels {
            if self.available(version).is_some() {
                bound.insert(label.clone(), version.clone());
            }
        }
        self.bound = bound;
        self.default = self.choose_default();
        let lease = |version: &Version| self.available(version).cloned().map(Lease::new);
        Listed {
            info: ModelInfo {
                name: self.name.to_string(),
                path: self.path.clone(),
                versions: self.statuses(),
                default: self.default.clone(),
                pinned: self.orders.pinned.clone(),
                labels,
                unloaded: self.orders.unloaded,
                present: self.present,
            },
            default: self.default.as_ref().and_then(lease),
            available: self.slots.iter().filter_map(|slot| lease(&slot.version)).collect(),
            bound: self
                .bound
                .iter()
                .filter_map(|(label, version)| Some((label.clone(), lease(version)?)))
                .collect(),
        }
    }

    fn statuses(&self) -> Vec<VersionStatus> {
        let mut all: Vec<(VersionStatus, Newness)> =
            self.slots.iter().map(|slot| (slot.status(), slot.newness)).collect();
        let absent = |all: &[(VersionStatus, Newness)], version: &Version| {
            all.iter().all(|(status, _)| status.version != *version)
        };
        for (_, version, newness) in &self.draining {
            if absent(&all, version) {
                let state = VersionState::Unloading;
                all.push((VersionStatus { version: version.clone(), state, problem: None }, *newness));
            }
        }
        for (status, newness) in &self.ended {
            if absent(&all, &status.version) {
                all.push((status.clone(), *newness));
            }
        }
        all.sort_by_key(|(_, newness)| std::cmp::Reverse(*newness));
        all.into_iter().map(|(status, _)| status).collect()
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

    fn job(&self) -> Option<u64> {
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

    fn status(&self) -> VersionStatus {
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
