//! A model in memory, as an engine sees it.

use landfall_model::{Buffer, FileEntry, Model, ModelFiles, Options, Problem, Reason};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) struct Memory {
    path: PathBuf,
    entries: Vec<FileEntry>,
    bytes: Buffer,
}

impl Memory {
    pub(crate) fn new(name: &str, bytes: &[u8]) -> Self {
        let entry = FileEntry { name: name.to_owned(), bytes: bytes.len() as u64 };
        Memory { path: PathBuf::from(name), entries: vec![entry], bytes: Buffer::copy_of(bytes) }
    }
}

impl ModelFiles for Memory {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        false
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        let all = self.bytes(name)?;
        Ok(all.bytes()[..bytes.min(all.len())].to_vec())
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        if name != self.entries[0].name {
            return Err(Problem::new(Reason::FileMissing { file: name.to_owned() }));
        }
        Ok(self.bytes.clone())
    }
}

/// Loads a model from its bytes.
pub(crate) fn load(name: &str, bytes: &[u8], options: &[(&str, &str)]) -> Result<Arc<dyn Model>, Problem> {
    let mut given = Options::new();
    options.iter().for_each(|(key, value)| given.set(*key, *value));
    landfall_trees::engine().load(&Memory::new(name, bytes), &given)
}
