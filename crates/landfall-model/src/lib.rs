//! What a model is, whoever reads, runs or serves it.
//!
//! The lowest floor: typed arrays ([`Tensor`]), named inputs and outputs ([`Signature`]), one checked call
//! ([`Call`]), what evaluates it ([`Engine`], [`Model`], [`Instance`]) and the one error ([`Problem`]). It opens no
//! file, starts no thread, reads no clock and knows no protocol.
//!
//! ```
//! use landfall_model::{DType, Tensor};
//!
//! let x = Tensor::from_slice(&[3, 2], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0])?;
//! assert_eq!(x.dtype(), DType::F32);
//! assert_eq!(x.rows(1..3).values::<f32>()?, [3.0, 4.0, 5.0, 6.0]);
//! # Ok::<(), landfall_model::Problem>(())
//! ```
#![forbid(unsafe_code)]

mod bitmap;
mod buffer;
mod call;
pub mod civil;
mod declared;
mod dtype;
mod edit_distance;
mod engine;
mod files;
mod input;
mod input_spec;
mod joint;
pub mod json;
mod kind;
mod level;
mod null_rule;
mod options;
mod output_spec;
mod outputs;
mod problem;
pub mod protobuf;
mod ragged;
pub mod reader;
mod reason;
mod row_rule;
mod shape;
mod signature;
mod stack;
mod statistics;
mod status;
mod step;
mod strings;
mod tensor;
mod tensor_mut;
mod version;
mod wanted;

pub use bitmap::Bitmap;
pub use buffer::{Buffer, BufferMut, LINE_BYTES};
pub use call::Call;
pub use declared::{DeclaredSignature, Described};
pub use dtype::{DType, Element, Scalar};
pub use edit_distance::edit_distance;
pub use engine::{Claim, CostClass, Engine, Facts, Imported, Importer, Instance, Later, Model};
pub use files::{FileEntry, FilesInMemory, ModelFiles};
pub use input::{Csr, Input};
pub use input_spec::{Column, InputSpec};
pub use joint::{Joint, Member};
pub use kind::Kind;
pub use null_rule::{NullRule, NullRuleSource};
pub use options::{OptionSpec, Options};
pub use output_spec::OutputSpec;
pub use outputs::Outputs;
pub use problem::Problem;
pub use ragged::Ragged;
pub use reason::Reason;
pub use row_rule::RowRule;
pub use shape::{Dim, Shape, display_dims};
pub use signature::{Method, ShapeRule, Signature, Slot, SlotColumn};
pub use stack::stack;
pub use statistics::{BatchStatistics, Timed, VersionStatistics};
pub use status::{VersionState, VersionStatus};
pub use step::Step;
pub use strings::{Strings, StringsMut};
pub use tensor::{Invalid, Tensor};
pub use tensor_mut::TensorMut;
pub use version::{Version, VersionChoice};
pub use wanted::Wanted;
