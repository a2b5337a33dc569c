//! TensorFlow Lite files on LiteRT: TensorFlow's own answers, and files that must be refused.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests, and what they leave out is said")]

mod bad_files;
mod caller;
mod cases;
mod conformance;
mod prepared;
mod shapes;
mod strings;
