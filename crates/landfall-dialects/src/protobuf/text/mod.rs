//! Protobuf's text format, for messages that are defined beside this crate: read into the wire format, so that a message
//! has one decoder whichever way it comes.
//!
//! Format: the public "Text Format Language Specification" of the Protocol Buffers documentation.

mod lexer;
mod message;
mod quoted;
mod scalar;

#[cfg(test)]
mod tests;

pub(crate) use message::to_wire;
