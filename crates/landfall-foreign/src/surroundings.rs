//! What a search may look at.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What a search may look at of the machine and the process: plain data, so that tests make their own.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The environment's variables.
    pub variables: BTreeMap<OsString, OsString>,
    /// This program's file.
    pub executable: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        Surroundings { variables: std::env::vars_os().collect(), executable: std::env::current_exe().ok() }
    }

    /// The same with a variable set.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.variables.insert(name.into(), value.as_ref().to_owned());
        self
    }

    /// A variable's value; an empty one counts as not set.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    /// Landfall's data folder: `$XDG_DATA_HOME/landfall`, else `~/.local/share/landfall`.
    pub(crate) fn data_folder(&self) -> Option<PathBuf> {
        let base = match (self.variable("XDG_DATA_HOME"), self.variable("HOME")) {
            (Some(data), _) => PathBuf::from(data),
            (None, Some(home)) => Path::new(home).join(".local/share"),
            (None, None) => return None,
        };
        Some(base.join("landfall"))
    }
}
