//! A version that answers.

use crate::compute::ComputePool;
use crate::scheduler::Scheduler;
use crate::statistics::{Snapshot, Statistics};
use landfall_model::{Facts, Model, Problem, Reason, Signature, Version, VersionStatistics};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A version that answers: immutable but for its counters. Held by the catalog and by leases.
pub struct Loaded {
    pub(crate) model: Arc<str>,
    pub(crate) version: Version,
    pub(crate) signatures: Vec<Arc<Signature>>,
    pub(crate) facts: Facts,
    pub(crate) batching: BatchSettings,
    pub(crate) scheduler: Scheduler,
    pub(crate) statistics: Statistics,
    pub(crate) replayed: Option<(PathBuf, Duration)>,
}

/// How calls of one version are put together. The default adapts: nobody must tune.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchSettings {
    /// The most rows of one run; `None` leaves it to what runs were seen to cost.
    pub max_rows: Option<usize>,
    /// How long a batch that is not full waits for company; zero: not at all.
    pub max_delay: Duration,
    /// Sizes that runs should have, ascending; empty: any.
    pub preferred: Vec<usize>,
    /// The most calls that wait; further ones are refused at once.
    pub max_queue: usize,
    /// The most bytes of inputs of calls that wait. A call that finds nobody waiting is taken whatever its size.
    pub max_queue_bytes: usize,
    /// Whether calls of several callers may share a run at all.
    pub together: bool,
    /// Calls of more rows are refused.
    pub largest_call: Option<usize>,
    /// A batch is filled up with copies of its last row to the next of these sizes, ascending; empty: never.
    pub pad_to: Vec<usize>,
    /// Whether calls whose inputs differ in length share a run: shorter ones are filled up with their own first value.
    pub pad_lengths: bool,
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings {
            max_rows: None,
            max_delay: Duration::ZERO,
            preferred: Vec::new(),
            max_queue: 8192,
            max_queue_bytes: 1 << 30,
            together: true,
            largest_call: None,
            pad_to: Vec::new(),
            pad_lengths: false,
        }
    }
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
        let scheduler = Scheduler::new(runner, &facts, batching.clone(), pool)?;
        let statistics = Statistics::new();
        Ok(Loaded { model, version, signatures, facts, batching, scheduler, statistics, replayed: None })
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

    /// Whether its calls run on the thread that read them, since a run is shorter than a hop to another thread.
    pub fn runs_in_place(&self) -> bool {
        self.scheduler.runs_in_place()
    }
}
