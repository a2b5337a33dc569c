//! What the doors count, beside what versions count themselves.

mod counters;
mod latencies;

pub(crate) use counters::{Count, Door, Metrics};
pub(crate) use latencies::{Distribution, EntryPoint, Latencies, example_bounds, time_bounds};
