//! Trees in ONNX files on our own forest.

mod cases;
mod conformance;
mod dice;
mod ensembles;
mod fuzz;
mod graphs;
mod pipelines;
mod refused;
mod steps;

use landfall_foreign::Surroundings;
use landfall_model::Engine;
use landfall_onnx::{Preference, engines};
use std::sync::Arc;

/// The engine of a machine where nothing is installed.
fn bare() -> Arc<dyn Engine> {
    engines(Preference::Embedded, None, &Surroundings::default()).unwrap().engines.remove(0)
}
