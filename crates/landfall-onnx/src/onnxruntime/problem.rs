//! The library's failures as problems.

use super::NAME;
use super::api::{self, Failure};
use landfall_model::{Kind, Problem, Reason};

/// Why a model was not loaded.
pub(super) fn load_problem(file: &str, failure: Failure) -> Problem {
    match failure.code {
        api::NOT_IMPLEMENTED => Problem::unsupported(format!("{file}: {}", failure.text), ""),
        // no such file, no protobuf, no valid graph, invalid argument, or a plain failure while it was checked
        1..=3 | 7 | 10 => Problem::malformed(file, None, format!("ONNX Runtime: {}", failure.text)),
        _ => Problem::new(Reason::Engine { engine: NAME, text: failure.text }).at(file),
    }
}

/// A run's failure: what the library calls an invalid argument (an index out of bounds, dims that do not fit each
/// other) lies in the call's data, since the model itself was accepted.
#[cold]
pub(super) fn run_problem(failure: Failure) -> Problem {
    match failure.code {
        api::INVALID_ARGUMENT => Problem::worded(Kind::InvalidArgument, format!("{NAME}: {}", failure.text)),
        _ => Problem::new(Reason::Engine { engine: NAME, text: failure.text }),
    }
}
