//! Protobuf's wire format on the hot path (a walk over a request's fields, a writer straight into the response's bytes),
//! and its text format for files that people write.
//!
//! Format: the public "Encoding" page of the Protocol Buffers documentation. The reader is
//! [`landfall_model::protobuf`].

pub mod text;
pub mod walk;
mod writer;

pub use writer::{Writer, varint_len};
