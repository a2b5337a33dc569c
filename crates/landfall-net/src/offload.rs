//! Threads for what would hold up the connections of an I/O thread: unpacking, decoding and encoding large bodies.
//!
//! As many as there are cores, and started with the server: more of them would take memory, for their stacks and for what
//! the allocator keeps ready for each, and give no speed; and a thread that is only wanted when memory is short may not be
//! had.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use tokio::sync::oneshot;

/// It does not panic: what its work does is caught within.
type Job = Box<dyn FnOnce() + Send>;

/// The fewest threads: one large body must not hold up all others.
const FEWEST: usize = 2;

/// Where work is handed in; `None` where no thread could be started.
static THREADS: LazyLock<Option<Sender<Job>>> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(FEWEST, usize::from);
    started(cores.max(FEWEST))
});

/// Starts the threads, unless they run already.
pub(crate) fn start() {
    LazyLock::force(&THREADS);
}

/// Starts so many threads, which run for as long as the process does.
fn started(count: usize) -> Option<Sender<Job>> {
    let (jobs, waiting) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let start = |number: usize| {
        let waiting = waiting.clone();
        std::thread::Builder::new().name(format!("aside-{number}")).spawn(move || work_off(&waiting)).is_ok()
    };
    let running = (0..count).filter(|&number| start(number)).count();
    (running > 0).then_some(jobs)
}

fn work_off(waiting: &Mutex<Receiver<Job>>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(),
            // Nobody can hand in any more.
            Err(_) => return,
        }
    }
}

/// Does the work on one of the threads, in turn, and gives what came of it; `None` where it panicked. Work whose caller has
/// left before its turn is not done.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (answer, done) = oneshot::channel();
    let job: Job = Box::new(move || {
        if answer.is_closed() {
            return;
        }
        if let Ok(value) = catch_unwind(AssertUnwindSafe(work)) {
            // The caller may have left meanwhile.
            let _ = answer.send(value);
        }
    });
    match &*THREADS {
        // The threads never stop taking.
        Some(jobs) => drop(jobs.send(job)),
        None => job(),
    }
    done.await.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
    use std::task::{Context, Waker};

    #[tokio::test]
    async fn no_more_runs_at_a_time_than_there_are_threads() {
        static NOW: AtomicUsize = AtomicUsize::new(0);
        let work = || {
            let together = NOW.fetch_add(1, SeqCst) + 1;
            (0..2000).for_each(|_| std::thread::yield_now());
            NOW.fetch_sub(1, SeqCst);
            together
        };
        let all: Vec<_> = (0..40).map(|_| tokio::spawn(run(work))).collect();
        let mut most = 0;
        for one in all {
            most = most.max(one.await.unwrap().unwrap());
        }
        let cores = std::thread::available_parallelism().map_or(FEWEST, usize::from);
        assert!((1..=cores.max(FEWEST)).contains(&most), "{most}");
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_work_alone() {
        let cores = std::thread::available_parallelism().map_or(FEWEST, usize::from);
        for _ in 0..2 * cores.max(FEWEST) {
            assert_eq!(run(|| -> usize { panic!("as the test asks for") }).await, None);
        }
        assert_eq!(run(|| 7).await, Some(7));
    }

    #[tokio::test]
    async fn work_whose_caller_has_left_is_not_done() {
        static OPEN: AtomicBool = AtomicBool::new(false);
        let cores = std::thread::available_parallelism().map_or(FEWEST, usize::from).max(FEWEST);
        let wait = || {
            while !OPEN.load(SeqCst) {
                std::thread::yield_now();
            }
        };
        let standing: Vec<_> = (0..cores).map(|_| tokio::spawn(run(wait))).collect();
        tokio::task::yield_now().await;
        // All threads stand before the gate; what the first poll hands in waits behind them.
        let done = Arc::new(AtomicUsize::new(0));
        let counts = done.clone();
        let mut left = Box::pin(run(move || counts.fetch_add(1, SeqCst)));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(left.as_mut().poll(context).is_pending());
        drop(left);
        OPEN.store(true, SeqCst);
        for one in standing {
            one.await.unwrap();
        }
        run(|| {}).await;
        assert_eq!(done.load(SeqCst), 0);
    }
}
