//! Models that another library's Python converts, once: Keras files to SavedModels, TensorFlow's files to ONNX.
//!
//! A script of ours runs in the Python that has the libraries. What it makes is kept under a key of the source's bytes, so
//! that the next load finds it; it is written beside its place and renamed when whole. Whether a converted model answers
//! as its original does is not asked here.

mod kept;
mod keras;
mod key;
mod onnx;
mod python;

pub use kept::{Kept, Staging, kept, places};
pub use keras::KerasImporter;
pub use key::Key;
pub use onnx::{OnnxTask, SourceKind, to_onnx};
pub use python::{Converter, Python};
