//! The TensorFlow Serving dialect: REST and gRPC as `tensorflow_model_server` speaks them.
//!
//! Sources: the published `.proto` files and REST documentation of TensorFlow Serving, and its observable answers.

pub mod errors;
pub mod grpc;
pub mod names;
pub mod rest;

mod columns;

#[doc(hidden)]
pub mod fuzz;

pub use errors::ErrorPlace;
