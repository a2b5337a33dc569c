//! Versions that come and go: handed to the loaders, taken from them, handed to the reaper.

use super::Keeper;
use crate::Loaded;
use crate::catalog::Life;
use crate::control::deferred::Deferred;
use crate::control::message::{Finished, Message, Work};
use crate::control::reaper::Retired;
use crate::loader::{LoadReport, Order};
use crate::repository::Look;
use landfall_model::{Problem, Version};
use std::sync::Arc;

impl Keeper {
    pub(super) fn load(&mut self, name: &str, version: &Version) {
        let job = self.number();
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(seen) = model.seen(version).cloned() else { return };
        model.begin(&seen, job);
        let settings = model.basis(&seen).settings;
        let path = seen.path;
        let order = Order { model: model.name.clone(), version: seen.version, path, settings };
        // Loaders end after the keeper does.
        let _ = self.lines.loaders.send(Work { job, order, fingerprint: seen.fingerprint, tried: 0 });
    }

    pub(super) fn unload(&mut self, name: &str, version: &Version) {
        let serial = self.number();
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(at) = model.slots.iter().position(|slot| slot.version == *version) else { return };
        let slot = model.slots.remove(at);
        let Life::Available { loaded, .. } = slot.life else { return };
        model.draining.push((serial, slot.version.clone(), slot.newness));
        let model = model.name.clone();
        self.deferred.push(Deferred::Unloading { model: model.clone(), version: slot.version });
        let own = self.lines.own.clone();
        let tell = move || {
            let _ = own.send(Message::Gone { model, serial });
        };
        self.retired.push(Retired::Version(loaded, Box::new(tell)));
    }

    pub(super) fn began(&mut self, name: &str, job: u64) {
        let Some(model) = self.models.get_mut(name) else { return };
        let Some((version, job)) = model.job_mut(job) else { return };
        job.began = true;
        let version = version.clone();
        let path = model.seen(&version).map(|seen| seen.path.clone()).unwrap_or_default();
        self.deferred.push(Deferred::Loading { model: model.name.clone(), version, path });
        self.changed.insert(name.to_owned());
    }

    pub(super) fn finished(&mut self, finished: Finished) {
        let name = finished.model.to_string();
        let Some(model) = self.models.get_mut(&name) else { return self.discard(finished.outcome) };
        let Some((version, job)) = model.job_mut(finished.job) else { return self.discard(finished.outcome) };
        let (version, basis) = (version.clone(), job.basis.clone());
        if finished.changed {
            model.interrupted(&version);
            // The watcher looks again and says when the files lie still.
            let _ = self.lines.watch.send(Look::Again);
            self.discard(finished.outcome);
            return self.refresh(&name);
        }
        match finished.outcome {
            Ok((loaded, report)) if model.wants(&version) => {
                let engine = loaded.facts().engine;
                let took = finished.took;
                let model_name = model.name.clone();
                let before = model.put(&version, loaded, basis);
                self.retired.extend(before.map(|loaded| Retired::Version(loaded, Box::new(|| ()))));
                self.deferred.push(Deferred::Available { model: model_name, version, engine, report, took });
            }
            Ok(nobody_wants_it) => {
                model.give_up(&version);
                self.discard(Ok(nobody_wants_it));
            }
            Err(problem) if model.wants(&version) && self.retrying.takes(&finished.work) => {
                self.try_again(finished.work, &problem);
            }
            Err(problem) => {
                let model_name = model.name.clone();
                model.fail(&version, problem.clone(), basis, finished.job);
                self.deferred.push(Deferred::Failed { model: model_name, version, problem });
            }
        }
        self.refresh(&name);
    }

    fn discard(&mut self, outcome: Result<(Arc<Loaded>, LoadReport), Problem>) {
        if let Ok((loaded, _)) = outcome {
            self.retired.push(Retired::Version(loaded, Box::new(|| ())));
        }
    }

    pub(super) fn gone(&mut self, name: &str, serial: u64) {
        let Some(model) = self.models.get_mut(name) else { return };
        let Some(at) = model.draining.iter().position(|(other, ..)| *other == serial) else { return };
        let (_, version, newness) = model.draining.remove(at);
        model.end(version.clone(), newness, None);
        self.deferred.push(Deferred::Unloaded { model: model.name.clone(), version });
        self.changed.insert(name.to_owned());
    }
}
