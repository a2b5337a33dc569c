//! Protobuf's wire format on the hot path (a walk over a request's fields, a writer straight into the response's bytes),
//! its text format for files that people write, and the definitions of all messages beside this crate.
//!
//! Format: the public "Encoding" page of the Protocol Buffers documentation. The reader is
//! [`landfall_model::protobuf`].

mod definitions;
pub(crate) mod descriptor;
mod proto_text;
pub(crate) mod text;
pub(crate) mod walk;
mod writer;

pub(crate) use writer::{Writer, varint_len};
