//! The middle of every prediction, whatever the door: hand in, wait, and keep long work off the I/O thread.

use super::call_options::CallOptions;
use crate::caller::CLOCK;
use crate::limits::IN_PLACE;
use crate::offload;
use crate::trace::Asking;
use crate::turns::handed_in;
use landfall_dialects::Decoded;
use landfall_model::{Outputs, Problem, Reason, Signature};
use landfall_serving::{Answer, Clock, Lease, Response, submit};
use std::sync::Arc;
use std::time::Instant;

/// Hands a call in: it stands in its queue from now on; dropping the answer takes it out. Gives beside it what the
/// answer's encoder needs.
///
/// No future: what a caller moves in here does not make its own future larger.
pub(crate) fn hand_in<Form>(
    lease: Lease,
    options: CallOptions,
    decoded: Decoded<Form>,
) -> (Waiting, Arc<Signature>, Form) {
    let Decoded { mut call, hints, form } = decoded;
    let signature = call.signature().clone();
    let now = CLOCK.now();
    let asking = Asking::begin(&lease, &signature, now);
    if asking.is_some() {
        call.trace();
    }
    let request = options.request(call, hints, now);
    let deadline = request.deadline;
    let answer = submit(lease, request, now);
    handed_in();
    (Waiting { answer, deadline, asking }, signature, form)
}

/// A call that was handed in.
pub(crate) struct Waiting {
    answer: Answer,
    deadline: Option<Instant>,
    /// Where requests are traced.
    asking: Option<Box<Asking>>,
}

impl Waiting {
    /// The answer. A caller with a deadline gets none after it, and is not made to wait for one that runs already.
    pub(crate) async fn answer(self) -> Result<Response, Problem> {
        let answered = match self.deadline {
            None => self.answer.await,
            Some(deadline) => in_time(deadline, self.answer).await,
        };
        if let Some(asking) = self.asking {
            asking.end(&answered);
        }
        answered
    }
}

async fn in_time(deadline: Instant, answer: Answer) -> Result<Response, Problem> {
    // Boxed: a timer is large, and most callers have no deadline.
    let in_time = Box::pin(tokio::time::timeout_at(deadline.into(), answer)).await;
    in_time.unwrap_or_else(|_| Err(Problem::new(Reason::DeadlineExceeded)))
}

/// Does the work here when it is over `bytes` that are few, else on a thread where it holds nobody up.
pub(crate) async fn away<T, W>(bytes: usize, work: W) -> Result<T, Problem>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    if bytes <= IN_PLACE {
        return Ok(work());
    }
    let done = offload::run(work).await;
    done.ok_or_else(|| Problem::internal("handling a large body panicked; the log has the message"))
}

/// Bytes of all tensors.
pub(crate) fn bytes_of(outputs: &Outputs) -> usize {
    outputs.iter().map(|(_, tensor)| tensor.bytes_total()).sum()
}
