//! The model over columns.

use super::hazard::Hazard;
use super::{Cell, General, Kind, Link, Number};
use crate::blocks::{Answers, BlockCx, Features, RowPlaces, RowValues, best};
use crate::models::columns::{Design, DesignCell};
use crate::models::normalization::Normalization;
use crate::models::{Math, MiningFunction};
use crate::resolve::Slot;
use crate::value::Value;
use std::collections::HashMap;

impl General {
    /// Scores over columns; `None` where more than they is asked of the row.
    pub(super) fn columns(&self) -> Option<Design> {
        let fixed = [&self.offset, &self.trials].into_iter().all(|number| matches!(number, Number::Fixed(_)));
        let is_mean = self.hazard.is_none() || self.function == MiningFunction::Regression;
        // Steps of single precision are those of a row alone.
        if !fixed || !is_mean || self.equations.is_empty() || self.math.float {
            return None;
        }
        let mut named: HashMap<Slot, Vec<Value>> = HashMap::new();
        for cell in self.parameters.iter().flat_map(|parameter| &parameter.cells) {
            match cell {
                Cell::Factor { slot, value } => named.entry(*slot).or_default().push(*value),
                Cell::Contrast { slot, values } => {
                    named.entry(*slot).or_default().extend(values.iter().map(|(value, _)| *value));
                }
                Cell::Power { .. } => {}
            }
        }
        if let Some((slot, strata)) = self.hazard.as_ref().and_then(Hazard::strata) {
            named.entry(slot).or_default().extend(strata.iter().map(|(value, _)| *value));
        }
        let mut features = Features::default();
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            let cells = parameter.cells.iter().map(|cell| cell.design(&mut features, &named));
            parameters.push(cells.collect());
        }
        let mut equations: Vec<_> = self.equations.iter().map(|equation| equation.betas.clone()).collect();
        if let Some(hazard) = &self.hazard {
            equations.truncate(1);
            for cell in hazard.cells() {
                equations.push(vec![(parameters.len(), 1.0)]);
                parameters.push(vec![cell.design(&mut features, &named)]);
            }
        }
        // Without a predictor there is no prediction.
        features.list.iter_mut().for_each(|feature| feature.needed = true);
        Some(Design { features: features.list, parameters, equations })
    }

    /// Answers a block of rows.
    pub(super) fn answer_columns(&self, cx: &mut BlockCx<'_>, answers: &mut Answers) -> bool {
        let Some(mut ready) = cx.compute(self.block) else { return false };
        let (rows, scores) = (cx.rows(), &mut ready.values);
        // A value that no score is made of.
        for column in scores.chunks_exact(rows) {
            cx.w.covered.iter_mut().zip(column).for_each(|(covered, score)| *covered &= !score.is_nan());
        }
        if let Some(hazard) = &self.hazard {
            self.hazard_columns(hazard, scores, answers.value.numbers(rows));
            cx.give_back(self.block, ready);
            return true;
        }
        if let (Number::Fixed(offset), false) = (&self.offset, self.kind == Kind::Multinomial) {
            scores.iter_mut().for_each(|score| *score += offset);
        }
        if self.function == MiningFunction::Classification {
            self.classify_columns(cx, scores, answers);
        } else {
            let numbers = answers.value.numbers(rows);
            numbers.copy_from_slice(&scores[..rows]);
            if let (Number::Fixed(trials), false) = (&self.trials, self.kind == Kind::Linear) {
                self.link.column(numbers, self.math);
                numbers.iter_mut().for_each(|mean| *mean *= trials);
            }
        }
        cx.give_back(self.block, ready);
        true
    }

    /// Of scores, times, and the places of strata where there are any.
    fn hazard_columns(&self, hazard: &Hazard, columns: &[f64], into: &mut [f64]) {
        let (rows, reference) = (into.len(), self.reference_score());
        for (row, into) in into.iter_mut().enumerate() {
            let stratum = columns.get(2 * rows + row).copied().unwrap_or(0.0);
            let of_row = self.hazard_of(hazard, [columns[row], columns[rows + row], stratum], reference);
            *into = of_row.unwrap_or(f64::NAN);
        }
    }

    fn classify_columns(&self, cx: &mut BlockCx<'_>, scores: &mut [f64], answers: &mut Answers) {
        let (rows, count) = (cx.rows(), cx.m.lists[answers.list].len());
        answers.start_scores(count, rows);
        if let Some((class, other)) = self.two_classes(count) {
            self.link_of_class().column(scores, self.math);
            if let Some(class) = class {
                answers.scores[class * rows..(class + 1) * rows].copy_from_slice(scores);
            }
            if let Some(other) = other {
                let left = answers.scores[other * rows..].iter_mut().zip(&*scores);
                left.for_each(|(left, probability)| *left = 1.0 - probability);
            }
        } else {
            let mut of_row = RowValues::from_elem(0.0, self.equations.len());
            let mut all = RowValues::from_elem(0.0, count);
            for row in 0..rows {
                of_row.iter_mut().zip(scores[row..].iter().step_by(rows)).for_each(|(own, x)| *own = *x);
                all.fill(0.0);
                self.probabilities(&of_row, &mut all);
                let into = answers.scores[row..].iter_mut().step_by(rows);
                into.zip(&all).for_each(|(into, probability)| *into = *probability);
            }
        }
        let places: RowPlaces = (0..count as u32).collect();
        best(&answers.scores, rows, &places, answers.value.classes(answers.list, rows), &mut cx.w.numbers);
    }
}

impl Cell {
    fn design(&self, features: &mut Features, named: &HashMap<Slot, Vec<Value>>) -> DesignCell {
        match self {
            Cell::Power { slot, exponent } => DesignCell::Power(features.number(*slot), *exponent),
            Cell::Factor { slot, value } => {
                let feature = features.category(*slot, &named[slot]);
                let code = features.list[feature].coding.code(*value);
                DesignCell::Indicator(feature, code.map_or(f64::NAN, f64::from))
            }
            Cell::Contrast { slot, values } => {
                let feature = features.category(*slot, &named[slot]);
                let mut numbers = Vec::new();
                for (value, number) in values.iter().rev() {
                    let Some(code) = features.list[feature].coding.code(*value) else { continue };
                    let least = (code as usize + 1).max(numbers.len());
                    numbers.resize(least, f64::NAN);
                    numbers[code as usize] = *number;
                }
                DesignCell::Contrast(feature, numbers)
            }
        }
    }
}

impl Link {
    /// [`Link::inverse`] of a column.
    fn column(self, column: &mut [f64], math: Math) {
        match self {
            Link::Identity => {}
            Link::Logit => Normalization::Logit.column(column, math),
            _ => column.iter_mut().for_each(|x| *x = self.inverse(*x, math)),
        }
    }
}
