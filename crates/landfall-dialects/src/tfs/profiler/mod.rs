//! TensorFlow's profiler service `tensorflow.ProfilerService`: what is asked for, and a trace of requests as its clients
//! keep it.
//!
//! Sources: the published `profiler_service.proto`, `profiler_options.proto` and `xplane.proto`.

mod request;
#[cfg(test)]
mod tests;
mod xspace;

pub use request::{ProfileRequest, decode_profile, decode_terminate};
pub use xspace::{Batch, Traced, encode_xspace};
