//! Loads that failed and are to be tried again: when, and how often.

use super::Keeper;
use crate::control::deferred::Deferred;
use crate::control::message::Work;
use crate::start::Retries;
use landfall_model::Problem;
use std::time::Instant;

/// Loads that wait for another try.
pub(crate) struct Retrying {
    retries: Retries,
    waiting: Vec<(Instant, Work)>,
}

impl Retrying {
    pub(crate) fn new(retries: Retries) -> Self {
        Retrying { retries, waiting: Vec::new() }
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// Whether a load that failed is to be tried again.
    pub(crate) fn takes(&self, work: &Work) -> bool {
        work.tried < self.retries.most
    }
}

impl Keeper {
    /// Puts a load off that failed. Its version counts as loading until then.
    pub(crate) fn try_again(&mut self, mut work: Work, problem: &Problem) {
        let Retries { most, interval } = self.retrying.retries;
        work.tried += 1;
        self.deferred.push(Deferred::Warning(format!(
            "model {} version {}: {problem}; trying again after {interval:?} (retry {} of {most})",
            work.order.model, work.order.version, work.tried
        )));
        self.retrying.waiting.push((self.clock.now() + interval, work));
    }

    /// What has changed since it failed need not wait.
    pub(crate) fn hasten_changed(&mut self) {
        let now = self.clock.now();
        for (due, work) in &mut self.retrying.waiting {
            let model = self.models.get(&*work.order.model);
            let seen = model.and_then(|model| model.seen(&work.order.version));
            if seen.is_none_or(|seen| seen.settled && seen.fingerprint != work.fingerprint) {
                *due = (*due).min(now);
            }
        }
    }

    /// Tries those again whose time has come; forgets those that nobody wants any more.
    pub(crate) fn retry(&mut self) {
        let now = self.clock.now();
        let due: Vec<Work> =
            self.retrying.waiting.extract_if(.., |(due, _)| *due <= now).map(|(_, work)| work).collect();
        for work in due {
            let (name, version) = (work.order.model.to_string(), work.order.version.clone());
            let Some(model) = self.models.get_mut(&name) else { continue };
            if model.job_mut(work.job).is_none() {
                continue;
            }
            let same = model.seen(&version).is_some_and(|seen| seen.fingerprint == work.fingerprint);
            if same && model.wants(&version) {
                // Loaders end after the keeper does.
                let _ = self.lines.loaders.send(work);
                continue;
            }
            model.give_up(&version);
            self.refresh(&name);
        }
    }
}
