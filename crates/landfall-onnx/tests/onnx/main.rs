//! ONNX files through the reader and both engines. Models are written here, field by field, or by `fixtures/make.py`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests, and what they leave out is said")]

mod apart;
mod bad_files;
mod boxes;
mod declared;
mod divisions;
mod dtypes;
mod external;
mod functions;
mod golden;
mod interface;
mod lowered;
mod missing_values;
mod quantised;
mod recurrent;
mod reworded;
mod runs;
mod sequences;
mod support;
mod watched;
mod words;
