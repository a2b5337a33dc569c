//! Where the answers go: a file that is there when it is whole, or standard output.

use crate::args::{Predict, name_and_path};
use crate::elsewhere;
use crate::exit::Failure;
use landfall_model::Problem;
use landfall_tables::{AtomicFile, Format};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Bytes that are gathered before they are written to a file.
const WRITE_BUFFER: usize = 1 << 20;

/// Endings of packed files, and what packs them.
const PACKERS: [(&str, &str); 4] = [("gz", "gzip"), ("zst", "zstd"), ("bz2", "bzip2"), ("xz", "xz")];

/// Where the answers go.
pub(super) struct Output {
    pub(super) format: Format,
    /// `None` for standard output.
    file: Option<AtomicFile>,
    /// Whether the reader of standard output has closed it.
    closed: Arc<AtomicBool>,
}

/// Standard output, which remembers that its reader has closed it.
struct Pipe {
    out: std::io::Stdout,
    closed: Arc<AtomicBool>,
}

impl Pipe {
    fn noted<T>(&self, done: std::io::Result<T>) -> std::io::Result<T> {
        if done.as_ref().is_err_and(|error| error.kind() == ErrorKind::BrokenPipe) {
            self.closed.store(true, Relaxed);
        }
        done
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
    }
}

/// Refuses to write a file over the model or over a table that is read, and to write answers and bad rows into one.
///
/// # Errors
/// What to do instead.
pub(super) fn kept_apart(arguments: &Predict) -> Result<(), String> {
    let answers = Some(arguments.output_file.as_path()).filter(|path| path.as_os_str() != "-");
    let bad_rows = match arguments.bad_rows.as_str() {
        "stop" | "skip" => None,
        "-" => return Err("--bad-rows -: name the file that takes the rows".to_owned()),
        path => Some(Path::new(path)),
    };
    let inputs = arguments.input.iter().map(|input| name_and_path(input).1);
    let read: Vec<PathBuf> = inputs.chain([arguments.model.as_path()]).map(place).collect();
    for path in answers.iter().chain(&bad_rows) {
        let place = place(path);
        if place.is_file() && read.contains(&place) {
            return Err(format!("{} is read: name another file to be written", path.display()));
        }
    }
    if let (Some(answers), Some(bad_rows)) = (answers, bad_rows)
        && place(answers) == place(bad_rows)
    {
        return Err(format!("{}: answers and bad rows go into files of their own", answers.display()));
    }
    Ok(())
}

/// Refuses a name that says that the file is packed: what is written there would not be.
///
/// # Errors
/// A wrong call, with the way out.
fn not_packed(path: &Path) -> Result<(), Failure> {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let Some((_, packer)) = PACKERS.iter().find(|(of, _)| *of == ending) else { return Ok(()) };
    let path = path.display();
    Err(Failure::call(format!("{path}: files are written unpacked: -o - | {packer} > {path}")))
}

/// Where a file lies, or would lie, whatever names lead there.
fn place(path: &Path) -> PathBuf {
    let in_folder = || {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = std::fs::canonicalize(folder.unwrap_or(Path::new("."))).ok()?;
        Some(folder.join(path.file_name()?))
    };
    std::fs::canonicalize(path).ok().or_else(in_folder).unwrap_or_else(|| path.to_owned())
}

impl Output {
    /// Nothing is left behind unless [`Output::commit`] is reached.
    pub(super) fn open(arguments: &Predict, input_format: Option<Format>) -> Result<Self, Failure> {
        let told =
            arguments.output_format.as_deref().map(Format::of_name).transpose().map_err(Failure::Call)?;
        let path = &arguments.output_file;
        if path.as_os_str() == "-" {
            // Lines are answered with lines.
            let like_input = input_format.filter(|format| *format == Format::JsonLines);
            let format = told.or(like_input).unwrap_or(Format::Csv);
            return Ok(Output { format, file: None, closed: Arc::default() });
        }
        elsewhere::refused(path)?;
        not_packed(path)?;
        let format = told.or_else(|| Format::of_ending(&path.to_string_lossy())).ok_or_else(|| {
            Failure::call(format!(
                "{}: its ending names no format (.csv, .jsonl, .parquet, .arrow, .npy, .npz); say which with \
                 --output-format",
                path.display()
            ))
        })?;
        Ok(Output { format, file: Some(AtomicFile::create(path)?), closed: Arc::default() })
    }

    pub(super) fn folder(&self) -> &Path {
        self.file.as_ref().map_or(Path::new("."), AtomicFile::folder)
    }

    pub(super) fn sink(&self) -> Result<Box<dyn Write + Send>, Problem> {
        Ok(match &self.file {
            None => Box::new(BufWriter::new(Pipe { out: std::io::stdout(), closed: self.closed.clone() })),
            Some(file) => Box::new(BufWriter::with_capacity(WRITE_BUFFER, file.handle()?)),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    pub(super) fn commit(self) -> Result<(), Problem> {
        self.file.map_or(Ok(()), AtomicFile::commit)
    }
}
