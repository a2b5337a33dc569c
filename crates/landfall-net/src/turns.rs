//! When the batches that wait on an I/O thread run: before it sleeps, or, where it never does, after so many calls.

use crate::caller::CLOCK;
use crate::limits::CALLS_WITHOUT_TURN;
use landfall_serving::{Turned, turn};
use std::cell::Cell;
use std::sync::Arc;
use tokio::sync::Notify;

thread_local! {
    /// Calls handed in since the last turn.
    static HANDED_IN: Cell<usize> = const { Cell::new(0) };
    /// Told when a turn before sleep gave answers.
    static ANSWERED: Arc<Notify> = Arc::default();
}

/// A call was handed in. A thread to which requests come faster than it reads them never parks: it takes its turn all the
/// same, or nobody would get an answer.
pub(crate) fn handed_in() {
    let calls = HANDED_IN.get() + 1;
    HANDED_IN.set(calls);
    if calls >= CALLS_WITHOUT_TURN {
        take_turn();
    }
}

/// Calls handed in on this thread since its last turn.
pub(crate) fn waiting() -> usize {
    HANDED_IN.get()
}

/// Runs what waits in this thread's lane; says whether there was anything.
pub(crate) fn take_turn() -> bool {
    HANDED_IN.set(0);
    // What a part of a turn leaves is taken up in the next one: the callers that it woke run first.
    turn(&CLOCK) != Turned::Nothing
}

/// The turn of a thread that is about to sleep.
pub(crate) fn before_sleep() {
    if take_turn() {
        ANSWERED.with(|answered| answered.notify_one());
    }
}

/// Notified on this thread when a turn before sleep gave answers.
pub(crate) fn answered() -> Arc<Notify> {
    ANSWERED.with(Arc::clone)
}
