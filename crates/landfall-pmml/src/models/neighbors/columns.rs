//! The model over columns.

use super::Neighbors;
use crate::blocks::{Answers, BlockCx, Cells};
use crate::models::MiningFunction;
use crate::models::columns::NearestRows;
use crate::resolve::Build;
use crate::value::{DataType, Value};

impl Neighbors {
    /// The nearest rows over columns, where fields are numbers that are compared by their differences.
    pub(super) fn columns(&self, b: &Build<'_>) -> Option<NearestRows> {
        let are_numbers = self.slots.iter().all(|slot| b.slots[*slot as usize].dtype != DataType::String);
        let is_plain = self.function != MiningFunction::Regression
            || self.targets.first().is_none_or(|target| target.continuous);
        let weights = self.measure.weights_of_differences(&self.parts);
        let rows: Vec<&[f64]> = self.rows.iter().map(|row| row.x.as_slice()).collect();
        let weights = weights.filter(|_| are_numbers && is_plain)?;
        NearestRows::new(&self.slots, weights, &self.measure, &rows, self.count)
    }

    /// Answers a block of rows.
    pub(super) fn answer_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        // Several targets are answered row by row.
        if self.targets.iter().any(|target| target.other.is_some()) {
            return false;
        }
        let Some(ready) = cx.compute(self.block) else { return false };
        let rows = cx.rows();
        let all: Vec<Vec<(usize, f64)>> =
            (0..rows).map(|row| NearestRows::of_row(&ready.values, rows, row).collect()).collect();
        cx.give_back(self.block, ready);
        self.name_neighbors(&all, answers);
        if !self.targets.is_empty() {
            let mut cells = Cells::default();
            self.judge_columns(cx, &all, &mut cells, answers);
            answers.value = cells;
        }
        if self.function == MiningFunction::Clustering {
            answers.value.copy(&answers.entity);
        }
        true
    }

    /// What all rows' neighbours say of the target.
    fn judge_columns(
        &self,
        cx: &BlockCx<'_>,
        all: &[Vec<(usize, f64)>],
        cells: &mut Cells,
        answers: &mut Answers,
    ) {
        let (rows, list) = (all.len(), answers.list);
        let classes = &cx.m.lists[list];
        let tells_shares = self.tells_shares(0);
        if tells_shares {
            answers.start_scores(classes.len(), rows);
        }
        let scores = &mut answers.scores;
        let values = all.iter().enumerate().map(|(row, nearest)| {
            self.judge(nearest, 0, classes, |class, share| scores[class * rows + row] = share)
        });
        if tells_shares {
            let place = |value: Value| classes.iter().position(|class| *class == value);
            let codes = values.map(|value| place(value).map_or(u32::MAX, |place| place as u32));
            cells.classes(list, rows).iter_mut().zip(codes).for_each(|(own, code)| *own = code);
        } else if self.function == MiningFunction::Regression {
            let numbers = values.map(|value| value.num().unwrap_or(f64::NAN));
            cells.numbers(rows).iter_mut().zip(numbers).for_each(|(own, number)| *own = number);
        } else {
            cells.values(rows).iter_mut().zip(values).for_each(|(own, value)| *own = value);
        }
    }

    /// Who the neighbours are, and how near.
    fn name_neighbors(&self, all: &[Vec<(usize, f64)>], answers: &mut Answers) {
        let rows = all.len();
        answers.neighbors = self.count.min(self.rows.len());
        let known = answers.neighbors.max(answers.ranked.len());
        answers.ranked.resize_with(known, Default::default);
        for (rank, [entities, affinities]) in answers.ranked[..answers.neighbors].iter_mut().enumerate() {
            let (entities, affinities) = (entities.values(rows), affinities.numbers(rows));
            for (row, nearest) in all.iter().enumerate() {
                let (at, distance) = nearest[rank];
                (entities[row], affinities[row]) = (self.rows[at].id, distance);
            }
        }
        answers.entity.copy(&answers.ranked[0][0]);
    }
}
