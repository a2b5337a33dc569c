//! The importer of Keras files: `.keras` archives and HDF5 files become SavedModels.

use crate::python::{Answer, Python, SCRIPT, argument, refusal};
use crate::{Key, kept};
use landfall_model::{
    Claim, FileEntry, Imported, Importer, ModelFiles, OptionSpec, Options, Problem, Reason,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Endings of Keras files; what they are, their content says.
const ENDINGS: [&str; 4] = [".keras", ".h5", ".hdf5", ".hdf"];

/// What the importer can be told.
static KNOWN: [OptionSpec; 2] = [
    OptionSpec { key: "safe_mode", help: "false lets Keras run Python code that the file holds [true]" },
    OptionSpec { key: "convert_seconds", help: "how long the conversion may take [600]" },
];

/// Keras files, by the Keras of a Python.
pub struct KerasImporter {
    python: Python,
}

impl KerasImporter {
    /// By this Python.
    pub fn new(python: Python) -> Self {
        KerasImporter { python }
    }
}

impl Importer for KerasImporter {
    fn name(&self) -> &'static str {
        "keras"
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        let Some(entry) = files.single(&ENDINGS) else {
            return Claim::No("no single Keras file".to_owned());
        };
        let is_named = ENDINGS.iter().any(|ending| entry.name.to_ascii_lowercase().ends_with(ending));
        match files.head(&entry.name, 64) {
            Ok(head) if is_archive(&head) || is_hdf5(&head) => Claim::Sure,
            Ok(head) if is_named && is_zip(&head) => Claim::Sure,
            // Loading it says what it is instead. What is no model at all is told from any file alike.
            Ok(head) if is_named && !head.is_empty() && !is_no_model(&head) => Claim::Maybe,
            Ok(_) => Claim::No("no Keras file".to_owned()),
            Err(problem) => Claim::No(format!("{} cannot be read: {problem}", entry.name)),
        }
    }

    fn options(&self) -> &'static [OptionSpec] {
        &KNOWN
    }

    fn import(&self, files: &dyn ModelFiles, into: &Path, options: &Options) -> Result<Imported, Problem> {
        options.check(&KNOWN)?;
        let is_safe = match options.get("safe_mode").unwrap_or("true") {
            "true" => true,
            "false" => false,
            other => return Err(Problem::invalid(format!("safe_mode is true or false, not {other:?}"))),
        };
        let (entry, path) = the_file(files)?;
        let file = path.display().to_string();
        let bytes = files.bytes(&entry.name)?;
        if !is_zip(bytes.bytes()) && !is_hdf5(bytes.bytes()) {
            return Err(Problem::malformed(&file, Some(0), neither(bytes.bytes())));
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        let key = Key::new().with(SCRIPT).with(ending).with([u8::from(is_safe)]).with(bytes.bytes());
        let python = self.python.clone().with_patience(seconds(options)?);
        let mut by = String::new();
        let kept = kept(into, &key.to_string(), |folder| {
            let saved_model = folder.join("model");
            let (from, to) = (argument(&path)?, argument(&saved_model)?);
            let safe = if is_safe { "true" } else { "false" };
            match python
                .converter()
                .run(folder, &["keras", &from, &to, safe])
                .map_err(|problem| problem.at(&file))?
            {
                Answer::Done(facts) => {
                    by = facts.get("made by").cloned().unwrap_or_default();
                    Ok(())
                }
                Answer::Refused(kind, text) => {
                    Err(refusal(&file, "reading a Keras model (pip install tensorflow)", &kind, &text))
                }
            }
        })?;
        let path = kept.folder.join("model");
        let place = path.display();
        let note = match kept.is_new {
            true => format!("{file} was converted to a SavedModel by {by}; it is kept at {place}"),
            false => format!("{file} was converted to a SavedModel earlier; it is kept at {place}"),
        };
        Ok(Imported { path, note })
    }
}

fn the_file(files: &dyn ModelFiles) -> Result<(&FileEntry, PathBuf), Problem> {
    let entry = files.single(&ENDINGS).ok_or_else(|| {
        let path = files.path().display().to_string();
        Problem::new(Reason::NotRecognised { path, tried: vec!["no single Keras file".to_owned()] })
    })?;
    let path = files.place(entry);
    Ok((entry, path))
}

fn seconds(options: &Options) -> Result<Duration, Problem> {
    let text = options.get("convert_seconds").unwrap_or("600");
    let number =
        text.parse().map_err(|_| Problem::invalid(format!("convert_seconds is a number, not {text:?}")))?;
    Ok(Duration::from_secs(number))
}

/// What is said of a file that has a Keras file's name alone.
fn neither(bytes: &[u8]) -> String {
    let begins = bytes.get(..16).unwrap_or(bytes).escape_ascii();
    format!(
        "neither a zip archive, as .keras files are, nor an HDF5 file, as .h5 files are: it begins with \"{begins}\""
    )
}

/// A zip archive whose first member is one of those that Keras writes first.
fn is_archive(head: &[u8]) -> bool {
    let member = |name: &[u8]| head.get(30..30 + name.len()) == Some(name);
    is_zip(head) && (member(b"metadata.json") || member(b"config.json"))
}

fn is_zip(head: &[u8]) -> bool {
    head.starts_with(b"PK\x03\x04")
}

/// A web page, or a pointer of Git LFS, that came in the place of a file.
fn is_no_model(head: &[u8]) -> bool {
    head.starts_with(b"<") || head.starts_with(b"version https://git-lfs.")
}

fn is_hdf5(head: &[u8]) -> bool {
    head.starts_with(b"\x89HDF\r\n\x1a\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_foreign::Surroundings;
    use landfall_model::FilesInMemory;

    fn importer() -> KerasImporter {
        KerasImporter::new(Python::new(Surroundings::default(), Duration::from_secs(1)))
    }

    #[test]
    fn a_keras_file_is_told_by_what_is_in_it_or_by_its_name() {
        let zip = b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x0d\0\0\0metadata.json";
        let other_zip = b"PK\x03\x04 of whatever member comes first";
        let hdf5 = b"\x89HDF\r\n\x1a\n";
        for (name, bytes, claim) in [
            ("m", &zip[..], Claim::Sure),
            ("m", hdf5, Claim::Sure),
            ("m.keras", other_zip, Claim::Sure),
            ("M.KERAS", b"notes", Claim::Maybe),
            ("m.h5", b"notes", Claim::Maybe),
        ] {
            assert_eq!(importer().recognise(&FilesInMemory::new(name, bytes)), claim, "{name}");
        }
        let others: [(&str, &[u8]); 5] = [
            ("m.zip", other_zip),
            ("m", b"notes"),
            ("m.keras", b""),
            ("m.keras", b"<!DOCTYPE html>"),
            ("m.h5", b"version https://git-lfs.github.com/spec/v1\n"),
        ];
        for (name, bytes) in others {
            assert!(matches!(importer().recognise(&FilesInMemory::new(name, bytes)), Claim::No(_)), "{name}");
        }
    }

    #[test]
    fn what_is_a_keras_file_by_its_name_alone_is_told_without_python() {
        let folder = tempfile::tempdir().unwrap();
        let problem = importer()
            .import(&FilesInMemory::new("m.h5", b"notes\n"), folder.path(), &Options::new())
            .unwrap_err();
        let text = problem.to_string();
        assert!(
            text.contains("m.h5") && text.contains("nor an HDF5 file") && text.contains("notes\\n"),
            "{text}"
        );
    }
}
