//! Requests of this process, kept while a client traces them. Nothing is kept, and next to nothing spent, otherwise.

use crate::caller::CLOCK;
use landfall_dialects::tfs::profiler::{Batch, Traced};
use landfall_model::{Kind, Problem, Signature, Step};
use landfall_serving::{Clock, Lease, Response};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Requests and steps of their runs that one trace keeps at most: some 200 MB.
const MOST_EVENTS: usize = 1_000_000;

/// Whether there is a trace. Read for each request, before anything else is done for it.
static TRACING: AtomicBool = AtomicBool::new(false);
/// The trace: one at a time for the whole process, as in the original.
static TRACE: Mutex<Option<Kept>> = Mutex::new(None);

struct Kept {
    session: String,
    began: Instant,
    most: usize,
    events: usize,
    requests: Vec<Traced>,
    /// The runs whose steps are kept, by their addresses: callers of a batch share them.
    runs: HashSet<usize>,
    stop: Arc<Notify>,
}

impl Kept {
    /// The steps of an answer's run, where there is room for them.
    fn steps(&mut self, response: &Response) -> Option<Arc<Vec<Step>>> {
        let steps = response.outputs.steps()?;
        let run = Arc::as_ptr(steps).addr();
        if !self.runs.contains(&run) {
            let events = self.events + steps.len();
            if events > self.most {
                return None;
            }
            self.events = events;
            self.runs.insert(run);
        }
        Some(steps.clone())
    }
}

fn trace() -> MutexGuard<'static, Option<Kept>> {
    TRACE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A trace under way; it ends when this is dropped.
pub(crate) struct Trace {
    stop: Arc<Notify>,
}

impl Trace {
    /// Begins one; `most` bounds its events, 0 does not.
    ///
    /// # Errors
    /// Internal, in the original's words, where one is under way.
    pub(crate) fn begin(session: &str, most: u64) -> Result<Trace, Problem> {
        let mut trace = trace();
        if trace.is_some() {
            return Err(Problem::worded(Kind::Internal, "Another profiling session active."));
        }
        let stop = Arc::<Notify>::default();
        let most = usize::try_from(most).ok().filter(|&most| most > 0);
        *trace = Some(Kept {
            session: session.to_owned(),
            began: CLOCK.now(),
            most: most.unwrap_or(MOST_EVENTS).min(MOST_EVENTS),
            events: 0,
            requests: Vec::new(),
            runs: HashSet::new(),
            stop: stop.clone(),
        });
        TRACING.store(true, Relaxed);
        Ok(Trace { stop })
    }

    /// Waits until a client ends the trace before its time.
    pub(crate) async fn terminated(&self) {
        self.stop.notified().await;
    }

    /// Ends it, and gives what was kept.
    pub(crate) fn end(self) -> Vec<Traced> {
        let mut trace = trace();
        TRACING.store(false, Relaxed);
        trace.take().map(|kept| kept.requests).unwrap_or_default()
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        let mut trace = trace();
        // After its end another may have begun.
        if trace.as_ref().is_some_and(|kept| Arc::ptr_eq(&kept.stop, &self.stop)) {
            TRACING.store(false, Relaxed);
            *trace = None;
        }
    }
}

/// Ends a session's trace before its time, where it is under way.
pub(crate) fn terminate(session: &str) {
    if let Some(kept) = trace().as_ref().filter(|kept| kept.session == session) {
        kept.stop.notify_one();
    }
}

/// A request that was handed in while requests are traced.
pub(crate) struct Asking {
    lease: Lease,
    signature: Arc<Signature>,
    at: Instant,
}

impl Asking {
    /// `None` where nobody traces.
    #[inline]
    pub(crate) fn begin(lease: &Lease, signature: &Arc<Signature>, at: Instant) -> Option<Box<Asking>> {
        let asking = || Box::new(Asking { lease: lease.clone(), signature: signature.clone(), at });
        TRACING.load(Relaxed).then(asking)
    }

    /// It was answered.
    pub(crate) fn end(self, answer: &Result<Response, Problem>) {
        let now = CLOCK.now();
        let mut trace = trace();
        let Some(kept) = trace.as_mut().filter(|kept| kept.events < kept.most) else { return };
        kept.events += 1;
        let response = answer.as_ref().ok();
        let traced = Traced {
            model: self.lease.model().clone(),
            version: self.lease.version().to_string(),
            signature: self.signature.name().to_owned(),
            start: self.at.saturating_duration_since(kept.began),
            took: now.saturating_duration_since(self.at),
            batch: response.map(|response| Batch {
                queue: response.timing.queue,
                compute: response.timing.compute,
                rows: response.timing.rows,
            }),
            steps: response.and_then(|response| kept.steps(response)),
        };
        kept.requests.push(traced);
    }
}
