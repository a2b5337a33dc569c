//! Chunks of rows through the model: each worker reads, runs and encodes a chunk; the calling thread writes in order.

use super::bad_rows::BadRows;
use super::in_order::InOrder;
use super::progress::Progress;
use landfall_model::{Call, Outputs, Problem, Reason, RowRule};
use landfall_serving::{Lease, Worker};
use landfall_tables::{BadRow, Encoded, Kept, RawChunk, TableEncoder, TableReader, TableWriter};

/// Chunks that may lie ready for the writer, for each worker.
const AHEAD: u64 = 4;

/// A table to be scored.
pub(super) struct Scoring<'a> {
    pub(super) lease: &'a Lease,
    pub(super) reader: &'a TableReader,
    pub(super) threads: usize,
    /// Whether the first bad row ends the work: then nothing after it needs to be tried.
    pub(super) stop_at_bad: bool,
}

/// A chunk's answers.
#[derive(Default)]
struct Scored {
    encoded: Vec<Encoded>,
    rows: u64,
    bad: Vec<BadRow>,
}

impl Scoring<'_> {
    /// Scores all of it, and gives the numbers of rows written and of bad rows.
    ///
    /// # Errors
    /// The first problem in the order of the table.
    pub(super) fn run(
        &self,
        mut writer: TableWriter,
        mut bad_rows: BadRows,
        progress: &Progress,
    ) -> Result<(u64, u64), Problem> {
        let results = InOrder::new(self.threads, AHEAD * self.threads as u64);
        let encoder = writer.encoder();
        let (mut rows, mut bad) = (0, 0);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads)
                .map(|_| scope.spawn(|| Makes(&results).run(|| self.work(&encoder, &results))))
                .collect();
            let written = (|| {
                while let Some(scored) = results.take() {
                    let scored: Scored = scored?;
                    scored.encoded.iter().try_for_each(|encoded| writer.append(encoded))?;
                    bad_rows.take(&scored.bad)?;
                    rows += scored.rows;
                    bad += scored.bad.len() as u64;
                    progress.at(rows, self.reader.progress());
                }
                Ok(())
            })();
            results.stop();
            let worked = workers.into_iter().try_for_each(|worker| {
                worker.join().unwrap_or_else(|_| Err(Problem::internal("a worker panicked")))
            });
            written.and(worked)
        })?;
        writer.finish()?;
        bad_rows.finish()?;
        Ok((rows, bad))
    }

    /// One worker: a chunk after the other, until there are no more.
    fn work(
        &self,
        encoder: &TableEncoder,
        results: &InOrder<Result<Scored, Problem>>,
    ) -> Result<(), Problem> {
        let mut worker = Worker::new(self.lease.clone())?;
        while let Some(raw) = self.reader.next()? {
            if !results.wait_for_room(raw.index()) {
                break;
            }
            let scored = self.score(&mut worker, &raw, encoder);
            let failed = scored.is_err();
            results.put(raw.index(), scored);
            if failed {
                break;
            }
        }
        Ok(())
    }

    fn score(&self, worker: &mut Worker, raw: &RawChunk, encoder: &TableEncoder) -> Result<Scored, Problem> {
        let chunk = self.reader.decode(raw)?;
        let mut scored = Scored { bad: chunk.bad, ..Scored::default() };
        for piece in &chunk.pieces {
            let ending = scored.bad.iter().map(|bad| bad.row).min().filter(|_| self.stop_at_bad);
            let before = piece.rows.iter().filter(|&&row| ending.is_none_or(|ending| row < ending)).count();
            let Some(call) = first_rows(&piece.call, before, piece.rows.len()) else { continue };
            let mut bad = Vec::new();
            self.answer(worker, &call, 0, &Beside { encoder, kept: &piece.kept }, &mut scored, &mut bad)?;
            for (row, problem) in bad {
                let number = piece.rows.get(row).copied().unwrap_or_default();
                let problem = in_the_table(problem).at(format!("row {number}"));
                scored.bad.push(BadRow { row: number, problem, raw: self.reader.raw_row(raw, number) });
            }
        }
        scored.bad.sort_by_key(|bad| bad.row);
        Ok(scored)
    }

    /// Answers a call; one that fails is tried again in halves, until the rows at fault stand alone. `first` is the
    /// call's first row within its piece.
    fn answer(
        &self,
        worker: &mut Worker,
        call: &Call,
        first: usize,
        beside: &Beside<'_>,
        scored: &mut Scored,
        bad: &mut Vec<(usize, Problem)>,
    ) -> Result<(), Problem> {
        let problem = match worker.run(call) {
            Ok(response) => {
                let failed = response.outputs.failed();
                let ends = failed.iter().min_by_key(|(row, _)| *row).filter(|_| self.stop_at_bad);
                if let Some((row, problem)) = ends {
                    bad.push((first + row, problem.clone()));
                    let before = first_rows(call, *row, call.rows().unwrap_or(1));
                    return before
                        .map_or(Ok(()), |call| self.answer(worker, &call, first, beside, scored, bad));
                }
                scored.rows += (call.rows().unwrap_or(1) - failed.len().min(call.rows().unwrap_or(1))) as u64;
                bad.extend(failed.iter().map(|(row, problem)| (first + row, problem.clone())));
                scored.encoded.push(beside.encode(call, first, &response.outputs)?);
                return Ok(());
            }
            Err(problem) => problem,
        };
        let rows = call.rows().filter(|_| *call.signature().rows() == RowRule::Independent);
        match rows {
            Some(1) => {
                bad.push((first, problem));
                Ok(())
            }
            Some(rows) if rows > 1 => {
                let half = rows / 2;
                for range in [0..half, half..rows] {
                    let start = range.start;
                    let Some(part) = call.part(range) else { return Err(problem) };
                    self.answer(worker, &part, first + start, beside, scored, bad)?;
                    if self.stop_at_bad && !bad.is_empty() {
                        return Ok(());
                    }
                }
                Ok(())
            }
            _ => Err(problem),
        }
    }
}

/// What stands beside the answers of a piece, and what encodes both.
struct Beside<'a> {
    encoder: &'a TableEncoder,
    kept: &'a Kept,
}

impl Beside<'_> {
    /// The answers of a call that begins with this row of the piece.
    fn encode(&self, call: &Call, first: usize, outputs: &Outputs) -> Result<Encoded, Problem> {
        match call.rows() {
            Some(rows) if !self.kept.is_empty() => {
                self.encoder.encode(outputs, &self.kept.rows(first..first + rows))
            }
            _ => self.encoder.encode(outputs, self.kept),
        }
    }
}

/// The first rows of a call; all of it where that is all; `None` where no row is left, or the call cannot be cut.
fn first_rows(call: &Call, rows: usize, of: usize) -> Option<Call> {
    match rows {
        rows if rows == of => Some(call.clone()),
        0 => None,
        rows => call.part(0..rows),
    }
}

/// A problem of a call's row as one of the table's: the row's number in the call means nothing there.
fn in_the_table(problem: Problem) -> Problem {
    match problem.reason() {
        Reason::ValueInvalid { input, expected, text, .. } => {
            Problem::invalid(format!("input {input:?}: expected {expected}, found {text:?}"))
        }
        Reason::ValueMissing { input, .. } => {
            Problem::invalid(format!("input {input:?}: the value is missing"))
        }
        Reason::ValueRequired { input, .. } => Problem::invalid(format!(
            "input {input:?}: the value is missing, and the model takes no missing value here"
        )),
        _ => problem,
    }
}

/// A maker of results: whatever happens to it, the reader learns that it is done.
struct Makes<'a, T>(&'a InOrder<T>);

impl<T> Makes<'_, T> {
    fn run<R>(self, work: impl FnOnce() -> R) -> R {
        work()
    }
}

impl<T> Drop for Makes<'_, T> {
    fn drop(&mut self) {
        self.0.done();
    }
}
