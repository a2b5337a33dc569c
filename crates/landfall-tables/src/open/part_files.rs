//! A folder of part files, as Spark and others write a table: one table, file after file, in the order of their names.

use super::open_file;
use crate::format::Format;
use crate::in_step::OneOfSeveral;
use crate::kept::{self, Holds};
use crate::opened::{Decoded, Decoder, Opened, PartRows, Raw, RawSource, Rows, Wants, lock};
use crate::options::ReadOptions;
use crate::source::{TableInput, files_of};
use arrow_array::ArrayRef;
use landfall_model::{Problem, Slot};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Opens the first file of a folder; the others are opened when it is their turn.
///
/// # Errors
/// As for a file; invalid argument for a folder without files, with folders within, or for a model that takes all rows
/// in one call.
pub(crate) fn open(
    folder: &Path,
    format: Option<Format>,
    wants: &Wants,
    options: &ReadOptions,
) -> Result<Opened, Problem> {
    if wants.whole {
        return Err(Problem::unsupported(
            format!("{}: a folder of files for a model that takes all rows in one call", folder.display()),
            "give one file",
        ));
    }
    let ignored = Arc::<Mutex<BTreeSet<String>>>::default();
    let mut files = PartFiles {
        format,
        wants: wants.clone(),
        options: options.clone(),
        left: files_of(folder)?.into_iter(),
        current: None,
        ignored: ignored.clone(),
        kept: vec![None; wants.keep.len()],
    };
    files.open_next()?;
    let first = files
        .current
        .as_ref()
        .ok_or_else(|| Problem::invalid(format!("{}: a folder without a table in it", folder.display())))?;
    let decoder = PartsDecoder { first: first.decoder.clone(), ignored };
    Ok(Opened::new(files, decoder, Vec::new()))
}

/// The files of a folder, one after the other.
struct PartFiles {
    format: Option<Format>,
    wants: Wants,
    options: ReadOptions,
    left: std::vec::IntoIter<PathBuf>,
    current: Option<PartFile>,
    ignored: Arc<Mutex<BTreeSet<String>>>,
    /// What the columns to keep hold, as the files so far have shown.
    kept: Vec<Option<Holds>>,
}

/// The file whose turn it is.
struct PartFile {
    name: Arc<str>,
    rows: Box<dyn RawSource>,
    decoder: Arc<dyn Decoder>,
    /// Number in the file of the row that comes next, from 1.
    next_row: u64,
}

impl PartFiles {
    /// Goes on to the next file; there is no current one after the last.
    fn open_next(&mut self) -> Result<(), Problem> {
        self.current = None;
        let Some(path) = self.left.next() else { return Ok(()) };
        let input = TableInput { format: self.format, ..TableInput::file(&path) };
        let mut opened = open_file(input, &self.wants, &self.options)?;
        let (Some(file), true) = (opened.pop(), opened.is_empty()) else {
            return Err(Problem::unsupported(
                format!("{}: sparse rows beside other arrays in a folder of files", path.display()),
                "give the file itself",
            ));
        };
        let rows = match file.rows {
            Rows::OneByOne(rows) => rows,
            Rows::SideBySide(rows) => Box::new(OneOfSeveral(rows)),
        };
        self.check_kept(&*file.decoder).map_err(|problem| problem.at(path.display().to_string()))?;
        lock(&self.ignored).extend(file.ignored);
        let name = path.file_name().unwrap_or_default().to_string_lossy().into();
        self.current = Some(PartFile { name, rows, decoder: file.decoder, next_row: 1 });
        Ok(())
    }

    /// Refuses a file that lacks a column to keep, or has it in another type than the files before.
    fn check_kept(&mut self, file: &dyn Decoder) -> Result<(), Problem> {
        let here = file.kept();
        for ((name, before), here) in self.wants.keep.iter().zip(&mut self.kept).zip(here) {
            match (before.as_ref(), here) {
                (Some(_), None) => {
                    let known = file.names().unwrap_or_default();
                    return Err(kept::unknown(name, &known));
                }
                (Some(before), Some(here)) if *before != here => {
                    return Err(Problem::invalid(format!(
                        "--keep {name}: the files hold the column in different types"
                    )));
                }
                (Some(_), _) => {}
                (None, here) => *before = here,
            }
        }
        Ok(())
    }
}

impl RawSource for PartFiles {
    fn next(&mut self, max_rows: usize) -> Result<Option<Raw>, Problem> {
        while let Some(part) = &mut self.current {
            if let Some(raw) = part.rows.next(max_rows)? {
                let first_row = part.next_row;
                part.next_row += raw.rows() as u64;
                let (decoder, name) = (part.decoder.clone(), part.name.clone());
                return Ok(Some(Raw::OfPart(Box::new(PartRows { raw, decoder, name, first_row }))));
            }
            self.open_next()?;
        }
        Ok(None)
    }
}

struct PartsDecoder {
    /// Of the first file: what it says of the columns holds for the table.
    first: Arc<dyn Decoder>,
    /// Columns that no input takes, of all files so far.
    ignored: Arc<Mutex<BTreeSet<String>>>,
}

impl Decoder for PartsDecoder {
    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let part = of_part(raw)?;
        let mut decoded = part.decoder.decode(&part.raw)?;
        for (row, problem) in &mut decoded.bad {
            let place = format!("{} row {}", part.name, part.first_row + *row as u64);
            *problem = problem.clone().at(place);
        }
        let ignored = part.decoder.ignored();
        if !ignored.is_empty() {
            lock(&self.ignored).extend(ignored);
        }
        Ok(decoded)
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        of_part(raw).map(|part| part.decoder.raw_row(&part.raw, row)).unwrap_or_default()
    }

    fn ignored(&self) -> Vec<String> {
        lock(&self.ignored).iter().cloned().collect()
    }

    fn names(&self) -> Option<Vec<String>> {
        self.first.names()
    }

    fn kept(&self) -> Vec<Option<Holds>> {
        self.first.kept()
    }

    fn keep(&self, raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        let part = of_part(raw)?;
        part.decoder.keep(&part.raw)
    }

    fn filled(&self) -> Option<Vec<Slot>> {
        self.first.filled()
    }

    fn taken_by_place(&self) -> bool {
        self.first.taken_by_place()
    }
}

fn of_part(raw: &Raw) -> Result<&PartRows, Problem> {
    match raw {
        Raw::OfPart(part) => Ok(part),
        _ => Err(Problem::internal("rows of a folder come with their file")),
    }
}
