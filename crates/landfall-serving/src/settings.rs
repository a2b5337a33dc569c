//! What can be set for a model, as plain data: whoever reads configuration files fills it in.

use crate::BatchSettings;
use landfall_model::{Options, Problem, Reason, Version};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of the file beside a model that holds its settings.
pub(crate) const SETTINGS_FILE: &str = "model.toml";

/// Where models come from: one file, one model's folder, or a folder of models (`repository.rs` has the rules).
#[derive(Clone, Debug)]
pub struct Source {
    /// Name of the model; with a name, the path is one model and never a folder of models.
    pub name: Option<String>,
    /// File or folder.
    pub path: PathBuf,
    /// Whether somebody asked for exactly this model: it is loaded at start whatever was unloaded before.
    pub asked_for: bool,
    /// What may lie there.
    pub layout: Layout,
    /// What flags and the server's configuration say; it outranks what lies beside the model.
    pub settings: ModelSettings,
}

impl Source {
    /// A path without a name and without settings.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let (layout, settings) = (Layout::Any, ModelSettings::default());
        Source { name: None, path: path.into(), asked_for: true, layout, settings }
    }

    /// The same with the model's name.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }
}

/// What may lie where a source points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Whatever an engine reads: a file, a model, its versions, or a folder of models.
    #[default]
    Any,
    /// One model, whose versions are the folders with numbers for names. Nothing else there counts.
    Numbered,
}

/// What can be set for a model. `None` and empty mean: nobody said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelSettings {
    /// Which versions are kept loaded; the latest one where nobody said.
    pub versions: Option<VersionPolicy>,
    /// Label → name of the version it points at.
    pub labels: BTreeMap<String, String>,
    /// Whether labels only point: else a version that a label names is kept loaded, whatever the policy picks.
    pub labels_only_point: bool,
    /// A file that is the model wherever a version's folder has it, whatever else lies there.
    pub prefer_file: Option<String>,
    /// Load options, handed to the engine.
    pub options: Options,
    /// Load options for one engine alone, by its name; those above outrank them.
    pub engine_options: BTreeMap<String, Options>,
    /// How calls are put together.
    pub batching: BatchOptions,
    /// Whether axis 0 is rows, whatever the model's file says and a probe finds.
    pub batch: Option<bool>,
    /// What missing values become.
    pub null_rules: NullRules,
    /// A table with inputs and the outputs expected.
    pub golden: Option<PathBuf>,
    /// How far outputs may lie from the golden ones.
    pub golden_tolerance: Option<(f64, f64)>,
    /// A table of inputs to run before the first call.
    pub warm_up: Option<PathBuf>,
    /// The engines that may load it, by name; empty: any.
    pub engines: Vec<String>,
    /// Which files say what stands here, for messages.
    pub origins: Origins,
}

/// The files that load options and rules for missing values stand in; those of the call itself stand in none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origins {
    /// By option.
    options: BTreeMap<String, PathBuf>,
    /// By input that a rule is for.
    inputs: BTreeMap<String, PathBuf>,
}

impl Origins {
    /// A problem with what a file says, with the file's name in front.
    pub(crate) fn placed(&self, problem: Problem) -> Problem {
        let file = match problem.reason() {
            Reason::OptionUnknown { option, .. } => self.options.get(option),
            Reason::InputUnknown { input } => self.inputs.get(input),
            Reason::SettingInvalid { setting, .. } => {
                setting.strip_prefix("option ").and_then(|option| self.options.get(option))
            }
            _ => None,
        };
        let file = file.map(|file| file.display().to_string());
        match file {
            Some(file) => problem.at(file),
            None => problem,
        }
    }
}

/// Which versions are kept loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersionPolicy {
    /// The newest ones, this many; 0 counts as 1.
    Latest(usize),
    /// All.
    All,
    /// These.
    Only(Vec<Version>),
}

impl Default for VersionPolicy {
    fn default() -> Self {
        VersionPolicy::Latest(1)
    }
}

/// [`BatchSettings`], each field only where somebody said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of `BatchSettings`")]
pub struct BatchOptions {
    pub max_rows: Option<usize>,
    pub max_delay: Option<Duration>,
    pub preferred: Option<Vec<usize>>,
    pub max_queue: Option<usize>,
    pub max_queue_bytes: Option<usize>,
    pub together: Option<bool>,
    pub largest_call: Option<usize>,
    pub pad_to: Option<Vec<usize>>,
    pub pad_lengths: Option<bool>,
}

impl BatchOptions {
    /// With the defaults where nobody said.
    pub fn settled(&self) -> BatchSettings {
        let default = BatchSettings::default();
        let ascending = |sizes: &Option<Vec<usize>>| {
            let mut sizes = sizes.clone().unwrap_or_default();
            sizes.sort_unstable();
            sizes.dedup();
            sizes
        };
        let (preferred, pad_to) = (ascending(&self.preferred), ascending(&self.pad_to));
        BatchSettings {
            max_rows: self.max_rows.or(default.max_rows),
            max_delay: self.max_delay.unwrap_or(default.max_delay),
            preferred,
            max_queue: self.max_queue.unwrap_or(default.max_queue),
            max_queue_bytes: self.max_queue_bytes.unwrap_or(default.max_queue_bytes),
            together: self.together.unwrap_or(default.together),
            largest_call: self.largest_call,
            pad_to,
            pad_lengths: self.pad_lengths.unwrap_or(default.pad_lengths),
        }
    }
}

/// What missing values become, in the words of [`landfall_model::NullRule::parse`]: types are known only when the model
/// is loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NullRules {
    /// The rule of all inputs that have none of their own.
    pub all: Option<String>,
    /// Input → rule.
    pub by_input: BTreeMap<String, String>,
    /// Input → rule, said for all models at once: those that have no such input are not concerned.
    pub where_known: BTreeMap<String, String>,
}

impl NullRules {
    /// The rule of an input.
    pub(crate) fn of(&self, input: &str) -> Option<&String> {
        self.where_known.get(input).or_else(|| self.by_input.get(input)).or(self.all.as_ref())
    }
}

impl ModelSettings {
    /// The same as what a file says.
    #[must_use]
    pub fn said_in(mut self, file: &Path) -> Self {
        let of = |key: &str| (key.to_owned(), file.to_owned());
        self.origins.options = self.options.iter().map(|(key, _)| of(key)).collect();
        self.origins.inputs = self.null_rules.by_input.keys().map(|input| of(input)).collect();
        self
    }

    /// These settings, and `below` where they say nothing. Maps are put together key by key.
    #[must_use]
    pub fn over(mut self, mut below: ModelSettings) -> Self {
        for (label, version) in below.labels {
            self.labels.entry(label).or_insert(version);
        }
        for (key, value) in below.options.iter() {
            if self.options.get(key).is_none() {
                let origin = below.origins.options.get(key).map(|file| (key.to_owned(), file.clone()));
                self.origins.options.extend(origin);
                self.options.set(key, value);
            }
        }
        for (engine, options) in below.engine_options {
            self.engine_options.entry(engine).or_insert(options);
        }
        // A rule for all that outranks the file's must also outrank the file's rule for one input.
        if self.null_rules.all.is_none() {
            for (input, rule) in below.null_rules.by_input {
                if let Entry::Vacant(free) = self.null_rules.by_input.entry(input) {
                    let origin = below.origins.inputs.remove_entry(free.key());
                    self.origins.inputs.extend(origin);
                    free.insert(rule);
                }
            }
            self.null_rules.all = below.null_rules.all;
        }
        self.versions = self.versions.or(below.versions);
        self.batching.max_rows = self.batching.max_rows.or(below.batching.max_rows);
        self.batching.max_delay = self.batching.max_delay.or(below.batching.max_delay);
        self.batching.preferred = self.batching.preferred.or(below.batching.preferred);
        self.batching.max_queue = self.batching.max_queue.or(below.batching.max_queue);
        self.batching.max_queue_bytes = self.batching.max_queue_bytes.or(below.batching.max_queue_bytes);
        self.batching.together = self.batching.together.or(below.batching.together);
        self.batching.largest_call = self.batching.largest_call.or(below.batching.largest_call);
        self.batching.pad_to = self.batching.pad_to.or(below.batching.pad_to);
        self.batching.pad_lengths = self.batching.pad_lengths.or(below.batching.pad_lengths);
        self.labels_only_point |= below.labels_only_point;
        self.prefer_file = self.prefer_file.or(below.prefer_file);
        self.batch = self.batch.or(below.batch);
        self.golden = self.golden.or(below.golden);
        self.golden_tolerance = self.golden_tolerance.or(below.golden_tolerance);
        self.warm_up = self.warm_up.or(below.warm_up);
        if self.engines.is_empty() {
            self.engines = below.engines;
        }
        self
    }

    /// The load options that an engine gets.
    pub(crate) fn options_for(&self, engine: &str) -> Options {
        let mut options = self.options.clone();
        for (key, value) in self.engine_options.get(engine).into_iter().flat_map(Options::iter) {
            if options.get(key).is_none() {
                options.set(key, value);
            }
        }
        options
    }

    /// The policy that holds.
    pub fn policy(&self) -> VersionPolicy {
        self.versions.clone().unwrap_or_default()
    }

    /// Whether a version loaded with `other` would be the same: all that matters at load is equal.
    pub(crate) fn loads_like(&self, other: &ModelSettings) -> bool {
        let bare = |settings: &ModelSettings| ModelSettings {
            versions: None,
            labels: BTreeMap::new(),
            labels_only_point: false,
            ..settings.clone()
        };
        bare(self) == bare(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_above_outranks_what_is_said_below_key_by_key() {
        let mut above = ModelSettings { batch: Some(false), ..ModelSettings::default() };
        above.options.set("missing", "0");
        above.labels.insert("stable".into(), "3".into());
        let mut below = ModelSettings {
            batch: Some(true),
            versions: Some(VersionPolicy::All),
            ..ModelSettings::default()
        };
        below.options.set("missing", "1");
        below.options.set("threads", "2");
        below.labels.insert("stable".into(), "1".into());
        below.labels.insert("canary".into(), "4".into());
        let both = above.over(below);
        assert_eq!(both.batch, Some(false));
        assert_eq!(both.policy(), VersionPolicy::All);
        assert_eq!((both.options.get("missing"), both.options.get("threads")), (Some("0"), Some("2")));
        assert_eq!((both.labels["stable"].as_str(), both.labels["canary"].as_str()), ("3", "4"));
    }

    #[test]
    fn a_rule_for_all_inputs_from_above_is_not_undone_by_one_input_below() {
        let above = ModelSettings {
            null_rules: NullRules { all: Some("zero".into()), ..NullRules::default() },
            ..ModelSettings::default()
        };
        let mut below = ModelSettings::default();
        below.null_rules.by_input.insert("x".into(), "nan".into());
        assert_eq!(above.over(below.clone()).null_rules.by_input, BTreeMap::new());
        assert_eq!(ModelSettings::default().over(below).null_rules.by_input["x"], "nan");
    }

    #[test]
    fn labels_and_policy_do_not_reload_a_version_and_all_else_does() {
        let plain = ModelSettings::default();
        let labelled = ModelSettings { versions: Some(VersionPolicy::All), ..plain.clone() };
        assert!(plain.loads_like(&labelled));
        assert!(!plain.loads_like(&ModelSettings { batch: Some(true), ..plain.clone() }));
    }

    #[test]
    fn an_engine_gets_its_own_options_and_no_other_engines() {
        let mut settings = ModelSettings::default();
        settings.options.set("a", "1");
        let own = settings.engine_options.entry("x".into()).or_default();
        own.set("a", "2");
        own.set("b", "3");
        let options = settings.options_for("x");
        assert_eq!((options.get("a"), options.get("b")), (Some("1"), Some("3")));
        assert_eq!(settings.options_for("y").get("b"), None);
    }

    #[test]
    fn preferred_sizes_are_put_in_order() {
        let options = BatchOptions { preferred: Some(vec![8, 4, 8]), ..BatchOptions::default() };
        assert_eq!(options.settled().preferred, [4, 8]);
    }
}
