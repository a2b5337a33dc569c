//! What a version has done since it was loaded, as data that doors word. The terms are those of Triton's statistics
//! extension.

use crate::Version;

/// How often something happened, and how long it took altogether.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Timed {
    /// How often.
    pub count: u64,
    /// Nanoseconds altogether.
    pub ns: u64,
}

/// What a version has done since it was loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionStatistics {
    /// Name of the model.
    pub model: String,
    /// Which version.
    pub version: Version,
    /// When it last answered, in milliseconds since 1970; 0 for never.
    pub last_inference_ms: u64,
    /// Rows answered (a request counts as 1 where rows mean nothing).
    pub inferences: u64,
    /// Runs of the model: a batch of many requests is one.
    pub executions: u64,
    /// Requests answered, from their arrival to their answer.
    pub success: Timed,
    /// Requests that failed in the queue or in the model.
    pub fail: Timed,
    /// Time that requests waited.
    pub queue: Timed,
    /// Putting inputs together.
    pub compute_input: Timed,
    /// Running the model.
    pub compute_infer: Timed,
    /// Taking outputs apart.
    pub compute_output: Timed,
    /// The same by batch size, ascending.
    pub batches: Vec<BatchStatistics>,
}

/// What runs of one batch size took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BatchStatistics {
    /// Rows of the batch that ran.
    pub rows: u64,
    /// Putting inputs together.
    pub compute_input: Timed,
    /// Running the model.
    pub compute_infer: Timed,
    /// Taking outputs apart.
    pub compute_output: Timed,
}
