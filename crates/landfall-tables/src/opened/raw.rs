//! Rows of a file as they lie there, cheap to hand from thread to thread.

use super::Decoder;
use arrow_array::{Array, ArrayRef};
use landfall_model::Buffer;
use std::ops::Range;
use std::sync::Arc;

/// Values without a byte cost nothing in a file, but do here: no file has more of them together.
pub(crate) const EMPTY_VALUES: usize = 1 << 24;

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

/// Rows of one of a folder's files, with what decodes them: columns may stand in another order there.
#[derive(Clone)]
pub(crate) struct PartRows {
    pub(crate) raw: Raw,
    pub(crate) decoder: Arc<dyn Decoder>,
    pub(crate) name: Arc<str>,
    /// Number in the file of the first of the rows, from 1.
    pub(crate) first_row: u64,
}

impl PartRows {
    /// The first rows, and the rest.
    pub(crate) fn split_at(self, at: usize) -> (Self, Self) {
        let (head, tail) = self.raw.clone().split_at(at);
        let first_row = self.first_row + at as u64;
        (PartRows { raw: head, ..self.clone() }, PartRows { raw: tail, first_row, ..self })
    }
}

impl std::fmt::Debug for PartRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PartRows").field("name", &self.name).field("raw", &self.raw).finish_non_exhaustive()
    }
}
