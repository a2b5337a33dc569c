//! Configuration files: `landfall.toml` (server and models) and `model.toml` (beside a model). One type per table;
//! unknown keys are refused with the nearest known one.

use crate::args::{ServerTable, toml_value};
use landfall_model::{Options, Problem, Version, edit_distance};
use landfall_serving::{BatchOptions, ModelSettings, NullRules, VersionPolicy};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `landfall.toml`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LandfallToml {
    pub(crate) server: ServerTable,
    #[serde(deserialize_with = "models")]
    pub(crate) models: BTreeMap<String, ModelEntry>,
}

/// Reads `[models.NAME]`; a list of models, as other servers' configuration has it, is told how they are named here.
fn models<'de, D: Deserializer<'de>>(value: D) -> Result<BTreeMap<String, ModelEntry>, D::Error> {
    struct ByName;

    impl<'de> Visitor<'de> for ByName {
        type Value = BTreeMap<String, ModelEntry>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a table for each model: [models.NAME] with path = \"…\"")
        }

        fn visit_map<M: MapAccess<'de>>(self, table: M) -> Result<Self::Value, M::Error> {
            BTreeMap::deserialize(MapAccessDeserializer::new(table))
        }
    }

    value.deserialize_map(ByName)
}

/// `[models.NAME]` of `landfall.toml`: where the model lies, and what `model.toml` could say.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table: [models.NAME] with path = \"…\"")]
pub(crate) struct ModelEntry {
    pub(crate) path: PathBuf,
    #[serde(default)]
    pub(crate) batch: Option<bool>,
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, InputTable>,
    #[serde(default)]
    pub(crate) batching: BatchingTable,
    #[serde(default)]
    pub(crate) versions: Option<VersionsTable>,
    #[serde(default)]
    pub(crate) labels: BTreeMap<String, VersionText>,
    #[serde(default)]
    pub(crate) options: BTreeMap<String, toml::Value>,
    #[serde(default, deserialize_with = "golden")]
    pub(crate) golden: Option<GoldenTable>,
    #[serde(default)]
    pub(crate) warm_up: Option<PathBuf>,
}

impl ModelEntry {
    /// The part that `model.toml` could say.
    pub(crate) fn split(self) -> (PathBuf, ModelToml) {
        let ModelEntry { path, batch, inputs, batching, versions, labels, options, golden, warm_up } = self;
        (path, ModelToml { batch, inputs, batching, versions, labels, options, golden, warm_up })
    }
}

/// `model.toml`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ModelToml {
    /// Whether rows are independent; left out, a probe decides.
    pub(crate) batch: Option<bool>,
    pub(crate) inputs: BTreeMap<String, InputTable>,
    pub(crate) batching: BatchingTable,
    pub(crate) versions: Option<VersionsTable>,
    pub(crate) labels: BTreeMap<String, VersionText>,
    pub(crate) options: BTreeMap<String, toml::Value>,
    #[serde(deserialize_with = "golden")]
    pub(crate) golden: Option<GoldenTable>,
    pub(crate) warm_up: Option<PathBuf>,
}

impl ModelToml {
    /// As the serving floor has it; relative paths count from `folder`.
    pub(crate) fn settings(self, folder: &Path) -> ModelSettings {
        let mut options = Options::new();
        self.options.iter().for_each(|(key, value)| options.set(key, text_of(value)));
        let mut null_rules = NullRules::default();
        let ruled = self.inputs.into_iter().filter_map(|(input, InputTable(rule))| Some((input, rule?)));
        null_rules.by_input.extend(ruled);
        let golden_tolerance = self.golden.as_ref().and_then(GoldenTable::tolerance);
        ModelSettings {
            versions: self.versions.map(|VersionsTable(policy)| policy),
            labels: self.labels.iter().map(|(label, version)| (label.clone(), version.text())).collect(),
            options,
            batching: self.batching.options(),
            batch: self.batch,
            null_rules,
            golden: self.golden.map(|golden| folder.join(golden.file)),
            golden_tolerance,
            warm_up: self.warm_up.map(|file| folder.join(file)),
            ..ModelSettings::default()
        }
    }
}

/// Reads the `model.toml` beside a model.
///
/// # Errors
/// As [`read`]; whoever calls names the file.
pub(crate) fn read_model_toml(path: &Path) -> Result<ModelSettings, Problem> {
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(parse::<ModelToml>(&text_of_file(path)?)?.settings(folder))
}

/// `[inputs.NAME]`: the rule for missing values as `--on-missing` would have it, where there is one.
#[derive(Deserialize, Default)]
#[serde(try_from = "InputKeys")]
pub(crate) struct InputTable(Option<String>);

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct InputKeys {
    #[serde(deserialize_with = "toml_value::rule")]
    missing: Option<String>,
    default: Option<toml::Value>,
}

impl TryFrom<InputKeys> for InputTable {
    type Error = &'static str;

    fn try_from(keys: InputKeys) -> Result<Self, Self::Error> {
        Ok(InputTable(match (keys.missing, keys.default) {
            (Some(_), Some(_)) => return Err("give either missing or default"),
            (Some(rule), None) => Some(rule),
            (None, Some(value)) => Some(format!("default={}", text_of(&value))),
            (None, None) => None,
        }))
    }
}

/// `[batching]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BatchingTable {
    #[serde(deserialize_with = "toml_value::count")]
    max_rows: Option<NonZeroUsize>,
    #[serde(deserialize_with = "toml_value::duration")]
    max_delay: Option<Duration>,
    #[serde(deserialize_with = "toml_value::counts")]
    preferred: Option<Vec<NonZeroUsize>>,
    #[serde(deserialize_with = "toml_value::count")]
    max_queue: Option<NonZeroUsize>,
    #[serde(deserialize_with = "toml_value::size")]
    max_queue_bytes: Option<usize>,
}

impl BatchingTable {
    fn options(self) -> BatchOptions {
        BatchOptions {
            max_rows: self.max_rows.map(usize::from),
            max_delay: self.max_delay,
            max_queue_bytes: self.max_queue_bytes,
            preferred: self.preferred.map(|sizes| sizes.into_iter().map(usize::from).collect()),
            max_queue: self.max_queue.map(usize::from),
            ..BatchOptions::default()
        }
    }
}

/// `[versions]`.
#[derive(Deserialize)]
#[serde(try_from = "VersionKeys")]
pub(crate) struct VersionsTable(VersionPolicy);

/// Exactly one of the three.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default, expecting = "a table with latest = N, all = true or only = […]")]
struct VersionKeys {
    #[serde(deserialize_with = "toml_value::count")]
    latest: Option<NonZeroUsize>,
    all: Option<bool>,
    only: Option<Vec<VersionText>>,
}

impl TryFrom<VersionKeys> for VersionsTable {
    type Error = &'static str;

    fn try_from(keys: VersionKeys) -> Result<Self, Self::Error> {
        Ok(VersionsTable(match (keys.latest, keys.all, keys.only) {
            (Some(count), None, None) => VersionPolicy::Latest(count.into()),
            (None, Some(true), None) => VersionPolicy::All,
            (None, None, Some(only)) if !only.is_empty() => {
                VersionPolicy::Only(only.iter().map(|version| Version::named(&version.text())).collect())
            }
            _ => return Err("versions: give one of latest = N, all = true, only = […]"),
        }))
    }
}

/// A version as TOML has it: a number or a name.
#[derive(Deserialize, Clone)]
#[serde(untagged, expecting = "expected a version: a number, or a name as a text")]
pub(crate) enum VersionText {
    Number(i64),
    Name(String),
}

impl VersionText {
    pub(crate) fn text(&self) -> String {
        match self {
            VersionText::Number(number) => number.to_string(),
            VersionText::Name(name) => name.clone(),
        }
    }
}

/// `golden = "FILE"`, or `[golden]` with tolerances.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GoldenTable {
    file: PathBuf,
    #[serde(default, deserialize_with = "toml_value::tolerance")]
    rtol: Option<f64>,
    #[serde(default, deserialize_with = "toml_value::tolerance")]
    atol: Option<f64>,
}

impl GoldenTable {
    /// The relative and the absolute tolerance, where one was told.
    fn tolerance(&self) -> Option<(f64, f64)> {
        let GoldenTable { rtol, atol, .. } = *self;
        let told = rtol.is_some() || atol.is_some();
        told.then(|| (rtol.unwrap_or(1e-5), atol.unwrap_or(1e-5)))
    }
}

/// Reads `golden`: a text is a table of the file alone.
fn golden<'de, D: Deserializer<'de>>(value: D) -> Result<Option<GoldenTable>, D::Error> {
    struct Either;

    impl<'de> Visitor<'de> for Either {
        type Value = GoldenTable;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a file's name, or a table of file, and if need be rtol and atol")
        }

        fn visit_str<E: serde::de::Error>(self, file: &str) -> Result<GoldenTable, E> {
            Ok(GoldenTable { file: file.into(), rtol: None, atol: None })
        }

        fn visit_map<M: MapAccess<'de>>(self, table: M) -> Result<GoldenTable, M::Error> {
            GoldenTable::deserialize(MapAccessDeserializer::new(table))
        }
    }

    value.deserialize_any(Either).map(Some)
}

/// A value of `[options]` as `--set` would have it.
pub(crate) fn text_of(value: &toml::Value) -> String {
    match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Reads a configuration file.
///
/// # Errors
/// What the operating system said; or the file, line and key that is wrong, with the nearest key that is known.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Problem> {
    parse(&text_of_file(path)?).map_err(|problem| problem.at(path.display().to_string()))
}

fn text_of_file(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|e| Problem::io(format!("read {}", path.display()), &e))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    toml::from_str(text).map_err(|error| {
        let place = error.span().map(|span| place(text, span.start)).unwrap_or_default();
        Problem::invalid(format!("{place}{}{}", error.message(), suggestion(error.message())))
    })
}

/// Line and column of a byte, each from 1; columns are letters.
fn place(text: &str, byte: usize) -> String {
    let before = &text[..text.floor_char_boundary(byte)];
    let (line, own) = (before.matches('\n').count() + 1, before.rsplit('\n').next().unwrap_or_default());
    format!("line {line}, column {}: ", own.chars().count() + 1)
}

/// The nearest of the keys that the reader's message lists, where one is near.
fn suggestion(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(found) = quoted.next().filter(|_| message.contains("unknown field")) else {
        return String::new();
    };
    let nearest = quoted.map(|known| (edit_distance(found, known), known)).min();
    match nearest {
        Some((distance, known)) if distance <= 3 && distance < known.len() => {
            format!("; did you mean `{known}`?")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_line_and_nearest_known_key() {
        let problem = parse::<LandfallToml>("[server]\nhttp = \"8000\"\nmax-bdy = \"1GiB\"\n")
            .err()
            .unwrap()
            .to_string();
        assert!(
            problem.contains("line 3, column 1: ")
                && problem.contains("`on-missing`")
                && problem.contains("did you mean `max-body`?"),
            "{problem}"
        );
        let problem = parse::<ModelToml>("[batching]\nmax_row = 3\n").err().unwrap().to_string();
        assert!(problem.contains("did you mean `max_rows`?"), "{problem}");
    }

    #[test]
    fn a_whole_model_table_is_read() {
        let text = r#"
            [server]
            http = 8000
            [models.ctr]
            path = "models/ctr"
            batch = true
            golden = { file = "golden.npz", rtol = 1e-3 }
            [models.ctr.inputs.age]
            default = 3
            [models.ctr.versions]
            only = [1, "blue"]
            [models.ctr.labels]
            stable = 3
            [models.ctr.options]
            missing = 0
            iteration_range = [2, 7]
            [models.ctr.batching]
            max_delay = "2ms"
        "#;
        let mut file: LandfallToml = parse(text).unwrap();
        let (path, model) = file.models.remove("ctr").unwrap().split();
        assert_eq!(path, Path::new("models/ctr"));
        let settings = model.settings(Path::new("models/ctr"));
        assert_eq!(settings.null_rules.by_input["age"], "default=3");
        assert_eq!(settings.batching.max_delay, Some(Duration::from_millis(2)));
        assert_eq!(settings.golden.as_deref(), Some(Path::new("models/ctr/golden.npz")));
        assert_eq!(settings.golden_tolerance, Some((1e-3, 1e-5)));
        assert_eq!(settings.options.get("iteration_range"), Some("2,7"));
        assert_eq!(settings.labels["stable"], "3");
        assert_eq!(
            settings.versions,
            Some(VersionPolicy::Only(vec![Version::numbered(1), Version::named("blue")]))
        );
    }

    #[test]
    fn values_of_a_wrong_kind_are_refused_with_what_was_expected() {
        let told = |text: &str| {
            parse::<ModelToml>(text).err().map(|problem| problem.to_string()).unwrap_or_default()
        };
        for (text, expected) in [
            ("[labels]\nstable = 1.5", "line 2, column 10: expected a version: a number, or a name"),
            ("[golden]\nfil = \"a\"", "line 2, column 1: unknown field `fil`"),
            ("[golden]\nfil = \"a\"", "did you mean `file`?"),
            ("golden = 3", "expected a file's name, or a table of file"),
            ("[batching]\nmax_rows = 0", "line 2, column 12: expected a whole number of 1 or more, found 0"),
            ("[batching]\npreferred = [8, 0]", "expected a list of whole numbers of 1 or more, found [8, 0]"),
            ("[batching]\nmax_queue = -1", "expected a whole number of 1 or more, found -1"),
            ("[batching]\nmax_queue_bytes = 1.5", "expected a size such as \"64MiB\", or a number of bytes"),
            ("[batching]\nmax_delay = \"5\"", "expected a time with its unit, such as"),
            ("golden = { file = \"a\", rtol = -1.0 }", "line 1, column 31: expected a number of 0 or more"),
            ("golden = { file = \"a\", atol = nan }", "line 1, column 31: expected a number of 0 or more"),
            ("versions = 3", "expected a table with latest = N, all = true or only = […]"),
            ("[versions]\nlatest = 0", "expected a whole number of 1 or more, found 0"),
            (
                "[versions]\nonly = []",
                "line 1, column 1: versions: give one of latest = N, all = true, only = […]",
            ),
            ("[inputs.age]\nmissing = \"maybe\"", "line 2, column 11: unknown rule for missing values"),
            (
                "[inputs.age]\nmising = \"zero\"",
                "line 2, column 1: unknown field `mising`, expected `missing` or `default`",
            ),
        ] {
            assert!(told(text).contains(expected), "{text}: {}", told(text));
        }
    }

    #[test]
    fn a_model_that_is_named_by_its_path_alone_is_told_the_table() {
        let problem = parse::<LandfallToml>("[models]\niris = \"m.onnx\"").err().unwrap().to_string();
        let says = "line 2, column 8: invalid type: string \"m.onnx\", expected a table: [models.NAME] with path = \"…\"";
        assert_eq!(problem, says);
    }

    #[test]
    fn models_in_a_list_are_told_the_table() {
        let text = "[[models]]\nname = \"iris\"\npath = \"m.onnx\"";
        let problem = parse::<LandfallToml>(text).err().unwrap().to_string();
        assert_eq!(
            problem,
            "line 1, column 1: invalid type: sequence, expected a table for each model: [models.NAME] with path = \"…\""
        );
    }

    #[test]
    fn a_flag_of_a_wrong_kind_is_refused_with_what_was_expected_and_what_came() {
        for (flag, says) in [
            ("control = true", r#"line 2, column 11: expected "on" or "off", found true"#),
            ("engine = \"fast\"", r#"expected "auto" or "onnxruntime" or "embedded", found "fast""#),
            ("http = 99999", r#"expected "HOST:PORT", a port, or "unix:PATH", found 99999"#),
            ("max-body = \"much\"", r#"or a number of bytes, of 1 byte or more, found "much""#),
            ("max-body = 0", "of 1 byte or more, found 0"),
            ("drain-timeout = 30", r#"a time with its unit, such as "250us", "5ms" or "30s", found 30"#),
            ("threads = 0", "expected a whole number of 1 or more, found 0"),
            ("state = 3", "expected a path as a text, found 3"),
            ("set = [\"a\"]", "expected KEY=VALUE, found a"),
            ("on-missing = \"maybe\"", "unknown rule for missing values \"maybe\""),
        ] {
            let problem = parse::<LandfallToml>(&format!("[server]\n{flag}")).err().unwrap().to_string();
            assert!(problem.contains(says), "{flag}: {problem}");
        }
    }
}
