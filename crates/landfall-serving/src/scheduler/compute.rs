//! The threads that run what is too long for a thread that reads sockets: one pool for all versions.
//!
//! A pool and not threads of each version, because a machine has as many cores as it has, however many versions are
//! loaded. Versions with work stand in a ring; a free thread takes the first, runs one batch of it, and the version goes
//! to the end of the ring. So each gets its turn, however long the others' queues are.

use crate::Clock;
use crate::locked::lock;
use landfall_model::Problem;
use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// What has work for the pool.
pub(crate) trait Station: Send + Sync {
    /// Runs one batch, if one is due.
    fn run_next(self: Arc<Self>);
}

/// The compute threads of a process. They are started as work comes, up to the given number, and end when the pool is
/// dropped and its work is done.
pub struct ComputePool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    threads: usize,
    clock: Arc<dyn Clock>,
    start: Box<Start>,
}

/// Starts a thread of this name that runs this.
type Start = dyn Fn(String, Box<dyn FnOnce() + Send>) -> io::Result<()> + Send + Sync;

#[derive(Default)]
struct State {
    /// Stations with a batch that is due; the first is the next.
    ring: VecDeque<Arc<dyn Station>>,
    /// Stations that are looked at again at a certain time.
    later: Vec<(Instant, Arc<dyn Station>)>,
    started: usize,
    idle: usize,
    closed: bool,
}

impl ComputePool {
    /// A pool of at most so many threads; none is started yet.
    pub fn new(threads: usize, clock: Arc<dyn Clock>) -> Arc<Self> {
        let start = |name, run| std::thread::Builder::new().name(name).spawn(run).map(drop);
        Self::starting(threads, clock, Box::new(start))
    }

    /// The same with another way to start threads.
    pub(crate) fn starting(threads: usize, clock: Arc<dyn Clock>, start: Box<Start>) -> Arc<Self> {
        let (state, wake) = (Mutex::default(), Condvar::new());
        let shared = Shared { state, wake, threads: threads.max(1), clock, start };
        Arc::new(ComputePool { shared: Arc::new(shared) })
    }

    /// The most threads that it starts.
    pub fn threads(&self) -> usize {
        self.shared.threads
    }

    /// What its threads read the time from.
    pub fn clock(&self) -> &dyn Clock {
        &*self.shared.clock
    }

    /// Puts a station into the ring.
    ///
    /// # Errors
    /// When there is no thread and none can be started; the station is not kept then.
    pub(crate) fn add(&self, station: Arc<dyn Station>) -> Result<(), Problem> {
        let mut state = lock(&self.shared.state);
        state.ring.push_back(station);
        self.shared.see_to_a_thread(&mut state).inspect_err(|_| drop(state.ring.pop_back()))
    }

    /// Looks at a station again at a certain time.
    ///
    /// # Errors
    /// As [`ComputePool::add`].
    pub(crate) fn add_later(&self, at: Instant, station: Arc<dyn Station>) -> Result<(), Problem> {
        let mut state = lock(&self.shared.state);
        state.later.push((at, station));
        self.shared.see_to_a_thread(&mut state).inspect_err(|_| drop(state.later.pop()))
    }
}

impl Drop for ComputePool {
    fn drop(&mut self) {
        lock(&self.shared.state).closed = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    /// Wakes a thread for what is new, or starts one.
    fn see_to_a_thread(self: &Arc<Self>, state: &mut State) -> Result<(), Problem> {
        let work = state.ring.len() + usize::from(!state.later.is_empty());
        if state.idle < work && state.started < self.threads {
            let shared = self.clone();
            let name = format!("compute-{}", state.started);
            match (self.start)(name, Box::new(move || shared.work())) {
                Ok(()) => state.started += 1,
                Err(error) if state.started == 0 => {
                    return Err(Problem::io("start a compute thread", &error));
                }
                // Those that run already will come to it.
                Err(_) => {}
            }
        }
        if state.idle > 0 {
            self.wake.notify_one();
        }
        Ok(())
    }

    fn work(self: Arc<Self>) {
        let mut state = lock(&self.state);
        loop {
            let next_look = state.recall(self.clock.now());
            if let Some(station) = state.ring.pop_front() {
                if next_look.is_some() || !state.ring.is_empty() {
                    // Another thread watches the time while this one is busy, and runs what came due beside this
                    // station. There is at least this one.
                    let _ = self.see_to_a_thread(&mut state);
                }
                drop(state);
                // Engines' panics are caught where they run; whatever else panics must not cost the pool a thread.
                let _ = catch_unwind(AssertUnwindSafe(|| station.run_next()));
                state = lock(&self.state);
                continue;
            }
            if state.closed && state.later.is_empty() {
                return;
            }
            state.idle += 1;
            state = match next_look {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => {
                    let pause = at.saturating_duration_since(self.clock.now());
                    self.wake.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
                }
            };
            state.idle -= 1;
        }
    }
}

impl State {
    /// Moves stations whose time has come into the ring, and gives the time of the next one.
    fn recall(&mut self, now: Instant) -> Option<Instant> {
        if !self.later.is_empty() {
            let all = std::mem::take(&mut self.later);
            let (due, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(at, _)| *at <= now);
            self.later = later;
            self.ring.extend(due.into_iter().map(|(_, station)| station));
        }
        self.later.iter().map(|(at, _)| *at).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;
    use std::sync::mpsc::{Sender, channel};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(10);

    /// Says that it runs, and ends when it hears that another one does.
    struct Side {
        ran: Sender<()>,
        both: Arc<(Mutex<usize>, Condvar)>,
    }

    impl Station for Side {
        fn run_next(self: Arc<Self>) {
            let (running, more) = &*self.both;
            let mut running = running.lock().unwrap();
            *running += 1;
            more.notify_all();
            let (_running, late) = more.wait_timeout_while(running, LONG, |running| *running < 2).unwrap();
            if !late.timed_out() {
                self.ran.send(()).unwrap();
            }
        }
    }

    #[test]
    fn stations_whose_time_comes_together_run_side_by_side() {
        let clock = Arc::new(SystemClock);
        let pool = ComputePool::new(2, clock.clone());
        let (ran, runs) = channel();
        let side = Arc::new(Side { ran, both: Arc::default() });
        let at = clock.now() + Duration::from_millis(50);
        pool.add_later(at, side.clone()).unwrap();
        // One thread watches the time by now: no second one is started for the other station.
        while lock(&pool.shared.state).idle == 0 {
            std::thread::yield_now();
        }
        pool.add_later(at, side).unwrap();
        assert!((0..2).all(|_| runs.recv_timeout(2 * LONG).is_ok()), "one waited for the other's end");
    }
}
