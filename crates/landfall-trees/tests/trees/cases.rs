//! The shared cases: archives of model files, rows and the libraries' answers.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the shared cases lie; `None`, said in a line, where there are none.
pub(crate) fn archives() -> Option<PathBuf> {
    let shared = std::env::var_os("LANDFALL_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let folder = shared.join("conformance/trees");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("no shared cases of tree models at {}: nothing was compared", folder.display());
    None
}

/// Unpacks one family's archive, once; `None`, said in a line, where that cannot be done here.
pub(crate) fn unpacked(archives: &Path, family: &str) -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("trees-conformance");
    let folder = target.join(family);
    let mark = target.join(format!("{family}.done"));
    if mark.exists() {
        return Some(folder);
    }
    std::fs::create_dir_all(&target).unwrap();
    let archive = archives.join(format!("{family}.tar.xz"));
    let status = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&target).status();
    match status {
        Ok(status) if status.success() => {
            std::fs::write(mark, "").unwrap();
            Some(folder)
        }
        other => {
            eprintln!("{} was not unpacked (tar and xz are needed: {other:?})", archive.display());
            None
        }
    }
}

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    description: Value,
}

impl Case {
    /// All scored cases of a family, by name.
    pub(crate) fn all(folder: &Path) -> Vec<Case> {
        let mut names: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        let case = |folder: PathBuf| {
            let text = std::fs::read_to_string(folder.join("case.json")).unwrap();
            let description: Value = serde_json::from_str(&text).unwrap();
            Case { name: description["id"].as_str().unwrap().to_owned(), folder, description }
        };
        // A case that was not finished has no description.
        names.retain(|folder| folder.join("case.json").exists());
        names.into_iter().map(case).filter(|case| case.description["status"] == "scored").collect()
    }

    /// Model files, each with the name of its form.
    pub(crate) fn models(&self) -> Vec<(String, String)> {
        let formats = self.description["formats"].as_object().unwrap();
        formats.iter().map(|(file, form)| (file.clone(), form.as_str().unwrap().to_owned())).collect()
    }

    /// Kinds of output that are compared, with what is allowed.
    pub(crate) fn kinds(&self) -> Vec<(&str, &Value)> {
        let tolerances = self.description["tolerances"].as_object().unwrap();
        tolerances.iter().map(|(kind, rule)| (kind.as_str(), rule)).collect()
    }

    /// Load options, as `--set` would have them.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let options = self.description["options"].as_object().unwrap();
        let text = |value: &Value| match value {
            Value::Array(ends) => ends.iter().map(Value::to_string).collect::<Vec<_>>().join(":"),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let given = options.iter().filter(|(key, _)| *key != "base_margin");
        given.map(|(key, value)| (key.clone(), text(value))).collect()
    }

    /// The file of the sums' start, where the case brings one.
    pub(crate) fn base_margin(&self) -> Option<&str> {
        self.description["options"]["base_margin"].as_str()
    }
}
