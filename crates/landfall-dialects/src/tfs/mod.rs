//! The TensorFlow Serving dialect: REST and gRPC as `tensorflow_model_server` speaks them.
//!
//! Sources: the published `.proto` files and REST documentation of TensorFlow Serving, and its observable answers.

pub mod config;
pub mod errors;
pub mod grpc;
pub mod inference;
pub mod logs;
pub mod names;
pub mod profiler;
pub mod rest;
pub mod warmup;

mod examples;
mod records;

#[doc(hidden)]
pub mod fuzz;

pub use errors::ErrorPlace;
