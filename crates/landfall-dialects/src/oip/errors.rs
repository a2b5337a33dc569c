//! How Triton words and numbers what went wrong. Clients match on some of these texts.

use super::{blob::Misfit, names};
use crate::{GrpcError, HttpError, json};
use landfall_model::{Kind, Problem, Reason, Signature, Version};

/// As it goes over HTTP: `{"error":"…"}`.
#[cold]
pub fn rest(problem: &Problem) -> HttpError {
    let mut body = b"{\"error\":".to_vec();
    json::write::string(&mut body, text(problem).as_bytes());
    body.push(b'}');
    HttpError { status: status(problem.kind()), body, retry_after: problem.retry_after() }
}

/// As gRPC sends it.
#[cold]
pub fn grpc(problem: &Problem) -> GrpcError {
    GrpcError { code: problem.kind().code(), message: text(problem), retry_after: problem.retry_after() }
}

/// The HTTP status of a kind (section 5 of the protocol checklist; what Triton does not know follows the common map).
pub const fn status(kind: Kind) -> u16 {
    match kind {
        Kind::InvalidArgument
        | Kind::AlreadyExists
        | Kind::Cancelled
        | Kind::Unknown
        | Kind::FailedPrecondition
        | Kind::OutOfRange => 400,
        Kind::Unauthenticated => 401,
        Kind::PermissionDenied => 403,
        Kind::NotFound => 404,
        Kind::Aborted => 409,
        Kind::ResourceExhausted => 413,
        Kind::Internal | Kind::DataLoss => 500,
        Kind::Unimplemented => 501,
        Kind::Unavailable => 503,
        Kind::DeadlineExceeded => 504,
    }
}

/// The sentence.
pub fn text(problem: &Problem) -> String {
    match problem.reason() {
        Reason::ModelNotFound { model } => format!("Request for unknown model: '{model}' is not found"),
        Reason::NoVersionAvailable { model } => {
            format!("Request for unknown model: '{model}' has no available versions")
        }
        Reason::VersionNotFound { model, version } => {
            format!("Request for unknown model: '{model}' version {version} is not found")
        }
        Reason::VersionNotReady { model, version } => {
            format!("Request for unknown model: '{model}' version {version} is not at ready state")
        }
        Reason::LabelNotFound { label, .. } => format!(
            "failed to get model version from specified version string '{label}' (details: no label of that name \
             either), version should be an integral value > 0"
        ),
        Reason::QueueFull { .. } => "Exceeds maximum queue size".to_owned(),
        Reason::DeadlineExceeded => "Request timeout expired".to_owned(),
        Reason::ShuttingDown => "Server exiting".to_owned(),
        _ => problem.to_string(),
    }
}

/// Statistics of a model or version that is not there: Triton answers 400 here, unlike everywhere else.
#[cold]
pub fn statistics(problem: Problem) -> Problem {
    match problem.reason() {
        Reason::ModelNotFound { model } | Reason::NoVersionAvailable { model } => {
            Problem::invalid(format!("requested model '{model}' is not available"))
        }
        Reason::VersionNotFound { model, .. }
        | Reason::VersionNotReady { model, .. }
        | Reason::LabelNotFound { model, .. } => {
            Problem::invalid(format!("requested model version is not available for model '{model}'"))
        }
        _ => problem,
    }
}

/// A load that versions of the model failed: they, and why.
#[cold]
pub fn load_failed<'a>(model: &str, failed: impl Iterator<Item = (&'a Version, &'a Problem)>) -> Problem {
    let mut text = format!("load failed for model '{model}': ");
    for (version, problem) in failed {
        text.push_str(&format!("version {version} is at UNAVAILABLE state: {problem};\n"));
    }
    Problem::invalid(text)
}

/// An engine that left out an output which the call wanted.
#[cold]
pub(super) fn not_computed(output: &str) -> Problem {
    Problem::internal(format!("output {output:?} was not computed"))
}

/// What stops a decoder, before the request's id may be known.
pub(super) enum Refusal {
    /// A problem; worded by [`Refusal::word`] where its reason is a mismatch of request and model.
    Problem(Problem),
    /// A sentence that gets the request's id in front.
    Validation(String),
}

impl Refusal {
    /// The problem in Triton's words.
    #[cold]
    pub(super) fn word(self, signature: &Signature, model: &str, id: &[u8]) -> Problem {
        match self {
            Refusal::Problem(problem) => validation(problem, signature, model, id),
            Refusal::Validation(text) => with_id(text, id),
        }
    }

    /// A problem with a sentence of its own.
    #[cold]
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Refusal::Problem(Problem::invalid(text))
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Refusal::Problem(problem)
    }
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Self {
        Refusal::Validation(misfit.0)
    }
}

/// Words what a request lacks or has too much of, as Triton does: with the model's name and, for what it finds by
/// holding the request against the model, the request's id.
#[cold]
fn validation(problem: Problem, signature: &Signature, model: &str, id: &[u8]) -> Problem {
    let text = match problem.reason() {
        Reason::InputUnknown { input } => {
            return Problem::invalid(format!("unexpected inference input '{input}' for model '{model}'"));
        }
        Reason::OutputUnknown { output } => {
            return Problem::invalid(format!("unexpected inference output '{output}' for model '{model}'"));
        }
        Reason::InputRepeated { input } => format!("input '{input}' already exists in request"),
        Reason::InputsMissing { missing, given } => counts(signature, model, missing, given),
        Reason::WrongDType { input, expected, found } => format!(
            "inference input '{input}' data-type is '{}', but model '{model}' expects '{}'",
            names::datatype(*found),
            names::datatype(*expected)
        ),
        Reason::WrongShape { input, found, .. } if found.is_empty() => {
            format!("input '{input}' has no shape but model requires batch dimension for '{model}'")
        }
        Reason::WrongShape { input, expected, found } => {
            format!(
                "unexpected shape for input '{input}' for model '{model}'. Expected {expected}, got {found}."
            )
        }
        Reason::RowsDiffer { input, expected, found } => format!(
            "input '{input}' batch size does not match other inputs for '{model}': {found} rows, others have {expected}"
        ),
        Reason::ValueMissing { .. } | Reason::ValueRequired { .. } | Reason::ValueInvalid { .. } => {
            problem.to_string()
        }
        _ => return problem,
    };
    with_id(text, id)
}

/// A sentence that Triton finds by holding the request against the model.
#[cold]
fn with_id(text: impl std::fmt::Display, id: &[u8]) -> Problem {
    let id = if id.is_empty() { "<id_unknown>".into() } else { String::from_utf8_lossy(id) };
    Problem::invalid(format!("[request id: {id}] {text}"))
}

fn counts(signature: &Signature, model: &str, missing: &[String], given: &[String]) -> String {
    let quoted =
        |names: &[String]| names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(",");
    let all = signature.inputs().len();
    let required = signature.inputs().iter().filter(|input| !input.optional).count();
    let expected = if required == all {
        format!("expected {all} inputs")
    } else {
        format!("expected number of inputs between {required} and {all}")
    };
    format!(
        "{expected} but got {} inputs for model '{model}'. Got input(s) [{}], but missing required input(s) [{}]. \
         Please provide all required input(s).",
        given.len(),
        quoted(given),
        quoted(missing)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn lookups_are_worded_and_numbered_as_in_triton() {
        let model = || "m".to_owned();
        let version = || "9".to_owned();
        // (checklist row, reason, HTTP status, gRPC code, text)
        let table = [
            (
                "OIP-REST-9",
                Reason::ModelNotFound { model: model() },
                404,
                5,
                "Request for unknown model: 'm' is not found",
            ),
            (
                "OIP-REST-9",
                Reason::NoVersionAvailable { model: model() },
                404,
                5,
                "'m' has no available versions",
            ),
            (
                "OIP-REST-9",
                Reason::VersionNotFound { model: model(), version: version() },
                404,
                5,
                "'m' version 9 is not found",
            ),
            (
                "OIP-REST-9",
                Reason::VersionNotReady { model: model(), version: version() },
                503,
                14,
                "version 9 is not at ready state",
            ),
            (
                "OIP-REST-10",
                Reason::LabelNotFound { model: model(), label: "x".into() },
                400,
                3,
                "specified version string 'x'",
            ),
            (
                "TRITON-SCHED-3",
                Reason::QueueFull { waiting: 9, retry_after: Duration::from_secs(1) },
                503,
                14,
                "Exceeds maximum queue size",
            ),
            ("OIP-GRPC-3", Reason::Engine { engine: "e", text: "no".into() }, 500, 13, "e: no"),
            ("OIP-GRPC-3", Reason::Cancelled, 400, 1, "left"),
            (
                "OIP-GRPC-3",
                Reason::Unsupported { what: "x".into(), instead: String::new() },
                501,
                12,
                "x is not supported",
            ),
        ];
        for (row, reason, http, code, sentence) in table {
            let problem = Problem::new(reason);
            let (over_http, over_grpc) = (rest(&problem), grpc(&problem));
            assert_eq!((over_http.status, over_grpc.code), (http, code), "{row}");
            assert!(over_grpc.message.contains(sentence), "{row}: {}", over_grpc.message);
            let body = String::from_utf8(over_http.body).unwrap();
            assert!(body.starts_with("{\"error\":\"") && body.contains(sentence), "{row}: {body}");
        }
    }

    #[test]
    fn statistics_of_what_is_not_there_are_a_bad_request() {
        let unknown = statistics(Problem::new(Reason::ModelNotFound { model: "x".into() }));
        assert_eq!(rest(&unknown).status, 400, "TRITON-STAT-5");
        assert!(text(&unknown).contains("requested model 'x' is not available"));
    }
}
