//! The shared cases of TensorFlow Lite files, and the library to run them on.

use landfall_foreign::Surroundings;
use landfall_model::{FilesInMemory, InputSpec, Tensor};
use landfall_tables::{TableInput, read_columns};
use landfall_tensorflow::LiteRt;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    folder: PathBuf,
    description: Value,
}

impl Case {
    /// All cases of TensorFlow Lite files, by name; `None`, said in a line, where there are none.
    pub(crate) fn all() -> Option<Vec<Case>> {
        let folder = unpacked()?;
        let mut folders: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        let case = |folder: PathBuf| {
            let text = std::fs::read_to_string(folder.join("case.json")).ok()?;
            let description: Value = serde_json::from_str(&text).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            (description["kind"] == "tflite").then_some(Case { name, folder, description })
        };
        Some(folders.into_iter().filter_map(case).collect())
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.folder.join(self.text("path").unwrap())
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.description[key].as_str()
    }

    /// Absolute and relative tolerance.
    pub(crate) fn tolerance(&self) -> (f64, f64) {
        let tolerance = &self.description["tolerance"];
        (tolerance["atol"].as_f64().unwrap(), tolerance["rtol"].as_f64().unwrap())
    }

    /// Arrays of `rows.npz` or `golden.npz`, by name.
    pub(crate) fn arrays(&self, file: &str, specs: Vec<InputSpec>) -> Vec<Tensor> {
        let found = read_columns(TableInput::file(self.folder.join(file)), specs).unwrap();
        found.into_iter().map(Option::unwrap).collect()
    }
}

/// A file of the disk, as an engine sees it.
pub(crate) fn opened(path: &Path) -> FilesInMemory {
    FilesInMemory::new(path, &std::fs::read(path).unwrap())
}

fn unpacked() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(unpack).as_deref()
}

fn unpack() -> Option<PathBuf> {
    let shared = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let archive = shared.join("conformance/tensorflow/cases.tar.xz");
    if !archive.is_file() {
        eprintln!("no shared cases of TensorFlow models at {}: nothing was compared", archive.display());
        return None;
    }
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("litert-conformance");
    let mark = target.join("done");
    if !mark.exists() {
        std::fs::create_dir_all(&target).unwrap();
        let status = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&target).status();
        if !status.as_ref().is_ok_and(std::process::ExitStatus::success) {
            eprintln!("{} was not unpacked (tar and xz are needed: {status:?})", archive.display());
            return None;
        }
        std::fs::write(mark, "").unwrap();
    }
    Some(target.join("cases"))
}

/// The engine; `None`, said in a line, where the library is not to be had.
pub(crate) fn engine() -> Option<LiteRt> {
    let engine = LiteRt::new(None, Surroundings::of_process());
    if engine.report().taken().is_none() {
        eprintln!("LiteRT is not here, nothing was run: {}", engine.report());
        return None;
    }
    Some(engine)
}
