//! A writer of protobuf's wire format, straight into the response's bytes.
//!
//! Format: the public "Encoding" page of the Protocol Buffers documentation. The reader is
//! [`landfall_model::protobuf`].

mod writer;

pub use writer::{Writer, varint_len};
