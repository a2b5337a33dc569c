//! The files of a table, read one row range after the other.

use crate::chunk::RawChunk;
use crate::opened::{Raw, RawSource, SharedSource};
use landfall_model::Problem;

/// Files that are read one row range after the other.
pub(crate) struct InStep {
    files: Vec<(Box<dyn RawSource>, Option<Raw>)>,
    chunk_rows: usize,
    /// Whether all goes as one chunk; files then need not have rows in common.
    whole: bool,
    /// Whether a call is made even when there is no row (a model without inputs).
    needs_a_chunk: bool,
    index: u64,
    row: u64,
    failed: bool,
}

impl InStep {
    pub(crate) fn new(
        files: Vec<Box<dyn RawSource>>,
        chunk_rows: usize,
        whole: bool,
        needs_a_chunk: bool,
    ) -> Self {
        let files = files.into_iter().map(|file| (file, None)).collect();
        InStep { files, chunk_rows, whole, needs_a_chunk, index: 0, row: 0, failed: false }
    }

    /// The next rows of all files; `None` after the last, and after an error.
    pub(crate) fn next(&mut self) -> Result<Option<RawChunk>, Problem> {
        if std::mem::replace(&mut self.failed, true) {
            return Ok(None);
        }
        let chunk = self.cut()?;
        self.failed = chunk.is_none();
        Ok(chunk)
    }

    /// As many rows of each file as all have ready.
    fn cut(&mut self) -> Result<Option<RawChunk>, Problem> {
        for (file, ready) in &mut self.files {
            if ready.is_none() {
                *ready = file.next(self.chunk_rows)?;
            }
        }
        let rows = self.files.iter().filter_map(|(_, ready)| ready.as_ref().map(Raw::rows)).min();
        let Some(rows) = rows else {
            let first = std::mem::take(&mut self.needs_a_chunk) && self.index == 0;
            self.index += u64::from(first);
            return Ok(first.then(|| RawChunk { index: 0, first_row: 1, rows: 0, parts: Vec::new() }));
        };
        let mut parts = Vec::with_capacity(self.files.len());
        for (_, ready) in &mut self.files {
            if self.whole {
                parts.push(ready.take().unwrap_or_else(Raw::nothing));
                continue;
            }
            let Some(raw) = ready.take() else {
                let row = self.row;
                return Err(Problem::invalid(format!(
                    "one of the files ends after {row} rows, another goes on"
                )));
            };
            if raw.rows() == rows {
                parts.push(raw);
            } else {
                let (head, tail) = raw.split_at(rows);
                parts.push(head);
                *ready = Some(tail);
            }
        }
        let chunk = RawChunk { index: self.index, first_row: self.row + 1, rows, parts };
        self.index += 1;
        self.row += rows as u64;
        Ok(Some(chunk))
    }
}

/// A file whose rows could be read by several threads, beside others.
pub(crate) struct OneOfSeveral(pub(crate) Box<dyn SharedSource>);

impl RawSource for OneOfSeveral {
    fn next(&mut self, _max_rows: usize) -> Result<Option<Raw>, Problem> {
        Ok(self.0.next()?.map(|(_, _, raw)| raw))
    }
}
