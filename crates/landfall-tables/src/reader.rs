//! Files into calls: raw chunks are handed out in order, and decoded by whoever has time.

use crate::chunk::{BadRow, Chunk, Piece, RawChunk};
use crate::in_step::{InStep, OneOfSeveral};
use crate::join::{joined, together};
use crate::kept::{self, Kept, KeptColumn};
use crate::open::open_file;
use crate::opened::{Decoder, Part, Raw, RawSource, Rows, SharedSource, Wants, lock};
use crate::options::ReadOptions;
use crate::source::TableInput;
use arrow_array::ArrayRef;
use landfall_model::{Call, Dim, Input, NullRule, Problem, RowRule, Signature, Slot, Wanted};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

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
    kept: Vec<KeptFrom>,
    done: AtomicU64,
    total: Option<u64>,
    whole: bool,
}

/// A column that is kept, and which of the files it comes from.
struct KeptFrom {
    file: usize,
    column: KeptColumn,
}

enum Chunks {
    InStep(Mutex<InStep>),
    SideBySide(Box<dyn SharedSource>),
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
        if let (RowRule::GroupedBy(field), false) = (signature.rows(), options.keep.is_empty()) {
            return Err(kept::wrong(format!(
                "the model answers once for each group of rows (of equal {field:?}): no row's value stands beside an answer"
            )));
        }
        kept::all_different(&options.keep)?;
        let keep: Arc<[String]> = options.keep.as_slice().into();
        let mut files = Vec::new();
        for input in inputs {
            let only = input.name.as_deref().map(|name| named_slot(&signature, name)).transpose()?;
            let wants = Wants { signature: signature.clone(), only, whole, keep: keep.clone() };
            files.extend(open_file(input, &wants, &options)?);
        }
        let alone = files.len() == 1;
        let total = files.iter().map(|file| file.total).sum::<Option<u64>>();
        let ignored = files.iter().flat_map(|file| file.ignored.clone()).collect();
        let decoders: Vec<Arc<dyn Decoder>> = files.iter().map(|file| file.decoder.clone()).collect();
        let kept = kept_from(&keep, &decoders)?;
        let mut in_step: Vec<Box<dyn RawSource>> = Vec::new();
        let mut side_by_side = None;
        for file in files {
            match file.rows {
                Rows::OneByOne(rows) => in_step.push(rows),
                Rows::SideBySide(rows) if alone => side_by_side = Some(rows),
                Rows::SideBySide(rows) => in_step.push(Box::new(OneOfSeveral(rows))),
            }
        }
        let chunks = match side_by_side {
            Some(rows) => Chunks::SideBySide(rows),
            None => {
                let needs_a_chunk = whole && signature.inputs().iter().all(|input| input.optional);
                let files = InStep::new(in_step, options.chunk_rows, whole, needs_a_chunk);
                Chunks::InStep(Mutex::new(files))
            }
        };
        Ok(TableReader {
            signature,
            wanted,
            chunks,
            decoders,
            ignored,
            kept,
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
        let all_kept = self.keep(raw)?;
        for part in parts {
            let rows = part.rows.iter().map(|&row| raw.first_row + row as u64).collect();
            let kept = all_kept.at(&part.rows)?;
            chunk.pieces.push(Piece { call: self.call(part)?, rows, kept });
        }
        for (row, problem) in bad {
            let number = raw.first_row + row as u64;
            let problem = problem.at(format!("row {number}"));
            chunk.bad.push(BadRow { row: number, problem, raw: self.raw_row(raw, number) });
        }
        Ok(chunk)
    }

    /// The columns that are kept, as they were asked for.
    pub fn kept(&self) -> Vec<KeptColumn> {
        self.kept.iter().map(|from| from.column.clone()).collect()
    }

    /// What is kept of all rows of a chunk.
    fn keep(&self, raw: &RawChunk) -> Result<Kept, Problem> {
        if self.kept.is_empty() || raw.parts.is_empty() {
            return Ok(Kept::default());
        }
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.kept.len()];
        for (file, (decoder, part)) in self.decoders.iter().zip(&raw.parts).enumerate() {
            if self.kept.iter().all(|from| from.file != file) {
                continue;
            }
            // A file that has ended where others go on.
            let ended = part.rows() == 0 && matches!(part, Raw::Batches(_));
            let found = if ended { Vec::new() } else { decoder.keep(part)? };
            for (place, (column, from)) in columns.iter_mut().zip(&self.kept).enumerate() {
                if from.file == file {
                    *column =
                        if ended { Some(from.column.no_rows()) } else { found.get(place).cloned().flatten() };
                }
            }
        }
        let columns: Option<Vec<ArrayRef>> = columns.into_iter().collect();
        columns.map(Kept).ok_or_else(|| Problem::internal("a column to keep came in no file"))
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
                return Err(Problem::invalid(format!(
                    "input {name:?} is in two of the files: put files that continue one another into a folder, and give the folder"
                )));
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

/// Which file has each of the columns to keep.
fn kept_from(keep: &[String], files: &[Arc<dyn Decoder>]) -> Result<Vec<KeptFrom>, Problem> {
    let held: Vec<_> = files.iter().map(|file| file.kept()).collect();
    let from = |(place, name): (usize, &String)| {
        let mut found =
            held.iter().enumerate().filter_map(|(file, held)| Some((file, held.get(place)?.clone()?)));
        match (found.next(), found.next()) {
            (Some((file, holds)), None) => {
                // Blanks beside a comma of the flag are no part of a name, unless they are of the table's.
                let own = files[file].names().is_some_and(|names| names.contains(name));
                let name = if own { name.as_str() } else { name.trim() }.to_owned();
                Ok(KeptFrom { file, column: KeptColumn { name, holds } })
            }
            (Some(_), Some(_)) => Err(kept::wrong(format!("two of the files have a column {name:?}"))),
            (None, _) => {
                let known: Vec<String> = files.iter().filter_map(|file| file.names()).flatten().collect();
                Err(kept::unknown(name, &known))
            }
        }
    };
    keep.iter().enumerate().map(from).collect()
}

fn named_slot(signature: &Signature, name: &str) -> Result<Slot, Problem> {
    let found = signature.slot(name).filter(|found| found.column.is_none());
    found
        .map(|found| found.slot)
        .ok_or_else(|| Problem::new(landfall_model::Reason::InputUnknown { input: name.to_owned() }))
}

impl std::fmt::Debug for TableReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableReader").field("files", &self.decoders.len()).finish_non_exhaustive()
    }
}
