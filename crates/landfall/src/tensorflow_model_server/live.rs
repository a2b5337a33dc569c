//! The configuration in force, and its replacement: checked first, then put in place as a whole, then waited for.

use super::logging::Logs;
use super::models::{checked, sources};
use super::waiting::{Changes, Missing};
use landfall_dialects::tfs::config::{ModelConfig, ModelServerConfig, check_change};
use landfall_model::{Kind, Problem, Version, VersionChoice};
use landfall_serving::{Catalog, Control, ModelSettings};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often those who wait for models look, should a change be missed.
const LOOK: Duration = Duration::from_millis(500);

/// The configuration in force.
pub(super) struct Live {
    catalog: Arc<Catalog>,
    control: Control,
    changes: Arc<Changes>,
    /// What holds for all models.
    common: ModelSettings,
    /// Whether new labels may name versions that are not available yet.
    labels_ahead: bool,
    /// Where models' requests are logged.
    logs: Arc<Logs>,
    models: Mutex<InForce>,
}

#[derive(Default)]
struct InForce {
    models: Vec<ModelConfig>,
    /// Counts replacements.
    number: u64,
}

impl Live {
    /// Of models that were loaded at the start.
    pub(super) fn new(
        catalog: Arc<Catalog>,
        control: Control,
        changes: Arc<Changes>,
        common: ModelSettings,
        labels_ahead: bool,
        logs: Arc<Logs>,
        models: Vec<ModelConfig>,
    ) -> Self {
        let models = Mutex::new(InForce { models, number: 0 });
        Live { catalog, control, changes, common, labels_ahead, logs, models }
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.models.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a configuration in place, and waits until every model that it names anew answers or has failed. Where it is
    /// in force already, folders are looked at once more, for those that are looked at only when they are asked for.
    ///
    /// # Errors
    /// What [`Self::put`] refuses, and then nothing has changed; unknown, naming the models that could not be loaded:
    /// the configuration is in force all the same, and what served before serves.
    pub(super) fn reload(&self, config: &ModelServerConfig) -> Result<(), Problem> {
        let Some(put) = self.put(config)? else {
            return self.control.replace(sources(&self.in_force().models, &self.common)?);
        };
        let mut seen = self.changes.count();
        loop {
            if self.in_force().number != put.number {
                let text = "another configuration came before this one's models were available";
                return Err(Problem::worded(Kind::Aborted, text));
            }
            let missing = Missing::among(&self.catalog, put.new.iter().map(String::as_str))?;
            // All outcomes are told together.
            if missing.coming.is_empty() {
                return missing.outcome("model(s)");
            }
            seen = self.changes.wait(seen, LOOK);
        }
    }

    /// Puts a configuration in place; `None` when it is in force already.
    ///
    /// # Errors
    /// Invalid argument or failed precondition, in the original's words: then nothing has changed.
    pub(super) fn put(&self, config: &ModelServerConfig) -> Result<Option<Put>, Problem> {
        // An empty message asks for nothing.
        if *config == ModelServerConfig::Empty {
            return Ok(None);
        }
        let models = checked(config)?;
        let mut in_force = self.in_force();
        if in_force.models == models {
            return Ok(None);
        }
        check_change(&in_force.models, models)?;
        check_labels(&in_force.models, models, self.labels_ahead, |model, version| {
            self.catalog.find(model, &VersionChoice::Exact(Version::numbered(version))).is_ok()
        })?;
        self.control.replace(sources(models, &self.common)?)?;
        self.logs.replace(models)?;
        let known: BTreeSet<&String> = in_force.models.iter().map(|model| &model.name).collect();
        let new =
            models.iter().map(|model| &model.name).filter(|name| !known.contains(name)).cloned().collect();
        in_force.models = models.to_vec();
        in_force.number += 1;
        Ok(Some(Put { new, number: in_force.number }))
    }
}

/// A configuration that was put in place.
pub(super) struct Put {
    /// The models that the one before did not name.
    new: BTreeSet<String>,
    number: u64,
}

/// Labels must name versions that are available now. With `ahead`, those that are new, or stay where they are, need not.
///
/// # Errors
/// Failed precondition, in the original's words.
pub(super) fn check_labels(
    before: &[ModelConfig],
    models: &[ModelConfig],
    ahead: bool,
    is_available: impl Fn(&str, i64) -> bool,
) -> Result<(), Problem> {
    for model in models {
        let old = before.iter().find(|old| old.name == model.name);
        for (label, version) in &model.version_labels {
            let moves = old.and_then(|old| old.version_labels.get(label)).is_some_and(|old| old != version);
            if (ahead && !moves) || is_available(&model.name, *version) {
                continue;
            }
            return Err(Problem::worded(
                Kind::FailedPrecondition,
                format!(
                    "Request to assign label to version {version} of model {}, which is not currently available \
                     for inference",
                    model.name
                ),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn models(label: Option<i64>) -> Vec<ModelConfig> {
        let version_labels = label.map(|version| ("stable".to_owned(), version)).into_iter().collect();
        vec![ModelConfig { name: "m".into(), version_labels, ..ModelConfig::default() }]
    }

    #[test]
    fn a_label_needs_an_available_version_unless_it_is_new_and_may_be_ahead() {
        let one_is_there = |_: &str, version: i64| version == 1;
        let check = |before, now, ahead| check_labels(&models(before), &models(now), ahead, one_is_there);
        assert!(check(None, Some(1), false).is_ok());
        let problem = check(None, Some(9), false).unwrap_err();
        assert_eq!(problem.kind(), Kind::FailedPrecondition);
        assert!(problem.to_string().contains("assign label to version 9 of model m, which is not currently"));
        assert!(check(None, Some(9), true).is_ok(), "a new one may be ahead");
        assert!(check(Some(9), Some(9), true).is_ok(), "one that stays may be ahead");
        assert!(check(Some(1), Some(9), true).is_err(), "one that moves may not");
        assert!(check(Some(9), None, false).is_ok(), "one that goes needs nothing");
    }
}
