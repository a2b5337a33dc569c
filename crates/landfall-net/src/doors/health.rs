//! `/livez`, `/healthz`, `/readyz`.

use crate::caller::Shared;
use crate::reply::{Reply, whole};
use http::{HeaderValue, StatusCode};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// The process runs, or this would not answer.
pub(crate) fn live() -> Reply {
    whole(StatusCode::OK, TEXT, "ok\n")
}

/// Whether everything that was asked for answers.
pub(crate) fn ready(shared: &Shared) -> Reply {
    match (shared.is_ready(), shared.is_draining()) {
        (true, _) => whole(StatusCode::OK, TEXT, "ok\n"),
        (false, true) => whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the server is shutting down\n"),
        (false, false) => {
            whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "not every model that was asked for is available\n")
        }
    }
}
