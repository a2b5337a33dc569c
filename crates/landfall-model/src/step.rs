//! What an engine did within a run, and when.

use std::time::Duration;

/// A step of a run, as its engine tells it of a call that is traced: an operator of a graph.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Which one, and of what kind: `dense/MatMul:MatMul`.
    pub name: String,
    /// When it began, since 1970.
    pub start: Duration,
    /// From there to its end.
    pub took: Duration,
}
