//! Features as questions look at them.

use crate::{Real, Rows};

/// A feature, as it is or with zero as a missing value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Column {
    pub(crate) feature: u32,
    pub(crate) zero_is_missing: bool,
}

impl Column {
    /// The value that questions see.
    #[inline(always)]
    pub(crate) fn value<X: Real>(self, row: &[X]) -> X {
        let x = row[self.feature as usize];
        if self.zero_is_missing && x == X::ZERO { X::NAN } else { x }
    }

    /// Of the feature's own values.
    #[inline(always)]
    pub(crate) fn copy<X: Real>(self, values: &[X], into: &mut [X]) {
        for (into, &x) in into.iter_mut().zip(values) {
            *into = if self.zero_is_missing && x == X::ZERO { X::NAN } else { x };
        }
    }

    /// One value of each row from `start` on.
    #[inline(always)]
    pub(crate) fn fill<X: Real>(self, rows: Rows<'_, X>, start: usize, into: &mut [X]) {
        for (i, value) in into.iter_mut().enumerate() {
            *value = self.value(rows.row(start + i));
        }
    }
}
