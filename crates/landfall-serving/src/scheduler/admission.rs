//! How many calls of one version may wait, and how long a further one would.

use super::Scheduler;
use super::batcher::Formed;
use super::request::Ticket;
use crate::locked::lock;
use landfall_model::{Problem, Reason};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A full queue is searched for calls that nobody waits for at most this often.
const CLEAR_EVERY: Duration = Duration::from_millis(1);

/// Calls that wait, in the queue and in all lanes.
#[derive(Default)]
pub(super) struct Admission {
    calls: AtomicUsize,
    /// Of their inputs.
    bytes: AtomicUsize,
    /// Whether further ones are refused.
    pub(super) closed: AtomicBool,
}

impl Admission {
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    fn give_back(&self, calls: usize, bytes: usize) {
        self.calls.fetch_sub(calls, Relaxed);
        self.bytes.fetch_sub(bytes, Relaxed);
    }
}

impl Scheduler {
    /// Takes a call, with so many bytes of inputs, into the budget of those that wait. A call that finds nobody waiting
    /// is taken whatever its size.
    ///
    /// # Errors
    /// Shutting down, or queue full with the time after which it may be worth trying again.
    #[inline]
    pub(crate) fn enter(&self, bytes: usize, now: Instant) -> Result<(), Problem> {
        if self.admission.closed.load(Relaxed) {
            return Err(Problem::new(Reason::ShuttingDown));
        }
        let calls_before = self.admission.calls.fetch_add(1, Relaxed);
        let bytes_before = self.admission.bytes.fetch_add(bytes, Relaxed);
        if self.has_room(calls_before, bytes_before, bytes) || self.clear(bytes, now) {
            return Ok(());
        }
        self.leave(bytes);
        // A call has a row at least; how many they are is known in the queue alone.
        Err(self.full(self.expected_wait(calls_before).max(self.expected_queue_wait())))
    }

    /// Whether a call of so many bytes may wait beside others.
    fn has_room(&self, calls: usize, bytes: usize, more: usize) -> bool {
        let fits = bytes == 0 || bytes.saturating_add(more) <= self.settings.max_queue_bytes;
        calls < self.settings.max_queue && fits
    }

    /// Gives back the place of a call that did not wait after all.
    pub(crate) fn leave(&self, bytes: usize) {
        self.admission.give_back(1, bytes);
    }

    /// Gives back the places of calls that wait no more.
    pub(super) fn release(&self, tickets: &[Arc<Ticket>]) {
        self.admission.give_back(tickets.len(), tickets.iter().map(|ticket| ticket.bytes).sum());
    }

    #[cold]
    pub(crate) fn full(&self, retry_after: Duration) -> Problem {
        Problem::new(Reason::QueueFull { waiting: self.admission.calls(), retry_after })
    }

    /// How long so many rows that wait on one thread will take.
    pub(crate) fn expected_wait(&self, rows: usize) -> Duration {
        let batch = self.compute_rows.load(Relaxed).max(1);
        let batches = u32::try_from(rows / batch).unwrap_or(u32::MAX);
        let of = |rows| self.cost.estimate(rows).unwrap_or_default();
        let rest = if rows.is_multiple_of(batch) { Duration::ZERO } else { of(rows % batch) };
        let whole = if batches == 0 { Duration::ZERO } else { of(batch).saturating_mul(batches) };
        whole.saturating_add(rest)
    }

    /// How long the calls that stand in the queue will take.
    pub(crate) fn expected_queue_wait(&self) -> Duration {
        let rows = lock(&self.queue).batcher.rows();
        self.expected_wait(rows) / u32::try_from(self.parallel).unwrap_or(1)
    }

    /// Takes calls that nobody waits for out of a full queue. Says whether there is room now for one of so many bytes that
    /// was counted already.
    #[cold]
    fn clear(&self, own: usize, now: Instant) -> bool {
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
        let others = |all: &AtomicUsize, own| all.load(Relaxed).saturating_sub(own);
        self.has_room(others(&self.admission.calls, 1), others(&self.admission.bytes, own), own)
    }
}
