//! Frees versions whose leases have ended, on a thread of its own: no caller pays for it.

use crate::Loaded;
use crate::catalog::Snapshot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// How often it is looked whether a lease has ended: at first, and after a while.
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LAST_LOOK: Duration = Duration::from_millis(100);

/// What is freed when nobody holds it any more.
pub(crate) enum Retired {
    /// A version, and who wants to know that it is gone.
    Version(Arc<Loaded>, Box<dyn FnOnce() + Send>),
    /// A state of the catalog. It holds versions itself, and a reader may be the last one to let it go.
    Snapshot(Arc<Snapshot>),
}

impl Retired {
    fn is_free(&self) -> bool {
        match self {
            Retired::Version(loaded, _) => Arc::strong_count(loaded) == 1,
            Retired::Snapshot(snapshot) => Arc::strong_count(snapshot) == 1,
        }
    }

    fn free(self, give_back: fn()) {
        match self {
            Retired::Version(loaded, tell) => {
                // An engine's destructor may panic: that must not keep all later versions in memory.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(loaded)));
                give_back();
                tell();
            }
            Retired::Snapshot(snapshot) => drop(snapshot),
        }
    }
}

/// Frees what comes in as soon as nobody else holds it, and has each version's memory given back. Ends when no more can come and all is free.
pub(crate) fn run(inbox: &Receiver<Retired>, give_back: fn()) {
    let mut waiting: Vec<Retired> = Vec::new();
    let (mut open, mut pause) = (true, FIRST_LOOK);
    while open || !waiting.is_empty() {
        // With nothing to wait for, only a new one wakes this thread.
        let came = match waiting.is_empty() {
            true => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => inbox.recv_timeout(pause),
        };
        match came {
            Ok(retired) => {
                waiting.push(retired);
                pause = FIRST_LOOK;
            }
            Err(RecvTimeoutError::Timeout) => pause = (pause * 2).min(LAST_LOOK),
            Err(RecvTimeoutError::Disconnected) if open => open = false,
            // A closed channel no longer waits: leases that never end must not keep this thread busy.
            Err(RecvTimeoutError::Disconnected) => std::thread::park_timeout(LAST_LOOK),
        }
        // Snapshots hold versions: they go first. A version's count only falls, since the catalog has it no more.
        waiting.sort_by_key(|retired| matches!(retired, Retired::Version(..)));
        let mut held = Vec::new();
        for retired in waiting {
            if retired.is_free() { retired.free(give_back) } else { held.push(retired) }
        }
        waiting = held;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{FakeModel, LONG};
    use crate::{BatchSettings, ComputePool, Lease, SystemClock};
    use landfall_model::Version;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc::channel;

    #[test]
    fn a_version_that_panics_when_it_is_dropped_does_not_keep_the_next_one_in_memory() {
        let (reaper, retired) = channel();
        let (freed, ended) = channel();
        for (name, text) in [("bitter", "fake\nbitter\nend\n"), ("sweet", "fake\nend\n")] {
            let (settings, pool) = (BatchSettings::default(), ComputePool::new(1, Arc::new(SystemClock)));
            let runner = Arc::new(FakeModel::of(text));
            let lease = Lease::on_model(name, Version::numbered(1), runner, settings, pool).unwrap();
            let freed = freed.clone();
            let tell = Box::new(move || freed.send(name).unwrap());
            reaper.send(Retired::Version(lease.into_fresh(None).unwrap(), tell)).unwrap();
        }
        static GIVEN_BACK: AtomicUsize = AtomicUsize::new(0);
        let give_back = || {
            GIVEN_BACK.fetch_add(1, Ordering::SeqCst);
        };
        let thread = std::thread::spawn(move || run(&retired, give_back));
        assert_eq!([ended.recv_timeout(LONG), ended.recv_timeout(LONG)], [Ok("bitter"), Ok("sweet")]);
        assert_eq!(GIVEN_BACK.load(Ordering::SeqCst), 2, "the memory of each");
        drop(reaper);
        thread.join().unwrap();
    }
}
