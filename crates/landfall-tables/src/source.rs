//! Where a table's bytes come from: a file, or a stream such as standard input.

use crate::format::{Format, PEEKED_BYTES};
use crate::packed;
use crate::scratch::ScratchFile;
use landfall_model::Problem;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Where bytes come from.
pub enum Source {
    /// A file, which is opened when the table is; or a folder, whose files are the table one after the other.
    File(PathBuf),
    /// Bytes that come once, front to back. Those of formats that are read from their end are kept in a temporary file.
    Stream(Box<dyn Read + Send>),
}

/// One file of a table.
pub struct TableInput {
    /// The one input that it fills, as in `-i NAME=FILE`; `None` where names in the file decide.
    pub name: Option<String>,
    /// What to call it in messages; its ending may decide the format.
    pub label: String,
    /// The format; `None` for content and ending to decide.
    pub format: Option<Format>,
    /// Its bytes.
    pub source: Source,
}

impl TableInput {
    /// A file, or a folder of files, whose names decide what it fills, and whose content and ending decide how it is read.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        TableInput { name: None, label: path.display().to_string(), format: None, source: Source::File(path) }
    }

    /// A stream in a format.
    pub fn stream(label: &str, format: Option<Format>, stream: impl Read + Send + 'static) -> Self {
        TableInput { name: None, label: label.to_owned(), format, source: Source::Stream(Box::new(stream)) }
    }

    /// A stream whose content decides how it is read: unpacked where it is gzip, its format known.
    ///
    /// # Errors
    /// When it cannot be read, or is in a format that is not.
    pub fn detected(label: &str, stream: impl Read + Send + 'static) -> Result<Self, Problem> {
        let peeked = Source::Stream(Box::new(stream)).peeked(label, PEEKED_BYTES)?;
        let (source, first, _) = unpacked(peeked, label, PEEKED_BYTES)?;
        let format = Format::detect(label, &first)?;
        Ok(TableInput::stream(label, Some(format), source.stream()))
    }

    /// The format of its rows, where it is known before the table is opened: what was told, else what content and ending of
    /// its file say, or of the first file of its folder. `None` for a stream, and for what cannot be read.
    pub fn shown_format(&self) -> Option<Format> {
        let Source::File(path) = &self.source else { return self.format };
        if self.format.is_some() {
            return self.format;
        }
        if path.is_dir() {
            return TableInput::file(files_of(path).ok()?.first()?).shown_format();
        }
        // A pipe gives its bytes once.
        if !path.is_file() {
            return Format::of_ending(&self.label);
        }
        let peeked = Source::File(path.clone()).peeked(&self.label, PEEKED_BYTES).ok()?;
        let (_, first, packed) = unpacked(peeked, &self.label, PEEKED_BYTES).ok()?;
        let plain = if packed { packed::plain_name(&self.label) } else { &self.label };
        Format::detect(plain, &first).ok()
    }

    /// The same for one input alone.
    #[must_use]
    pub fn for_input(self, name: impl Into<String>) -> Self {
        TableInput { name: Some(name.into()), ..self }
    }

    /// The same in a format that is known.
    #[must_use]
    pub fn with_format(self, format: Format) -> Self {
        TableInput { format: Some(format), ..self }
    }
}

/// The files of a folder by name. What begins with `_` or `.` is no part (`_SUCCESS`, checksums), as Hadoop has it.
///
/// # Errors
/// What the operating system said; unimplemented for a folder within the folder.
pub(crate) fn files_of(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let failed = |error: std::io::Error| Problem::io(format!("read {}", folder.display()), &error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().as_encoded_bytes().starts_with(b"_")
            || entry.file_name().as_encoded_bytes().starts_with(b".")
        {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            return Err(Problem::unsupported(
                format!("{}: a folder within a folder of part files", path.display()),
                "give a folder that holds the files themselves",
            ));
        }
        files.push(path);
    }
    files.sort_unstable();
    Ok(files)
}

/// An opened source, before the first byte.
pub(crate) enum OpenSource {
    File(File),
    Stream(Box<dyn Read + Send>),
}

impl Source {
    /// Opens it and looks at the first bytes: up to `count`, fewer where a line or the stream ends before.
    pub(crate) fn peeked(self, label: &str, count: usize) -> Result<(OpenSource, Vec<u8>), Problem> {
        let failed = |error: &std::io::Error| Problem::io(format!("read {label}"), error);
        match self {
            Source::File(path) => {
                let mut file = File::open(&path).map_err(|e| match e.kind() {
                    ErrorKind::NotFound => {
                        Problem::new(landfall_model::Reason::FileMissing { file: label.to_owned() })
                    }
                    _ => Problem::io(format!("open {label}"), &e),
                })?;
                // A device or pipe cannot be read twice.
                if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
                    return Source::Stream(Box::new(file)).peeked(label, count);
                }
                let first = first_bytes(&mut file, count).map_err(|e| failed(&e))?;
                file.seek(SeekFrom::Start(0)).map_err(|e| failed(&e))?;
                Ok((OpenSource::File(file), first))
            }
            Source::Stream(mut stream) => {
                let first = first_bytes(&mut stream, count).map_err(|e| failed(&e))?;
                let again = std::io::Cursor::new(first.clone()).chain(stream);
                Ok((OpenSource::Stream(Box::new(again)), first))
            }
        }
    }
}

impl OpenSource {
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            OpenSource::File(file) => file.metadata().ok().map(|metadata| metadata.len()),
            OpenSource::Stream(_) => None,
        }
    }

    pub(crate) fn stream(self) -> Box<dyn Read + Send> {
        match self {
            OpenSource::File(file) => Box::new(file),
            OpenSource::Stream(stream) => stream,
        }
    }

    /// For formats that are read from their end: a stream is kept in a temporary file first.
    pub(crate) fn file(self, label: &str) -> Result<File, Problem> {
        match self {
            OpenSource::File(file) => Ok(file),
            OpenSource::Stream(mut stream) => ScratchFile::keep(&mut stream, label, &std::env::temp_dir()),
        }
    }
}

/// The bytes that a source stands for and the first of them, whether it is packed or not; and whether it was.
///
/// # Errors
/// What the operating system said; malformed, where a packed file breaks the format within the first bytes.
pub(crate) fn unpacked(
    (source, first): (OpenSource, Vec<u8>),
    label: &str,
    count: usize,
) -> Result<(OpenSource, Vec<u8>, bool), Problem> {
    if !packed::is_packed(&first) {
        return Ok((source, first, false));
    }
    let (source, first) =
        Source::Stream(Box::new(packed::unpacking(source.stream()))).peeked(label, count)?;
    Ok((source, first, true))
}

fn first_bytes(stream: &mut (impl Read + ?Sized), count: usize) -> std::io::Result<Vec<u8>> {
    let mut first = vec![0; count];
    let mut filled = 0;
    while filled < count && !first[..filled].contains(&b'\n') {
        match stream.read(&mut first[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    first.truncate(filled);
    Ok(first)
}
