//! Tree models from the files that their own libraries write, evaluated bit for bit as the libraries do.
//!
//! XGBoost (`.json`, `.ubj`, and the binary form before 3.0), LightGBM (`model.txt`, and the JSON of `dump_model`) and
//! CatBoost (`.cbm` and JSON) are read and lowered onto compiled trees ([`landfall_forest`]). No foreign library takes
//! part.
//!
//! ```
//! assert_eq!(landfall_trees::engine().name(), "trees");
//! ```
#![forbid(unsafe_code)]

mod catboost;
mod classes;
mod compiled;
mod decimal;
mod document;
mod engine;
mod features;
#[doc(hidden)]
pub mod fuzz;
mod importance;
mod interface;
mod lightgbm;
mod linear;
mod load;
mod model;
mod recognise;
mod rows;
mod run;
mod scorer;
mod spread;
mod transform;
mod xgboost;

pub use scorer::Scorer;

use landfall_model::Engine;
use std::sync::Arc;

/// The engine's name.
const NAME: &str = "trees";

/// The tree engine.
pub fn engine() -> Arc<dyn Engine> {
    Arc::new(engine::Trees)
}
