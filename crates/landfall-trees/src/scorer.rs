//! A model for callers in the same process: rows of numbers in, predictions out. Nothing is allocated for a row.

use crate::compiled::{Compiled, Evaluator};
use crate::load;
use landfall_forest::{Kernel, Real, Rows};
use landfall_model::{Element, Options, Problem};

/// A tree model, and memory for a call.
pub struct Scorer {
    inner: Box<dyn Score + Send>,
}

impl Scorer {
    /// Reads a model from a file's bytes; `name` is for messages.
    ///
    /// # Errors
    /// As the engine's load.
    pub fn read(bytes: &[u8], name: &str, options: &Options) -> Result<Scorer, Problem> {
        load::read(name, bytes, options, ToScorer)
    }

    /// Features of a row.
    pub fn features(&self) -> usize {
        self.inner.features()
    }

    /// What the library's `predict` gives for these rows (row-major, NaN for a missing value), one value or one per class
    /// for each, appended.
    ///
    /// # Errors
    /// Invalid argument, when the values are not whole rows.
    pub fn score(&mut self, rows: &[f32], predictions: &mut Vec<f64>) -> Result<(), Problem> {
        self.inner.score(rows, None, predictions)
    }

    /// As [`Scorer::score`], by a kernel of the caller's choice: for measuring.
    #[doc(hidden)]
    pub fn score_by(
        &mut self,
        kernel: Kernel,
        rows: &[f32],
        predictions: &mut Vec<f64>,
    ) -> Result<(), Problem> {
        self.inner.score(rows, Some(kernel), predictions)
    }
}

trait Score {
    fn features(&self) -> usize;
    fn score(
        &mut self,
        rows: &[f32],
        kernel: Option<Kernel>,
        predictions: &mut Vec<f64>,
    ) -> Result<(), Problem>;
}

struct TreeScorer<X, Y> {
    compiled: Compiled<X, Y>,
    values: Vec<X>,
    margins: Vec<Y>,
    predictions: Vec<Y>,
}

/// Rows that are brought to another type at a time.
const PART_ROWS: usize = 1024;

impl<X: Real, Y: Real> Compiled<X, Y> {
    /// Adds trees, or the linear function, to margins.
    fn add_up(&self, rows: Rows<'_, X>, kernel: Option<Kernel>, margins: &mut [Y]) {
        let trees = self.extent.trees.clone();
        match (&self.evaluator, kernel) {
            (Evaluator::Forest(forest), Some(kernel)) => forest.add_margins_by(kernel, rows, trees, margins),
            (Evaluator::Forest(forest), None) => forest.add_margins(rows, trees, margins),
            (Evaluator::Linear(linear), _) => linear.add_margins(rows, margins),
        }
    }
}

/// Numbers as they are, where their type is the one that trees compare.
trait OfF32: Sized {
    fn of_f32s(numbers: &[f32]) -> Option<&[Self]>;
}

impl<X: Real> OfF32 for X {
    fn of_f32s(numbers: &[f32]) -> Option<&[Self]> {
        if size_of::<X>() == size_of::<f32>() { bytemuck::try_cast_slice(numbers).ok() } else { None }
    }
}

/// Makes a [`Scorer`] of what a reader gives.
struct ToScorer;

impl load::Ready for ToScorer {
    type Made = Scorer;

    fn ready<X: Real + Element, Y: Real + Element>(
        self,
        compiled: Compiled<X, Y>,
    ) -> Result<Scorer, Problem> {
        let (values, margins, predictions) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Scorer { inner: Box::new(TreeScorer { compiled, values, margins, predictions }) })
    }
}

impl<X: Real + Element, Y: Real + Element> Score for TreeScorer<X, Y> {
    fn features(&self) -> usize {
        self.compiled.features.len()
    }

    fn score(
        &mut self,
        rows: &[f32],
        kernel: Option<Kernel>,
        predictions: &mut Vec<f64>,
    ) -> Result<(), Problem> {
        let width = self.compiled.features.len();
        if width == 0 || !rows.len().is_multiple_of(width) {
            return Err(Problem::invalid(format!("{} values in rows of {width}", rows.len())));
        }
        if self.compiled.derived.is_some() {
            return Err(Problem::unsupported(
                "rows of numbers for a model of categories",
                "use its named columns",
            ));
        }
        let count = rows.len() / width;
        self.margins.clear();
        match self.compiled.base[..] {
            [base] => self.margins.resize(count, base),
            _ => (0..count).for_each(|_| self.margins.extend_from_slice(&self.compiled.base)),
        }
        let groups = self.compiled.groups;
        match X::of_f32s(rows).filter(|_| self.compiled.rules.keep_values()) {
            Some(rows) => self.compiled.add_up(Rows::new(rows, count, width), kernel, &mut self.margins),
            None => {
                // Some rows at a time: what they become is read again while it is near the core.
                let parts = rows.chunks(width * PART_ROWS).zip(self.margins.chunks_mut(groups * PART_ROWS));
                for (rows, margins) in parts {
                    self.compiled.rules.take(rows, &mut self.values);
                    self.compiled.add_up(Rows::new(&self.values, rows.len() / width, width), kernel, margins);
                }
            }
        }
        if let Some(after) = &self.compiled.after {
            after.apply(&mut self.margins);
        }
        self.predictions.clear();
        self.compiled.transform.apply(&self.margins, self.compiled.extent.rounds, &mut self.predictions);
        predictions.extend(self.predictions.iter().map(|value| value.wide()));
        Ok(())
    }
}
