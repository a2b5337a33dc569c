//! The one door for calls: online ([`submit`]) and offline ([`Worker`]).

use super::instances::PooledInstance;
use super::request::{Answer, Request, Response, Ticket, Timing};
use super::run::run_call;
use super::statistics::Ran;
use crate::Lease;
use crate::scheduler::Scheduler;
use crate::scheduler::lane;
use landfall_model::{Call, Problem, Reason};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Hands a call in. It never waits for a place: when too many wait already, or the wait is expected to outlast the
/// deadline, the answer is an immediate refusal. A cheap model's call waits in this thread's lane, if the thread has
/// one, until its next [`crate::turn`]; all others run on the compute threads.
///
/// The call must have been made with one of the version's own signatures.
pub fn submit(lease: Lease, request: Request, now: Instant) -> Answer {
    let scheduler = &lease.scheduler;
    let rows = request.call.rows().unwrap_or(1);
    let in_place = scheduler.runs_in_place(rows);
    let fits = match lease.batching().largest_call {
        Some(most) if rows > most => Err(Problem::new(Reason::CallTooLarge { rows, most })),
        _ => Ok(()),
    };
    if let Err(problem) = fits.and_then(|()| admit(scheduler, &request, in_place, now)) {
        lease.statistics.refused(problem.kind());
        return Answer::refused(problem);
    }
    let ticket = Arc::new(Ticket::new(lease, request, now));
    let scheduler = &ticket.lease.scheduler;
    let elsewhere = if in_place { lane::push(scheduler, ticket.clone()).err() } else { Some(ticket.clone()) };
    if let Some(ticket) = elsewhere {
        scheduler.enqueue(ticket);
    }
    Answer::of(ticket)
}

fn admit(scheduler: &Arc<Scheduler>, request: &Request, in_place: bool, now: Instant) -> Result<(), Problem> {
    let bytes = request.call.bytes_total();
    scheduler.enter(bytes, now)?;
    let Some(deadline) = request.deadline else { return Ok(()) };
    let refusal = if deadline <= now {
        Problem::new(Reason::DeadlineExceeded)
    } else {
        let here = if in_place { lane::rows_waiting(scheduler) } else { None };
        let wait = here.map_or_else(|| scheduler.expected_queue_wait(), |rows| scheduler.expected_wait(rows));
        if wait <= deadline - now {
            return Ok(());
        }
        scheduler.full(wait)
    };
    scheduler.leave(bytes);
    Err(refusal)
}

/// Answers calls one after the other on its owner's thread, with a workspace of its own: no queue, no deadline. For
/// files and tables, where the reader waits anyway.
pub struct Worker {
    lease: Lease,
    instance: PooledInstance,
}

impl Worker {
    /// For a version.
    ///
    /// # Errors
    /// When the engine cannot make a further workspace.
    pub fn new(lease: Lease) -> Result<Worker, Problem> {
        let instance = lease.scheduler.instances.pooled()?;
        Ok(Worker { lease, instance })
    }

    /// Answers a call: large ones in parts, those of models with a fixed number of rows in pieces.
    ///
    /// # Errors
    /// The engine's; internal when it panicked or gave another number of rows.
    pub fn run(&mut self, call: &Call) -> Result<Response, Problem> {
        let scheduler = &self.lease.scheduler;
        let started = scheduler.clock().now();
        let result = run_call(&mut self.instance, call, scheduler.part_rows());
        let rows = call.rows().unwrap_or(1);
        let ran = Ran::alone(rows, started, scheduler.clock().now());
        let outputs =
            result.inspect_err(|problem| self.lease.statistics.failed(problem.kind(), ran.infer))?;
        scheduler.observe(rows, ran.infer);
        self.lease.statistics.ran(&ran, std::iter::once((started, rows)));
        Ok(Response { outputs, timing: Timing { queue: Duration::ZERO, compute: ran.infer, rows } })
    }
}

#[cfg(test)]
mod tests;
