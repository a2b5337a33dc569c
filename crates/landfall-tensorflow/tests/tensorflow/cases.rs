//! The shared cases, and the library to run them on.

use landfall_foreign::Surroundings;
use landfall_model::{InputSpec, Options, Tensor};
use landfall_tables::{TableInput, read_columns};
use landfall_tensorflow::TensorFlow;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) description: Value,
}

impl Case {
    /// All cases of SavedModels and graphs, by name; `None`, said in a line, where there are none.
    pub(crate) fn all() -> Option<Vec<Case>> {
        static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
        let unpacked = || unpacked("conformance/tensorflow/cases.tar.xz", "tensorflow-conformance");
        let folder = FOLDER.get_or_init(unpacked).as_ref()?.join("cases");
        let mut folders: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        let case = |folder: PathBuf| {
            let text = std::fs::read_to_string(folder.join("case.json")).ok()?;
            let description: Value = serde_json::from_str(&text).unwrap();
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let ours = description["kind"] == "saved_model" || description["kind"] == "graph_def";
            ours.then_some(Case { name, folder, description })
        };
        Some(folders.into_iter().filter_map(case).collect())
    }

    /// One of them.
    pub(crate) fn named(name: &str) -> Option<Case> {
        Some(Case::all()?.into_iter().find(|case| case.name == name).unwrap())
    }

    pub(crate) fn model(&self) -> PathBuf {
        self.folder.join(self.text("path").unwrap())
    }

    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.description[key].as_str()
    }

    /// Tags of a SavedModel; inputs and outputs of a graph.
    pub(crate) fn options(&self) -> Options {
        let listed = |key: &str, within: Option<&str>| -> String {
            let items = self.description[key].as_array().into_iter().flatten();
            let items = items.map(|item| within.map_or(item, |within| &item[within]).as_str().unwrap());
            items.collect::<Vec<_>>().join(",")
        };
        let mut options = Options::new();
        let lists: &[(&str, Option<&str>)] = match self.text("kind") {
            Some("graph_def") => &[("inputs", Some("tensor")), ("outputs", Some("tensor"))],
            _ => &[("tags", None)],
        };
        for (key, within) in lists {
            let list = listed(key, *within);
            if !list.is_empty() {
                options.set(*key, list);
            }
        }
        options
    }

    /// Absolute and relative tolerance.
    pub(crate) fn tolerance(&self) -> (f64, f64) {
        let tolerance = &self.description["tolerance"];
        (tolerance["atol"].as_f64().unwrap(), tolerance["rtol"].as_f64().unwrap())
    }

    /// Arrays of `rows.npz` or `golden.npz`, by name.
    pub(crate) fn arrays(&self, file: &str, specs: Vec<InputSpec>) -> Result<Vec<Tensor>, String> {
        let found = read_columns(TableInput::file(self.folder.join(file)), specs);
        let found = found.map_err(|problem| problem.to_string())?;
        Ok(found.into_iter().map(Option::unwrap).collect())
    }
}

/// An archive of the shared folder, unpacked into a folder for tests; `None`, said in a line, where that cannot be.
pub(crate) fn unpacked(archive: &str, name: &str) -> Option<PathBuf> {
    let archive = shared(archive)?;
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
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
    Some(target)
}

/// A file of the shared folder; `None`, said in a line, where there is none.
pub(crate) fn shared(name: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = shared.join(name);
    if !path.exists() {
        eprintln!("{} is not there: nothing was compared", path.display());
        return None;
    }
    Some(path)
}

/// The engine; `None`, said in a line, where the library is not to be had.
pub(crate) fn engine() -> Option<&'static TensorFlow> {
    static ENGINE: OnceLock<TensorFlow> = OnceLock::new();
    let engine = ENGINE.get_or_init(|| TensorFlow::new(None, Surroundings::of_process()));
    if engine.report().taken().is_none() {
        eprintln!("TensorFlow is not here, nothing was run: {}", engine.report());
        return None;
    }
    Some(engine)
}
