//! Rows of a sparse matrix, chunk after chunk, and what they become.

use super::array_stream::ArrayStream;
use super::decode::ArrayFacts;
use crate::json;
use crate::number::cast;
use crate::opened::{Decoded, Decoder, Part, Raw, RawArray, RawSource, SparseRows};
use landfall_model::{Buffer, Csr, DType, Input, Problem, Slot, Tensor, stack};
use std::ops::Range;

/// The arrays of a matrix, their headers read.
pub(super) struct Arrays {
    pub(super) data: ArrayStream,
    pub(super) indices: ArrayStream,
    pub(super) indptr: ArrayStream,
}

/// The arrays in step: the pointers of some rows, then what they point at.
pub(super) struct SparseSource {
    pub(super) arrays: Arrays,
    pub(super) pointers: ArrayFacts,
    pub(super) width: usize,
    /// Rows before the next.
    pub(super) row: usize,
    pub(super) left: usize,
    /// Where the row before the next ends.
    pub(super) end: usize,
    /// Whether a chunk is handed out even when there is no row.
    pub(super) first: bool,
}

impl RawSource for SparseSource {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        if self.left == 0 && !std::mem::take(&mut self.first) {
            return Ok(None);
        }
        self.first = false;
        let lengths = self.row_lengths(self.left.min(max_rows))?;
        // A row of more values than there are columns has a wrong one among its first: no need to hold the others.
        let most = self.width + 1;
        let data = Buffer::from_owner(rows_of(&mut self.arrays.data, &lengths, most)?);
        let indices = Buffer::from_owner(rows_of(&mut self.arrays.indices, &lengths, most)?);
        let mut starts = Vec::with_capacity(lengths.len() + 1);
        starts.push(0);
        for length in &lengths {
            starts.push(starts[starts.len() - 1] + length.min(&most));
        }
        self.row += lengths.len();
        self.left -= lengths.len();
        if self.left == 0 && !lengths.is_empty() {
            self.finish()?;
        }
        Ok(Some(Raw::Sparse(SparseRows { data, indices, starts })))
    }
}

impl SparseSource {
    /// How many values each of the next rows has.
    fn row_lengths(&mut self, rows: usize) -> Result<Vec<usize>, Problem> {
        let bytes = self.arrays.indptr.take(rows * self.pointers.items.size())?;
        let ends = integers(&self.pointers, Buffer::from_owner(bytes))?;
        let total = self.arrays.data.length();
        let mut lengths = Vec::with_capacity(rows);
        for (place, &end) in ends.values::<i64>()?.iter().enumerate() {
            let wrong = |why: String| {
                let row = self.row + place + 1;
                Problem::invalid(format!("{}: row {row} ends at {end}, {why}", self.pointers.name))
            };
            let next = usize::try_from(end).ok().filter(|next| *next >= self.end);
            let next = next.ok_or_else(|| wrong(format!("before it starts, at {}", self.end)))?;
            if next > total {
                return Err(wrong(format!("but the array {:?} has {total} values", self.arrays.data.array)));
            }
            lengths.push(next - self.end);
            self.end = next;
        }
        Ok(lengths)
    }

    /// Refuses what no row points at, and what follows the arrays.
    pub(super) fn finish(&mut self) -> Result<(), Problem> {
        let total = self.arrays.data.length();
        if self.end != total {
            return Err(Problem::invalid(format!(
                "{}: the last row ends at {}, but the array {:?} has {total} values",
                self.pointers.name, self.end, self.arrays.data.array
            )));
        }
        self.arrays.data.finish()?;
        self.arrays.indices.finish()?;
        self.arrays.indptr.finish()
    }
}

/// Integers of an array as int64.
pub(super) fn integers(facts: &ArrayFacts, bytes: Buffer) -> Result<Tensor, Problem> {
    let row_bytes = facts.items.size();
    Ok(cast(&facts.tensor(&RawArray { bytes, row_bytes }, None)?, DType::I64)?.tensor)
}

/// The values of rows of these lengths, of each at most so many: memory is bounded by the rows and the model's columns.
fn rows_of(stream: &mut ArrayStream, lengths: &[usize], most: usize) -> Result<Vec<u8>, Problem> {
    let size = stream.header.items.size();
    let mut bytes = Vec::new();
    for run in lengths.chunk_by(|a, b| *a <= most && *b <= most) {
        let held = if run[0] > most { most } else { run.iter().sum() };
        let taken = stream.take(held * size)?;
        if bytes.is_empty() {
            bytes = taken;
        } else {
            bytes.extend_from_slice(&taken);
        }
        if run[0] > most {
            stream.skip((run[0] - most) * size)?;
        }
    }
    Ok(bytes)
}

pub(super) struct SparseDecoder {
    pub(super) slot: Slot,
    pub(super) dtype: DType,
    /// Columns of the model.
    pub(super) width: usize,
    pub(super) data: ArrayFacts,
    pub(super) indices: ArrayFacts,
}

impl Decoder for SparseDecoder {
    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let Raw::Sparse(raw) = raw else { return Err(Problem::internal("these are no sparse rows")) };
        let rows = raw.starts.len() - 1;
        let data = cast(&values(&self.data, &raw.data, &raw.starts)?, self.dtype)?.tensor;
        let indices = cast(&values(&self.indices, &raw.indices, &raw.starts)?, DType::I64)?.tensor;
        let base = raw.starts[0];
        let elements = |rows: &Range<usize>| raw.starts[rows.start] - base..raw.starts[rows.end] - base;
        let bad = self.bad_rows(indices.values::<i64>()?, rows, elements);
        let runs = good_runs(rows, &bad);
        let mut decoded = Decoded { parts: Vec::new(), bad };
        if runs.is_empty() {
            return Ok(decoded);
        }
        let kept = |tensor: &Tensor| match runs.as_slice() {
            [run] => Ok(tensor.rows(elements(run))),
            runs => {
                let parts: Vec<Tensor> = runs.iter().map(|run| tensor.rows(elements(run))).collect();
                stack(&parts.iter().collect::<Vec<_>>())
            }
        };
        let good: Vec<usize> = runs.iter().cloned().flatten().collect();
        let mut indptr = Vec::with_capacity(good.len() + 1);
        indptr.push(0i64);
        for &row in &good {
            indptr.push(indptr[indptr.len() - 1] + elements(&(row..row + 1)).len() as i64);
        }
        let indptr = Tensor::from_slice(&[indptr.len()], &indptr)?;
        let matrix = Csr { data: kept(&data)?, indices: kept(&indices)?, indptr };
        decoded.parts.push(Part { inputs: vec![(self.slot, Input::Csr(Box::new(matrix)))], rows: good });
        Ok(decoded)
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        let Raw::Sparse(raw) = raw else { return Vec::new() };
        let starts = &raw.starts[row..=row + 1];
        let mut out = b"{".to_vec();
        for (facts, bytes) in [(&self.data, &raw.data), (&self.indices, &raw.indices)] {
            if out.len() > 1 {
                out.push(b',');
            }
            json::push_string(facts.array.as_bytes(), &mut out);
            out.push(b':');
            match values(facts, bytes, starts) {
                Ok(tensor) => json::push_values(&tensor, 0, &[tensor.len()], &mut out),
                Err(_) => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        out
    }
}

impl SparseDecoder {
    /// Rows with a column that the model lacks, or with the same column twice. In which order columns stand says
    /// nothing.
    fn bad_rows(
        &self,
        columns: &[i64],
        rows: usize,
        elements: impl Fn(&Range<usize>) -> Range<usize>,
    ) -> Vec<(usize, Problem)> {
        let mut last_row = vec![usize::MAX; self.width];
        let mut bad = Vec::new();
        for row in 0..rows {
            for &column in &columns[elements(&(row..row + 1))] {
                let seen = usize::try_from(column).ok().and_then(|column| last_row.get_mut(column));
                match seen {
                    Some(seen) if *seen != row => *seen = row,
                    seen => {
                        bad.push((row, self.wrong_column(column, seen.is_some())));
                        break;
                    }
                }
            }
        }
        bad
    }

    #[cold]
    fn wrong_column(&self, column: i64, repeated: bool) -> Problem {
        let name = &self.indices.name;
        Problem::invalid(match repeated {
            true => {
                format!("{name}: column {column} stands twice: matrix.sum_duplicates() adds such values up")
            }
            false => format!(
                "{name}: column {column} is beyond the model's {} columns (columns count from 0)",
                self.width
            ),
        })
    }
}

/// The values from the first start to the last, [values].
fn values(facts: &ArrayFacts, bytes: &Buffer, starts: &[usize]) -> Result<Tensor, Problem> {
    let row_bytes = facts.items.size();
    let bytes = bytes.slice(starts[0] * row_bytes..starts[starts.len() - 1] * row_bytes);
    facts.tensor(&RawArray { bytes, row_bytes }, None)
}

/// Runs of rows that are not bad; one of no rows where there are none at all.
fn good_runs(rows: usize, bad: &[(usize, Problem)]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for &(row, _) in bad {
        if row > start {
            runs.push(start..row);
        }
        start = row + 1;
    }
    if start < rows || rows == 0 {
        runs.push(start..rows);
    }
    runs
}
