//! `/livez`, `/healthz`, `/readyz`, and `/` for whoever does not know these.

use crate::caller::Shared;
use crate::reply::{Reply, whole};
use http::{HeaderValue, StatusCode};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What answers here, and where to go on.
pub(crate) fn front() -> Reply {
    const WHAT: &str = concat!(
        "Landfall ",
        env!("CARGO_PKG_VERSION"),
        " serves models here: /v1/models/MODEL (TensorFlow Serving), /v2/models/MODEL (Open Inference Protocol), \
         /control/models (what there is), /readyz, /metrics\n"
    );
    whole(StatusCode::OK, TEXT, WHAT)
}

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
