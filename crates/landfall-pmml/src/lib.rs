//! PMML models, 2.0 to 4.4: read in one pass, names resolved to slots and types at load, evaluated without a lookup.
//!
//! [`engine`] is the door. A document is read front to back (`read`), each name becomes a slot with a type while it is
//! read (`resolve`), and a row is evaluated over slots (`run`). A model element has one file under `models` and one line
//! in its table; a built-in function has one line in its family's table under `functions`.

mod blocks;
mod civil;
mod document;
mod engine;
mod expression;
mod functions;
#[doc(hidden)]
pub mod fuzz;
mod model;
mod models;
mod moment;
mod pattern;
mod read;
mod resolve;
mod run;
mod scorer;
mod value;
mod verification;

pub use engine::engine;
pub use scorer::Scorer;
