//! What looks at the sources have found, kept so that looking again is cheap.

use crate::ModelSettings;
use crate::files::FolderFiles;
use crate::fingerprint::Fingerprint;
use crate::kit::Kit;
use crate::settings::SETTINGS_FILE;
use landfall_model::{Claim, Kind, Problem};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is known of paths, as long as each look finds them.
pub(super) struct Known {
    kit: Arc<Kit>,
    /// Of this look: a folder is looked at as a child, as a model and as a version.
    fingerprints: HashMap<PathBuf, Fingerprint>,
    /// Of the look before.
    before: HashMap<PathBuf, Fingerprint>,
    /// What this look could not look at, but the one before could.
    kept: Vec<String>,
    recognised: HashMap<PathBuf, (Fingerprint, bool)>,
    settings: HashMap<PathBuf, (Fingerprint, Result<ModelSettings, Problem>)>,
}

impl Known {
    pub(super) fn new(kit: Arc<Kit>) -> Self {
        let (fingerprints, before, kept, recognised, settings) = Default::default();
        Known { kit, fingerprints, before, kept, recognised, settings }
    }

    /// A look begins.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.fingerprints);
    }

    /// A look has ended: what it did not meet is forgotten. Gives what stays as it was because it could not be looked at.
    pub(super) fn end(&mut self) -> Vec<String> {
        self.recognised.retain(|path, _| self.fingerprints.contains_key(path));
        self.settings.retain(|path, _| self.fingerprints.contains_key(path));
        std::mem::take(&mut self.kept)
    }

    /// The fingerprint of a path in this look. What is there and cannot be looked at, though it could before, is taken to be as
    /// it was: a file system that stutters takes no version out of service.
    pub(super) fn fingerprint(&mut self, path: &Path) -> Result<Fingerprint, Problem> {
        if let Some(fingerprint) = self.fingerprints.get(path) {
            return Ok(*fingerprint);
        }
        let fingerprint = match (Fingerprint::of(path), self.before.get(path)) {
            (Err(problem), Some(before)) if problem.kind() != Kind::NotFound => {
                let path = path.display();
                self.kept.push(format!("cannot look at {path}, what was loaded from it stays: {problem}"));
                *before
            }
            (fingerprint, _) => fingerprint?,
        };
        self.fingerprints.insert(path.to_owned(), fingerprint);
        Ok(fingerprint)
    }

    /// What is said of a folder without a model.
    pub(super) fn holds_nothing(&self, folder: &Path) -> String {
        let unread = FolderFiles::open(folder).ok().and_then(|files| (self.kit.unread)(&files));
        let why = unread.map(|problem| format!(": {problem}")).unwrap_or_default();
        format!("{} holds no model that an engine here reads{why}", folder.display())
    }

    /// Whether an engine claims the model at this path, or an importer does. An engine that panics over it does not.
    pub(super) fn recognises(&mut self, path: &Path) -> bool {
        let Ok(fingerprint) = self.fingerprint(path) else { return false };
        if let Some((known, recognised)) = self.recognised.get(path)
            && *known == fingerprint
        {
            return *recognised;
        }
        let Ok(files) = FolderFiles::open(path) else { return false };
        let claims = |claim: &dyn Fn() -> Claim| {
            let claim = catch_unwind(AssertUnwindSafe(claim));
            claim.is_ok_and(|claim| !matches!(claim, Claim::No(_)))
        };
        let recognised = self.kit.engines.iter().any(|engine| claims(&|| engine.recognise(&files)))
            || self.kit.importers.iter().any(|importer| claims(&|| importer.recognise(&files)));
        self.recognised.insert(path.to_owned(), (fingerprint, recognised));
        recognised
    }

    /// What the `model.toml` in a folder says; nothing where there is none.
    pub(super) fn settings_in(&mut self, folder: &Path) -> Result<ModelSettings, Problem> {
        let path = folder.join(SETTINGS_FILE);
        if folder.as_os_str().is_empty() || !path.is_file() {
            return Ok(ModelSettings::default());
        }
        let fingerprint = self.fingerprint(&path)?;
        if let Some((known, settings)) = self.settings.get(&path)
            && *known == fingerprint
        {
            return settings.clone();
        }
        let settings = (self.kit.settings)(&path).map_err(|problem| problem.at(path.display().to_string()));
        self.settings.insert(path, (fingerprint, settings.clone()));
        settings
    }

    /// All paths of which something is kept.
    #[cfg(test)]
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.recognised.keys().chain(self.settings.keys()).cloned().collect()
    }
}
