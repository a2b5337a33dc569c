//! The files of a model, seen from an engine: names, and a way to read them. Implemented where files may be opened.

use crate::{Buffer, Problem, Reason};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Path relative to the model's root, with `/` between parts.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// The files of one model: a single file, or a folder with all that lies in it. Names never leave the root.
pub trait ModelFiles: Send + Sync {
    /// Where they lie, for messages and for foreign libraries that open files themselves: the file, or the folder.
    fn path(&self) -> &Path;

    /// Whether [`ModelFiles::path`] is a folder.
    fn is_folder(&self) -> bool;

    /// All files, sorted by name. For a single file, that file alone, though others may be read beside it.
    fn entries(&self) -> &[FileEntry];

    /// Where one of the entries lies, for messages and for foreign libraries.
    fn place(&self, entry: &FileEntry) -> PathBuf {
        if self.is_folder() { self.path().join(&entry.name) } else { self.path().to_owned() }
    }

    /// The first bytes of a file, at most `bytes` of them.
    ///
    /// # Errors
    /// Not found, or what the operating system said.
    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem>;

    /// All bytes of a file, mapped or read; `name` is relative to the folder in which the model lies and may not leave
    /// it.
    ///
    /// # Errors
    /// Not found; invalid argument for a name that leaves the folder; or what the operating system said.
    fn bytes(&self, name: &str) -> Result<Buffer, Problem>;

    /// The same bytes one after the other, for readers that need a part of them at a time; read, not mapped, where they lie in a file.
    ///
    /// # Errors
    /// As [`ModelFiles::bytes`]; reading gives what the operating system said.
    fn reader(&self, name: &str) -> Result<Box<dyn Read + '_>, Problem> {
        Ok(Box::new(Cursor::new(self.bytes(name)?)))
    }

    /// The one file that is the model, for formats of a single file: the file itself, or the only entry of the folder
    /// whose name ends in one of `endings` (`.onnx`).
    fn single(&self, endings: &[&str]) -> Option<&FileEntry> {
        if !self.is_folder() {
            return self.entries().first();
        }
        let top = |entry: &&FileEntry| {
            !entry.name.contains('/') && endings.iter().any(|end| entry.name.ends_with(end))
        };
        let mut found = self.entries().iter().filter(top);
        found.next().filter(|_| found.next().is_none())
    }
}

/// A model of a single file whose bytes are in memory, perhaps with others beside it, as a test has it.
#[derive(Clone, Debug)]
pub struct FilesInMemory {
    path: PathBuf,
    entry: FileEntry,
    contents: Vec<(String, Buffer)>,
}

impl FilesInMemory {
    /// The model's own file; `path` is for messages, and its last part is the file's name.
    pub fn new(path: impl Into<PathBuf>, bytes: &[u8]) -> Self {
        let path = path.into();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let contents = vec![(name.clone(), Buffer::copy_of(bytes))];
        FilesInMemory { path, entry: FileEntry { name, bytes: bytes.len() as u64 }, contents }
    }

    /// With another file beside it.
    #[must_use]
    pub fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        self.contents.push((name.to_owned(), Buffer::copy_of(bytes)));
        self
    }
}

impl ModelFiles for FilesInMemory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        false
    }

    fn entries(&self) -> &[FileEntry] {
        std::slice::from_ref(&self.entry)
    }

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        let all = self.bytes(name)?;
        Ok(all.bytes()[..bytes.min(all.len())].to_vec())
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        let found = self.contents.iter().find(|(known, _)| known == name);
        let missing = || Problem::new(Reason::FileMissing { file: name.to_owned() });
        found.map(|(_, bytes)| bytes.clone()).ok_or_else(missing)
    }
}
