//! Calls through the door: lanes, compute threads and workers, with a model whose answers depend on each row.

mod fake;
mod offline;
mod on_lanes;
mod on_threads;
mod rows;
