//! The server's configuration: which models, from where, which of their versions; batching, monitoring and TLS.
//!
//! One set of types for both ways: messages on the wire (`HandleReloadConfigRequest`) and files in protobuf's text format.

mod check;
mod decode;
mod files;

#[cfg(test)]
mod tests;

pub use check::{check, check_change};
pub use decode::{ReloadConfigRequest, decode_reload_config, encode_reload_config};
pub use files::{BatchingParameters, MonitoringConfig, PrometheusConfig, SslConfig};

use landfall_model::Problem;
use std::collections::BTreeMap;

/// The platform of models that TensorFlow runs.
pub const TENSORFLOW: &str = "tensorflow";

/// What the server is to serve.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum ModelServerConfig {
    /// Neither of the two: an empty message.
    #[default]
    Empty,
    /// These models, and no others.
    Models(Vec<ModelConfig>),
    /// A message of a server's own, by its type.
    Custom {
        /// `type.googleapis.com/…`
        type_url: String,
    },
}

/// One model.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ModelConfig {
    /// Name under which it is called.
    pub name: String,
    /// The folder of its versions.
    pub base_path: String,
    /// The older way to say what runs it.
    pub model_type: ModelType,
    /// What runs it: `tensorflow`; empty where it is not said.
    pub model_platform: String,
    /// Which of its versions are served; the latest one where it is not said.
    pub version_policy: VersionPolicy,
    /// Names of versions.
    pub version_labels: BTreeMap<String, i64>,
    /// Whether and where its requests are logged.
    pub logging: Option<LoggingConfig>,
}

/// `ModelType`, which `model_platform` replaced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ModelType {
    /// Not said.
    #[default]
    Unspecified,
    /// TensorFlow.
    TensorFlow,
    /// Another, by its number (2 is `OTHER`).
    Other(u64),
}

/// Which versions of a model are served.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum VersionPolicy {
    /// As many of the highest numbers; 0 counts as 1.
    Latest(u32),
    /// All.
    All,
    /// These, as far as they are there.
    Specific(Vec<i64>),
}

impl Default for VersionPolicy {
    fn default() -> Self {
        VersionPolicy::Latest(1)
    }
}

/// Whether and where a model's requests are logged.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LoggingConfig {
    /// Kind of the collector; each server has its own.
    pub collector: String,
    /// What the names of its files start with.
    pub filename_prefix: String,
    /// Which part of the requests, 0 to 1.
    pub sampling_rate: f64,
    /// Other rates for single tasks; the first that fits counts.
    pub per_task: Vec<PerTaskSampling>,
    /// Whether there is more, for a logger of its own.
    pub custom: bool,
}

/// A sampling rate for one task.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PerTaskSampling {
    /// Data centre; empty for any.
    pub dc: String,
    /// The task within it.
    pub task_index: Option<i32>,
    /// Which part of the requests, 0 to 1.
    pub sampling_rate: f64,
}

impl ModelServerConfig {
    /// From a file's text.
    ///
    /// # Errors
    /// Invalid argument, with line and column.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        let bytes = crate::protobuf::text::to_wire(text, "tensorflow.serving.ModelServerConfig")?;
        Self::from_message(&bytes)
    }
}
