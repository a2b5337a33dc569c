//! The files of a model on the disk.

use landfall_model::{Buffer, FileEntry, ModelFiles, Problem, Reason};
use std::path::{Path, PathBuf};

/// A file, or a folder with all that lies in it.
pub(crate) struct Folder {
    path: PathBuf,
    entries: Vec<FileEntry>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Self {
        let mut entries = Vec::new();
        match path.is_dir() {
            true => walk(path, "", &mut entries),
            false => entries.push(entry(path, path.file_name().unwrap().to_str().unwrap())),
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Folder { path: path.to_owned(), entries }
    }

    fn root(&self) -> &Path {
        if self.path.is_dir() { &self.path } else { self.path.parent().unwrap() }
    }
}

fn entry(path: &Path, name: &str) -> FileEntry {
    FileEntry { name: name.to_owned(), bytes: std::fs::metadata(path).unwrap().len() }
}

fn walk(folder: &Path, under: &str, entries: &mut Vec<FileEntry>) {
    for found in std::fs::read_dir(folder).unwrap() {
        let path = found.unwrap().path();
        let name = format!("{under}{}", path.file_name().unwrap().to_str().unwrap());
        match path.is_dir() {
            true => walk(&path, &format!("{name}/"), entries),
            false => entries.push(entry(&path, &name)),
        }
    }
}

impl ModelFiles for Folder {
    fn path(&self) -> &Path {
        &self.path
    }

    fn is_folder(&self) -> bool {
        self.path.is_dir()
    }

    fn entries(&self) -> &[FileEntry] {
        &self.entries
    }

    fn head(&self, name: &str, bytes: usize) -> Result<Vec<u8>, Problem> {
        self.bytes(name).map(|all| all.bytes()[..bytes.min(all.len())].to_vec())
    }

    fn bytes(&self, name: &str) -> Result<Buffer, Problem> {
        let missing = |_| Problem::new(Reason::FileMissing { file: name.to_owned() });
        std::fs::read(self.root().join(name)).map(Buffer::from_owner).map_err(missing)
    }
}
