//! A thread's own waiting calls: no lock, no timer, no other thread.
//!
//! A thread that reads sockets enters a [`Lane`] and calls [`turn`] whenever it has nothing else to do. Calls of cheap
//! models that it submits wait here, and the turn runs them in place: all that one poll of the sockets found together
//! is one batch, and a lone call is a batch of one.

use super::batcher::{Batcher, Formed};
use super::pace::NextBatch;
use super::request::Ticket;
use crate::Clock;
use crate::scheduler::Scheduler;
use std::cell::RefCell;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// After this long a turn lets its thread send the answers that it has.
const TURN: Duration = Duration::from_micros(100);

/// Empty batchers that are kept for the next versions with calls.
const SPARE_MAX: usize = 8;

/// Marks a thread that takes turns, while it lives.
#[must_use = "the thread takes turns while this lives"]
pub struct Lane {
    entered: bool,
    _not_send: PhantomData<Rc<()>>,
}

/// What a turn did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turned {
    /// Nothing waited.
    Nothing,
    /// All that waited was answered, or went to the compute threads.
    All,
    /// Its time was up; more waits. It must be called again before the thread sleeps. At least one caller was woken: a
    /// runtime that looks for woken tasks before it sleeps calls again by itself.
    Part,
}

thread_local! {
    static LANE: RefCell<Option<Waiting>> = const { RefCell::new(None) };
}

#[derive(Default)]
struct Waiting {
    versions: Vec<Version>,
    spare: Vec<Batcher<Arc<Ticket>>>,
    /// Whose batch is next.
    next: usize,
    turning: bool,
    /// A turn found nothing since the last batch.
    waited: bool,
    formed: Formed<Arc<Ticket>>,
}

/// A version with calls that wait here; there is an entry only while there are calls.
struct Version {
    scheduler: Arc<Scheduler>,
    batcher: Batcher<Arc<Ticket>>,
}

impl Lane {
    /// This thread takes turns from now on. A second lane on the same thread does nothing.
    pub fn enter() -> Lane {
        let entered = LANE.with_borrow_mut(|lane| {
            let entered = lane.is_none();
            lane.get_or_insert_default();
            entered
        });
        Lane { entered, _not_send: PhantomData }
    }
}

/// What still waits goes to the compute threads: no call that was accepted is lost.
impl Drop for Lane {
    fn drop(&mut self) {
        if !self.entered {
            return;
        }
        let waiting = LANE.try_with(RefCell::take).ok().flatten();
        waiting
            .into_iter()
            .flat_map(|waiting| waiting.versions)
            .for_each(|mut version| version.move_to_threads());
    }
}

/// Runs what waits in this thread's lane. Never blocks; may run for some milliseconds under load. `clock` is read around
/// each batch, and not at all when nothing waits.
pub fn turn(clock: &dyn Clock) -> Turned {
    let Some(mut turning) = Turning::begin() else { return Turned::Nothing };
    let started = clock.now();
    let mut now = started;
    let (mut woke, mut cut) = (false, false);
    while let Some(step) = step(now, &mut turning.formed) {
        match step {
            Step::Run(scheduler, batch) => {
                woke |= turning.conduct(&scheduler, now, clock);
                cut |= batch.cut;
            }
            Step::Move(mut version) => version.move_to_threads(),
        }
        now = clock.now();
        // Only a woken caller brings the thread back here for certain.
        if woke && (cut || now.saturating_duration_since(started) >= TURN) && waits() {
            return Turned::Part;
        }
    }
    Turned::All
}

/// Lets a call wait in this thread's lane; gives it back when the thread has none.
pub(crate) fn push(scheduler: &Arc<Scheduler>, ticket: Arc<Ticket>) -> Result<(), Arc<Ticket>> {
    let mut ticket = Some(ticket);
    let _ = LANE.try_with(|lane| {
        if let Ok(mut lane) = lane.try_borrow_mut()
            && let Some(waiting) = lane.as_mut()
            && let Some(ticket) = ticket.take()
        {
            waiting.version(scheduler).batcher.push(ticket);
        }
    });
    ticket.map_or(Ok(()), Err)
}

/// Rows of a version that wait in this thread's lane; `None` when the thread has none.
pub(crate) fn rows_waiting(scheduler: &Arc<Scheduler>) -> Option<usize> {
    let rows = |waiting: &Waiting| {
        let found = waiting.versions.iter().find(|version| Arc::ptr_eq(&version.scheduler, scheduler));
        found.map_or(0, |version| version.batcher.rows())
    };
    LANE.try_with(|lane| lane.try_borrow().ok()?.as_ref().map(rows)).ok().flatten()
}

fn waits() -> bool {
    LANE.with_borrow(|lane| lane.as_ref().is_some_and(|waiting| !waiting.versions.is_empty()))
}

/// What a turn does next.
enum Step {
    /// Run the batch that was formed.
    Run(Arc<Scheduler>, NextBatch),
    /// Hand over the calls of a version that turned out to be expensive.
    Move(Version),
}

/// Versions take turns. Nothing of a version is dropped while the lane is borrowed.
fn step(now: Instant, formed: &mut Formed<Arc<Ticket>>) -> Option<Step> {
    LANE.with_borrow_mut(|lane| lane.as_mut()?.step(now, formed))
}

impl Version {
    fn move_to_threads(&mut self) {
        for ticket in self.batcher.drain() {
            self.scheduler.enqueue(ticket);
        }
    }
}

impl Waiting {
    fn version(&mut self, scheduler: &Arc<Scheduler>) -> &mut Version {
        let place = self.versions.iter().position(|version| Arc::ptr_eq(&version.scheduler, scheduler));
        let place = place.unwrap_or_else(|| {
            let batcher = self.spare.pop().unwrap_or_default();
            self.versions.push(Version { scheduler: scheduler.clone(), batcher });
            self.versions.len() - 1
        });
        &mut self.versions[place]
    }

    fn step(&mut self, now: Instant, formed: &mut Formed<Arc<Ticket>>) -> Option<Step> {
        if self.next >= self.versions.len() {
            self.next = 0;
        }
        let version = self.versions.get_mut(self.next)?;
        if !version.scheduler.runs_in_place(1) {
            return Some(Step::Move(self.versions.swap_remove(self.next)));
        }
        let waiting = version.batcher.rows();
        let batch = version.scheduler.next_batch(waiting, std::mem::take(&mut self.waited), now);
        version.batcher.next(now, &Scheduler::in_place_limits(batch), formed);
        version.scheduler.took(waiting - version.batcher.rows());
        if version.batcher.calls() > 0 {
            self.next += 1;
            return Some(Step::Run(version.scheduler.clone(), batch));
        }
        let Version { scheduler, batcher } = self.versions.swap_remove(self.next);
        if self.spare.len() < SPARE_MAX {
            self.spare.push(batcher);
        }
        Some(Step::Run(scheduler, batch))
    }
}

/// One turn at a time: what wakes within it cannot start another.
struct Turning {
    formed: Formed<Arc<Ticket>>,
}

impl Turning {
    fn begin() -> Option<Self> {
        LANE.try_with(|lane| {
            let mut lane = lane.try_borrow_mut().ok()?;
            let waiting = lane.as_mut().filter(|waiting| !waiting.turning)?;
            if waiting.versions.is_empty() {
                waiting.waited = true;
                return None;
            }
            waiting.turning = true;
            Some(Turning { formed: std::mem::take(&mut waiting.formed) })
        })
        .ok()
        .flatten()
    }
}

impl Turning {
    /// Engines' panics are caught where they run; whatever else panics must not cost its thread all connections, nor be
    /// met again in the next batch.
    fn conduct(&mut self, scheduler: &Scheduler, now: Instant, clock: &dyn Clock) -> bool {
        let conducted = catch_unwind(AssertUnwindSafe(|| scheduler.conduct(&mut self.formed, now, clock)));
        conducted.unwrap_or_else(|_| {
            self.formed = Formed::default();
            false
        })
    }
}

impl Drop for Turning {
    fn drop(&mut self) {
        let formed = std::mem::take(&mut self.formed);
        LANE.with_borrow_mut(|lane| {
            if let Some(waiting) = lane {
                waiting.turning = false;
                waiting.formed = formed;
            }
        });
    }
}

/// Versions with calls, and empty batchers, that this thread's lane keeps.
#[cfg(test)]
pub(crate) fn lists_kept() -> (usize, usize) {
    LANE.with_borrow(|lane| lane.as_ref().map_or((0, 0), |w| (w.versions.len(), w.spare.len())))
}
