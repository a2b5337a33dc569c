//! One value of an input: a scalar, a list, lists of lists, with the shape that its first elements have.

use super::misfit::Misfit;
use super::scalar::{self, starts_number};
use crate::json::Scanner;
use landfall_model::{InputSpec, Problem, Shape, Tensor, TensorMut};
use smallvec::SmallVec;

/// Lengths of lists, outermost first.
pub(super) type Dims = SmallVec<[usize; 4]>;

/// TensorFlow's own limit.
pub(super) const MAX_RANK: usize = 254;

/// The length of a list that has not ended yet.
const OPEN: usize = usize::MAX;

/// Values of one input, one after the other: all of one shape.
pub(super) struct Items<'s> {
    spec: &'s InputSpec,
    values: TensorMut,
    dims: Dims,
    count: usize,
}

impl<'s> Items<'s> {
    pub(super) fn new(spec: &'s InputSpec) -> Self {
        Items { spec, values: TensorMut::new(spec.dtype), dims: Dims::new(), count: 0 }
    }

    /// How many values were read.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Reads the next value. The first one sets the shape.
    pub(super) fn read(&mut self, scanner: &mut Scanner<'_>) -> Result<(), Misfit> {
        let mut rank = (self.count > 0).then_some(self.dims.len());
        let mut lengths = Dims::new();
        loop {
            let byte = scanner.skip_space();
            let ended = match byte {
                b'[' => {
                    self.open(rank, &mut lengths)?;
                    scanner.step();
                    self.start_of_list(scanner, &mut rank, &mut lengths)?
                }
                _ => {
                    if *rank.get_or_insert(self.dims.len()) != lengths.len() {
                        return Err(Misfit);
                    }
                    scalar::read(scanner, self.spec, self.count, &mut self.values)?;
                    true
                }
            };
            if ended && self.end_of_value(scanner, &mut lengths)? {
                self.count += 1;
                return Ok(());
            }
        }
    }

    fn open(&mut self, rank: Option<usize>, lengths: &mut Dims) -> Result<(), Misfit> {
        match rank {
            Some(rank) if lengths.len() == rank => return Err(Misfit),
            None if self.dims.len() == MAX_RANK => return Err(Misfit),
            None => self.dims.push(OPEN),
            Some(_) => {}
        }
        lengths.push(0);
        Ok(())
    }

    /// After a `[`: reads the list whole where it is empty or holds numbers alone; says whether it did.
    #[inline]
    fn start_of_list(
        &mut self,
        scanner: &mut Scanner<'_>,
        rank: &mut Option<usize>,
        lengths: &mut Dims,
    ) -> Result<bool, Misfit> {
        let byte = scanner.skip_space();
        if byte == b']' {
            scanner.step();
            rank.get_or_insert(self.dims.len());
            self.close(lengths)?;
            return Ok(true);
        }
        // Whole numbers may be invalid, or become text, one by one.
        if !starts_number(byte)
            || self.spec.integers_as_text
            || (self.spec.accepts_invalid && !self.spec.dtype.is_float())
        {
            return Ok(false);
        }
        if *rank.get_or_insert(self.dims.len()) != lengths.len() {
            return Err(Misfit);
        }
        let stretch = scalar::read_numbers(scanner, &mut self.values)?;
        if let Some(length) = lengths.last_mut() {
            *length += stretch.numbers;
        }
        if stretch.closed {
            self.close(lengths)?;
        }
        Ok(stretch.closed)
    }

    /// After a value: whether the outermost one has ended; else the next one is about to start.
    #[inline]
    fn end_of_value(&mut self, scanner: &mut Scanner<'_>, lengths: &mut Dims) -> Result<bool, Misfit> {
        while let Some(length) = lengths.last_mut() {
            *length += 1;
            if scanner.next_element(false)? {
                return Ok(false);
            }
            self.close(lengths)?;
        }
        Ok(true)
    }

    #[inline]
    fn close(&mut self, lengths: &mut Dims) -> Result<(), Misfit> {
        let length = lengths.pop().ok_or(Misfit)?;
        let dim = &mut self.dims[lengths.len()];
        if *dim == OPEN {
            *dim = length;
        }
        if *dim == length { Ok(()) } else { Err(Misfit) }
    }

    /// The one value read, as a tensor of its own shape.
    pub(super) fn into_tensor(self) -> Result<Tensor, Problem> {
        self.values.freeze(Shape::new(&self.dims))
    }

    /// All values, as rows.
    pub(super) fn into_rows(self) -> Result<Tensor, Problem> {
        let mut shape = Shape::new(&self.dims);
        shape.push_front(self.count);
        self.values.freeze(shape)
    }
}
