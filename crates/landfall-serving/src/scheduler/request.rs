//! A call with what its caller asked for beside it, and the way its answer takes back.

use super::batcher::Job;
use crate::Lease;
use crate::locked::lock;
use landfall_model::{Call, Input, Outputs, Problem, Reason, RowRule};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A call with what its caller asked for beside it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The question.
    pub call: Call,
    /// When the answer is worth nothing any more; `None`: never.
    pub deadline: Option<Instant>,
    /// 1 runs first, then 2, and so on; 0 is the default, which is as 2.
    pub priority: u64,
}

/// An answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Response {
    /// What the model gave for this caller's rows; rows that failed alone count from the caller's first.
    pub outputs: Outputs,
    /// How it came about.
    pub timing: Timing,
}

/// How an answer came about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timing {
    /// From the call's arrival to the start of its batch.
    pub queue: Duration,
    /// The batch: putting inputs together, running, taking outputs apart.
    pub compute: Duration,
    /// Rows of the batch.
    pub rows: usize,
}

/// Where priority 0 stands among the others.
const DEFAULT_LEVEL: u64 = 2;

/// A call that waits for its turn: held by its caller's [`Answer`] and by the queue it stands in. One allocation for
/// the call, its lease and its answer.
pub(crate) struct Ticket {
    pub(crate) lease: Lease,
    pub(crate) call: Call,
    pub(crate) arrived: Instant,
    deadline: Option<Instant>,
    level: u64,
    rows: usize,
    /// Of its inputs.
    pub(crate) bytes: usize,
    sociable: bool,
    slot: Mutex<Slot>,
}

/// Where an answer is left for its caller.
enum Slot {
    /// Neither has the answer come nor did anybody ask for it.
    Empty,
    Asked(Waker),
    Answered(Result<Response, Problem>),
    Taken,
}

impl Ticket {
    /// Inlined, so that the call is written where the ticket will lie: it is some hundred bytes wide.
    #[inline(always)]
    pub(crate) fn new(lease: Lease, request: Request, arrived: Instant) -> Self {
        let Request { call, deadline, priority } = request;
        Ticket {
            rows: call.rows().unwrap_or(1),
            bytes: call.bytes_total(),
            sociable: lease.batching().together && is_divisible(&call),
            level: if priority == 0 { DEFAULT_LEVEL } else { priority },
            lease,
            call,
            arrived,
            deadline,
            slot: Mutex::new(Slot::Empty),
        }
    }

    /// Leaves an answer where none was left.
    #[cold]
    pub(crate) fn answer_if_open(&self, problem: Problem) {
        let open = matches!(&*lock(&self.slot), Slot::Empty | Slot::Asked(_));
        if open {
            self.answer(Err(problem));
        }
    }

    /// Leaves the answer and wakes the caller. Says whether somebody was woken.
    pub(crate) fn answer(&self, answer: Result<Response, Problem>) -> bool {
        let before = {
            let mut slot = lock(&self.slot);
            std::mem::replace(&mut *slot, Slot::Answered(answer))
        };
        match before {
            Slot::Asked(waker) => {
                waker.wake();
                true
            }
            _ => false,
        }
    }
}

/// Whether the rows of a call may run together with other calls' rows, and apart from each other: they are independent,
/// and every output wanted has them along axis 0.
pub(crate) fn is_divisible(call: &Call) -> bool {
    let signature = call.signature();
    *signature.rows() == RowRule::Independent
        && call.rows().is_some()
        && call.inputs().iter().flatten().all(|input| matches!(input, Input::Dense(_) | Input::Columns(_)))
        && call.wanted().iter().all(|place| signature.outputs().get(place).is_some_and(|o| o.has_rows))
}

impl Job for Arc<Ticket> {
    fn rows(&self) -> usize {
        self.rows
    }

    fn row_bytes(&self) -> usize {
        self.bytes / self.rows.max(1)
    }

    fn level(&self) -> u64 {
        self.level
    }

    fn arrived(&self) -> Instant {
        self.arrived
    }

    fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The queue holds one of two references; the caller dropped the other when he left.
    fn is_awaited(&self) -> bool {
        Arc::strong_count(self) > 1
    }

    fn is_sociable(&self) -> bool {
        self.sociable
    }

    fn joins(&self, other: &Self) -> bool {
        match self.lease.batching().pad_lengths {
            true => self.call.joins_levelled(&other.call),
            false => self.call.joins(&other.call),
        }
    }
}

/// The answer to a submitted call. Dropping it means that the caller has left: the call is not run any more, unless it
/// runs already. It holds the version until then.
#[must_use = "a call whose answer is dropped is not run"]
pub struct Answer(State);

enum State {
    Refused(Option<Problem>),
    Waiting(Arc<Ticket>),
}

impl Answer {
    pub(crate) fn refused(problem: Problem) -> Self {
        Answer(State::Refused(Some(problem)))
    }

    pub(crate) fn of(ticket: Arc<Ticket>) -> Self {
        Answer(State::Waiting(ticket))
    }
}

impl Future for Answer {
    type Output = Result<Response, Problem>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let taken = || Err(Problem::new(Reason::Cancelled));
        match &mut self.0 {
            State::Refused(problem) => Poll::Ready(problem.take().map_or_else(taken, Err)),
            State::Waiting(ticket) => {
                let mut slot = lock(&ticket.slot);
                match &*slot {
                    Slot::Asked(waker) if waker.will_wake(context.waker()) => Poll::Pending,
                    Slot::Empty | Slot::Asked(_) => {
                        *slot = Slot::Asked(context.waker().clone());
                        Poll::Pending
                    }
                    Slot::Answered(_) | Slot::Taken => match std::mem::replace(&mut *slot, Slot::Taken) {
                        Slot::Answered(answer) => Poll::Ready(answer),
                        _ => Poll::Ready(taken()),
                    },
                }
            }
        }
    }
}
