//! The files of a model, read from one file of the disk.

use landfall_model::{Buffer, FileEntry, ModelFiles, Problem};
use std::path::{Path, PathBuf};

/// One file, by its bytes.
pub(crate) struct OneFile {
    path: PathBuf,
    entries: Vec<FileEntry>,
    bytes: Vec<u8>,
}

impl OneFile {
    pub(crate) fn open(path: &Path) -> Self {
        OneFile::of(path, std::fs::read(path).unwrap())
    }

    pub(crate) fn of(path: &Path, bytes: Vec<u8>) -> Self {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let entries = vec![FileEntry { name, bytes: bytes.len() as u64 }];
        OneFile { path: path.to_owned(), entries, bytes }
    }
}

impl ModelFiles for OneFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        false
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, _: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        Ok(self.bytes[..bytes.min(self.bytes.len())].to_vec())
    }

    fn bytes(&self, _: &str) -> Result<Buffer, Problem> {
        Ok(Buffer::copy_of(&self.bytes))
    }
}
