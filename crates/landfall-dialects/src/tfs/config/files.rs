//! The server's smaller configuration files, each one message in text format.

use super::decode::each;
use crate::protobuf::text::to_wire;
use landfall_model::Problem;
use landfall_model::protobuf::{Fields, Value};

/// `--batching_parameters_file`; `None` is what the file does not say.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BatchingParameters {
    /// Most rows of a batch, and of a call unless it may be split.
    pub max_batch_size: Option<i64>,
    /// How long the first call of a batch may wait for others.
    pub batch_timeout_micros: Option<i64>,
    /// How many batches may wait.
    pub max_enqueued_batches: Option<i64>,
    /// How many batches run at a time.
    pub num_batch_threads: Option<i64>,
    /// Name of the threads.
    pub thread_pool_name: Option<String>,
    /// Whether larger calls are cut.
    pub enable_large_batch_splitting: Option<bool>,
    /// Most rows that run at once, where calls are cut.
    pub max_execution_batch_size: Option<i64>,
    /// Sizes that batches are padded up to, ascending; empty for any size.
    pub allowed_batch_sizes: Vec<i64>,
    /// Whether inputs of unequal dims are padded to join.
    pub pad_variable_length_inputs: bool,
}

/// `--monitoring_config_file`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MonitoringConfig {
    /// The page of metrics.
    pub prometheus: Option<PrometheusConfig>,
}

/// The page of metrics.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PrometheusConfig {
    /// Whether there is one.
    pub enable: bool,
    /// Its path; empty for the usual one.
    pub path: String,
}

impl PrometheusConfig {
    /// The path where none is said.
    pub const DEFAULT_PATH: &str = "/monitoring/prometheus/metrics";

    /// The path of the page.
    pub fn path(&self) -> &str {
        if self.path.is_empty() { Self::DEFAULT_PATH } else { &self.path }
    }
}

/// `--ssl_config_file`: PEM texts, not paths.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SslConfig {
    /// The server's private key.
    pub server_key: String,
    /// Its certificate, with those above it.
    pub server_cert: String,
    /// Certificates that those of clients are held against.
    pub custom_ca: String,
    /// Whether clients must have one.
    pub client_verify: bool,
}

impl std::fmt::Debug for SslConfig {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SslConfig { server_cert, custom_ca, client_verify, .. } = self;
        f.debug_struct("SslConfig")
            .field("server_cert", server_cert)
            .field("custom_ca", custom_ca)
            .field("client_verify", client_verify)
            .finish_non_exhaustive()
    }
}

impl BatchingParameters {
    /// From a file's text.
    ///
    /// # Errors
    /// Invalid argument, with line and column.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        let bytes = to_wire(text, "tensorflow.serving.BatchingParameters")?;
        let mut read = BatchingParameters::default();
        each(Fields::new("BatchingParameters", &bytes), |field, value| {
            match field {
                1 => read.max_batch_size = Some(wrapped(value)? as i64),
                2 => read.batch_timeout_micros = Some(wrapped(value)? as i64),
                3 => read.max_enqueued_batches = Some(wrapped(value)? as i64),
                4 => read.num_batch_threads = Some(wrapped(value)? as i64),
                5 => read.thread_pool_name = Some(wrapped_text(value)?),
                6 => value.varints(|size| read.allowed_batch_sizes.push(size as i64))?,
                7 => read.pad_variable_length_inputs = value.varint()? != 0,
                8 => read.enable_large_batch_splitting = Some(wrapped(value)? != 0),
                9 => read.max_execution_batch_size = Some(wrapped(value)? as i64),
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }
}

impl MonitoringConfig {
    /// From a file's text.
    ///
    /// # Errors
    /// Invalid argument, with line and column.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        let bytes = to_wire(text, "tensorflow.serving.MonitoringConfig")?;
        let mut read = MonitoringConfig::default();
        each(Fields::new("MonitoringConfig", &bytes), |field, value| match field {
            1 => {
                let prometheus = read.prometheus.get_or_insert_default();
                each(value.message()?, |field, value| {
                    match field {
                        1 => prometheus.enable = value.varint()? != 0,
                        2 => prometheus.path = value.text()?.to_owned(),
                        _ => {}
                    }
                    Ok(())
                })
            }
            _ => Ok(()),
        })?;
        Ok(read)
    }
}

impl SslConfig {
    /// From a file's text.
    ///
    /// # Errors
    /// Invalid argument, with line and column; never with the text, which holds a key.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        let bytes = to_wire(text, "tensorflow.serving.SSLConfig")?;
        let mut read = SslConfig::default();
        each(Fields::new("SSLConfig", &bytes), |field, value| {
            match field {
                1 => read.server_key = value.text()?.to_owned(),
                2 => read.server_cert = value.text()?.to_owned(),
                3 => read.custom_ca = value.text()?.to_owned(),
                4 => read.client_verify = value.varint()? != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok(read)
    }
}

/// The number of an `Int64Value` or `BoolValue`: value = 1.
fn wrapped(value: Value<'_>) -> Result<u64, Problem> {
    let mut number = 0;
    each(value.message()?, |field, value| {
        if field == 1 {
            number = value.varint()?;
        }
        Ok(())
    })?;
    Ok(number)
}

/// The text of a `StringValue`: value = 1.
fn wrapped_text(value: Value<'_>) -> Result<String, Problem> {
    let mut text = String::new();
    each(value.message()?, |field, value| {
        if field == 1 {
            text = value.text()?.to_owned();
        }
        Ok(())
    })?;
    Ok(text)
}
