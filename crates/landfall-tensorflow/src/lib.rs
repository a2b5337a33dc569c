//! TensorFlow models: SavedModel, frozen graphs and TensorFlow Lite, evaluated by the libraries that Python packages bring.

mod functions;
#[doc(hidden)]
pub mod fuzz;
mod library;
mod litert;
mod tensorflow;

pub use litert::LiteRt;
pub use tensorflow::TensorFlow;
