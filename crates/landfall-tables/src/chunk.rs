//! Some rows of a table: as they lie in the file, and as calls.

use crate::kept::Kept;
use crate::part_files::PartRows;
use arrow_array::{Array, ArrayRef};
use landfall_model::{Buffer, Call, Csr, Input, Problem, Shape, Slot, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// Values without a byte cost nothing in a file, but do here: no file has more of them together.
pub(crate) const EMPTY_VALUES: usize = 1 << 24;

/// A row that cannot be read, or that the model refused.
#[derive(Clone, Debug)]
pub struct BadRow {
    /// Number of the row: data rows count from 1, a header is none.
    pub row: u64,
    /// Why; it names row and column.
    pub problem: Problem,
    /// The row as it lies in a text file; from other files as a JSON object.
    pub raw: Vec<u8>,
}

/// Rows that go through the model in one call.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The call.
    pub call: Call,
    /// The number in the table of each row of the call, from 1.
    pub rows: Vec<u64>,
    /// What is kept of these rows.
    pub kept: Kept,
}

/// A chunk of the table, decoded: its good rows as calls, in order, and its bad ones.
///
/// One call holds all good rows, unless rows differ in shape (an axis that the model leaves free): then each run of
/// rows of equal shape is a call.
#[derive(Clone, Debug, Default)]
pub struct Chunk {
    /// Place of the chunk in the table, from 0, without gaps: the order for writing.
    pub index: u64,
    /// The good rows.
    pub pieces: Vec<Piece>,
    /// The others, ascending.
    pub bad: Vec<BadRow>,
}

/// A chunk of the table as it lies in its files: cheap to hand from thread to thread, decoded by
/// [`crate::TableReader::decode`].
#[derive(Clone, Debug)]
pub struct RawChunk {
    pub(crate) index: u64,
    /// Number of the first row, from 1.
    pub(crate) first_row: u64,
    pub(crate) rows: usize,
    /// By file.
    pub(crate) parts: Vec<Raw>,
}

impl RawChunk {
    /// Place of the chunk in the table, from 0, without gaps.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// How many rows it has, bad ones included.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

/// Rows of one file, not yet decoded.
#[derive(Clone, Debug)]
pub(crate) enum Raw {
    /// Lines, or records of CSV.
    Text(TextRows),
    /// One Arrow array for each column that is needed.
    Arrow { columns: Vec<ArrayRef>, rows: usize },
    /// Batches of Arrow arrays, where all rows go as one chunk.
    Batches(Vec<Raw>),
    /// The bytes of some rows of each array that is needed.
    Arrays { arrays: Vec<RawArray>, rows: usize },
    /// Rows of a sparse matrix.
    Sparse(SparseRows),
    /// Rows of one file of a folder.
    OfPart(Box<PartRows>),
}

/// Records within one block of text, terminators left out.
#[derive(Clone, Debug)]
pub(crate) struct TextRows {
    pub(crate) bytes: Arc<Vec<u8>>,
    pub(crate) records: Arc<Vec<Range<usize>>>,
    pub(crate) range: Range<usize>,
}

impl TextRows {
    pub(crate) fn new(bytes: Vec<u8>, records: Vec<Range<usize>>) -> Self {
        let range = 0..records.len();
        TextRows { bytes: Arc::new(bytes), records: Arc::new(records), range }
    }

    /// The records of both, in one block.
    pub(crate) fn followed_by(&self, next: &TextRows) -> Self {
        let mut bytes = self.bytes.to_vec();
        let start = bytes.len();
        bytes.extend_from_slice(&next.bytes);
        let moved = next.records.iter().map(|record| record.start + start..record.end + start);
        TextRows::new(bytes, self.records.iter().cloned().chain(moved).collect())
    }

    /// Bytes of the rows, about.
    pub(crate) fn size(&self) -> usize {
        let records = &self.records[self.range.clone()];
        records.first().zip(records.last()).map_or(0, |(first, last)| last.end - first.start)
    }

    pub(crate) fn record(&self, row: usize) -> &[u8] {
        &self.bytes[self.records[self.range.start + row].clone()]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.records[self.range.clone()].iter().map(|record| &self.bytes[record.clone()])
    }
}

/// The bytes of some rows of an NPY array.
#[derive(Clone, Debug)]
pub(crate) struct RawArray {
    pub(crate) bytes: Buffer,
    pub(crate) row_bytes: usize,
}

/// Rows of a sparse matrix, as its arrays have them.
#[derive(Clone, Debug)]
pub(crate) struct SparseRows {
    /// Bytes of the values.
    pub(crate) data: Buffer,
    /// Bytes of each value's column.
    pub(crate) indices: Buffer,
    /// Which value each row starts with, and where the last one ends: one more than there are rows.
    pub(crate) starts: Vec<usize>,
}

impl Raw {
    /// No rows of any file.
    pub(crate) fn nothing() -> Self {
        Raw::Batches(Vec::new())
    }

    pub(crate) fn rows(&self) -> usize {
        match self {
            Raw::Text(text) => text.range.len(),
            Raw::Arrow { rows, .. } | Raw::Arrays { rows, .. } => *rows,
            Raw::Sparse(matrix) => matrix.starts.len() - 1,
            Raw::Batches(batches) => batches.iter().map(Raw::rows).sum(),
            Raw::OfPart(part) => part.raw.rows(),
        }
    }

    /// How far it brings the file: bytes of text, rows of other files.
    pub(crate) fn progress(&self) -> u64 {
        match self {
            Raw::Text(text) => text.bytes.len() as u64,
            other => other.rows() as u64,
        }
    }

    /// The first rows, and the rest. (Batches go as one chunk and are never cut.)
    pub(crate) fn split_at(self, at: usize) -> (Raw, Raw) {
        match self {
            Raw::Batches(_) => (self, Raw::nothing()),
            Raw::OfPart(part) => {
                let (head, tail) = part.split_at(at);
                (Raw::OfPart(Box::new(head)), Raw::OfPart(Box::new(tail)))
            }
            Raw::Text(text) => {
                let middle = text.range.start + at;
                let (head, tail) = (text.range.start..middle, middle..text.range.end);
                (
                    Raw::Text(TextRows { range: head, ..text.clone() }),
                    Raw::Text(TextRows { range: tail, ..text }),
                )
            }
            Raw::Arrow { columns, rows } => {
                let cut = |from: usize, length| columns.iter().map(|c| c.slice(from, length)).collect();
                let (head, tail) = (cut(0, at), cut(at, rows - at));
                (Raw::Arrow { columns: head, rows: at }, Raw::Arrow { columns: tail, rows: rows - at })
            }
            Raw::Sparse(matrix) => {
                let (head, tail) = (matrix.starts[..=at].to_vec(), matrix.starts[at..].to_vec());
                (
                    Raw::Sparse(SparseRows { starts: head, ..matrix.clone() }),
                    Raw::Sparse(SparseRows { starts: tail, ..matrix }),
                )
            }
            Raw::Arrays { arrays, rows } => {
                let cut = |from: usize, to: usize| {
                    let part = |array: &RawArray| RawArray {
                        bytes: array.bytes.slice(from * array.row_bytes..to * array.row_bytes),
                        row_bytes: array.row_bytes,
                    };
                    arrays.iter().map(part).collect()
                };
                let (head, tail) = (cut(0, at), cut(at, rows));
                (Raw::Arrays { arrays: head, rows: at }, Raw::Arrays { arrays: tail, rows: rows - at })
            }
        }
    }
}

/// Rows of one file that go in one call: the inputs that the file fills.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) inputs: Vec<(Slot, Input)>,
    /// Places of the rows within the raw chunk, ascending.
    pub(crate) rows: Vec<usize>,
}

/// What one file's raw chunk decodes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) parts: Vec<Part>,
    /// Place within the raw chunk, and why. In any order.
    pub(crate) bad: Vec<(usize, Problem)>,
}

/// The rows `range` of an input.
pub(crate) fn input_rows(input: &Input, range: Range<usize>) -> Result<Input, Problem> {
    Ok(match input {
        Input::Dense(tensor) => Input::Dense(tensor.rows(range)),
        Input::Csr(csr) => Input::Csr(Box::new(csr_rows(csr, range)?)),
        Input::Columns(_) | Input::Ragged(_) => return Err(Problem::internal("a table made no array")),
    })
}

fn csr_rows(csr: &Csr, range: Range<usize>) -> Result<Csr, Problem> {
    let indptr = &csr.indptr.values::<i64>()?[range.start..=range.end];
    let base = indptr[0];
    let part = base as usize..indptr[indptr.len() - 1] as usize;
    let moved: Vec<i64> = indptr.iter().map(|end| end - base).collect();
    Ok(Csr {
        data: csr.data.rows(part.clone()),
        indices: csr.indices.rows(part),
        indptr: Tensor::from_slice(&Shape::new(&[moved.len()]), &moved)?,
    })
}
