//! TensorFlow Serving's gRPC services `tensorflow.serving.PredictionService` and `tensorflow.serving.ModelService`, as
//! bare messages.
//!
//! Field numbers are those of the published `.proto` files; fields that nothing here needs are skipped.

mod decode;
mod encode;
mod metadata;
mod spec;
mod status;
mod tensor;

#[cfg(test)]
mod tests;

pub use decode::{Form, decode_predict, predict_address};
pub use encode::encode_predict;
pub use metadata::{decode_get_model_metadata, encode_get_model_metadata};
pub use status::{decode_get_model_status, encode_get_model_status};

use landfall_model::Problem;

/// The answer to a method of these services that is not built: `Classify`, `Regress`, `MultiInference`, `SessionRun`,
/// `HandleReloadConfigRequest`.
#[cold]
pub fn unimplemented(method: &str) -> Problem {
    let instead = match method {
        "Classify" | "Regress" | "MultiInference" | "SessionRun" => {
            "use Predict with the model's inputs by name"
        }
        "HandleReloadConfigRequest" => "load and unload models with the control API",
        _ => "",
    };
    Problem::unsupported(method, instead)
}

/// A message that is no protobuf is the caller's mistake.
#[cold]
fn unreadable(problem: Problem) -> Problem {
    Problem::invalid(format!("the request cannot be parsed: {}", problem.sentence()))
}
