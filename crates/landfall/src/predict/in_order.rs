//! Results that several threads make, handed to one reader in order, with a bound on how far they run ahead.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Results by number, from 0 without gaps.
pub(super) struct InOrder<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// How many results may lie here at most.
    window: u64,
}

struct State<T> {
    ready: BTreeMap<u64, T>,
    /// The number that the reader waits for.
    next: u64,
    makers: usize,
    stopped: bool,
}

impl<T> InOrder<T> {
    /// For so many makers.
    pub(super) fn new(makers: usize, window: u64) -> Self {
        let state = State { ready: BTreeMap::new(), next: 0, makers, stopped: false };
        InOrder { state: Mutex::new(state), changed: Condvar::new(), window }
    }

    /// Waits until this number is within the window. `false`: nobody reads any more.
    pub(super) fn wait_for_room(&self, number: u64) -> bool {
        let mut state = self.lock();
        while !state.stopped && number >= state.next + self.window {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        !state.stopped
    }

    /// A result.
    pub(super) fn put(&self, number: u64, result: T) {
        self.lock().ready.insert(number, result);
        self.changed.notify_all();
    }

    /// Runs a maker. Whatever becomes of it, the reader learns that it is done; where it panics, all stop: its result will
    /// never come.
    pub(super) fn make<R>(&self, work: impl FnOnce() -> R) -> R {
        let _done = Done(self);
        work()
    }

    /// The next result in order; `None` when there are no more, or the next one will never come.
    pub(super) fn take(&self) -> Option<T> {
        let mut state = self.lock();
        loop {
            let next = state.next;
            if let Some(result) = state.ready.remove(&next) {
                state.next += 1;
                self.changed.notify_all();
                return Some(result);
            }
            if state.makers == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Nobody reads any more: makers stop.
    pub(super) fn stop(&self) {
        self.lock().stopped = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A maker, until it is done.
struct Done<'a, T>(&'a InOrder<T>);

impl<T> Drop for Done<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.makers -= 1;
        state.stopped |= std::thread::panicking();
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[test]
    fn results_come_in_order_whoever_makes_them() {
        let (results, numbers) = (InOrder::new(4, 3), AtomicU64::new(0));
        let seen: Vec<u64> = std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    results.make(|| {
                        loop {
                            let number = numbers.fetch_add(1, Relaxed);
                            if number >= 1000 || !results.wait_for_room(number) {
                                break;
                            }
                            results.put(number, number * 2);
                        }
                    });
                });
            }
            std::iter::from_fn(|| results.take()).collect()
        });
        assert_eq!(seen, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_maker_that_panics_keeps_nobody_waiting() {
        let results = InOrder::<u64>::new(2, 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| results.make(|| results.wait_for_room(2)));
            let panics = scope.spawn(|| results.make(|| std::panic::resume_unwind(Box::new("on purpose"))));
            assert!(panics.join().map(|never: ()| never).is_err());
            assert_eq!((results.take(), other.join().unwrap()), (None, false));
        });
    }

    #[test]
    fn makers_stop_when_nobody_reads() {
        let results = InOrder::<u64>::new(1, 2);
        results.put(0, 0);
        results.stop();
        assert!(!results.wait_for_room(5));
    }
}
