//! A whole model over columns: its own answer, what its targets say, its output fields.

use crate::blocks::{Answers, BlockCx, CellsView};
use crate::models::{MiningFunction, Model};

impl Model {
    /// Answers a block of rows; `false` where the model is not one for columns, whatever the rows.
    pub(crate) fn over_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        answers.clear(self.list);
        // Other targets are treated row by row.
        if self.others.iter().any(|other| other.treatment.is_some()) {
            return false;
        }
        if !self.body.over_columns(cx, answers) {
            return false;
        }
        // What stands in for a prediction is for the row itself to find.
        cx.cover_present(&answers.value);
        self.finish_columns(cx.rows(), answers);
        if let Some(target) = self.target.as_ref().filter(|_| !self.body.sets_targets()) {
            cx.set(target.result, &answers.value);
        }
        if let Some(slot) = self.unnamed {
            cx.set(slot, &answers.value);
        }
        self.outputs.iter().all(|field| field.over_columns(cx, answers))
    }

    /// Numbers as the model's targets want them.
    fn finish_columns(&self, rows: usize, answers: &mut Answers) {
        let numbers = matches!(answers.value.view(), CellsView::Numbers(_));
        if self.function != MiningFunction::Regression || !numbers {
            return;
        }
        let numbers = answers.value.numbers(rows);
        if let Some(target) = &self.targets {
            numbers.iter_mut().for_each(|x| *x = target.apply(*x, self.math.dtype()));
        }
        if self.target.is_some() {
            numbers.iter_mut().for_each(|x| *x = self.dtype.rounded(*x));
        }
    }
}
