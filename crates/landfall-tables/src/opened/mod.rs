//! A file that was opened: where its rows come from, and how they are decoded.

mod raw;

pub(crate) use raw::{EMPTY_VALUES, PartRows, Raw, RawArray, SparseRows, TextRows};

use crate::kept::Holds;
use arrow_array::ArrayRef;
use landfall_model::{Input, Problem, Signature, Slot};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is wanted from one file: all inputs of a signature, or one of them.
#[derive(Clone, Debug)]
pub(crate) struct Wants {
    pub(crate) signature: Arc<Signature>,
    pub(crate) only: Option<Slot>,
    /// Whether the file goes as one chunk, so that arrays need not have rows in common.
    pub(crate) whole: bool,
    /// Columns that are kept, by name.
    pub(crate) keep: Arc<[String]>,
}

/// Hands out a file's rows, front to back.
pub(crate) trait RawSource: Send {
    /// The next rows, at most `max_rows`; `None` after the last. Files of a table are cut to equal numbers of rows
    /// by their reader.
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem>;
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

/// Decodes rows of one file. Used by several threads at once.
pub(crate) trait Decoder: Send + Sync {
    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem>;
    /// The row as text, for a file of bad rows.
    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8>;
    /// Names that no input takes and that only the rows show.
    fn ignored(&self) -> Vec<String> {
        Vec::new()
    }
    /// The inputs that the file fills; `None` where only the rows show them.
    fn filled(&self) -> Option<Vec<Slot>> {
        None
    }
    /// The file's columns, by name; `None` where it shows none: it has no rows, or no names.
    fn names(&self) -> Option<Vec<String>> {
        None
    }
    /// What each of the columns to keep holds; `None` for those that the file does not have.
    fn kept(&self) -> Vec<Option<Holds>> {
        Vec::new()
    }
    /// The cells of those columns, a row for each row of the chunk: what cannot be read is null.
    fn keep(&self, _raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        Ok(Vec::new())
    }
    /// Whether the file's columns are taken by their place, though it names them otherwise.
    fn taken_by_place(&self) -> bool {
        false
    }
}

/// Hands out chunks to several threads at once, which may decode parts of different chunks side by side.
pub(crate) trait SharedSource: Send + Sync {
    /// The next chunk's index, first row (from 0) and rows; `None` after the last.
    fn next(&self) -> Result<Option<(u64, u64, Raw)>, Problem>;
}

/// A file that was opened: where its rows come from and how they are decoded.
pub(crate) struct Opened {
    pub(crate) rows: Rows,
    pub(crate) decoder: Arc<dyn Decoder>,
    pub(crate) ignored: Vec<String>,
    /// What [`Raw::progress`] adds up to.
    pub(crate) total: Option<u64>,
}

/// Where rows come from.
pub(crate) enum Rows {
    OneByOne(Box<dyn RawSource>),
    SideBySide(Box<dyn SharedSource>),
}

impl Opened {
    pub(crate) fn new(
        rows: impl RawSource + 'static,
        decoder: impl Decoder + 'static,
        ignored: Vec<String>,
    ) -> Self {
        Opened { rows: Rows::OneByOne(Box::new(rows)), decoder: Arc::new(decoder), ignored, total: None }
    }

    pub(crate) fn with_total(self, total: u64) -> Self {
        Opened { total: Some(total), ..self }
    }
}

/// The row of a text file as it lies there.
pub(crate) fn text_row(raw: &Raw, row: usize) -> Vec<u8> {
    match raw {
        Raw::Text(text) => text.record(row).to_vec(),
        Raw::Arrow { .. } | Raw::Arrays { .. } | Raw::Sparse(_) | Raw::Batches(_) | Raw::OfPart(_) => {
            Vec::new()
        }
    }
}

/// The lock, also after a panic of another worker: what it guards is stopped by its own flag then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
