//! `ModelServerConfig` as sources of models: where each lies, which of its versions are served, what they are called.

use super::logging;
use landfall_dialects::tfs::config::{ModelConfig, ModelServerConfig, TENSORFLOW, VersionPolicy, check};
use landfall_model::{Problem, Version};
use landfall_serving::{Layout, ModelSettings, Source};

/// What may run a model, and the engines that it means; none: any that reads its files.
const PLATFORMS: [(&str, &[&str]); 7] = [
    (TENSORFLOW, &[]),
    ("onnx", &["onnxruntime", "embedded"]),
    ("trees", &["trees"]),
    ("xgboost", &["trees"]),
    ("lightgbm", &["trees"]),
    ("pmml", &["pmml"]),
    ("any", &[]),
];

/// One model, as `--model_name` and `--model_base_path` say it.
pub(super) fn single(name: &str, base_path: &str) -> ModelServerConfig {
    let (name, base_path) = (name.to_owned(), base_path.to_owned());
    let model_platform = TENSORFLOW.to_owned();
    ModelServerConfig::Models(vec![ModelConfig { name, base_path, model_platform, ..ModelConfig::default() }])
}

/// The models of a configuration, held against the original's rules.
///
/// # Errors
/// Invalid argument, in the original's words.
pub(super) fn checked(config: &ModelServerConfig) -> Result<&[ModelConfig], Problem> {
    let models: &[ModelConfig] = match config {
        ModelServerConfig::Models(models) => models,
        ModelServerConfig::Empty => &[],
        ModelServerConfig::Custom { type_url } => {
            return Err(Problem::invalid(format!(
                "custom_model_config ({type_url:?}) is not supported: list the models in model_config_list"
            )));
        }
    };
    let platforms = PLATFORMS.map(|(name, _)| name);
    check(models, &platforms)?;
    if let Some((model, scheme)) = models.iter().find_map(|model| Some((model, remote(&model.base_path)?))) {
        return Err(Problem::unsupported(
            format!("model {}: base_path {}", model.name, model.base_path),
            format!("nothing is read from {scheme}:// here: mount it as a folder, or copy it into one"),
        ));
    }
    logging::check(models)?;
    Ok(models)
}

/// Where the models come from; `common` is what holds for all of them.
///
/// # Errors
/// Invalid argument, for a platform that contradicts itself.
pub(super) fn sources(models: &[ModelConfig], common: &ModelSettings) -> Result<Vec<Source>, Problem> {
    models.iter().map(|model| source(model, common)).collect()
}

/// The scheme of a path that is no folder of this machine.
fn remote(base_path: &str) -> Option<&str> {
    base_path.split_once("://").map(|(scheme, _)| scheme).filter(|&scheme| scheme != "file")
}

fn source(model: &ModelConfig, common: &ModelSettings) -> Result<Source, Problem> {
    let platform = model.platform()?;
    let engines = PLATFORMS.iter().find(|(name, _)| *name == platform).map_or(&[][..], |(_, names)| *names);
    let labels =
        model.version_labels.iter().map(|(label, version)| (label.clone(), version.to_string())).collect();
    let settings = ModelSettings {
        versions: Some(policy(&model.version_policy)),
        labels,
        labels_only_point: true,
        engines: engines.iter().map(|name| (*name).to_owned()).collect(),
        ..common.clone()
    };
    let path = model.base_path.strip_prefix("file://").unwrap_or(&model.base_path);
    Ok(Source { layout: Layout::Numbered, settings, ..Source::path(path).named(&model.name) })
}

fn policy(policy: &VersionPolicy) -> landfall_serving::VersionPolicy {
    match policy {
        VersionPolicy::Latest(count) => landfall_serving::VersionPolicy::Latest(*count as usize),
        VersionPolicy::All => landfall_serving::VersionPolicy::All,
        VersionPolicy::Specific(versions) => landfall_serving::VersionPolicy::Only(
            versions.iter().map(|&version| Version::numbered(version)).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        checked(&ModelServerConfig::from_text(text).unwrap()).unwrap_err().to_string()
    }

    fn list(models: &str) -> String {
        format!("model_config_list {{ {models} }}")
    }

    #[test]
    fn a_configuration_becomes_sources_with_policy_and_labels() {
        let text = list(
            r#"config { name: "a" base_path: "/m/a" model_platform: "tensorflow"
                 model_version_policy { specific { versions: 1 versions: 3 } }
                 version_labels { key: "stable" value: 1 } }
               config { name: "b" base_path: "file:///m/b" model_platform: "onnx" }"#,
        );
        let config = ModelServerConfig::from_text(&text).unwrap();
        let sources = sources(checked(&config).unwrap(), &ModelSettings::default()).unwrap();
        let a = &sources[0].settings;
        let only = [1, 3].map(Version::numbered).to_vec();
        assert_eq!(a.policy(), landfall_serving::VersionPolicy::Only(only));
        assert_eq!(a.labels["stable"], "1");
        assert!(a.labels_only_point && a.engines.is_empty());
        assert_eq!(sources[1].path, std::path::Path::new("/m/b"));
        assert_eq!(sources[1].settings.engines, ["onnxruntime", "embedded"]);
    }

    #[test]
    fn a_configuration_that_breaks_a_rule_is_refused_in_the_originals_words() {
        let a = r#"config { name: "a" base_path: "/m/a" model_platform: "tensorflow" }"#;
        assert!(refusal(&list(&format!("{a} {a}"))).contains("Illegal to list model a multiple times"));
        let relative = r#"config { name: "a" base_path: "m" model_platform: "tensorflow" }"#;
        assert!(refusal(&list(relative)).contains("to have an absolute path or URI; got base_path()=m"));
        let platform = r#"config { name: "a" base_path: "/m" model_platform: "abacus" }"#;
        assert!(refusal(&list(platform)).contains("Model a requests unsupported platform abacus"));
        let logged = r#"config { name: "a" base_path: "/m" model_platform: "tensorflow"
            logging_config { log_collector_config { type: "x" } } }"#;
        assert!(refusal(&list(logged)).contains("No request-logger-creator provided."));
        let remote = r#"config { name: "a" base_path: "gs://bucket/a" model_platform: "tensorflow" }"#;
        assert!(refusal(&list(remote)).contains("nothing is read from gs:// here"));
    }

    #[test]
    fn one_model_by_flags_keeps_the_rules_too() {
        assert!(checked(&single("default", "models/x")).unwrap_err().to_string().contains("absolute path"));
        assert_eq!(checked(&single("default", "/models/x")).unwrap().len(), 1);
        assert!(checked(&ModelServerConfig::Empty).unwrap().is_empty());
    }
}
