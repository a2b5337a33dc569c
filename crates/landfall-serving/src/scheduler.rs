//! Where calls of one version wait, and who runs them: threads and clock around the batcher.
//!
//! A cheap model's calls wait on the I/O thread that read them ([`lane`]) and run there; all others stand in the
//! queue here and run on the compute threads. Batches grow because calls arrive while one runs.

mod admission;
mod batch;
mod batcher;
mod batching;
mod compute;
mod cost;
mod infer;
mod instances;
mod isolate;
mod lane;
mod lease;
mod loaded;
mod pace;
mod queue;
mod request;
mod run;
mod statistics;

use crate::Clock;
use admission::Admission;
use batcher::Limits;
pub use batching::BatchSettings;
pub use compute::ComputePool;
use cost::Cost;
pub use infer::{Worker, submit};
use instances::Instances;
use landfall_model::{Call, CostClass, Facts, Model, Problem};
pub use lane::{Lane, Turned, turn};
pub use lease::Lease;
pub use loaded::Loaded;
use pace::{NextBatch, Pace};
use queue::Queue;
pub use request::{Answer, Request, Response, Timing};
use run::PART_ROWS;
pub use statistics::{Histogram, Snapshot};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long one batch may keep an I/O thread from its sockets.
const IN_PLACE_RUN: Duration = Duration::from_millis(2);

/// How long one call may: another thread would have answered those behind it meanwhile.
const IN_PLACE_CALL: Duration = Duration::from_micros(500);

/// How long one batch may keep a compute thread: those behind it wait as long.
const COMPUTE_RUN: Duration = Duration::from_millis(100);

/// Rows of one batch where nobody set a maximum.
const BATCH_ROWS: usize = 1024;

/// Bytes of inputs that are put together into one batch.
const BATCH_BYTES: usize = 64 << 20;

/// What follows from the learned costs is worked out again after so many runs (and after each of the first ones).
const SETTLE_EVERY: u32 = 16;
const SETTLE_ALWAYS_UNTIL: u32 = 64;

/// Where calls of one version wait, and who runs them: queue, lanes and threads share it.
pub(crate) struct Scheduler {
    pub(crate) instances: Arc<Instances>,
    settings: BatchSettings,
    cost: Cost,
    /// Known to be cheap before any run.
    tiny: bool,
    /// Runs of this version at the same time on compute threads.
    parallel: usize,
    /// The largest batch that runs on an I/O thread; 0 when none does.
    in_place_rows: AtomicUsize,
    /// The largest call that does.
    in_place_call: AtomicUsize,
    /// How much of what waits there runs at once.
    pace: Mutex<Pace>,
    /// The largest batch that runs on a compute thread.
    compute_rows: AtomicUsize,
    admission: Admission,
    queue: Mutex<Queue>,
    pool: Arc<ComputePool>,
}

impl Scheduler {
    /// For a version that `runner` answers.
    ///
    /// # Errors
    /// When the model cannot make its first workspace.
    pub(crate) fn new(
        runner: Arc<dyn Model>,
        facts: &Facts,
        settings: BatchSettings,
        pool: Arc<ComputePool>,
    ) -> Result<Arc<Self>, Problem> {
        let instances = Instances::new(runner, facts.engine);
        drop(instances.pooled()?);
        let scheduler = Scheduler {
            instances,
            settings,
            cost: Cost::default(),
            tiny: facts.cost == CostClass::Tiny,
            parallel: (pool.threads() / facts.threads_inside.max(1)).max(1),
            in_place_rows: AtomicUsize::new(0),
            in_place_call: AtomicUsize::new(0),
            pace: Mutex::default(),
            compute_rows: AtomicUsize::new(0),
            admission: Admission::default(),
            queue: Mutex::default(),
            pool,
        };
        scheduler.settle();
        Ok(Arc::new(scheduler))
    }

    /// Takes no further calls. What waits is still answered. For the end of the process: a version that is replaced
    /// keeps answering those who hold a lease.
    pub(crate) fn close(&self) {
        self.admission.closed.store(true, Relaxed);
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.admission.calls()
    }

    /// Whether a call of so many rows runs on the thread that read it.
    #[inline]
    pub(crate) fn runs_in_place(&self, rows: usize) -> bool {
        rows.max(1) <= self.in_place_call.load(Relaxed)
    }

    /// How much of `waiting` rows an I/O thread runs now; `waited` as for [`Pace::next`].
    pub(crate) fn next_batch(&self, waiting: usize, waited: bool, now: Instant) -> NextBatch {
        let most = self.in_place_rows.load(Relaxed).max(1);
        match self.pace.try_lock() {
            Ok(mut pace) => pace.next(waiting, waited, now, most, |rows| self.cost.estimate(rows)),
            // Another thread is at it: not worth waiting for.
            Err(_) => NextBatch { rows: most, cut: false },
        }
    }

    /// So many rows of that batch run: fewer where calls of other shapes wait too.
    pub(crate) fn took(&self, rows: usize) {
        if let Ok(mut pace) = self.pace.try_lock() {
            pace.ran(rows);
        }
    }

    /// Batches on I/O threads.
    pub(crate) fn in_place_limits(batch: NextBatch) -> Limits<'static> {
        Limits { max_rows: batch.rows, max_bytes: BATCH_BYTES, max_delay: Duration::ZERO, preferred: &[] }
    }

    /// Batches on compute threads.
    fn compute_limits(&self) -> Limits<'_> {
        Limits {
            max_rows: self.compute_rows.load(Relaxed).max(1),
            max_bytes: BATCH_BYTES,
            max_delay: self.settings.max_delay,
            preferred: &self.settings.preferred,
        }
    }

    /// Rows of one run of a call that is larger than batches are.
    pub(crate) fn part_rows(&self) -> usize {
        self.settings.max_rows.unwrap_or(PART_ROWS).max(1)
    }

    /// Calls of one group as one.
    ///
    /// # Errors
    /// Internal, where inputs of unequal lengths would need too much memory at one length.
    pub(crate) fn stacked(&self, calls: &[&Call]) -> Result<Call, Problem> {
        match self.settings.pad_lengths {
            true => Call::levelled(calls, BATCH_BYTES),
            false => Call::stacked(calls),
        }
    }

    /// The number of rows that a batch of `rows` is filled up to, where it is.
    pub(crate) fn padded_rows(&self, rows: usize) -> Option<usize> {
        self.settings.pad_to.iter().copied().find(|&size| size >= rows).filter(|&size| size > rows)
    }

    /// What its threads read the time from.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.pool.clock()
    }

    /// Learns from a run: of a batch, or of a worker (warm-up is one).
    pub(crate) fn observe(&self, rows: usize, took: Duration) {
        let runs = self.cost.observe(rows, took);
        if runs < SETTLE_ALWAYS_UNTIL || runs.is_multiple_of(SETTLE_EVERY) {
            self.settle();
        }
    }

    /// Works out what follows from the costs.
    fn settle(&self) {
        let cap = self.settings.max_rows.unwrap_or(BATCH_ROWS).max(1);
        let waits = !self.settings.max_delay.is_zero() || !self.settings.preferred.is_empty();
        let cheap = self.cost.is_cheap().unwrap_or(self.tiny);
        let in_place = |budget| if cheap && !waits { self.cost.max_rows(cap, budget) } else { 0 };
        let compute = match self.settings.max_rows {
            Some(rows) => rows.max(1),
            None => self.cost.max_rows(cap, COMPUTE_RUN),
        };
        self.in_place_rows.store(in_place(IN_PLACE_RUN), Relaxed);
        self.in_place_call.store(in_place(IN_PLACE_CALL), Relaxed);
        self.compute_rows.store(compute, Relaxed);
    }
}
