//! Configuration on the wire, and the messages of `HandleReloadConfigRequest`.

use super::{LoggingConfig, ModelConfig, ModelServerConfig, ModelType, PerTaskSampling, VersionPolicy};
use crate::protobuf::Writer;
use crate::tfs::grpc::unreadable;
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{Kind, Problem};

/// `ReloadConfigRequest`: config = 1, metric_names = 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ReloadConfigRequest {
    /// What is to be served from now on, all of it.
    pub config: ModelServerConfig,
    /// Counters whose increase during the reload the caller wants to know.
    pub metric_names: Vec<String>,
}

/// Reads a `ReloadConfigRequest`.
///
/// # Errors
/// Invalid argument, for bytes that are none.
pub fn decode_reload_config(body: &[u8]) -> Result<ReloadConfigRequest, Problem> {
    let read = || {
        let mut request = ReloadConfigRequest::default();
        each(Fields::new("ReloadConfigRequest", body), |field, value| {
            match field {
                1 => server(value.message()?, &mut request.config)?,
                2 => request.metric_names.push(value.text()?.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        Ok(request)
    };
    read().map_err(unreadable)
}

/// `ReloadConfigResponse` of a reload that went well: an empty status = 1, and the increase of each metric = 2 (name = 1,
/// int64_value_increase = 2).
pub fn encode_reload_config(metrics: &[(String, i64)]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut response = Writer::new(&mut out);
    response.message(1, |_| {});
    for (name, increase) in metrics {
        response.message(2, |metric| {
            metric.string_field(1, name);
            metric.signed_field(2, *increase);
        });
    }
    out
}

impl ModelServerConfig {
    /// From a `ModelServerConfig` on the wire.
    ///
    /// # Errors
    /// Invalid argument, for bytes that are none.
    pub fn from_message(bytes: &[u8]) -> Result<Self, Problem> {
        let mut config = ModelServerConfig::default();
        server(Fields::new("ModelServerConfig", bytes), &mut config)?;
        Ok(config)
    }

    /// The models.
    ///
    /// # Errors
    /// Invalid argument, in the original's words, where it is no list of models.
    pub fn models(&self) -> Result<&[ModelConfig], Problem> {
        match self {
            ModelServerConfig::Models(models) => Ok(models),
            _ => Err(Problem::worded(
                Kind::InvalidArgument,
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is \
                 currently supported",
            )),
        }
    }
}

pub(super) fn each<'a>(
    mut fields: Fields<'a>,
    mut take: impl FnMut(u32, Value<'a>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    while let Some((field, value)) = fields.next()? {
        take(field, value)?;
    }
    Ok(())
}

/// A oneof: the last member counts; lists that come in parts are one list.
fn server(fields: Fields<'_>, config: &mut ModelServerConfig) -> Result<(), Problem> {
    each(fields, |field, value| {
        match field {
            1 => {
                let mut models = match std::mem::take(config) {
                    ModelServerConfig::Models(models) => models,
                    _ => Vec::new(),
                };
                each(value.message()?, |field, value| {
                    if field == 1 {
                        models.push(model(value.message()?)?);
                    }
                    Ok(())
                })?;
                *config = ModelServerConfig::Models(models);
            }
            2 => {
                let mut type_url = String::new();
                each(value.message()?, |field, value| {
                    if field == 1 {
                        type_url = value.text()?.to_owned();
                    }
                    Ok(())
                })?;
                *config = ModelServerConfig::Custom { type_url };
            }
            _ => {}
        }
        Ok(())
    })
}

fn model(fields: Fields<'_>) -> Result<ModelConfig, Problem> {
    let mut model = ModelConfig::default();
    each(fields, |field, value| {
        match field {
            1 => model.name = value.text()?.to_owned(),
            2 => model.base_path = value.text()?.to_owned(),
            3 => model.model_type = model_type(value.varint()?),
            4 => model.model_platform = value.text()?.to_owned(),
            6 => logging(value.message()?, model.logging.get_or_insert_default())?,
            7 => policy(value.message()?, &mut model.version_policy)?,
            8 => {
                let (label, version) = label(value.message()?)?;
                model.version_labels.insert(label, version);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(model)
}

fn model_type(number: u64) -> ModelType {
    match number {
        0 => ModelType::Unspecified,
        1 => ModelType::TensorFlow,
        other => ModelType::Other(other),
    }
}

/// A map entry: key = 1, value = 2.
fn label(fields: Fields<'_>) -> Result<(String, i64), Problem> {
    let mut entry = (String::new(), 0);
    each(fields, |field, value| {
        match field {
            1 => entry.0 = value.text()?.to_owned(),
            2 => entry.1 = value.signed()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(entry)
}

fn policy(fields: Fields<'_>, policy: &mut VersionPolicy) -> Result<(), Problem> {
    each(fields, |field, value| {
        match field {
            100 => {
                let mut number = 0;
                each(value.message()?, |field, value| {
                    if field == 1 {
                        number = value.varint()? as u32;
                    }
                    Ok(())
                })?;
                *policy = VersionPolicy::Latest(number);
            }
            101 => {
                value.message()?;
                *policy = VersionPolicy::All;
            }
            102 => {
                let mut versions = Vec::new();
                each(value.message()?, |field, value| match field {
                    1 => value.varints(|number| versions.push(number as i64)),
                    _ => Ok(()),
                })?;
                *policy = VersionPolicy::Specific(versions);
            }
            _ => {}
        }
        Ok(())
    })
}

fn logging(fields: Fields<'_>, logging: &mut LoggingConfig) -> Result<(), Problem> {
    each(fields, |field, value| match field {
        1 => each(value.message()?, |field, value| {
            match field {
                1 => logging.collector = value.text()?.to_owned(),
                2 => logging.filename_prefix = value.text()?.to_owned(),
                _ => {}
            }
            Ok(())
        }),
        2 => each(value.message()?, |field, value| {
            match field {
                1 => logging.sampling_rate = double(value)?,
                3 => logging.per_task.push(per_task(value.message()?)?),
                _ => {}
            }
            Ok(())
        }),
        3 => {
            logging.custom = true;
            Ok(())
        }
        _ => Ok(()),
    })
}

fn per_task(fields: Fields<'_>) -> Result<PerTaskSampling, Problem> {
    let mut task = PerTaskSampling::default();
    each(fields, |field, value| {
        match field {
            1 => task.dc = value.text()?.to_owned(),
            2 => task.task_index = Some(value.varint()? as i32),
            3 => task.sampling_rate = double(value)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(task)
}

fn double(value: Value<'_>) -> Result<f64, Problem> {
    let mut number = 0.0;
    value.fixed::<8>(|bytes| {
        if let Some(&bytes) = bytes.first_chunk() {
            number = f64::from_le_bytes(bytes);
        }
    })?;
    Ok(number)
}
