//! Rows as callers give them.

use crate::Real;
#[cfg(target_arch = "x86_64")]
use crate::real::Numbers;
use std::ops::Range;

/// Rows side by side: row-major, `columns` values each.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a, X> {
    values: &'a [X],
    columns: usize,
    rows: usize,
}

impl<'a, X: Real> Rows<'a, X> {
    /// A row-major matrix.
    ///
    /// # Panics
    /// When the number of values is not `rows * columns`.
    pub fn new(values: &'a [X], rows: usize, columns: usize) -> Self {
        assert!(values.len() == rows * columns, "{} values in {rows} rows of {columns}", values.len());
        Rows { values, columns, rows }
    }

    /// The same rows, where they are of float32.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn of_f32(self) -> Option<Rows<'a, f32>> {
        let Numbers::F32(values) = X::numbers(self.values) else { return None };
        Some(Rows { values, columns: self.columns, rows: self.rows })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// All values, row by row.
    pub fn values(&self) -> &'a [X] {
        self.values
    }

    /// Values of each row.
    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Some of the rows.
    ///
    /// # Panics
    /// When there are not as many.
    #[must_use]
    pub fn part(&self, rows: Range<usize>) -> Rows<'a, X> {
        let values = &self.values[rows.start * self.columns..rows.end * self.columns];
        Rows { values, columns: self.columns, rows: rows.len() }
    }

    /// One row.
    #[inline]
    pub fn row(&self, row: usize) -> &'a [X] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }
}
