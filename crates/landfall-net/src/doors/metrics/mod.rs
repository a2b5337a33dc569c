//! Metrics, for Prometheus and whatever reads its format.
//!
//! | name | labels | what |
//! |---|---|---|
//! | `landfall_requests_total` | model, version, door, kind | predictions by door (`tfs-rest`, `tfs-grpc`, `oip-rest`, `oip-grpc`) and outcome (`OK`, `INVALID_ARGUMENT`, …); model and version are empty where the request did not get that far |
//! | `landfall_rows_total` | model, version | rows answered |
//! | `landfall_runs_total` | model, version | runs of the model |
//! | `landfall_queue_seconds` | model, version | how long each request waited |
//! | `landfall_compute_seconds` | model, version | how long the batch of each request took |
//! | `landfall_batch_rows` | model, version | rows of each run |
//! | `landfall_failures_total` | model, version, kind | requests that were refused, or failed in the queue or in the model |
//! | `landfall_waiting` | model, version | requests that wait now |
//! | `landfall_version_state` | model, version, state | 1 for the state that each version is in; one that was unloaded is left out |
//! | `landfall_model_memory_bytes` | model, version | memory of the model, as far as its engine knows |
//! | `landfall_requests_memory_bytes`, `landfall_requests_memory_limit_bytes` | | what requests hold (bodies, what they turn into, answers), and may hold together |
//! | `landfall_requests_memory_refusals_total` | | how often a request found no room in it |
//! | `landfall_ready` | | 1 when everything that was asked for answers |
//! | `landfall_build_info` | version | 1 |
//! | `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, … | | what the process uses, under the names of Prometheus' client libraries (Linux) |

mod page;
mod process;
mod tfs;

use super::accept_header::admits_open_metrics;
use crate::caller::{Caller, Shared};
use crate::reply::{Reply, whole};
use http::StatusCode;
use http::request::Parts;

/// The metrics, in the text format that is asked for.
pub(super) fn scrape(caller: &Caller, parts: &Parts) -> Reply {
    let page = page::page(&caller.shared);
    if admits_open_metrics(&parts.headers) {
        whole(StatusCode::OK, page::OPEN_METRICS, page)
    } else {
        whole(StatusCode::OK, page::PLAIN, page::plain(&page))
    }
}

/// TensorFlow Serving's.
pub(super) fn scrape_tfs(shared: &Shared) -> Reply {
    whole(StatusCode::OK, tfs::CONTENT_TYPE, tfs::page(shared))
}
