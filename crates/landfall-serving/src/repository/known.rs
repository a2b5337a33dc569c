//! What looks at the sources have found, kept so that looking again is cheap.

use super::choice::strongest;
use super::files::{FolderFiles, trouble};
use super::fingerprint::Fingerprint;
use super::folder::{self, Children, TakenFor};
use super::found::{Before, cannot_look_at};
use super::view::kernel_views;
use super::warning::Warning;
use crate::ModelSettings;
use crate::kit::Kit;
use crate::settings::SETTINGS_FILE;
use landfall_model::{Claim, Kind, Problem};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is known of paths, as long as each look finds them.
pub(super) struct Known {
    kit: Arc<Kit>,
    /// Of this look: a folder is looked at as a child, as a model and as a version.
    fingerprints: HashMap<PathBuf, Result<Fingerprint, Problem>>,
    /// Of this look too.
    children: HashMap<PathBuf, Arc<Children>>,
    /// The most files and folders that one source is looked through for.
    most: usize,
    /// How many of them this look may still meet in the source at hand.
    left: usize,
    /// Devices on which nothing is looked for.
    views: Vec<u64>,
    /// Of the look before.
    before: HashMap<PathBuf, Fingerprint>,
    /// What this look could not look at, but the one before could.
    kept: Vec<Warning>,
    /// The name of what reads a path, where something does.
    readers: HashMap<PathBuf, (Fingerprint, Option<&'static str>)>,
    /// What is said of a file that nothing reads.
    unread: HashMap<PathBuf, (Fingerprint, Option<String>)>,
    settings: HashMap<PathBuf, (Fingerprint, Result<ModelSettings, Problem>)>,
}

impl Known {
    pub(super) fn new(kit: Arc<Kit>, most: usize) -> Self {
        let (fingerprints, children, before, kept, readers, unread, settings) = Default::default();
        let (left, views) = (most, Vec::new());
        Known { kit, fingerprints, children, most, left, views, before, kept, readers, unread, settings }
    }

    /// A look begins.
    pub(super) fn begin(&mut self) {
        let fingerprints = std::mem::take(&mut self.fingerprints).into_iter();
        self.before = fingerprints.filter_map(|(path, print)| Some((path, print.ok()?))).collect();
        self.views = kernel_views();
    }

    /// A look has ended: what it did not meet is forgotten. Gives what stays as it was because it could not be looked at.
    pub(super) fn end(&mut self) -> Vec<Warning> {
        self.children = HashMap::new();
        let met = |path: &PathBuf| self.fingerprints.get(path).is_some_and(Result::is_ok);
        self.readers.retain(|path, _| met(path));
        self.unread.retain(|path, _| met(path));
        self.settings.retain(|path, _| met(path));
        std::mem::take(&mut self.kept)
    }

    /// The look turns to a further source.
    pub(super) fn begin_source(&mut self) {
        self.left = self.most;
    }

    /// Whether the source at hand was looked through to its end.
    ///
    /// # Errors
    /// Resource exhausted, where it holds more than is looked at.
    pub(super) fn has_end(&self, source: &Path) -> Result<(), Problem> {
        if self.left > 0 {
            return Ok(());
        }
        let text = format!(
            "{} holds more than {} files and folders: name the model's own path, or a folder of models alone",
            source.display(),
            self.most
        );
        Err(Problem::worded(Kind::ResourceExhausted, text))
    }

    /// What a folder holds.
    ///
    /// # Errors
    /// When it cannot be listed, holds too much, or shows what the kernel knows.
    pub(super) fn children(&mut self, folder: &Path) -> Result<Arc<Children>, Problem> {
        if let Some(children) = self.children.get(folder) {
            return Ok(children.clone());
        }
        self.may_look_at(folder)?;
        let children = Arc::new(folder::children(folder)?);
        self.left = self.left.saturating_sub(children.folders.len() + children.files.len());
        self.children.insert(folder.to_owned(), children.clone());
        Ok(children)
    }

    fn may_look_at(&self, path: &Path) -> Result<(), Problem> {
        self.has_end(path)?;
        let metadata = std::fs::metadata(path).map_err(|error| trouble("open", path, &error))?;
        if self.views.contains(&metadata.dev()) {
            let text = format!("{} is a view into the kernel: no model lies there", path.display());
            return Err(Problem::invalid(text));
        }
        Ok(())
    }

    /// The fingerprint of a path in this look. What is there and cannot be looked at, though it could before, is taken to be as
    /// it was: a file system that stutters takes no version out of service.
    pub(super) fn fingerprint(&mut self, path: &Path) -> Result<Fingerprint, Problem> {
        if let Some(fingerprint) = self.fingerprints.get(path) {
            return fingerprint.clone();
        }
        let fingerprint = match (self.look_at(path), self.before.get(path)) {
            (Err(problem), Some(before)) if problem.kind() != Kind::NotFound => {
                // Of a source without an end one line is said.
                if self.left > 0 {
                    self.kept.push(cannot_look_at(path, Before::Seen, &problem).into());
                }
                Ok(*before)
            }
            (fingerprint, _) => fingerprint,
        };
        self.fingerprints.insert(path.to_owned(), fingerprint.clone());
        fingerprint
    }

    fn look_at(&mut self, path: &Path) -> Result<Fingerprint, Problem> {
        self.may_look_at(path)?;
        let beside = path.parent().and_then(|folder| self.children.get(folder));
        let (fingerprint, met) = Fingerprint::counted(path, beside.map(|children| &*children.files));
        self.left = self.left.saturating_sub(met);
        fingerprint
    }

    /// Whether the look before could look at a path.
    pub(super) fn before(&self, path: &Path) -> Before {
        if self.before.contains_key(path) { Before::Seen } else { Before::Never }
    }

    /// What is said of a folder without a model.
    pub(super) fn holds_nothing(&self, folder: &Path) -> String {
        if let Some(Err(problem)) = self.fingerprints.get(folder) {
            return cannot_look_at(folder, Before::Never, problem).to_string();
        }
        let unread = FolderFiles::open(folder).ok().and_then(|files| (self.kit.unread)(&files));
        let why = unread.map(|problem| format!(": {problem}")).unwrap_or_default();
        format!("{} holds no model that an engine here reads{why}", folder.display())
    }

    /// Whether an engine claims the model at this path, or an importer does. An engine that panics over it does not.
    pub(super) fn recognises(&mut self, path: &Path) -> bool {
        self.reader(path).is_some()
    }

    /// The name of the engine, or else of the importer, that claims the model at this path most.
    pub(super) fn reader(&mut self, path: &Path) -> Option<&'static str> {
        let fingerprint = self.fingerprint(path).ok()?;
        if let Some((known, reader)) = self.readers.get(path)
            && *known == fingerprint
        {
            return *reader;
        }
        let files = FolderFiles::open(path).ok()?;
        let claim = |name: &'static str, claim: &dyn Fn() -> Claim| {
            let claim = catch_unwind(AssertUnwindSafe(claim)).ok()?;
            (!matches!(claim, Claim::No(_))).then_some((name, claim))
        };
        let (engines, importers) = (self.kit.engines.iter(), self.kit.importers.iter());
        let engines = engines.filter_map(|engine| claim(engine.name(), &|| engine.recognise(&files)));
        let reader = strongest(engines).or_else(|| {
            strongest(importers.filter_map(|importer| claim(importer.name(), &|| importer.recognise(&files))))
        });
        let reader = reader.map(|(name, _)| name);
        self.readers.insert(path.to_owned(), (fingerprint, reader));
        reader
    }

    /// What is said of a file in a repository that nothing reads: nothing, unless people take it for a model.
    pub(super) fn passed_over(&mut self, file: &Path) -> Option<String> {
        let fingerprint = self.fingerprint(file).ok()?;
        if let Some((known, said)) = self.unread.get(file)
            && *known == fingerprint
        {
            return said.clone();
        }
        let unread = || FolderFiles::open(file).ok().and_then(|files| (self.kit.unread)(&files));
        let said = match folder::taken_for(file) {
            TakenFor::Data => None,
            TakenFor::Anything => unread().map(|problem| format!("passed over: {problem}")),
            TakenFor::Model => Some(match unread() {
                Some(problem) => format!("passed over: {problem}"),
                None => format!(
                    "passed over: {0} has a model's ending, but no engine here reads it; `landfall inspect {0}` says why",
                    file.display()
                ),
            }),
        };
        self.unread.insert(file.to_owned(), (fingerprint, said.clone()));
        said
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
        let settings = settings.map(|settings| settings.said_in(&path));
        self.settings.insert(path, (fingerprint, settings.clone()));
        settings
    }

    /// All paths of which something is kept.
    #[cfg(test)]
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.readers.keys().chain(self.settings.keys()).cloned().collect()
    }
}
