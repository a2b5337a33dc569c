//! A document in memory as the files of a model.

use landfall_model::{Buffer, FileEntry, Model, ModelFiles, Options, Problem};
use std::path::Path;
use std::sync::Arc;

/// One file.
pub(crate) struct Memory {
    entries: Vec<FileEntry>,
    bytes: Vec<u8>,
}

impl Memory {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let entry = FileEntry { name: "model.pmml".to_owned(), bytes: bytes.len() as u64 };
        Memory { entries: vec![entry], bytes: bytes.to_vec() }
    }
}

impl ModelFiles for Memory {
    fn path(&self) -> &Path {
        Path::new("model.pmml")
    }

    fn is_folder(&self) -> bool {
        false
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, _: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        Ok(self.bytes[..self.bytes.len().min(bytes)].to_vec())
    }

    fn bytes(&self, _: &str) -> Result<Buffer, Problem> {
        Ok(Buffer::copy_of(&self.bytes))
    }
}

/// Loads a document.
pub(crate) fn load(bytes: &[u8]) -> Result<Arc<dyn Model>, Problem> {
    landfall_pmml::engine().load(&Memory::new(bytes), &Options::new())
}
