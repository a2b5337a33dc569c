//! A version that answers.

use super::batching::BatchSettings;
use super::compute::ComputePool;
use super::statistics::{Snapshot, Statistics};
use crate::scheduler::Scheduler;
use landfall_model::{Facts, Joint, Model, Problem, Reason, Signature, Version, VersionStatistics};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A version that answers: immutable but for its counters. Held by the catalog and by leases.
pub struct Loaded {
    pub(crate) model: Arc<str>,
    pub(crate) version: Version,
    pub(crate) signatures: Vec<Arc<Signature>>,
    pub(crate) joint: Option<Joint>,
    pub(crate) facts: Facts,
    pub(crate) batching: BatchSettings,
    pub(crate) scheduler: Arc<Scheduler>,
    pub(crate) statistics: Statistics,
    pub(crate) replayed: Option<(PathBuf, Duration)>,
}

impl Loaded {
    /// A version ready to answer. `signatures` are the model's, with null rules, batching and row rules settled.
    pub(crate) fn new(
        model: Arc<str>,
        version: Version,
        signatures: Vec<Arc<Signature>>,
        runner: Arc<dyn Model>,
        batching: BatchSettings,
        pool: Arc<ComputePool>,
    ) -> Result<Self, Problem> {
        let facts = runner.facts();
        let joint = runner.joins_signatures().then(|| Joint::of(&signatures)).flatten();
        let scheduler = Scheduler::new(runner, &facts, batching.clone(), pool)?;
        let statistics = Statistics::new();
        let replayed = None;
        Ok(Loaded { model, version, signatures, joint, facts, batching, scheduler, statistics, replayed })
    }

    /// Name of the model.
    pub fn model(&self) -> &Arc<str> {
        &self.model
    }

    /// Which version.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The ways to call it; the first is the default one.
    pub fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    /// The signatures that one run can answer together, where the model can and has such.
    pub fn joint(&self) -> Option<&Joint> {
        self.joint.as_ref()
    }

    /// The signature of this name; the default one for an empty name.
    ///
    /// # Errors
    /// [`Reason::SignatureNotFound`].
    pub fn signature(&self, name: &str) -> Result<&Arc<Signature>, Problem> {
        let found = match name {
            "" => self.signatures.first(),
            _ => self.signatures.iter().find(|signature| signature.name() == name),
        };
        found.ok_or_else(|| Problem::new(Reason::SignatureNotFound { signature: name.to_owned() }))
    }

    /// What is known about it beside its signatures.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Where the calls lay that it brought along and that ran before it answered, and how long they took together.
    pub fn replayed(&self) -> Option<(&Path, Duration)> {
        self.replayed.as_ref().map(|(folder, took)| (folder.as_path(), *took))
    }

    /// How its calls are put together.
    pub fn batching(&self) -> &BatchSettings {
        &self.batching
    }

    /// Takes no further calls, from those who hold a lease either: the process ends.
    pub(crate) fn close(&self) {
        self.scheduler.close();
    }

    /// What it has done since it was loaded.
    pub fn statistics(&self) -> VersionStatistics {
        self.statistics.version(&self.model, &self.version, self.scheduler.clock())
    }

    /// Distributions of times and batch sizes, errors by kind, and what waits, for metrics.
    pub fn snapshot(&self) -> Snapshot {
        self.statistics.snapshot(self.scheduler.waiting())
    }
}
