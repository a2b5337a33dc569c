//! How calls of one version are put together: the settings.

use std::time::Duration;

/// How calls of one version are put together. The default adapts: nobody must tune.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BatchSettings {
    /// The most rows of one run; `None` leaves it to what runs were seen to cost.
    pub max_rows: Option<usize>,
    /// How long a batch that is not full waits for company; zero: not at all.
    pub max_delay: Duration,
    /// Sizes that runs should have, ascending; empty: any.
    pub preferred: Vec<usize>,
    /// The most calls that wait; further ones are refused at once.
    pub max_queue: usize,
    /// The most bytes of inputs of calls that wait. A call that finds nobody waiting is taken whatever its size.
    pub max_queue_bytes: usize,
    /// Whether calls of several callers may share a run at all.
    pub together: bool,
    /// Calls of more rows are refused.
    pub largest_call: Option<usize>,
    /// A batch is filled up with copies of its last row to the next of these sizes, ascending; empty: never.
    pub pad_to: Vec<usize>,
    /// Whether calls whose inputs differ in length share a run: shorter ones are filled up with their own first value.
    pub pad_lengths: bool,
}

impl Default for BatchSettings {
    fn default() -> Self {
        BatchSettings {
            max_rows: None,
            max_delay: Duration::ZERO,
            preferred: Vec::new(),
            max_queue: 8192,
            max_queue_bytes: 1 << 30,
            together: true,
            largest_call: None,
            pad_to: Vec::new(),
            pad_lengths: false,
        }
    }
}
