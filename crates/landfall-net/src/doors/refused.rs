//! A request over HTTP that gets an error instead of an answer.

use crate::body::BodyError;
use crate::metrics::Door;
use landfall_dialects::HttpError;
use landfall_model::Problem;

/// Says that a prediction was refused, and why, to those who look into it: nothing at the default level.
#[cold]
pub(crate) fn say(door: Door, model: &str, problem: &Problem) {
    let (door, kind) = (door.name(), problem.kind().name());
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
