//! Rows of unequal length.

use crate::{Problem, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// Rows of unequal length as one tensor of all their values and the places where rows end. An operation that cannot
/// take them refuses.
#[derive(Clone, Debug)]
pub struct Ragged {
    values: Tensor,
    /// Row `i` is `splits[i]..splits[i + 1]` along axis 0 of `values`.
    splits: Arc<[usize]>,
}

impl Ragged {
    /// From values and row splits (a leading 0, ascending, ending with the length of axis 0 of `values`).
    ///
    /// # Errors
    /// Invalid argument, when the splits are not so.
    pub fn new(values: Tensor, splits: Vec<usize>) -> Result<Self, Problem> {
        let length = *values.shape().first().ok_or_else(|| Problem::invalid("a scalar has no rows"))?;
        let ascending = splits.windows(2).all(|pair| pair[0] <= pair[1]);
        if splits.first() != Some(&0) || splits.last() != Some(&length) || !ascending {
            return Err(Problem::invalid(format!("row splits must ascend from 0 to {length}")));
        }
        Ok(Ragged { values, splits: splits.into() })
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.splits.len() - 1
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values, row after row.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Where row `index` lies along axis 0 of the values.
    ///
    /// # Panics
    /// When `index` is beyond the end.
    pub fn row(&self, index: usize) -> Range<usize> {
        self.splits[index]..self.splits[index + 1]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_unequal_length_keep_their_places() {
        let values = Tensor::from_slice(&[4], &[1i64, 2, 3, 4]).unwrap();
        let ragged = Ragged::new(values.clone(), vec![0, 3, 3, 4]).unwrap();
        assert_eq!((0..ragged.len()).map(|i| ragged.row(i).len()).collect::<Vec<_>>(), [3, 0, 1]);
        assert!(Ragged::new(values.clone(), vec![0, 3]).is_err());
        assert!(Ragged::new(values, vec![0, 3, 2, 4]).is_err());
    }
}
