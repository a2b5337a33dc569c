//! A matrix input that rows give column by column: `{"age": 31, "job": 2}`.

use super::misfit::Misfit;
use super::scalar;
use crate::json::Scanner;
use landfall_model::{InputSpec, Problem, Shape, Tensor, TensorMut};

/// A row-major matrix [n, F] that is being filled. A column that comes in its turn is read at once; one that comes
/// early is remembered and read when the row ends.
pub(super) struct Filling<'s> {
    spec: &'s InputSpec,
    values: TensorMut,
    rows: usize,
    /// The column whose turn it is.
    next: usize,
    /// Columns that came early, with the place of their value in the document.
    early: Vec<(usize, usize)>,
}

impl<'s> Filling<'s> {
    pub(super) fn new(spec: &'s InputSpec) -> Self {
        let values = TensorMut::new(spec.dtype);
        Filling { spec, values, rows: 0, next: 0, early: Vec::new() }
    }

    /// Reads the value of a column, or steps over it for now.
    pub(super) fn read(&mut self, column: usize, scanner: &mut Scanner<'_>) -> Result<(), Misfit> {
        if column == self.next {
            self.next += 1;
            return scalar::read_cell(scanner, self.spec, self.rows, &mut self.values);
        }
        if column < self.next || self.early.iter().any(|&(other, _)| other == column) {
            return Err(Misfit);
        }
        self.early.push((column, scanner.at()));
        Ok(scanner.skip_value()?)
    }

    /// Ends the row: columns that did not come follow the rule for missing values.
    pub(super) fn end_row(&mut self, scanner: &Scanner<'_>) -> Result<(), Misfit> {
        for column in self.next..self.spec.columns.len() {
            match self.early.iter().find(|&&(other, _)| other == column) {
                Some(&(_, at)) => {
                    scalar::read_cell(&mut scanner.moved_to(at), self.spec, self.rows, &mut self.values)?;
                }
                None => {
                    let name = &self.spec.columns[column].name;
                    self.values.push_missing(&self.spec.null, name, self.rows).map_err(|_| Misfit)?;
                }
            }
        }
        self.early.clear();
        self.next = 0;
        self.rows += 1;
        Ok(())
    }

    pub(super) fn into_matrix(self) -> Result<Tensor, Problem> {
        self.values.freeze(Shape::new(&[self.rows, self.spec.columns.len()]))
    }
}
