//! Shapes of tensors, and declared dims of signatures.

use crate::{Kind, Problem};
use smallvec::SmallVec;
use std::fmt;
use std::ops::Deref;

/// The length of each axis of a tensor, outermost first; empty for a scalar.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Shape(SmallVec<[usize; 4]>);

impl Shape {
    /// A shape with these lengths.
    pub fn new(dims: &[usize]) -> Self {
        Shape(SmallVec::from_slice(dims))
    }

    /// Number of elements.
    ///
    /// # Errors
    /// Invalid argument, when the product does not fit into 63 bits.
    pub fn elements(&self) -> Result<usize, Problem> {
        let mut elements = 1usize;
        let mut zero = false;
        for &dim in self.0.iter() {
            zero |= dim == 0;
            elements =
                elements.checked_mul(dim.max(1)).filter(|&n| n <= isize::MAX as usize).ok_or_else(|| {
                    Problem::worded(Kind::InvalidArgument, format!("shape {self} has too many elements"))
                })?;
        }
        Ok(if zero { 0 } else { elements })
    }

    /// Number of elements if axes of length 0 were of length 1.
    pub(crate) fn room(&self) -> usize {
        self.0.iter().fold(1, |room, &dim| room.saturating_mul(dim.max(1)))
    }

    /// The same shape with another length of axis 0.
    ///
    /// # Panics
    /// When the shape is a scalar's.
    #[must_use]
    pub fn with_rows(&self, rows: usize) -> Self {
        let mut dims = self.0.clone();
        dims[0] = rows;
        Shape(dims)
    }

    /// Appends an axis.
    pub fn push(&mut self, dim: usize) {
        self.0.push(dim);
    }

    /// Puts an axis in front.
    pub fn push_front(&mut self, dim: usize) {
        self.0.insert(0, dim);
    }
}

impl Deref for Shape {
    type Target = [usize];
    fn deref(&self) -> &[usize] {
        &self.0
    }
}

impl FromIterator<usize> for Shape {
    fn from_iter<I: IntoIterator<Item = usize>>(dims: I) -> Self {
        Shape(dims.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(f, self.0.iter())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// One declared axis of an input or output.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Dim {
    /// Always this length.
    Known(usize),
    /// Any length; the name, where the model gives one, is for people and ties equal names together.
    Free(Option<String>),
}

impl Dim {
    /// The length as protocols write it: −1 where it is free.
    pub fn as_signed(&self) -> i64 {
        match self {
            Dim::Known(n) => i64::try_from(*n).unwrap_or(i64::MAX),
            Dim::Free(_) => -1,
        }
    }

    /// Whether a tensor's axis of this length fits.
    pub fn takes(&self, length: usize) -> bool {
        matches!(self, Dim::Free(_)) || *self == Dim::Known(length)
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_signed())
    }
}

/// Writes declared dims as `[-1,13]`.
pub fn display_dims(dims: &[Dim]) -> impl fmt::Display + '_ {
    struct Dims<'a>(&'a [Dim]);
    impl fmt::Display for Dims<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write_list(f, self.0.iter())
        }
    }
    Dims(dims)
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, items: impl Iterator<Item = T>) -> fmt::Result {
    f.write_str("[")?;
    for (i, item) in items.enumerate() {
        if i > 0 {
            f.write_str(",")?;
        }
        write!(f, "{item}")?;
    }
    f.write_str("]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_without_wrapping() {
        assert_eq!(Shape::new(&[]).elements().unwrap(), 1);
        assert_eq!(Shape::new(&[3, 0, 5]).elements().unwrap(), 0);
        assert_eq!(Shape::new(&[1 << 32, 1 << 32]).elements().unwrap_err().kind(), Kind::InvalidArgument);
        assert!(
            Shape::new(&[0, usize::MAX, usize::MAX]).elements().is_err(),
            "zero does not excuse an absurd shape"
        );
    }

    #[test]
    fn shapes_are_written_as_protocols_do() {
        assert_eq!(Shape::new(&[2, 13]).to_string(), "[2,13]");
        assert_eq!(display_dims(&[Dim::Free(None), Dim::Known(13)]).to_string(), "[-1,13]");
    }
}
