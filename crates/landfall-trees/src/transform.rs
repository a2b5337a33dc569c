//! Margins into predictions.

use std::fmt::Debug;

/// What a library makes of its sums.
pub(crate) trait Transform<Y>: Send + Sync + Debug {
    /// Values of a prediction.
    fn width(&self) -> usize;

    /// Whether predictions are the sums as they are.
    fn is_identity(&self) -> bool {
        false
    }

    /// Appends the predictions of all rows. `margins` is [rows, groups], `rounds` the number of rounds in the sums.
    fn apply(&self, margins: &[Y], rounds: usize, out: &mut Vec<Y>);
}
