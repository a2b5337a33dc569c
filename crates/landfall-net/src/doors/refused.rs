//! Requests that get an error instead of an answer.

use crate::body::BodyError;
use crate::caller::Shared;
use crate::metrics::Door;
use crate::reply::{self, Reply};
use http::StatusCode;
use http::header::{ALLOW, HeaderValue};
use landfall_dialects::HttpError;
use landfall_dialects::oip::errors;
use landfall_model::{Kind, Problem};
use landfall_serving::Lease;

/// A prediction has ended: it is counted, and where it was refused it is said why.
pub(crate) fn ended(
    shared: &Shared,
    door: Door,
    model: &str,
    lease: Option<&Lease>,
    problem: Option<&Problem>,
) {
    shared.metrics.count(lease, door, problem.map(Problem::kind));
    if let Some(problem) = problem {
        say(door.name(), model, problem);
    }
}

/// Says that a call was refused, and why, to those who look into it: nothing at the default level.
#[cold]
pub(crate) fn say(door: &str, model: &str, problem: &Problem) {
    let kind = problem.kind().name();
    tracing::debug!(door, model, kind, "{door}: model {model:?}: refused, {kind}: {problem}");
}

/// What went wrong, before a dialect words it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) problem: Problem,
    /// HTTP's own status, where the dialect's map has another for the problem's kind.
    status: Option<u16>,
}

impl Refused {
    /// The dialect's error, under HTTP's own status where there is one.
    #[cold]
    pub(crate) fn worded(&self, word: impl FnOnce(&Problem) -> HttpError) -> HttpError {
        let mut error = word(&self.problem);
        error.status = self.status.unwrap_or(error.status);
        error
    }
}

impl From<Problem> for Refused {
    #[cold]
    fn from(problem: Problem) -> Self {
        Refused { problem, status: None }
    }
}

impl From<BodyError> for Refused {
    #[cold]
    fn from(error: BodyError) -> Self {
        Refused { problem: error.problem(), status: Some(error.status()) }
    }
}

/// A path that is none of ours.
#[cold]
pub(crate) fn not_found() -> Reply {
    plain(StatusCode::NOT_FOUND, "Not Found")
}

/// A path of ours, asked for by another method than it takes.
#[cold]
pub(crate) fn not_allowed(taken: &'static str) -> Reply {
    let mut reply = plain(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(taken));
    reply
}

/// A transfer coding that is not taken (RFC 9112, section 6.1).
#[cold]
pub(crate) fn not_decoded() -> Reply {
    plain(
        StatusCode::NOT_IMPLEMENTED,
        "Transfer-Encoding: expected chunked alone; Content-Encoding says how a body is packed",
    )
}

fn plain(status: StatusCode, text: &str) -> Reply {
    let error = errors::rest(&Problem::worded(Kind::NotFound, text));
    reply::error(HttpError { status: status.as_u16(), ..error })
}
