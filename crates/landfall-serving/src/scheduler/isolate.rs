//! A call that failed as a whole, run again in parts: a row for which the model fails takes no other row with it.

use super::Scheduler;
use super::batch::run_filled;
use super::batcher::Job;
use super::instances::PooledInstance;
use super::request::{Response, Ticket, Timing, is_divisible};
use super::statistics::Ran;
use crate::Clock;
use landfall_model::{Kind, Outputs, Problem, Reason};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Most rows of a call that may fail alone; where more do, the call fails.
const MOST_FAILED: usize = 16;

/// A call of more rows is cut apart only after one of some of its rows has succeeded alone: a model may fail for all of them.
const FEW_ROWS: usize = 8;
/// How many rows, spread over the call, are tried for that.
const TRIED: usize = 4;

/// A call whose run failed.
pub(super) struct Isolation<'a> {
    pub(super) scheduler: &'a Scheduler,
    pub(super) instance: &'a mut PooledInstance,
    pub(super) ticket: &'a Arc<Ticket>,
    /// When that run began.
    pub(super) started: Instant,
    pub(super) clock: &'a dyn Clock,
}

impl Isolation<'_> {
    /// The answer from runs of halves, of their halves, and so on down to single rows; a row that fails is marked as failed.
    /// The whole counts as one request.
    ///
    /// # Errors
    /// `problem`, the whole call's, where its rows cannot run apart, none succeeds or too many fail; what befalls a part and
    /// is of no row; cancelled, when the caller has left meanwhile.
    pub(super) fn answer(mut self, problem: Problem) -> Result<Response, Problem> {
        let rows = self.ticket.rows();
        if rows < 2 || !is_divisible(&self.ticket.call) || !may_be_of_a_row(&problem) {
            return Err(problem);
        }
        if rows > FEW_ROWS && !self.some_row_succeeds(rows) {
            return Err(problem);
        }
        let (mut given, mut failed) = (Vec::new(), Vec::new());
        let mut open = halves(0..rows);
        while let Some(range) = open.pop() {
            if !self.ticket.is_awaited() {
                return Err(Problem::new(Reason::Cancelled));
            }
            match self.part(range.clone()) {
                Ok(outputs) => given.push((range.start, outputs)),
                Err(other) if !may_be_of_a_row(&other) => return Err(other),
                Err(_) if failed.len() == MOST_FAILED => return Err(problem),
                Err(of_row) if range.len() == 1 => failed.push((range.start, of_row)),
                Err(_) => open.extend(halves(range)),
            }
        }
        let outputs = put_together(given, failed)?.ok_or(problem)?;
        Ok(Response { outputs, timing: self.counted(rows) })
    }

    fn some_row_succeeds(&mut self, rows: usize) -> bool {
        (0..TRIED).map(|i| i * (rows - 1) / (TRIED - 1)).any(|row| self.part(row..row + 1).is_ok())
    }

    fn part(&mut self, range: Range<usize>) -> Result<Outputs, Problem> {
        let (rows, started) = (range.len(), self.clock.now());
        let call = self.ticket.call.part(range);
        let call = call.ok_or_else(|| Problem::internal("a call that is not divisible"))?;
        let outputs = run_filled(self.scheduler, self.instance, &call)?;
        let ran = Ran::alone(rows, started, self.clock.now());
        self.scheduler.observe(rows, ran.infer);
        self.ticket.lease.statistics.executed(&ran);
        Ok(outputs)
    }

    fn counted(&self, rows: usize) -> Timing {
        let ran = Ran::alone(rows, self.started, self.clock.now());
        self.ticket.lease.statistics.answered(&ran, self.ticket.arrived);
        let queue = self.started.saturating_duration_since(self.ticket.arrived);
        Timing { queue, compute: ran.infer, rows }
    }
}

/// The second half, and on top of it the first.
fn halves(range: Range<usize>) -> Vec<Range<usize>> {
    let middle = range.start + range.len() / 2;
    vec![middle..range.end, range.start..middle]
}

/// All rows in their order; one that failed stands there with the values of another. `None` where all failed.
fn put_together(
    mut given: Vec<(usize, Outputs)>,
    failed: Vec<(usize, Problem)>,
) -> Result<Option<Outputs>, Problem> {
    let Some((_, some)) = given.first() else { return Ok(None) };
    let mut stand_in = Outputs::new();
    some.rows(0..1).iter().for_each(|(place, tensor)| stand_in.set(place, tensor.clone()));
    for (row, problem) in failed {
        let mut outputs = stand_in.clone();
        outputs.fail_row(0, problem);
        given.push((row, outputs));
    }
    given.sort_by_key(|(start, _)| *start);
    let parts: Vec<Outputs> = given.into_iter().map(|(_, outputs)| outputs).collect();
    Outputs::stacked(&parts).map(Some)
}

/// Whether a failure may be the fault of a row's values.
fn may_be_of_a_row(problem: &Problem) -> bool {
    use Kind::*;
    [InvalidArgument, FailedPrecondition, OutOfRange, Unknown, Internal, DataLoss].contains(&problem.kind())
}
