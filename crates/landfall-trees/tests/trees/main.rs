//! Tree models through the engine's front door: the libraries' own files and answers, and files that are broken.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests, and what they leave out is said")]

mod bad_files;
mod cases;
mod catboost;
mod catboost_rules;
mod compare;
mod conformance;
mod files;
mod flatbuffer;
mod fuzz;
mod libraries;
mod names;
mod npy;
mod pieces;
mod rows;
mod untrained;
mod versions;
mod written;
