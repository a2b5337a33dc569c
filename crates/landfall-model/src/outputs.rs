//! What comes back from a model.

use crate::{Problem, Step, Tensor};
use std::ops::Range;
use std::sync::Arc;

/// Output tensors by place in the signature, and the rows that failed alone.
#[derive(Clone, Default, Debug, PartialEq)]
pub struct Outputs {
    tensors: Vec<Option<Tensor>>,
    failed: Vec<(usize, Problem)>,
    steps: Option<Arc<Vec<Step>>>,
}

impl Outputs {
    /// Nothing yet.
    pub fn new() -> Self {
        Outputs::default()
    }

    /// Empties it for the next run.
    pub fn clear(&mut self) {
        self.tensors.clear();
        self.failed.clear();
        self.steps = None;
    }

    /// Sets the output at a place of the signature.
    pub fn set(&mut self, place: usize, tensor: Tensor) {
        if self.tensors.len() <= place {
            self.tensors.resize(place + 1, None);
        }
        self.tensors[place] = Some(tensor);
    }

    /// The output at a place, if it was computed.
    pub fn get(&self, place: usize) -> Option<&Tensor> {
        self.tensors.get(place).and_then(Option::as_ref)
    }

    /// The outputs computed, with their places.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &Tensor)> {
        self.tensors.iter().enumerate().filter_map(|(place, tensor)| Some((place, tensor.as_ref()?)))
    }

    /// Marks a row as failed, and that row alone. Its values in the tensors mean nothing.
    pub fn fail_row(&mut self, row: usize, problem: Problem) {
        self.failed.push((row, problem));
    }

    /// The rows that failed alone, in the order in which they were marked.
    pub fn failed(&self) -> &[(usize, Problem)] {
        &self.failed
    }

    /// Adds steps of the run.
    pub fn add_steps(&mut self, steps: impl IntoIterator<Item = Step>) {
        Arc::make_mut(self.steps.get_or_insert_default()).extend(steps);
    }

    /// The steps of the run, all callers of a batch sharing them; `None` where the call was not traced, or the engine
    /// does not know them.
    pub fn steps(&self) -> Option<&Arc<Vec<Step>>> {
        self.steps.as_ref()
    }

    /// Those at some places, which count from the first of them; they share the buffers.
    #[must_use]
    pub fn places(&self, range: Range<usize>) -> Self {
        let end = range.end.min(self.tensors.len());
        let tensors = self.tensors.get(range.start..end).unwrap_or_default().to_vec();
        Outputs { tensors, failed: self.failed.clone(), steps: None }
    }

    /// The part that belongs to some rows; outputs share the buffers, failed rows count from the part's start.
    /// For outputs whose axis 0 is rows.
    #[must_use]
    pub fn rows(&self, range: Range<usize>) -> Self {
        let cut = |tensor: &Option<Tensor>| tensor.as_ref().map(|tensor| tensor.rows(range.clone()));
        let shift = |(row, problem): &(usize, Problem)| {
            let row = row - range.start;
            (row, problem.clone().of_row(row))
        };
        Outputs {
            tensors: self.tensors.iter().map(cut).collect(),
            failed: self.failed.iter().filter(|(row, _)| range.contains(row)).map(shift).collect(),
            steps: self.steps.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    #[test]
    fn a_part_of_the_places_counts_from_its_first() {
        let mut outputs = Outputs::new();
        outputs.set(2, Tensor::from_slice(&[1], &[7i32]).unwrap());
        outputs.fail_row(0, Problem::invalid("first"));
        let part = outputs.places(1..4);
        assert_eq!((part.get(0), part.get(2)), (None, None));
        assert_eq!(part.get(1).unwrap().values::<i32>().unwrap(), [7]);
        assert_eq!(part.failed().len(), 1, "a row fails for all who asked");
        assert_eq!(outputs.places(5..6).iter().count(), 0, "nothing was computed there");
    }

    #[test]
    fn a_part_has_its_own_rows_and_its_own_failures() {
        let mut outputs = Outputs::new();
        outputs.set(1, Tensor::from_slice(&[4], &[0i32, 1, 2, 3]).unwrap());
        outputs.fail_row(0, Problem::invalid("first"));
        let missing = |row| Problem::new(Reason::ValueMissing { input: "x".into(), row });
        outputs.fail_row(2, missing(2));
        let part = outputs.rows(1..3);
        assert_eq!(part.get(0), None);
        assert_eq!(part.get(1).unwrap().values::<i32>().unwrap(), [1, 2]);
        assert_eq!(part.failed(), [(1, missing(1))]);
    }
}
