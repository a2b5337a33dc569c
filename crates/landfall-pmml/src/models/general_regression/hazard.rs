//! Cox regression: the hazard that has piled up until a row's time, by its stratum and its risk.

use super::{Cell, General, Number};
use crate::models::normalization::exp;
use crate::resolve::Slot;
use crate::run::Cx;
use crate::value::Value;
use landfall_model::Problem;

/// What a Cox regression has beside its coefficients.
#[derive(Debug)]
pub(super) struct Hazard {
    pub(super) time: Slot,
    pub(super) strata: Option<Slot>,
    /// By stratum; of a model without strata one, of a missing value.
    pub(super) tables: Vec<(Value, Baseline)>,
}

/// The cumulative hazard of a row of no risk.
#[derive(Debug)]
pub(super) struct Baseline {
    pub(super) max_time: f64,
    /// Times and hazards, ascending by time.
    pub(super) cells: Vec<(f64, f64)>,
}

impl Hazard {
    /// Each stratum's place, and the field that names it; `None` where there are none.
    pub(super) fn strata(&self) -> Option<(Slot, Vec<(Value, f64)>)> {
        let places = self.tables.iter().enumerate().map(|(place, (value, _))| (*value, place as f64));
        Some((self.strata?, places.collect()))
    }

    /// What columns tell beside the score: the time, then the place of the stratum where there are any.
    pub(super) fn cells(&self) -> Vec<Cell> {
        let time = Cell::Power { slot: self.time, exponent: 1.0 };
        let stratum = self.strata().map(|(slot, values)| Cell::Contrast { slot, values });
        [Some(time), stratum].into_iter().flatten().collect()
    }
}

impl Baseline {
    /// Up to a time; `None` beyond the last one.
    fn until(&self, time: f64) -> Option<f64> {
        if time > self.max_time {
            return None;
        }
        let before = self.cells.partition_point(|(start, _)| *start <= time);
        // Before the first event nothing has happened.
        Some(before.checked_sub(1).map_or(0.0, |last| self.cells[last].1))
    }
}

impl General {
    /// The score of a row of no risk, less an offset that all rows have.
    pub(super) fn reference_score(&self) -> f64 {
        let betas = self.equations.first().map_or(&[][..], |equation| equation.betas.as_slice());
        let round = |number: f64| self.math.round(number);
        let reference = |at: usize| round(self.parameters[at].reference_point);
        let score = betas.iter().fold(0.0, |sum, (at, beta)| round(sum + round(beta * reference(*at))));
        match self.offset {
            Number::Fixed(offset) => round(score - round(offset)),
            Number::Field(_) => score,
        }
    }

    /// Of the row that is being evaluated; `None` where its time or stratum has none.
    pub(super) fn cumulative_hazard(
        &self,
        cx: &mut Cx<'_>,
        hazard: &Hazard,
        design: &[f64],
    ) -> Result<Option<f64>, Problem> {
        let stratum = hazard.strata.map(|slot| cx.get(slot)).transpose()?.unwrap_or(Value::Missing);
        let Some((_, table)) = hazard.tables.iter().find(|(value, _)| *value == stratum) else {
            return Ok(None);
        };
        let Some(time) = cx.number(hazard.time)? else { return Ok(None) };
        let own = match &self.offset {
            Number::Fixed(_) => Some(0.0),
            offset @ Number::Field(_) => self.number(cx, offset)?,
        };
        let Some(own) = own else { return Ok(None) };
        let score = self.math.round(self.score(&self.equations[0], design) + own);
        Ok(table.until(time).map(|base| self.at_risk(base, score, self.reference_score())))
    }

    /// Of a row's score, its time and the place of its stratum.
    pub(super) fn hazard_of(&self, hazard: &Hazard, row: [f64; 3], reference: f64) -> Option<f64> {
        let [score, time, stratum] = row;
        let (_, table) = hazard.tables.get(stratum as usize).filter(|_| !stratum.is_nan())?;
        table.until(time).map(|base| self.at_risk(base, score, reference))
    }

    /// What the hazard of a row of no risk is at a row's score.
    fn at_risk(&self, base: f64, score: f64, reference: f64) -> f64 {
        let risk = exp(self.math.round(score - reference), self.math);
        self.math.round(self.math.round(base) * risk)
    }

    /// Of the numbers that a block gives a row.
    pub(super) fn hazard_ahead(&self, hazard: &Hazard, values: &[f64]) -> Option<f64> {
        let row = [values[0], values[1], values.get(2).copied().unwrap_or(0.0)];
        self.hazard_of(hazard, row, self.reference_score())
    }
}
