//! Rules that a list of models must keep, in the original's words.

use super::{ModelConfig, ModelType, TENSORFLOW};
use landfall_model::Problem;
use std::collections::HashSet;

impl ModelConfig {
    /// What runs the model, said in either way; empty where it is not said.
    ///
    /// # Errors
    /// Invalid argument, when it is said in both ways, or by a type that is not TensorFlow.
    pub fn platform(&self) -> Result<&str, Problem> {
        match self.model_type {
            ModelType::Unspecified => Ok(&self.model_platform),
            _ if !self.model_platform.is_empty() => Err(Problem::invalid(format!(
                "Illegal setting both ModelServerConfig::model_type (deprecated) and \
                 ModelServerConfig::model_platform, model name is {}",
                self.name
            ))),
            ModelType::TensorFlow => Ok(TENSORFLOW),
            ModelType::Other(number) => {
                Err(Problem::invalid(format!("ModelServerConfig::model_type choice {number} not supported.")))
            }
        }
    }

    /// Whether the path does not depend on where the server was started: absolute, or with a scheme.
    fn path_is_absolute(&self) -> bool {
        self.base_path.starts_with('/')
            || self.base_path.split_once("://").is_some_and(|(scheme, _)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
            })
    }
}

/// Holds a list of models against the rules: each name once, absolute paths, platforms of these. A platform that is not
/// said passes: files tell what they are.
///
/// # Errors
/// Invalid argument, in the original's words, for the first model that breaks one.
pub fn check(models: &[ModelConfig], platforms: &[&str]) -> Result<(), Problem> {
    let mut names = HashSet::new();
    for model in models {
        if !names.insert(&*model.name) {
            return Err(Problem::invalid(format!(
                "Illegal to list model {} multiple times in config list",
                model.name
            )));
        }
    }
    if let Some(model) = models.iter().find(|model| !model.path_is_absolute()) {
        return Err(Problem::invalid(format!(
            "Expected model {} to have an absolute path or URI; got base_path()={}",
            model.name, model.base_path
        )));
    }
    for model in models {
        let platform = model.platform()?;
        if !platform.is_empty() && !platforms.contains(&platform) {
            return Err(Problem::invalid(format!(
                "Model {} requests unsupported platform {platform}",
                model.name
            )));
        }
    }
    Ok(())
}

/// Refuses a list in which a model that was served has another platform.
///
/// # Errors
/// Invalid argument, in the original's words.
pub fn check_change(from: &[ModelConfig], to: &[ModelConfig]) -> Result<(), Problem> {
    for model in to {
        let Some(old) = from.iter().find(|old| old.name == model.name) else { continue };
        let (old, new) = (old.platform()?, model.platform()?);
        if old != new {
            return Err(Problem::invalid(format!(
                "Illegal to change a model's platform. For model {} platform was {old} and new platform requested \
                 is {new}",
                model.name
            )));
        }
    }
    Ok(())
}
