//! One model as the catalog shows it: what answers, by which names, and what became of the rest.

use super::{ModelState, Newness};
use crate::Lease;
use crate::catalog::{Listed, ModelInfo};
use landfall_model::{Version, VersionState, VersionStatus};

impl ModelState {
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
                policy: self.policy(),
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
