//! From serving to the end.

/// What threads are told.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    /// Accept and answer.
    Serve,
    /// Accept nothing, answer what is under way, end.
    Drain,
    /// End.
    Cut,
}
