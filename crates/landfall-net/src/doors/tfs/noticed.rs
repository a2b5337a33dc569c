//! Requests of which TensorFlow Serving's metrics take notice.

use crate::caller::{CLOCK, Shared};
use crate::metrics::EntryPoint;
use landfall_model::Kind;
use landfall_serving::Clock;
use std::time::Instant;

/// One, until it is answered.
pub(crate) struct Noticed {
    api: &'static str,
    entry: EntryPoint,
    began: Instant,
}

impl Noticed {
    /// A request began; `None` where nobody asks for the metrics.
    pub(crate) fn begin(shared: &Shared, api: &'static str, entry: EntryPoint) -> Option<Self> {
        shared.tfs.metrics_path.as_ref()?;
        Some(Noticed { api, entry, began: CLOCK.now() })
    }

    /// It was answered; `outcome` is `None` for success.
    pub(crate) fn end(self, shared: &Shared, model: &str, outcome: Option<Kind>) {
        let took = CLOCK.now().saturating_duration_since(self.began);
        shared.latencies.record(model, self.api, self.entry, outcome, took);
    }
}
