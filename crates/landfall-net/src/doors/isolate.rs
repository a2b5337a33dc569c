//! A call that failed as a whole, asked again in parts: a row for which the model fails takes no other row with it.

use crate::caller::CLOCK;
use crate::turns::handed_in;
use landfall_model::{Call, Input, Kind, Outputs, Problem, Reason, RowRule};
use landfall_serving::{Clock, Lease, Request, Response, Timing, submit};
use std::ops::Range;

/// Most rows of a call that may fail alone; where more do, the call fails.
const MOST_FAILED: usize = 16;

/// A call as it was handed in, should it have to be asked again.
pub(crate) struct Isolation {
    lease: Lease,
    request: Request,
}

impl Isolation {
    /// Kept for calls whose rows can be asked apart.
    pub(crate) fn keep(lease: &Lease, request: &Request) -> Option<Box<Self>> {
        let kept = || Box::new(Isolation { lease: lease.clone(), request: request.clone() });
        (request.call.rows() > Some(1) && is_divisible(&request.call)).then(kept)
    }

    /// Asks in halves, down to single rows, each a call like any other. A row that fails is marked as failed.
    ///
    /// # Errors
    /// `problem`, the whole call's, where no row succeeds or too many fail; what befalls a part and is of no row.
    pub(crate) async fn in_parts(self: Box<Self>, problem: Problem) -> Result<Response, Problem> {
        let rows = self.request.call.rows().unwrap_or(0);
        let mut timing = Timing { rows, ..Timing::default() };
        let (mut given, mut failed) = (Vec::new(), Vec::new());
        let mut open = halves(0..rows);
        while let Some(range) = open.pop() {
            match self.part(range.clone()).await {
                Ok(response) => {
                    timing.queue += response.timing.queue;
                    timing.compute += response.timing.compute;
                    given.push((range.start, response.outputs));
                }
                Err(other) if !may_be_of_a_row(&other) => return Err(other),
                Err(_) if failed.len() == MOST_FAILED => return Err(problem),
                Err(of_row) if range.len() == 1 => failed.push((range.start, of_row)),
                Err(_) => open.extend(halves(range)),
            }
        }
        match put_together(given, failed)? {
            Some(outputs) => Ok(Response { outputs, timing }),
            None => Err(problem),
        }
    }

    async fn part(&self, range: Range<usize>) -> Result<Response, Problem> {
        let call = self.request.call.part(range);
        let call = call.ok_or_else(|| Problem::internal("a call that is not divisible"))?;
        let Request { deadline, priority, .. } = self.request;
        let answer = submit(self.lease.clone(), Request { call, deadline, priority }, CLOCK.now());
        handed_in();
        answer.await
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
    let Some(stand_in) = given.first().map(|(_, outputs)| outputs.rows(0..1)) else { return Ok(None) };
    for (row, problem) in failed {
        let mut outputs = stand_in.clone();
        outputs.fail_row(0, problem);
        given.push((row, outputs));
    }
    given.sort_by_key(|(start, _)| *start);
    let parts: Vec<Outputs> = given.into_iter().map(|(_, outputs)| outputs).collect();
    Outputs::stacked(&parts).map(Some)
}

fn is_divisible(call: &Call) -> bool {
    let signature = call.signature();
    let has_rows = |place: usize| signature.outputs().get(place).is_some_and(|output| output.has_rows);
    *signature.rows() == RowRule::Independent
        && call.inputs().iter().flatten().all(|input| matches!(input, Input::Dense(_) | Input::Columns(_)))
        && call.wanted().iter().all(has_rows)
}

/// Whether a failure may be the fault of a row's values: a call that was turned away did not come to them.
pub(crate) fn may_be_of_a_row(problem: &Problem) -> bool {
    use Kind::*;
    let kinds = [InvalidArgument, FailedPrecondition, OutOfRange, Unknown, Internal, DataLoss];
    kinds.contains(&problem.kind()) && !matches!(problem.reason(), Reason::CallTooLarge { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_turned_away_is_not_asked_again() {
        assert!(may_be_of_a_row(&Problem::new(Reason::Engine { engine: "e", text: "no".into() })));
        for reason in [
            Reason::CallTooLarge { rows: 5, most: 4 },
            Reason::DeadlineExceeded,
            Reason::ShuttingDown,
            Reason::Cancelled,
        ] {
            assert!(!may_be_of_a_row(&Problem::new(reason)));
        }
    }
}
