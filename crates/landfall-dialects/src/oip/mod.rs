//! The Open Inference Protocol, version 2, in the dialect of the Triton Inference Server: what `tritonclient`, KServe
//! and MLServer clients speak.
//!
//! A decoder words what is wrong with a request itself, since Triton's sentences name the model and carry the request's
//! id; [`errors`] words what happens before and after.

pub mod errors;
#[doc(hidden)]
pub mod fuzz;
pub mod grpc;
pub mod names;
pub mod rest;

mod asked;
mod blob;
mod chosen;
mod classes;
mod csr;
mod gathered;
#[cfg(test)]
mod tests;

pub use asked::{AskedOutput, Form};
pub use names::{IndexEntry, ModelFacts, VersionPolicy, load_target, version_choice, whole_version};
