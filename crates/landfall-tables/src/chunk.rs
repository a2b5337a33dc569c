//! Some rows of a table: as they lie in the file, and as calls.

use crate::kept::Kept;
use crate::opened::Raw;
use landfall_model::{Call, Problem};

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
