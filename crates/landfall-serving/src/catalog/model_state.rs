//! One model as the keeper knows it: what lies there, what stands where, what was asked for.

mod listing;
mod slot;

use super::lifecycle::{Action, Standing, Wish, next, wanted};
use crate::journal::ModelOrders;
use crate::repository::none_available;
use crate::repository::{SeenVersion, newness};
use crate::{Loaded, ModelSettings, VersionPolicy};
use landfall_model::{Problem, Version, VersionState, VersionStatus};
pub(crate) use slot::{Basis, Job, Life, Newness, Reload, Slot};
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

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
        Basis { path: seen.path.clone(), fingerprint: seen.fingerprint, settings }
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
        let policy = self.policy();
        let meant = |version: &Version| match &policy {
            VersionPolicy::Only(list) => list.contains(version),
            VersionPolicy::Latest(_) | VersionPolicy::All => true,
        };
        let copied = |seen: &&SeenVersion| !on_disk.contains(&seen.version) && meant(&seen.version);
        let arriving = !unloaded && self.seen.iter().any(|seen| copied(&seen));
        ask(&Wish { on_disk: &on_disk, policy: &policy, named: &named, unloaded, arriving }, &known)
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
        for slot in &mut slots {
            // What could not be loaded beside the copy that answers was changed back to what that copy is.
            let now = self.seen(&slot.version).filter(|seen| seen.settled).map(|seen| self.basis(seen));
            if let Life::Available { basis, reload, .. } = &mut slot.life
                && matches!(reload, Some(Reload::Failed { .. }))
                && now.is_some_and(|now| basis.is_like(&now))
            {
                *reload = None;
            }
        }
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

    /// Puts a load under way on record.
    pub(crate) fn begin(&mut self, seen: &SeenVersion, number: u64) {
        let job = Job { number, basis: self.basis(seen), began: false };
        let newness = newness(&seen.version, &seen.fingerprint);
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

    /// Lists a version as ended.
    pub(crate) fn end(&mut self, version: Version, newness: Newness, problem: Option<Problem>) {
        self.ended.retain(|(status, _)| status.version != version);
        self.ended.push_back((VersionStatus { version, state: VersionState::End, problem }, newness));
        if self.ended.len() > MOST_ENDED {
            self.ended.pop_front();
        }
    }

    /// Which versions are kept loaded.
    fn policy(&self) -> VersionPolicy {
        self.settings.as_ref().map(|settings| settings.policy()).unwrap_or_default()
    }

    /// Why nothing is available, where nothing failed.
    pub(crate) fn none_available(&self) -> Problem {
        none_available(&self.name, &self.policy(), &self.seen)
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

    /// Where a label, or without one the default, points.
    pub(crate) fn points_at(&self, label: Option<&str>) -> Option<Version> {
        match label {
            Some(label) => self.labels().remove(label),
            None => self.default.clone(),
        }
    }

    /// The version before the one that calls without a version get.
    pub(crate) fn before_default(&self) -> Option<Version> {
        let default = self.default.as_ref()?;
        let mut older = self.seen.iter().skip_while(|seen| seen.version != *default).skip(1);
        let good = |seen: &&SeenVersion| !self.slot(&seen.version).is_some_and(Slot::is_failed);
        older.find(good).map(|seen| seen.version.clone())
    }
}
