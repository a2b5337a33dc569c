//! Where a version stands in its life, as data that doors word.

use crate::{Problem, Version};

/// The states of a version. They follow each other in this order and never go back; the names are TensorFlow
/// Serving's (`ModelVersionStatus.State`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum VersionState {
    /// Known, nothing done yet.
    Start,
    /// Being loaded, verified and warmed.
    Loading,
    /// Answers requests.
    Available,
    /// Takes no new requests; those under way finish.
    Unloading,
    /// Gone, or failed to load.
    End,
}

/// One version of a model, and why it ended where it did not load.
#[derive(Clone, Debug)]
pub struct VersionStatus {
    /// Which version.
    pub version: Version,
    /// Where it stands.
    pub state: VersionState,
    /// The error that ended it.
    pub problem: Option<Problem>,
}
