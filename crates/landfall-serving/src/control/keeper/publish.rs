//! A new state of what is loaded: shown in the catalog first, then told, then what is old is let go.

use super::{Keeper, Phase};
use crate::catalog::ModelState;
use crate::catalog::Snapshot;
use crate::control::ask::Answered;
use crate::control::reaper::Retired;
use crate::start::Started;
use landfall_model::{Problem, Reason, Version};
use std::sync::Arc;

impl Keeper {
    /// Puts the new state in place, then says what is new, then lets go what is old.
    pub(crate) fn publish(&mut self) {
        let starting = self.phase == Phase::Starting;
        if starting && self.models.values().all(|model| !model.is_loading()) {
            self.phase = Phase::Running;
        }
        for name in std::mem::take(&mut self.changed) {
            if let Some(model) = self.models.get_mut(&name) {
                self.listed.insert(model.name.clone(), Arc::new(model.listed()));
            }
        }
        let answers =
            |model: &ModelState| !model.asked_for || model.default.is_some() || model.orders.unloaded;
        let ready = self.phase == Phase::Running
            && !self.draining
            && self.absent.is_empty()
            && self.models.values().all(answers);
        let snapshot = Snapshot { models: self.listed.clone(), ready, closed: false };
        self.retired.push(Retired::Snapshot(self.catalog.swap(snapshot)));
        for event in std::mem::take(&mut self.deferred) {
            event.tell(&*self.observer);
        }
        for retired in self.retired.drain(..) {
            // The reaper ends after the keeper does.
            let _ = self.lines.reaper.send(retired);
        }
        if starting && self.phase == Phase::Running {
            self.start.done(self.outcomes());
        }
        self.replaced.drain(..).for_each(|reply| reply.send(Ok(Answered::Done)));
        self.answer_all();
    }

    /// How the start went, by model.
    fn outcomes(&self) -> Vec<Started> {
        let outcome = |model: &ModelState| {
            let failure = || {
                if model.orders.unloaded {
                    return super::verbs::unloaded(&model.name);
                }
                let failed = model.failure_since(0).map(|(version, problem)| {
                    problem.clone().at(format!("model {:?} version {version}", model.name))
                });
                failed.unwrap_or_else(|| model.none_available())
            };
            model.default.clone().ok_or_else(failure)
        };
        let models = self.models.values().map(|model| Started {
            model: model.name.to_string(),
            path: model.path.clone(),
            outcome: outcome(model),
        });
        let absent = self.absent.iter().map(|(path, problem)| Started {
            model: String::new(),
            path: path.clone(),
            outcome: Err(problem.clone()),
        });
        models.chain(absent).collect()
    }

    pub(super) fn close(&mut self) {
        for pending in self.pending.drain(..) {
            pending.refuse(Problem::new(Reason::ShuttingDown));
        }
        for (_, reply) in self.replacing.drain(..) {
            reply.send(Err(Problem::new(Reason::ShuttingDown)));
        }
        self.answer_all();
        for name in self.models.keys().cloned().collect::<Vec<_>>() {
            let slots = &self.models[&name].slots;
            slots.iter().filter_map(|slot| slot.loaded()).for_each(|loaded| loaded.close());
            let versions: Vec<Version> = slots.iter().map(|slot| slot.version.clone()).collect();
            versions.iter().rev().for_each(|version| self.unload(&name, version));
        }
        self.listed.clear();
        let before = self.catalog.swap(Snapshot { closed: true, ..Snapshot::default() });
        self.retired.push(Retired::Snapshot(before));
        for event in std::mem::take(&mut self.deferred) {
            event.tell(&*self.observer);
        }
        for retired in self.retired.drain(..) {
            let _ = self.lines.reaper.send(retired);
        }
        self.start.done(Vec::new());
    }
}
