//! That a value does not fit, and nothing more.

use crate::json::SyntaxError;

/// What came is not what was expected. It says no more, to keep the hot path small: what exactly is wrong is found out
/// by reading again (see `explain`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Misfit;

impl From<SyntaxError> for Misfit {
    fn from(_: SyntaxError) -> Self {
        Misfit
    }
}
