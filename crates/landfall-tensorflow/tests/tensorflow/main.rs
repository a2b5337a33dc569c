//! SavedModels and graphs on TensorFlow: its own answers, models that must be refused, and readers of foreign bytes.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests, and what they leave out is said")]

mod bad_models;
mod cases;
mod compared;
mod conformance;
mod folder;
mod fuzzed;
mod graphs;
mod message;
mod movielens;
mod runs;
