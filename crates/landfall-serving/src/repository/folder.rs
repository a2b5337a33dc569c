//! Folders and their names, as the rules of layouts look at them.

use super::files::trouble;
use landfall_model::{Kind, Problem, Version};
use std::path::{Path, PathBuf};

/// The most children of one folder that are looked at.
const MAX_CHILDREN: usize = 100_000;

/// What a file's name says of it.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum TakenFor {
    Model,
    /// Arrays, tables and pages, which lie beside models.
    Data,
    Anything,
}

/// Endings that are models' own.
const OF_MODELS: [&str; 9] = [".onnx", ".pmml", ".ubj", ".cbm", ".keras", ".h5", ".hdf5", ".tflite", ".pb"];

/// Endings of files that are packed or marked up, and no models.
const OF_DATA: [&str; 8] =
    [".npz", ".csv.gz", ".csv.zst", ".jsonl.gz", ".jsonl.zst", ".xlsx", ".html", ".htm"];

/// What a file's name says of it.
pub(super) fn taken_for(file: &Path) -> TakenFor {
    let name = file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match () {
        () if ends(&OF_MODELS) => TakenFor::Model,
        () if ends(&OF_DATA) => TakenFor::Data,
        () => TakenFor::Anything,
    }
}

/// What lies in a folder, sorted; what is hidden is left out.
#[derive(Default)]
pub(super) struct Children {
    pub(super) folders: Vec<PathBuf>,
    /// All that is no folder.
    pub(super) files: Vec<PathBuf>,
}

/// The children of a folder.
///
/// # Errors
/// When the folder cannot be listed, or has more children than are looked at: which of them are left out would be up to
/// the file system.
pub(super) fn children(folder: &Path) -> Result<Children, Problem> {
    let listing = std::fs::read_dir(folder).map_err(|error| trouble("list", folder, &error))?;
    let Children { mut folders, mut files } = Children::default();
    for (number, entry) in listing.enumerate() {
        if number == MAX_CHILDREN {
            let text = format!("{} holds more than {MAX_CHILDREN} files and folders", folder.display());
            return Err(Problem::worded(Kind::ResourceExhausted, text));
        }
        let entry = entry.map_err(|error| trouble("list", folder, &error))?;
        let hidden = entry.file_name().to_str().is_none_or(|name| name.starts_with('.'));
        let Ok(metadata) = std::fs::metadata(entry.path()) else { continue };
        match hidden {
            true => {}
            false if metadata.is_dir() => folders.push(entry.path()),
            false => files.push(entry.path()),
        }
    }
    folders.sort();
    files.sort();
    Ok(Children { folders, files })
}

/// Whether a folder is named by a number, as versions are.
pub(super) fn is_number(path: &Path) -> bool {
    Version::named(&folder_name(path)).number().is_some()
}

/// The path without links and dots, where it can be followed.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// The name of a folder; of `.` and `..` the one that they stand for.
pub(super) fn folder_name(path: &Path) -> String {
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    name(path).or_else(|| name(&absolute(path))).unwrap_or_else(|| "model".to_owned())
}

/// The name of a file without its ending.
pub(super) fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
