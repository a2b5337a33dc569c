//! A document in memory as the files of a model, with others beside it.

use landfall_model::{Buffer, FileEntry, Model, ModelFiles, Options, Problem};
use std::path::Path;
use std::sync::Arc;

/// Files by name, the model first.
pub(crate) struct Memory {
    entries: Vec<FileEntry>,
    contents: Vec<Vec<u8>>,
}

impl Memory {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Memory { entries: Vec::new(), contents: Vec::new() }.with("model.pmml", bytes)
    }

    pub(crate) fn with(mut self, name: &str, bytes: &[u8]) -> Self {
        self.entries.push(FileEntry { name: name.to_owned(), bytes: bytes.len() as u64 });
        self.contents.push(bytes.to_vec());
        self
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

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        let all = self.bytes(name)?;
        Ok(all.bytes()[..all.bytes().len().min(bytes)].to_vec())
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        match self.entries.iter().position(|entry| entry.name == name) {
            Some(place) => Ok(Buffer::copy_of(&self.contents[place])),
            None => Err(Problem::invalid(format!("no file {name:?}"))),
        }
    }
}

/// Loads a document.
pub(crate) fn load(bytes: &[u8]) -> Result<Arc<dyn Model>, Problem> {
    landfall_pmml::engine().load(&Memory::new(bytes), &Options::new())
}
