//! ONNX models: declared types from the file itself, evaluated by ONNX Runtime or by the embedded engine.
//!
//! [`engines`] says which engines are to be had, in order, and why; each is a [`landfall_model::Engine`].
//! [`declared`] reads what a file declares, for both of them and for `inspect`.
//!
//! ```
//! use landfall_foreign::Surroundings;
//! use landfall_onnx::{Preference, engines};
//!
//! let chosen = engines(Preference::Embedded, None, &Surroundings::default())?;
//! assert_eq!(chosen.engines[0].name(), "embedded");
//! # Ok::<(), landfall_model::Problem>(())
//! ```

mod choice;
pub mod declared;
mod embedded;
mod external;
mod facts;
#[doc(hidden)]
pub mod fuzz;
mod interface;
mod kinds;
mod lowered;
mod message;
mod node;
mod onnxruntime;
mod owned;
mod recognise;

pub use choice::{Choice, Preference, engines};
pub use embedded::Embedded;
pub use onnxruntime::{INSTALL, LIBRARY, OnnxRuntime};
