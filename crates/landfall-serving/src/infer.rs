//! The one door for calls: online ([`submit`]) and offline ([`Worker`]), and the running of a batch that both share.

use crate::instances::Hold;
use crate::lane;
use crate::request::{Answer, Request, Response, Ticket, Timing, is_divisible};
use crate::run::run_call;
use crate::scheduler::Core;
use crate::statistics::Ran;
use crate::{Clock, Lease};
use landfall_model::{Call, Outputs, Problem, Reason};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hands a call in. It never waits for a place: when too many wait already, or the wait is expected to outlast the
/// deadline, the answer is an immediate refusal. A cheap model's call waits in this thread's lane, if the thread has
/// one, until its next [`crate::turn`]; all others run on the compute threads.
///
/// The call must have been made with one of the version's own signatures.
pub fn submit(lease: Lease, request: Request, now: Instant) -> Answer {
    let core = lease.scheduler.core();
    let rows = request.call.rows().unwrap_or(1);
    let in_place = core.runs_in_place(rows);
    let fits = match lease.batching().largest_call {
        Some(most) if rows > most => Err(too_large(rows, most)),
        _ => Ok(()),
    };
    if let Err(problem) = fits.and_then(|()| admit(core, &request, in_place, now)) {
        lease.statistics.refused(problem.kind());
        return Answer::refused(problem);
    }
    let ticket = Arc::new(Ticket::new(lease, request, now));
    let core = ticket.lease.scheduler.core();
    let elsewhere = if in_place { lane::push(core, ticket.clone()).err() } else { Some(ticket.clone()) };
    if let Some(ticket) = elsewhere {
        core.enqueue(ticket);
    }
    Answer::of(ticket)
}

#[cold]
fn too_large(rows: usize, most: usize) -> Problem {
    Problem::invalid(format!("Task size {rows} is larger than maximum input batch size {most}"))
}

fn admit(core: &Arc<Core>, request: &Request, in_place: bool, now: Instant) -> Result<(), Problem> {
    let bytes = request.call.bytes_total();
    core.enter(bytes, now)?;
    let Some(deadline) = request.deadline else { return Ok(()) };
    let refusal = if deadline <= now {
        Problem::new(Reason::DeadlineExceeded)
    } else {
        let here = if in_place { lane::rows_waiting(core) } else { None };
        let wait = here.map_or_else(|| core.expected_queue_wait(), |rows| core.expected_wait(rows));
        if now + wait <= deadline {
            return Ok(());
        }
        core.full(wait)
    };
    core.leave(bytes);
    Err(refusal)
}

/// Runs calls together and answers them. A run that fails is tried again in halves, down to single calls, so that one
/// caller's data fails that caller alone. `now` is when the batch was formed. Says whether a caller was woken.
pub(crate) fn run_batch(core: &Core, tickets: &[Arc<Ticket>], now: Instant, clock: &dyn Clock) -> bool {
    let _unanswered = Unanswered(tickets);
    match core.instances.hold() {
        Ok(mut hold) => run_together(core, &mut hold, tickets, now, clock),
        Err(problem) => tickets.iter().fold(false, |woke, ticket| woke | fail(ticket, problem.clone(), now)),
    }
}

fn run_together(
    core: &Core,
    hold: &mut Hold,
    tickets: &[Arc<Ticket>],
    now: Instant,
    clock: &dyn Clock,
) -> bool {
    match (attempt(core, hold, tickets, now, clock), tickets) {
        (Ok((answers, timing)), _) => {
            let answered = tickets.iter().zip(answers);
            answered.fold(false, |woke, (ticket, outputs)| {
                let queue = now.saturating_duration_since(ticket.arrived);
                woke | ticket.answer(Ok(Response { outputs, timing: Timing { queue, ..timing } }))
            })
        }
        (Err(problem), [ticket]) => fail(ticket, problem, clock.now()),
        (Err(_), _) => {
            let (first, second) = tickets.split_at(tickets.len() / 2);
            let woke = run_together(core, hold, first, clock.now(), clock);
            run_together(core, hold, second, clock.now(), clock) | woke
        }
    }
}

/// Puts calls together, runs them once, and cuts the outputs apart, in order. What was counted stands in the statistics
/// before anybody has his answer.
fn attempt(
    core: &Core,
    hold: &mut Hold,
    tickets: &[Arc<Ticket>],
    started: Instant,
    clock: &dyn Clock,
) -> Result<(Vec<Outputs>, Timing), Problem> {
    let stacked;
    let (call, stacked_at) = match tickets {
        [ticket] => (&ticket.call, started),
        _ => {
            let calls: Vec<&Call> = tickets.iter().map(|ticket| &ticket.call).collect();
            stacked = core.stacked(&calls)?;
            (&stacked, clock.now())
        }
    };
    let rows = call.rows().unwrap_or(1);
    let outputs = match core.padded_rows(rows).filter(|_| is_divisible(call)) {
        Some(size) => run_call(hold, &call.padded(size)?, core.part_rows())?.rows(0..rows),
        None => run_call(hold, call, core.part_rows())?,
    };
    let ran_at = clock.now();
    let (answers, cut_at) = match tickets {
        [_] => (vec![outputs], ran_at),
        _ => (cut(&outputs, tickets), clock.now()),
    };
    let ran = Ran {
        rows,
        started,
        finished: cut_at,
        input: stacked_at.saturating_duration_since(started),
        infer: ran_at.saturating_duration_since(stacked_at),
        output: cut_at.saturating_duration_since(ran_at),
    };
    core.observe(rows, ran.infer);
    if let Some(first) = tickets.first() {
        first.lease.statistics.ran(&ran, tickets.iter().map(|t| (t.arrived, t.call.rows().unwrap_or(1))));
    }
    let compute = cut_at.saturating_duration_since(started);
    Ok((answers, Timing { queue: Duration::ZERO, compute, rows }))
}

/// Each caller's rows, sharing the outputs' elements.
fn cut(outputs: &Outputs, tickets: &[Arc<Ticket>]) -> Vec<Outputs> {
    let mut start = 0;
    let part = |ticket: &Arc<Ticket>| {
        let end = start + ticket.call.rows().unwrap_or(0);
        let part = outputs.rows(start..end);
        start = end;
        part
    };
    tickets.iter().map(part).collect()
}

#[cold]
fn fail(ticket: &Arc<Ticket>, problem: Problem, now: Instant) -> bool {
    ticket.lease.statistics.failed(problem.kind(), now.saturating_duration_since(ticket.arrived));
    ticket.answer(Err(problem))
}

/// Should anything beside the engine panic while a batch runs, its callers still get an answer.
struct Unanswered<'a>(&'a [Arc<Ticket>]);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.iter().for_each(|ticket| ticket.answer_if_open(Problem::internal("a batch was given up")));
        }
    }
}

/// Answers calls one after the other on its owner's thread, with a workspace of its own: no queue, no deadline. For
/// files and tables, where the reader waits anyway.
pub struct Worker {
    lease: Lease,
    hold: Hold,
}

impl Worker {
    /// For a version.
    ///
    /// # Errors
    /// When the engine cannot make a further workspace.
    pub fn new(lease: Lease) -> Result<Worker, Problem> {
        let hold = lease.scheduler.core().instances.hold()?;
        Ok(Worker { lease, hold })
    }

    /// Answers a call: large ones in parts, those of models with a fixed number of rows in pieces.
    ///
    /// # Errors
    /// The engine's; internal when it panicked or gave another number of rows.
    pub fn run(&mut self, call: &Call) -> Result<Response, Problem> {
        let core = self.lease.scheduler.core();
        let started = core.clock().now();
        let result = run_call(&mut self.hold, call, core.part_rows());
        let finished = core.clock().now();
        let infer = finished.saturating_duration_since(started);
        let outputs = result.inspect_err(|problem| self.lease.statistics.failed(problem.kind(), infer))?;
        let rows = call.rows().unwrap_or(1);
        core.observe(rows, infer);
        let (input, output) = (Duration::ZERO, Duration::ZERO);
        let ran = Ran { rows, started, finished, input, infer, output };
        self.lease.statistics.ran(&ran, std::iter::once((started, rows)));
        Ok(Response { outputs, timing: Timing { queue: Duration::ZERO, compute: infer, rows } })
    }
}

#[cfg(test)]
mod tests;
