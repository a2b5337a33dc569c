//! What a look has found: models and their versions, each time all of them.

use super::fingerprint::Fingerprint;
use super::warning::Warning;
use crate::{ModelSettings, Source};
use landfall_model::{Kind, Problem, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that lies in the sources.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// Models, by source and name.
    pub(crate) models: Vec<Seen>,
    /// Sources that could not be looked at, as the warnings say too: what came from them stays as it is.
    pub(crate) dropped: Vec<(usize, Problem)>,
    /// Models that could not be looked at, by name: they stay as they are.
    pub(crate) passed_over: BTreeSet<String>,
    /// What a user should look at.
    pub(crate) warnings: Vec<Warning>,
    /// The sources that were looked at, where they are others than before.
    pub(crate) sources: Option<Vec<Source>>,
}

/// A model that lies in a source.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) name: String,
    pub(crate) source: usize,
    pub(crate) path: PathBuf,
    /// What flags, configuration and `model.toml` say together.
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
    /// Newest first.
    pub(crate) versions: Vec<SeenVersion>,
}

/// A version that lies in a source.
#[derive(Clone, Debug)]
pub(crate) struct SeenVersion {
    pub(crate) version: Version,
    pub(crate) path: PathBuf,
    pub(crate) fingerprint: Fingerprint,
    /// Whether its files lie still.
    pub(crate) settled: bool,
    /// Its settings, where a `model.toml` of its own says something: that file outranks the model's.
    pub(crate) own: Option<Result<Arc<ModelSettings>, Problem>>,
}

/// What one source holds.
#[derive(Default)]
pub(super) struct Found {
    pub(super) source: usize,
    pub(super) models: Vec<Seen>,
    pub(super) warnings: Vec<Warning>,
    pub(super) passed_over: BTreeSet<String>,
}

impl Found {
    pub(super) fn warn(&mut self, warning: impl Into<Warning>) {
        self.warnings.push(warning.into());
    }

    /// Notes that a model could not be looked at, if so. One that has gone in between is simply not there.
    pub(super) fn pass_over(&mut self, name: String, path: &Path, seen: Result<(), Problem>, before: Before) {
        let Err(problem) = seen else { return };
        if problem.kind() != Kind::NotFound {
            self.warn(cannot_look_at(path, before, &problem));
            self.passed_over.insert(name);
        }
    }
}

/// Whether a look before could look at something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Before {
    /// Something may have been loaded from it.
    Seen,
    Never,
}

/// What is said of a path that cannot be looked at.
pub(super) fn cannot_look_at(path: &Path, before: Before, problem: &Problem) -> Problem {
    let stays = if before == Before::Seen { ", what was loaded from it stays" } else { "" };
    problem.clone().at(format!("cannot look at {}{stays}", path.display()))
}

/// How new a version is: numbers before all other names, then by number, then by time.
pub(crate) fn newness(version: &Version, fingerprint: &Fingerprint) -> (bool, i64, std::time::SystemTime) {
    let number = version.number();
    (number.is_some(), number.unwrap_or(0), fingerprint.changed)
}

/// Of models with one name the first source's is taken.
pub(super) fn one_of_each_name(round: &mut Round) {
    let mut first: BTreeMap<String, PathBuf> = BTreeMap::new();
    let warnings = &mut round.warnings;
    round.models.retain(|model| match first.get(&model.name) {
        None => {
            first.insert(model.name.clone(), model.path.clone());
            true
        }
        Some(path) => {
            let text = format!(
                "two models are named {:?}: {} is served, {} is not",
                model.name,
                path.display(),
                model.path.display()
            );
            warnings.push(text.into());
            false
        }
    });
}
