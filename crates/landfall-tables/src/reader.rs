//! Files into calls: raw chunks are handed out in order, and decoded by whoever has time.

use crate::chunk::{BadRow, Chunk, Decoded, Part, Piece, Raw, RawChunk};
use crate::format::{Format, PEEKED_BYTES};
use crate::join::{joined, together};
use crate::source::TableInput;
use crate::{arrow, csv, json_lines, libsvm, npy};
use landfall_model::{Call, Dim, Input, NullRule, Problem, RowRule, Signature, Slot, Wanted};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a table is read.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Rows of a chunk, at most. Where a model cannot take a part of its rows (row rules `none`, `grouped`), the whole
    /// table is one chunk.
    pub chunk_rows: usize,
    /// Cells of text files that mean a missing value, beside the empty one.
    pub missing: Vec<Vec<u8>>,
    /// Hand out rows of text as soon as they are there, instead of whole chunks.
    pub eager: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        ReadOptions { chunk_rows: 4096, missing: Vec::new(), eager: false }
    }
}

/// What is wanted from one file: all inputs of a signature, or one of them.
#[derive(Clone, Debug)]
pub(crate) struct Wants {
    pub(crate) signature: Arc<Signature>,
    pub(crate) only: Option<Slot>,
    /// Whether the file goes as one chunk, so that arrays need not have rows in common.
    pub(crate) whole: bool,
}

/// Hands out a file's rows, front to back.
pub(crate) trait RawSource: Send {
    /// The next rows, at most `max_rows`; `None` after the last. Files of a table are cut to equal numbers of rows
    /// by their reader.
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem>;
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

/// A table, of one file or of several that are read in step, as calls.
///
/// Made to be shared by worker threads: each takes a chunk with [`TableReader::next`] and decodes it with
/// [`TableReader::decode`].
pub struct TableReader {
    signature: Arc<Signature>,
    wanted: Wanted,
    chunks: Chunks,
    decoders: Vec<Arc<dyn Decoder>>,
    ignored: Vec<String>,
    done: AtomicU64,
    total: Option<u64>,
    whole: bool,
}

enum Chunks {
    InStep(Mutex<InStep>),
    SideBySide(Box<dyn SharedSource>),
}

/// Files that are read one row range after the other.
struct InStep {
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

impl TableReader {
    /// Opens the files of a table and decides which column fills which input.
    ///
    /// # Errors
    /// When a file cannot be read, is not of its format, or lacks required inputs.
    pub fn open(
        inputs: Vec<TableInput>,
        signature: Arc<Signature>,
        wanted: Wanted,
        options: &ReadOptions,
    ) -> Result<Self, Problem> {
        let whole = matches!(signature.rows(), RowRule::None | RowRule::Unproven | RowRule::GroupedBy(_));
        let mut options = options.clone();
        options.chunk_rows = if whole { usize::MAX } else { options.chunk_rows.max(1) };
        if let RowRule::Pieces(rows) = *signature.rows() {
            options.chunk_rows = options.chunk_rows.next_multiple_of(rows.max(1));
        }
        let alone = inputs.len() == 1;
        let mut files = Vec::new();
        for input in inputs {
            let only = input.name.as_deref().map(|name| named_slot(&signature, name)).transpose()?;
            files.push(open_file(input, &Wants { signature: signature.clone(), only, whole }, &options)?);
        }
        let total = files.iter().map(|file| file.total).sum::<Option<u64>>();
        let ignored = files.iter().flat_map(|file| file.ignored.clone()).collect();
        let decoders = files.iter().map(|file| file.decoder.clone()).collect();
        let mut in_step = Vec::new();
        let mut side_by_side = None;
        for file in files {
            match file.rows {
                Rows::OneByOne(rows) => in_step.push((rows, None)),
                Rows::SideBySide(rows) if alone => side_by_side = Some(rows),
                Rows::SideBySide(rows) => {
                    in_step.push((Box::new(OneOfSeveral(rows)) as Box<dyn RawSource>, None));
                }
            }
        }
        let chunks = match side_by_side {
            Some(rows) => Chunks::SideBySide(rows),
            None => Chunks::InStep(Mutex::new(InStep {
                files: in_step,
                chunk_rows: options.chunk_rows,
                whole,
                needs_a_chunk: whole && signature.inputs().iter().all(|input| input.optional),
                index: 0,
                row: 0,
                failed: false,
            })),
        };
        Ok(TableReader {
            signature,
            wanted,
            chunks,
            decoders,
            ignored,
            done: AtomicU64::new(0),
            total,
            whole,
        })
    }

    /// The next chunk, in the table's order; `None` after the last, and after an error. May be called from several
    /// threads at once.
    ///
    /// # Errors
    /// When the file breaks its format, or cannot be read on.
    pub fn next(&self) -> Result<Option<RawChunk>, Problem> {
        let chunk = match &self.chunks {
            Chunks::InStep(files) => lock(files).next()?,
            Chunks::SideBySide(rows) => rows.next()?.map(|(index, row, raw)| RawChunk {
                index,
                first_row: row + 1,
                rows: raw.rows(),
                parts: vec![raw],
            }),
        };
        if let Some(chunk) = &chunk {
            self.done.fetch_add(chunk.parts.iter().map(Raw::progress).sum(), Ordering::Relaxed);
        }
        Ok(chunk)
    }

    /// A chunk as calls. Pure work: for any number of threads.
    ///
    /// # Errors
    /// Internal ones only: rows that cannot be read come in [`Chunk::bad`].
    pub fn decode(&self, raw: &RawChunk) -> Result<Chunk, Problem> {
        let mut files = Vec::with_capacity(raw.parts.len());
        let mut bad: Vec<(usize, Problem)> = Vec::new();
        for (decoder, part) in self.decoders.iter().zip(&raw.parts) {
            if part.rows() == 0 && matches!(part, Raw::Batches(_)) {
                continue;
            }
            let decoded = decoder.decode(part)?;
            bad.extend(decoded.bad);
            files.push(decoded.parts);
        }
        bad.sort_by_key(|(row, _)| *row);
        bad.dedup_by_key(|(row, _)| *row);
        let parts = if self.whole { together(files, !bad.is_empty())? } else { joined(files, &bad)? };
        let mut chunk = Chunk { index: raw.index, pieces: Vec::with_capacity(parts.len()), bad: Vec::new() };
        for part in parts {
            let rows = part.rows.iter().map(|&row| raw.first_row + row as u64).collect();
            chunk.pieces.push(Piece { call: self.call(part)?, rows });
        }
        for (row, problem) in bad {
            let number = raw.first_row + row as u64;
            let problem = problem.at(format!("row {number}"));
            chunk.bad.push(BadRow { row: number, problem, raw: self.raw_row(raw, number) });
        }
        Ok(chunk)
    }

    /// A row of a chunk as it lies in the file (from files that are no text: as a JSON object); for rows that the model
    /// refused. `row` is its number in the table.
    pub fn raw_row(&self, raw: &RawChunk, row: u64) -> Vec<u8> {
        let place = row.saturating_sub(raw.first_row) as usize;
        let files: Vec<Vec<u8>> = self
            .decoders
            .iter()
            .zip(&raw.parts)
            .filter(|(_, part)| place < part.rows())
            .map(|(decoder, part)| decoder.raw_row(part, place))
            .collect();
        files.join(&b' ')
    }

    /// Columns that no input takes. Of JSON Lines: those that the lines decoded so far have shown.
    pub fn ignored(&self) -> Vec<String> {
        let mut names = self.ignored.clone();
        names.extend(self.decoders.iter().flat_map(|decoder| decoder.ignored()));
        names
    }

    /// What a person should know of how the table is taken: inputs that have no column, or columns that are taken by
    /// their place. Of JSON Lines nothing is known before its rows.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.decoders.iter().any(|decoder| decoder.taken_by_place()) {
            notes.push("none of the columns is named as an input: they are taken in order".to_owned());
        }
        let Some(filled) = self.decoders.iter().map(|decoder| decoder.filled()).collect::<Option<Vec<_>>>()
        else {
            return notes;
        };
        let inputs = self.signature.inputs().iter().enumerate();
        let absent = inputs.filter(|(slot, _)| !filled.iter().flatten().any(|filled| filled == slot));
        // An optional input that knows no missing value is one to be given on request, as a base margin is.
        let told = absent.filter(|(_, spec)| !spec.optional || spec.null == NullRule::Accept);
        let names: Vec<String> = told.map(|(_, spec)| format!("{:?}", spec.name)).collect();
        notes.extend(match names.as_slice() {
            [] => None,
            [only] => Some(format!("input {only} has no column in the table: it is missing in every row")),
            _ => {
                let names = names.join(", ");
                Some(format!("inputs {names} have no columns in the table: they are missing in every row"))
            }
        });
        notes
    }

    /// How much of the table has been handed out, from 0 to 1; `None` where its size is not known.
    pub fn progress(&self) -> Option<f64> {
        let total = self.total?;
        Some((self.done.load(Ordering::Relaxed) as f64 / total.max(1) as f64).min(1.0))
    }

    fn call(&self, part: Part) -> Result<Call, Problem> {
        let mut inputs: Vec<Option<Input>> = vec![None; self.signature.inputs().len()];
        for (slot, input) in part.inputs {
            if inputs[slot].is_some() {
                let name = &self.signature.inputs()[slot].name;
                return Err(Problem::invalid(format!("input {name:?} is in two of the files")));
            }
            inputs[slot] = Some(self.scalar_if_declared(slot, input)?);
        }
        Call::checked(self.signature.clone(), inputs, self.wanted.clone())
    }

    /// An input that is declared to be one value, from a table of one row.
    fn scalar_if_declared(&self, slot: Slot, input: Input) -> Result<Input, Problem> {
        let scalar = self.signature.inputs()[slot].dims.as_deref().is_some_and(<[Dim]>::is_empty);
        match input {
            Input::Dense(tensor) if scalar && tensor.len() == 1 => {
                Ok(Input::Dense(tensor.reshaped(landfall_model::Shape::new(&[]))?))
            }
            input => Ok(input),
        }
    }
}

impl InStep {
    fn next(&mut self) -> Result<Option<RawChunk>, Problem> {
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
struct OneOfSeveral(Box<dyn SharedSource>);

impl RawSource for OneOfSeveral {
    fn next(&mut self, _max_rows: usize) -> Result<Option<Raw>, Problem> {
        Ok(self.0.next()?.map(|(_, _, raw)| raw))
    }
}

fn named_slot(signature: &Signature, name: &str) -> Result<Slot, Problem> {
    let found = signature.slot(name).filter(|found| found.column.is_none());
    found
        .map(|found| found.slot)
        .ok_or_else(|| Problem::new(landfall_model::Reason::InputUnknown { input: name.to_owned() }))
}

fn open_file(input: TableInput, wants: &Wants, options: &ReadOptions) -> Result<Opened, Problem> {
    let TableInput { label, format, source, .. } = input;
    let (source, first) = source.peeked(&label, PEEKED_BYTES)?;
    let format = match format {
        Some(format) => format,
        None => Format::detect(&label, &first)?,
    };
    let length = source.length();
    let opened = match format {
        Format::Csv => csv::open(&label, source.stream(), wants, options),
        Format::JsonLines => json_lines::open(&label, source.stream(), wants, options),
        Format::Libsvm => libsvm::open(&label, source.stream(), wants, options),
        Format::Npy => npy::open_npy(&label, source, wants),
        Format::Npz => npy::open_npz(&label, &source.file(&label)?, wants),
        Format::ArrowStream => arrow::open_stream(&label, source.stream(), wants),
        Format::ArrowFile => arrow::open_file(&label, source.file(&label)?, wants),
        Format::Parquet => arrow::open_parquet(&label, source.file(&label)?, wants, options.chunk_rows),
    }?;
    Ok(match (format.is_text(), length) {
        (true, Some(length)) => opened.with_total(length),
        _ => opened,
    })
}

/// The row of a text file as it lies there.
pub(crate) fn text_row(raw: &Raw, row: usize) -> Vec<u8> {
    match raw {
        Raw::Text(text) => text.record(row).to_vec(),
        Raw::Arrow { .. } | Raw::Arrays { .. } | Raw::Batches(_) => Vec::new(),
    }
}

/// The lock, also after a panic of another worker: what it guards is stopped by its own flag then.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableReader").field("files", &self.decoders.len()).finish_non_exhaustive()
    }
}
