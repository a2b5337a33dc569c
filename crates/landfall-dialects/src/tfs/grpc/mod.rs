//! TensorFlow Serving's gRPC services `tensorflow.serving.PredictionService` and `tensorflow.serving.ModelService`, as
//! bare messages.
//!
//! Field numbers are those of the published `.proto` files; fields that nothing here needs are skipped.

mod decode;
mod encode;
mod inference;
mod metadata;
mod spec;
mod status;
mod tensor;

#[cfg(test)]
mod tests;

pub use decode::{Form, decode_predict, predict_address};
pub use encode::{encode_predict, encode_predict_request};
pub use inference::{
    decode_multi_inference, decode_question, encode_answer, encode_multi_inference, encode_question,
    multi_inference_address,
};
pub use metadata::{decode_get_model_metadata, encode_get_model_metadata};
pub(in crate::tfs) use spec::write as write_spec;
pub use status::{decode_get_model_status, encode_get_model_status};

use landfall_model::Problem;

/// A message that is no protobuf is the caller's mistake.
#[cold]
pub(in crate::tfs) fn unreadable(problem: Problem) -> Problem {
    Problem::invalid(format!("the request cannot be parsed: {}", problem.sentence()))
}
