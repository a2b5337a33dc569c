//! Where calls of one version wait, and who runs them: threads and clock around the batcher.
//!
//! A cheap model's calls wait on the I/O thread that read them ([`crate::lane`]) and run there; all others stand in the
//! queue here and run on the compute threads. Batches grow because calls arrive while one runs.

use crate::Clock;
use crate::batcher::{Batcher, Formed, Job, Limits};
use crate::compute::{ComputePool, Station};
use crate::cost::Cost;
use crate::infer::run_batch;
use crate::instances::Instances;
use crate::loaded::BatchSettings;
use crate::locked::lock;
use crate::pace::{Pace, Share};
use crate::request::Ticket;
use crate::run::PART_ROWS;
use landfall_model::{Call, CostClass, Facts, Model, Problem, Reason};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
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

/// A full queue is searched for calls that nobody waits for at most this often.
const CLEAR_EVERY: Duration = Duration::from_millis(1);

/// Where calls of one version wait, and who runs them.
pub(crate) struct Scheduler {
    core: Arc<Core>,
}

/// What queues, lanes and threads share of one version.
pub(crate) struct Core {
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
    /// Calls that wait, in the queue and in all lanes.
    waiting: AtomicUsize,
    /// Bytes of their inputs.
    waiting_bytes: AtomicUsize,
    closed: AtomicBool,
    queue: Mutex<Queue>,
    pool: Arc<ComputePool>,
}

#[derive(Default)]
struct Queue {
    batcher: Batcher<Arc<Ticket>>,
    running: usize,
    /// Whether it stands in the pool's ring.
    listed: bool,
    /// When the pool looks at it again by itself.
    alarm: Option<Instant>,
    cleared: Option<Instant>,
}

/// What the queue wants of the pool.
enum Wish {
    Nothing,
    Thread,
    Alarm(Instant),
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
    ) -> Result<Self, Problem> {
        let instances = Instances::new(runner, facts.engine);
        drop(instances.hold()?);
        let core = Core {
            instances,
            settings,
            cost: Cost::default(),
            tiny: facts.cost == CostClass::Tiny,
            parallel: (pool.threads() / facts.threads_inside.max(1)).max(1),
            in_place_rows: AtomicUsize::new(0),
            in_place_call: AtomicUsize::new(0),
            pace: Mutex::default(),
            compute_rows: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            queue: Mutex::default(),
            pool,
        };
        core.settle();
        Ok(Scheduler { core: Arc::new(core) })
    }

    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }

    /// Takes no further calls. What waits is still answered. For the end of the process: a version that is replaced
    /// keeps answering those who hold a lease.
    pub(crate) fn close(&self) {
        self.core.closed.store(true, Relaxed);
    }

    /// Calls that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.core.waiting.load(Relaxed)
    }

    /// Whether calls run on the thread that read them.
    pub(crate) fn runs_in_place(&self) -> bool {
        self.core.runs_in_place(1)
    }

    /// What its threads read the time from.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.core.pool.clock()
    }
}

impl Core {
    /// Takes a call, with so many bytes of inputs, into the budget of those that wait. A call that finds nobody waiting
    /// is taken whatever its size.
    ///
    /// # Errors
    /// Shutting down, or queue full with the time after which it may be worth trying again.
    #[inline]
    pub(crate) fn enter(&self, bytes: usize, now: Instant) -> Result<(), Problem> {
        if self.closed.load(Relaxed) {
            return Err(Problem::new(Reason::ShuttingDown));
        }
        let before = self.waiting.fetch_add(1, Relaxed);
        let bytes_before = self.waiting_bytes.fetch_add(bytes, Relaxed);
        let too_many = before >= self.settings.max_queue
            || (bytes_before > 0 && bytes_before.saturating_add(bytes) > self.settings.max_queue_bytes);
        if too_many && !self.clear(now) {
            self.leave(bytes);
            return Err(self.full(self.expected_wait(before)));
        }
        Ok(())
    }

    /// Gives back the place of a call that did not wait after all.
    pub(crate) fn leave(&self, bytes: usize) {
        self.waiting.fetch_sub(1, Relaxed);
        self.waiting_bytes.fetch_sub(bytes, Relaxed);
    }

    /// Gives back the places of calls that wait no more.
    fn release(&self, tickets: &[Arc<Ticket>]) {
        self.waiting.fetch_sub(tickets.len(), Relaxed);
        self.waiting_bytes.fetch_sub(tickets.iter().map(|ticket| ticket.bytes).sum(), Relaxed);
    }

    #[cold]
    pub(crate) fn full(&self, retry_after: Duration) -> Problem {
        Problem::new(Reason::QueueFull { waiting: self.waiting.load(Relaxed), retry_after })
    }

    /// How long so many rows that wait on one thread will take.
    pub(crate) fn expected_wait(&self, rows: usize) -> Duration {
        let batch = self.compute_rows.load(Relaxed).max(1);
        let batches = u32::try_from(rows / batch).unwrap_or(u32::MAX);
        let of = |rows| self.cost.estimate(rows).unwrap_or_default();
        let rest = if rows.is_multiple_of(batch) { Duration::ZERO } else { of(rows % batch) };
        (if batches == 0 { Duration::ZERO } else { of(batch).saturating_mul(batches) }) + rest
    }

    /// How long the calls that stand in the queue will take.
    pub(crate) fn expected_queue_wait(&self) -> Duration {
        let rows = lock(&self.queue).batcher.rows();
        self.expected_wait(rows) / u32::try_from(self.parallel).unwrap_or(1)
    }

    /// Whether a call of so many rows runs on the thread that read it.
    #[inline]
    pub(crate) fn runs_in_place(&self, rows: usize) -> bool {
        rows.max(1) <= self.in_place_call.load(Relaxed)
    }

    /// How much of `waiting` rows an I/O thread runs now; `waited` as for [`Pace::next`].
    pub(crate) fn share(&self, waiting: usize, waited: bool, now: Instant) -> Share {
        let most = self.in_place_rows.load(Relaxed).max(1);
        match self.pace.try_lock() {
            Ok(mut pace) => pace.next(waiting, waited, now, most, |rows| self.cost.estimate(rows)),
            // Another thread is at it: not worth waiting for.
            Err(_) => Share { rows: most, cut: false },
        }
    }

    /// So many rows of that share run: fewer where calls of other shapes wait too.
    pub(crate) fn took(&self, rows: usize) {
        if let Ok(mut pace) = self.pace.try_lock() {
            pace.ran(rows);
        }
    }

    /// Batches on I/O threads.
    pub(crate) fn in_place_limits(share: Share) -> Limits<'static> {
        Limits { max_rows: share.rows, max_bytes: BATCH_BYTES, max_delay: Duration::ZERO, preferred: &[] }
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

    /// Puts a call into the queue before the compute threads.
    pub(crate) fn enqueue(self: &Arc<Self>, ticket: Arc<Ticket>) {
        let wish = {
            let mut queue = lock(&self.queue);
            queue.batcher.push(ticket);
            self.wish(&mut queue)
        };
        self.grant(wish);
    }

    fn wish(&self, queue: &mut Queue) -> Wish {
        if queue.listed || queue.running >= self.parallel {
            return Wish::Nothing;
        }
        let limits = self.compute_limits();
        let Some(due) = queue.batcher.due(&limits) else { return Wish::Nothing };
        if limits.max_delay.is_zero() || due <= self.clock().now() {
            queue.listed = true;
            return Wish::Thread;
        }
        if queue.alarm.is_some_and(|alarm| alarm <= due) {
            return Wish::Nothing;
        }
        queue.alarm = Some(due);
        Wish::Alarm(due)
    }

    fn grant(self: &Arc<Self>, wish: Wish) {
        let granted = match wish {
            Wish::Nothing => Ok(()),
            Wish::Thread => self.pool.add(self.clone()),
            Wish::Alarm(at) => self.pool.add_later(at, self.clone()),
        };
        if let Err(problem) = granted {
            self.give_up(&problem);
        }
    }

    /// Without a thread nobody would come to those that wait.
    #[cold]
    fn give_up(&self, problem: &Problem) {
        let tickets: Vec<_> = lock(&self.queue).batcher.drain().collect();
        self.release(&tickets);
        turn_away(&tickets, self.clock().now(), problem);
    }

    /// Takes calls that nobody waits for out of a full queue. Says whether there is room now.
    #[cold]
    fn clear(&self, now: Instant) -> bool {
        let mut formed = Formed::default();
        {
            let mut queue = lock(&self.queue);
            if queue.cleared.is_some_and(|last| now < last + CLEAR_EVERY) {
                return false;
            }
            queue.cleared = Some(now);
            queue.batcher.drop_stale(now, &mut formed);
        }
        self.conduct(&mut formed, now, self.clock());
        self.waiting.load(Relaxed) <= self.settings.max_queue
            && self.waiting_bytes.load(Relaxed) <= self.settings.max_queue_bytes
    }

    /// Answers what a batcher gave: those too late, and those who run together. Says whether a caller was woken.
    pub(crate) fn conduct(&self, formed: &mut Formed<Arc<Ticket>>, now: Instant, clock: &dyn Clock) -> bool {
        [&formed.batch, &formed.expired, &formed.left].into_iter().for_each(|tickets| self.release(tickets));
        let mut woke = false;
        if !formed.expired.is_empty() {
            woke |= turn_away(&formed.expired, now, &Problem::new(Reason::DeadlineExceeded));
            formed.expired.clear();
        }
        if !formed.left.is_empty() {
            turn_away(&formed.left, now, &Problem::new(Reason::Cancelled));
            formed.left.clear();
        }
        if !formed.batch.is_empty() {
            woke |= run_batch(self, &formed.batch, now, clock);
            formed.batch.clear();
        }
        woke
    }
}

impl Station for Core {
    fn run_next(self: Arc<Self>) {
        let now = self.clock().now();
        let mut formed = Formed::default();
        let wish = {
            let mut queue = lock(&self.queue);
            queue.listed = false;
            queue.alarm = queue.alarm.filter(|&alarm| alarm > now);
            if queue.running >= self.parallel {
                return;
            }
            queue.batcher.next(now, &self.compute_limits(), &mut formed);
            queue.running += 1;
            self.wish(&mut queue)
        };
        let _running = Running(&self);
        self.grant(wish);
        self.conduct(&mut formed, now, self.clock());
    }
}

/// One run on a compute thread; when it ends, whoever waits for it may run.
struct Running<'a>(&'a Arc<Core>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let wish = {
            let mut queue = lock(&self.0.queue);
            queue.running -= 1;
            self.0.wish(&mut queue)
        };
        self.0.grant(wish);
    }
}

/// Answers calls that waited, and do not run, with a problem. Says whether a caller was woken.
#[cold]
fn turn_away(tickets: &[Arc<Ticket>], now: Instant, problem: &Problem) -> bool {
    let mut woke = false;
    for ticket in tickets {
        let after = now.saturating_duration_since(ticket.arrived());
        ticket.lease.statistics.failed(problem.kind(), after);
        woke |= ticket.answer(Err(problem.clone()));
    }
    woke
}
