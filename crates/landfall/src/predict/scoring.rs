//! Chunks of rows through the model: each worker reads, runs and encodes a chunk; the calling thread writes in order.

use super::bad_rows::BadRows;
use super::in_order::InOrder;
use super::progress::Progress;
use super::table;
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

/// What came of a table.
#[derive(Default)]
pub(super) struct Total {
    pub(super) rows: u64,
    pub(super) bad: u64,
    pub(super) first_bad: Option<Problem>,
}

/// A chunk's answers.
#[derive(Default)]
struct Scored {
    encoded: Vec<Encoded>,
    rows: u64,
    bad: Vec<BadRow>,
}

impl Scoring<'_> {
    /// Scores all of it.
    ///
    /// # Errors
    /// The first problem in the order of the table.
    pub(super) fn run(
        &self,
        mut writer: TableWriter,
        mut bad_rows: BadRows,
        progress: &Progress,
    ) -> Result<Total, Problem> {
        let results = InOrder::new(self.threads, AHEAD * self.threads as u64);
        let encoder = writer.encoder();
        let mut total = Total::default();
        std::thread::scope(|scope| {
            let work = || results.make(|| self.work(&encoder, &results));
            let mut workers = Vec::new();
            for _ in 0..self.threads {
                match std::thread::Builder::new().spawn_scoped(scope, work) {
                    Ok(worker) => workers.push(worker),
                    Err(error) if workers.is_empty() => return Err(Problem::io("start a thread", &error)),
                    // Those that run do its work.
                    Err(_) => results.make(|| ()),
                }
            }
            let written = (|| {
                while let Some(scored) = results.take() {
                    let scored: Scored = scored?;
                    scored.encoded.iter().try_for_each(|encoded| writer.append(encoded))?;
                    bad_rows.take(&scored.bad)?;
                    total.rows += scored.rows;
                    total.bad += scored.bad.len() as u64;
                    total.first_bad =
                        total.first_bad.take().or_else(|| Some(scored.bad.first()?.problem.clone()));
                    progress.at(total.rows, self.reader.progress());
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
        Ok(total)
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
            let beside = Beside { encoder, kept: &piece.kept };
            let mut bad = Vec::new();
            for (first, part) in runs(&call) {
                self.answer(worker, &part, first, &beside, &mut scored, &mut bad)?;
                if self.stop_at_bad && !bad.is_empty() {
                    break;
                }
            }
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
                scored.rows += call.rows().unwrap_or(1).saturating_sub(failed.len()) as u64;
                bad.extend(failed.iter().map(|(row, problem)| (first + row, problem.clone())));
                scored.encoded.push(beside.encode(call, first, &response.outputs)?);
                return Ok(());
            }
            Err(problem) => problem,
        };
        let is_of_rows = matches!(call.signature().rows(), RowRule::Independent | RowRule::Pieces(_));
        match call.rows().filter(|_| is_of_rows) {
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

/// A call as several, each with its first row's place, where its rows hold more than one run should take.
fn runs(call: &Call) -> Vec<(usize, Call)> {
    let rows = call.rows().filter(|_| *call.signature().rows() == RowRule::Independent).unwrap_or(0);
    let each = table::run_rows(rows, call.bytes_total());
    if rows <= each {
        return vec![(0, call.clone())];
    }
    let part = |first: usize| Some((first, call.part(first..rows.min(first + each))?));
    // What cannot be cut is answered whole.
    (0..rows).step_by(each).map(part).collect::<Option<_>>().unwrap_or_else(|| vec![(0, call.clone())])
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

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, Dim, Input, InputSpec, Method, ShapeRule, Signature, Tensor, Wanted};

    /// The first rows of a call's runs, and how many each has, where rows of the call hold `width` floats.
    fn cut(rows: usize, width: usize, rule: RowRule) -> Vec<(usize, usize)> {
        let inputs = vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None); 2]))];
        let signature =
            Signature::new("all", Method::Predict, inputs, Vec::new(), rule, ShapeRule::Checked).unwrap();
        let values: Vec<f32> = (0..rows * width).map(|value| value as f32).collect();
        let input = Input::Dense(Tensor::from_slice(&[rows, width], &values).unwrap());
        let call = Call::checked(signature.shared(), vec![Some(input)], Wanted::default()).unwrap();
        let runs = runs(&call);
        let parts = runs.iter().map(|(_, part)| part.input(0).and_then(Input::dense).unwrap());
        let joined: Vec<f32> = parts.flat_map(|part| part.values::<f32>().unwrap().to_vec()).collect();
        assert_eq!(joined, values);
        runs.iter().map(|(first, part)| (*first, part.rows().unwrap_or(rows))).collect()
    }

    #[test]
    fn rows_that_hold_much_are_answered_few_at_a_time() {
        assert_eq!(cut(500, 100, RowRule::Independent), [(0, 500)]);
        assert_eq!(cut(200, 1 << 10, RowRule::Independent), [(0, 64), (64, 64), (128, 64), (192, 8)]);
        assert_eq!(cut(20, 1 << 17, RowRule::Independent), [(0, 8), (8, 8), (16, 4)]);
        assert_eq!(
            cut(20, 1 << 17, RowRule::Ordered),
            [(0, 20)],
            "rows that depend on each other stay together"
        );
        assert_eq!(cut(0, 3, RowRule::Independent), [(0, 0)]);
    }
}
