//! A batch from its forming to its answers: stacked, run once, cut apart; those who came too late turned away.

use super::Scheduler;
use super::batcher::Formed;
use super::instances::PooledInstance;
use super::isolate::Isolation;
use super::request::{Response, Ticket, Timing, is_divisible};
use super::run::run_call;
use super::statistics::Ran;
use crate::Clock;
use landfall_model::{Call, Outputs, Problem, Reason};
use std::sync::Arc;
use std::time::{Duration, Instant};

impl Scheduler {
    /// Answers what a batcher gave: those too late, and those who run together. Says whether a caller was woken.
    pub(crate) fn conduct(&self, formed: &mut Formed<Arc<Ticket>>, now: Instant, clock: &dyn Clock) -> bool {
        [&formed.batch, &formed.expired, &formed.left].into_iter().for_each(|tickets| self.release(tickets));
        let mut woke = false;
        if !formed.expired.is_empty() {
            woke |= turn_away(&formed.expired, now, &Problem::new(Reason::DeadlineExceeded));
            formed.expired.clear();
        }
        if !formed.left.is_empty() {
            turn_away(&formed.left, now, &Problem::new(Reason::Cancelled));
            formed.left.clear();
        }
        if !formed.batch.is_empty() {
            woke |= run_batch(self, &formed.batch, now, clock);
            formed.batch.clear();
        }
        woke
    }
}

/// Answers calls that waited, and do not run, with a problem. Says whether a caller was woken.
#[cold]
pub(super) fn turn_away(tickets: &[Arc<Ticket>], now: Instant, problem: &Problem) -> bool {
    let mut woke = false;
    for ticket in tickets {
        let after = now.saturating_duration_since(ticket.arrived);
        ticket.lease.statistics.failed(problem.kind(), after);
        woke |= ticket.answer(Err(problem.clone()));
    }
    woke
}

/// Runs calls together and answers them. A run that fails is tried again in halves, down to single calls and their rows, so that
/// one caller's data fails that caller alone, and one row's that row. `now` is when the batch was formed. Says whether a caller
/// was woken.
fn run_batch(scheduler: &Scheduler, tickets: &[Arc<Ticket>], now: Instant, clock: &dyn Clock) -> bool {
    let _unanswered = Unanswered(tickets);
    match scheduler.instances.pooled() {
        Ok(mut instance) => run_together(scheduler, &mut instance, tickets, now, clock),
        Err(problem) => tickets.iter().fold(false, |woke, ticket| woke | fail(ticket, problem.clone(), now)),
    }
}

fn run_together(
    scheduler: &Scheduler,
    instance: &mut PooledInstance,
    tickets: &[Arc<Ticket>],
    now: Instant,
    clock: &dyn Clock,
) -> bool {
    match (attempt(scheduler, instance, tickets, now, clock), tickets) {
        (Ok((answers, timing)), _) => {
            let answered = tickets.iter().zip(answers);
            answered.fold(false, |woke, (ticket, outputs)| {
                let queue = now.saturating_duration_since(ticket.arrived);
                woke | ticket.answer(Ok(Response { outputs, timing: Timing { queue, ..timing } }))
            })
        }
        (Err(problem), [ticket]) => {
            let isolation = Isolation { scheduler, instance, ticket, started: now, clock };
            match isolation.answer(problem) {
                Ok(response) => ticket.answer(Ok(response)),
                Err(problem) => fail(ticket, problem, clock.now()),
            }
        }
        (Err(_), _) => {
            let (first, second) = tickets.split_at(tickets.len() / 2);
            let woke = run_together(scheduler, instance, first, clock.now(), clock);
            run_together(scheduler, instance, second, clock.now(), clock) | woke
        }
    }
}

/// Puts calls together, runs them once, and cuts the outputs apart, in order. What was counted stands in the statistics
/// before anybody has his answer.
fn attempt(
    scheduler: &Scheduler,
    instance: &mut PooledInstance,
    tickets: &[Arc<Ticket>],
    started: Instant,
    clock: &dyn Clock,
) -> Result<(Vec<Outputs>, Timing), Problem> {
    let stacked;
    let (call, stacked_at) = match tickets {
        [ticket] => (&ticket.call, started),
        _ => {
            let calls: Vec<&Call> = tickets.iter().map(|ticket| &ticket.call).collect();
            stacked = scheduler.stacked(&calls)?;
            (&stacked, clock.now())
        }
    };
    let rows = call.rows().unwrap_or(1);
    let outputs = run_filled(scheduler, instance, call)?;
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
    scheduler.observe(rows, ran.infer);
    if let Some(first) = tickets.first() {
        first.lease.statistics.ran(&ran, tickets.iter().map(|t| (t.arrived, t.call.rows().unwrap_or(1))));
    }
    let compute = cut_at.saturating_duration_since(started);
    Ok((answers, Timing { queue: Duration::ZERO, compute, rows }))
}

/// Runs a call, filled up to a number of rows that the model was made for where there is one.
///
/// # Errors
/// As [`run_call`].
pub(super) fn run_filled(
    scheduler: &Scheduler,
    instance: &mut PooledInstance,
    call: &Call,
) -> Result<Outputs, Problem> {
    let rows = call.rows().unwrap_or(1);
    match scheduler.padded_rows(rows).filter(|_| is_divisible(call)) {
        Some(size) => Ok(run_call(instance, &call.padded(size)?, scheduler.part_rows())?.rows(0..rows)),
        None => run_call(instance, call, scheduler.part_rows()),
    }
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
