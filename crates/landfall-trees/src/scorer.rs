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
    /// What the sum of a row starts with, where it is the prediction and is made of the row as it came.
    plain: Option<Y>,
    values: Vec<X>,
    margins: Vec<Y>,
    predictions: Vec<Y>,
}

/// Rows that are brought to another type at a time.
const PART_ROWS: usize = 1024;

impl<X: Real, Y: Real> Compiled<X, Y> {
    /// Adds trees, or the linear function, to margins, of rows as they came.
    fn add_up_of_f32(&self, rows: Rows<'_, f32>, kernel: Option<Kernel>, margins: &mut [Y]) {
        let trees = self.extent.trees.clone();
        match &self.evaluator {
            Evaluator::Forest(forest) => forest.add_margins_of_f32(kernel, rows, trees, margins),
            Evaluator::Linear(linear) => linear.add_margins(rows, margins),
        }
    }

    /// The same, of rows that were changed.
    fn add_up(&self, rows: Rows<'_, X>, kernel: Option<Kernel>, margins: &mut [Y]) {
        let trees = self.extent.trees.clone();
        match (&self.evaluator, kernel) {
            (Evaluator::Forest(forest), Some(kernel)) => forest.add_margins_by(kernel, rows, trees, margins),
            (Evaluator::Forest(forest), None) => forest.add_margins(rows, trees, margins),
            (Evaluator::Linear(linear), _) => linear.add_margins(rows, margins),
        }
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
        let plain = plain(&compiled);
        Ok(Scorer { inner: Box::new(TreeScorer { compiled, plain, values, margins, predictions }) })
    }
}

fn plain<X: Real, Y: Real>(compiled: &Compiled<X, Y>) -> Option<Y> {
    let [base] = compiled.base[..] else { return None };
    let is_plain = compiled.transform.is_identity()
        && compiled.rules.keep_values()
        && compiled.after.is_none()
        && compiled.spread.is_none()
        && compiled.derived.is_none()
        && !compiled.features.is_empty();
    is_plain.then_some(base)
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
        if rows.len() == width
            && let Some(base) = self.plain
        {
            // What takes tens of nanoseconds is not put into lists on its way.
            let mut sum = [base];
            self.compiled.add_up_of_f32(Rows::new(rows, 1, width), kernel, &mut sum);
            predictions.push(sum[0].wide());
            return Ok(());
        }
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
        if self.compiled.rules.keep_values() {
            self.compiled.add_up_of_f32(Rows::new(rows, count, width), kernel, &mut self.margins);
        } else {
            // Some rows at a time: what they become is read again while it is near the core.
            let parts = rows.chunks(width * PART_ROWS).zip(self.margins.chunks_mut(groups * PART_ROWS));
            for (rows, margins) in parts {
                self.compiled.rules.take(rows, &mut self.values);
                self.compiled.add_up(Rows::new(&self.values, rows.len() / width, width), kernel, margins);
            }
        }
        if let Some(after) = &self.compiled.after {
            after.apply(&mut self.margins);
        }
        if let Some(spread) = &self.compiled.spread {
            spread.apply(&mut self.margins);
        }
        if self.compiled.transform.is_identity() {
            predictions.extend(self.margins.iter().map(|value| value.wide()));
            return Ok(());
        }
        self.predictions.clear();
        self.compiled.transform.apply(&self.margins, self.compiled.extent.rounds, &mut self.predictions);
        predictions.extend(self.predictions.iter().map(|value| value.wide()));
        Ok(())
    }
}
