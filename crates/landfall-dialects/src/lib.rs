//! Bytes to call and back, for each protocol: pure functions, no sockets.
//!
//! Each dialect has the same rooms: `rest` and `grpc` decode a body with the signature of the model that it is for and
//! encode that model's outputs; `errors` words a [`Problem`](landfall_model::Problem) as the original server does. gRPC
//! bodies are bare messages; frames, compression and headers belong to whoever holds the socket.
//!
//! ```
//! use landfall_dialects::{JsonNan, tfs};
//! use landfall_model::{
//!     Buffer, DType, Dim, InputSpec, Method, OutputSpec, Outputs, RowRule, ShapeRule, Signature, Tensor,
//! };
//!
//! let signature = Signature::new(
//!     "serving_default",
//!     Method::Predict,
//!     vec![InputSpec::new("x", DType::F32, Some(vec![Dim::Free(None)]))],
//!     vec![OutputSpec::new("y", DType::F32, None)],
//!     RowRule::Independent,
//!     ShapeRule::Checked,
//! )?
//! .shared();
//! let body = Buffer::copy_of(br#"{"instances": [1.0, 2.0]}"#);
//! let decoded = tfs::rest::decode(&body, &[signature.clone()])?;
//! assert_eq!(decoded.call.rows(), Some(2));
//!
//! let mut outputs = Outputs::new();
//! outputs.set(0, Tensor::from_slice(&[2], &[2.5f32, 3.0])?);
//! let mut answer = Vec::new();
//! tfs::rest::encode(&decoded.form, &signature, &outputs, JsonNan::Bare, &mut answer)?;
//! assert_eq!(answer, b"{\n    \"predictions\": [2.5, 3.0\n    ]\n}");
//! # Ok::<(), landfall_model::Problem>(())
//! ```
#![forbid(unsafe_code)]

mod columns;
mod failed_rows;
mod json;
pub mod oip;
mod protobuf;
#[cfg(test)]
mod seeded;
pub mod services;
pub mod tfs;

use landfall_model::{Call, Version, VersionChoice};
use std::time::Duration;

/// For whom a call is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address {
    /// Name of the model.
    pub model: String,
    /// Which version of it.
    pub version: VersionChoice,
}

/// A decoded call, what the caller asked for beside it, and what the answer's encoder needs to know.
#[derive(Clone, Debug)]
pub struct Decoded<Form> {
    /// The checked call.
    pub call: Call,
    /// How it is to be scheduled.
    pub hints: Hints,
    /// How the answer is to be written.
    pub form: Form,
}

/// What a body says about scheduling.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hints {
    /// How long the caller waits; may only shorten what the transport says.
    pub timeout: Option<Duration>,
    /// 1 is the highest.
    pub priority: Option<u64>,
}

/// How NaN and the infinities are written in JSON answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum JsonNan {
    /// `NaN`, `Infinity`, `-Infinity`: no strict JSON, but what the original servers write and their clients read.
    #[default]
    Bare,
    /// `null`.
    Null,
}

/// An error as it goes over HTTP.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HttpError {
    /// Status code.
    pub status: u16,
    /// The body, `application/json`.
    pub body: Vec<u8>,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
}

/// An error as gRPC sends it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GrpcError {
    /// Canonical status code.
    pub code: u32,
    /// For people, and for clients that match on text.
    pub message: String,
    /// When it is worth trying again.
    pub retry_after: Option<Duration>,
}

/// The version that answers, as answers name it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// Its version.
    pub version: &'a Version,
}
