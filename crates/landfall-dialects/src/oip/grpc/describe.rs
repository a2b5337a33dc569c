//! The small messages of the service: health, metadata, configuration, statistics, repository.

use super::parameter;
use crate::oip::names::{self, EXTENSIONS, IndexEntry, ModelFacts, VersionPolicy};
use crate::protobuf::Writer;
use landfall_model::protobuf::Fields;
use landfall_model::{Dim, Problem, Timed, VersionStatistics};

fn message(write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::new(&mut out));
    out
}

/// A message without fields: the answers to load and unload.
pub fn empty() -> Vec<u8> {
    Vec::new()
}

/// `ServerLiveResponse`: the process runs.
pub fn server_live() -> Vec<u8> {
    message(|w| w.bool_field(1, true))
}

/// `ServerReadyResponse`.
pub fn server_ready(ready: bool) -> Vec<u8> {
    ready_message(ready)
}

/// `ModelReadyResponse`.
pub fn model_ready(ready: bool) -> Vec<u8> {
    ready_message(ready)
}

fn ready_message(ready: bool) -> Vec<u8> {
    if ready { message(|w| w.bool_field(1, true)) } else { Vec::new() }
}

/// `ServerMetadataResponse`. `version` is the server's own.
pub fn server_metadata(version: &str) -> Vec<u8> {
    message(|w| {
        w.string_field(1, names::SERVER);
        w.string_field(2, version);
        EXTENSIONS.iter().for_each(|extension| w.string_field(3, extension));
    })
}

/// `ModelMetadataResponse`.
pub fn model_metadata(facts: ModelFacts<'_>) -> Vec<u8> {
    message(|w| {
        w.string_field(1, facts.model);
        facts.versions.iter().for_each(|version| w.string_field(2, &version.to_string()));
        w.string_field(3, names::platform(facts.facts));
        for input in facts.signature.inputs() {
            w.message(4, |w| tensor(w, &input.name, names::datatype(input.dtype), input.dims.as_deref()));
        }
        for output in facts.signature.outputs() {
            w.message(5, |w| tensor(w, &output.name, names::datatype(output.dtype), output.dims.as_deref()));
        }
    })
}

fn tensor(w: &mut Writer<'_>, name: &str, datatype: &str, dims: Option<&[Dim]>) {
    w.string_field(1, name);
    w.string_field(2, datatype);
    packed_dims(w, 3, dims);
}

fn packed_dims(w: &mut Writer<'_>, field: u32, dims: Option<&[Dim]>) {
    let dims = dims.unwrap_or_default();
    if !dims.is_empty() {
        w.packed_varints(field, dims.iter().map(|dim| dim.as_signed() as u64));
    }
}

/// `ModelConfigResponse`, as [`crate::oip::rest::model_config`].
pub fn model_config(facts: ModelFacts<'_>) -> Vec<u8> {
    message(|w| w.message(1, |w| config(w, facts)))
}

fn config(w: &mut Writer<'_>, facts: ModelFacts<'_>) {
    w.string_field(1, facts.model);
    w.string_field(2, names::platform(facts.facts));
    w.message(3, |w| version_policy(w, facts.policy));
    for input in facts.signature.inputs() {
        w.message(5, |w| {
            w.string_field(1, &input.name);
            w.varint_field(2, names::config_type(input.dtype).1);
            packed_dims(w, 4, input.dims.as_deref());
            if input.optional {
                w.bool_field(8, true);
            }
        });
    }
    for output in facts.signature.outputs() {
        w.message(6, |w| {
            w.string_field(1, &output.name);
            w.varint_field(2, names::config_type(output.dtype).1);
            packed_dims(w, 3, output.dims.as_deref());
        });
    }
    // instance_group: one, on the CPU (KIND_CPU = 2)
    w.message(7, |w| {
        w.string_field(1, &format!("{}_0", facts.model));
        w.varint_field(2, 1);
        w.varint_field(4, 2);
    });
    if facts.batches {
        w.message(11, |w| {
            if let Some(rows) = facts.max_rows {
                w.packed_varints(1, [rows as u64].into_iter());
            }
        });
    }
    w.string_field(17, names::backend(facts.facts));
}

/// `ModelVersionPolicy`: latest = 1 (num_versions = 1), all = 2, specific = 3 (versions = 1).
fn version_policy(w: &mut Writer<'_>, policy: &VersionPolicy) {
    match policy {
        VersionPolicy::Latest(number) => w.message(1, |w| w.varint_field(1, *number)),
        VersionPolicy::All => w.message(2, |_| {}),
        VersionPolicy::Specific(versions) => {
            w.message(3, |w| w.packed_varints(1, versions.iter().map(|version| *version as u64)));
        }
    }
}

/// `ModelStatisticsResponse`. There is no response cache: its counts are 0.
pub fn statistics(versions: &[VersionStatistics]) -> Vec<u8> {
    message(|w| versions.iter().for_each(|version| w.message(1, |w| model_statistics(w, version))))
}

fn model_statistics(w: &mut Writer<'_>, version: &VersionStatistics) {
    w.string_field(1, &version.model);
    w.string_field(2, &version.version.to_string());
    w.varint_field(3, version.last_inference_ms);
    w.varint_field(4, version.inferences);
    w.varint_field(5, version.executions);
    w.message(6, |w| {
        timed(w, 1, version.success);
        timed(w, 2, version.fail);
        timed(w, 3, version.queue);
        timed(w, 4, version.compute_input);
        timed(w, 5, version.compute_infer);
        timed(w, 6, version.compute_output);
        timed(w, 7, Timed::default());
        timed(w, 8, Timed::default());
    });
    for batch in &version.batches {
        w.message(7, |w| {
            w.varint_field(1, batch.rows);
            timed(w, 2, batch.compute_input);
            timed(w, 3, batch.compute_infer);
            timed(w, 4, batch.compute_output);
        });
    }
}

fn timed(w: &mut Writer<'_>, field: u32, timed: Timed) {
    w.message(field, |w| {
        if timed.count > 0 {
            w.varint_field(1, timed.count);
        }
        if timed.ns > 0 {
            w.varint_field(2, timed.ns);
        }
    });
}

/// `RepositoryIndexRequest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct IndexRequest {
    /// Only what answers requests.
    pub only_ready: bool,
}

/// Reads a `RepositoryIndexRequest`.
///
/// # Errors
/// Unimplemented, for the name of a repository; malformed bytes.
pub fn index_request(body: &[u8]) -> Result<IndexRequest, Problem> {
    let mut request = IndexRequest::default();
    let mut fields = Fields::new("RepositoryIndexRequest", body);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => no_repository(value.text()?)?,
            2 => request.only_ready = value.varint()? != 0,
            _ => {}
        }
    }
    Ok(request)
}

/// `RepositoryIndexResponse`.
pub fn index(entries: &[IndexEntry], only_ready: bool) -> Vec<u8> {
    message(|w| {
        for entry in entries.iter().filter(|entry| !only_ready || entry.is_ready()) {
            w.message(1, |w| {
                w.string_field(1, &entry.model);
                if let Some((version, state)) = &entry.version {
                    w.string_field(2, &version.to_string());
                    w.string_field(3, names::state(*state));
                }
                if !entry.shown_reason().is_empty() {
                    w.string_field(4, entry.shown_reason());
                }
            });
        }
    })
}

/// `RepositoryModelLoadRequest` or `RepositoryModelUnloadRequest`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct LoadRequest {
    /// Name of the model.
    pub model: String,
}

/// Reads a `RepositoryModelLoadRequest`.
///
/// # Errors
/// Invalid argument, for every parameter by name; unimplemented, for the name of a repository; malformed bytes.
pub fn load_request(body: &[u8]) -> Result<LoadRequest, Problem> {
    repository_request("RepositoryModelLoadRequest", body, |name| {
        Err(Problem::invalid(format!("unrecognized load parameter '{name}'.")))
    })
}

/// Reads a `RepositoryModelUnloadRequest`. `unload_dependents` has no effect, since no model has dependents.
///
/// # Errors
/// Unimplemented, for the name of a repository; malformed bytes.
pub fn unload_request(body: &[u8]) -> Result<LoadRequest, Problem> {
    repository_request("RepositoryModelUnloadRequest", body, |_| Ok(()))
}

fn repository_request(
    what: &str,
    body: &[u8],
    parameter: impl Fn(&str) -> Result<(), Problem>,
) -> Result<LoadRequest, Problem> {
    let mut request = LoadRequest::default();
    let mut fields = Fields::new(what, body);
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => no_repository(value.text()?)?,
            2 => request.model = value.text()?.to_owned(),
            3 => parameter(parameter::name(value)?)?,
            _ => {}
        }
    }
    Ok(request)
}

fn no_repository(name: &str) -> Result<(), Problem> {
    match name {
        "" => Ok(()),
        _ => Err(Problem::worded(
            landfall_model::Kind::Unimplemented,
            "'repository_name' specification is not supported",
        )),
    }
}
