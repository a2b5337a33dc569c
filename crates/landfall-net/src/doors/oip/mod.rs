//! What both forms of the Open Inference Protocol ask of the catalog.

pub(crate) mod grpc;
pub(crate) mod rest;
mod stream;

use crate::caller::{Caller, Shared};
use crate::doors::control::change;
use crate::doors::refused;
use crate::metrics::Door;
use landfall_dialects::oip::{IndexEntry, ModelFacts, VersionPolicy, errors, load_target, whole_version};
use landfall_model::{Problem, Reason, Version, VersionChoice, VersionStatistics};
use landfall_serving::Lease;

/// The server's own version, for its metadata.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The version that a caller asks for. A label of the name `1.0` comes before version 1 in another spelling.
///
/// # Errors
/// As [`landfall_serving::Catalog::find`].
pub(crate) fn find(shared: &Shared, model: &str, choice: &VersionChoice) -> Result<Lease, Problem> {
    shared.catalog.find(model, choice).or_else(|problem| match (problem.reason(), choice) {
        (Reason::LabelNotFound { .. }, VersionChoice::Label(text)) => match whole_version(text) {
            Some(version) => shared.catalog.find(model, &VersionChoice::Exact(version)),
            None => Err(problem),
        },
        _ => Err(problem),
    })
}

/// A prediction over gRPC has ended.
pub(crate) fn ended(shared: &Shared, lease: Option<&Lease>, problem: Option<&Problem>) {
    let model = lease.map_or("", |lease| lease.model());
    refused::ended(shared, Door::OipGrpc, model, lease, problem);
}

/// A model whose metadata or configuration is asked for.
pub(crate) struct Described {
    lease: Lease,
    versions: Vec<Version>,
    policy: VersionPolicy,
}

impl Described {
    /// Finds it; with a version asked for, that one alone is listed.
    ///
    /// # Errors
    /// As [`find`].
    pub(crate) fn find(shared: &Shared, model: &str, choice: &VersionChoice) -> Result<Self, Problem> {
        let lease = find(shared, model, choice)?;
        let versions = match choice {
            VersionChoice::Default => {
                let ready = shared.catalog.available(Some(model));
                ready.iter().rev().map(|lease| lease.version().clone()).collect()
            }
            _ => vec![lease.version().clone()],
        };
        let policy = version_policy(&shared.catalog.model(model)?.policy);
        Ok(Described { lease, versions, policy })
    }

    /// What the dialect tells of it.
    ///
    /// # Errors
    /// Internal, for a model without a signature, which no engine loads.
    pub(crate) fn facts(&self) -> Result<ModelFacts<'_>, Problem> {
        let signature = self.lease.signature("")?;
        Ok(ModelFacts {
            model: self.lease.model(),
            versions: &self.versions,
            signature,
            facts: self.lease.facts(),
            max_rows: self.lease.batching().max_rows,
            batches: *signature.rows() == landfall_model::RowRule::Independent,
            policy: &self.policy,
        })
    }
}

/// A policy in the protocol's form, which knows versions of numbers alone.
fn version_policy(policy: &landfall_serving::VersionPolicy) -> VersionPolicy {
    match policy {
        landfall_serving::VersionPolicy::Latest(number) => VersionPolicy::Latest((*number).max(1) as u64),
        landfall_serving::VersionPolicy::All => VersionPolicy::All,
        landfall_serving::VersionPolicy::Only(versions) => {
            VersionPolicy::Specific(versions.iter().filter_map(Version::number).collect())
        }
    }
}

/// The repository's index.
pub(crate) fn index(shared: &Shared) -> Vec<IndexEntry> {
    let mut entries = Vec::new();
    for model in shared.catalog.models() {
        if model.versions.is_empty() {
            entries.push(IndexEntry { model: model.name.clone(), version: None, reason: String::new() });
        }
        entries.extend(model.versions.iter().map(|status| IndexEntry {
            model: model.name.clone(),
            version: Some((status.version.clone(), status.state)),
            reason: status.problem.as_ref().map(Problem::to_string).unwrap_or_default(),
        }));
    }
    entries
}

/// Statistics of a version, of all versions of a model, or, with an empty name, of all models.
///
/// # Errors
/// Invalid argument for what is not there.
pub(crate) fn statistics(
    shared: &Shared,
    model: &str,
    choice: &VersionChoice,
) -> Result<Vec<VersionStatistics>, Problem> {
    if model.is_empty() {
        return Ok(shared.catalog.statistics(None));
    }
    let lease = find(shared, model, choice).map_err(errors::statistics)?;
    Ok(match choice {
        VersionChoice::Default => shared.catalog.statistics(Some(model)),
        _ => vec![lease.statistics()],
    })
}

/// Loads a model.
///
/// # Errors
/// Permission denied where control is off; what loading finds.
pub(crate) async fn load(caller: &Caller, model: &str) -> Result<(), Problem> {
    load_target(model)?;
    let name = model.to_owned();
    let done =
        change(caller, model, "loading", move |control, who, patience| control.load(&name, who, patience))
            .await;
    done.map_err(|problem| load_failed(&caller.shared, model, problem))
}

/// Where a version is what failed, in Triton's words, which name all that did; else the problem as it is.
#[cold]
fn load_failed(shared: &Shared, model: &str, problem: Problem) -> Problem {
    let statuses = shared.catalog.statuses(model).unwrap_or_default();
    let failed = || statuses.iter().filter_map(|status| Some((&status.version, status.problem.as_ref()?)));
    if failed().all(|(_, failure)| failure.reason() != problem.reason()) {
        return problem;
    }
    errors::load_failed(model, failed())
}

/// Unloads a model; one that is not there is unloaded already.
///
/// # Errors
/// Permission denied where control is off.
pub(crate) async fn unload(caller: &Caller, model: &str) -> Result<(), Problem> {
    let name = model.to_owned();
    let done = change(caller, model, "unloading", move |control, who, patience| {
        control.unload(&name, who, patience)
    })
    .await;
    match done {
        Err(problem) if matches!(problem.reason(), Reason::ModelNotFound { .. }) => Ok(()),
        done => done,
    }
}
