//! The columns of a block: from whole input columns where it reads nothing else, else from each row's slots.

use super::{Block, BlockRows, Feature, FeatureColumn};
use crate::expression::{Expr, NormOutliers, norm_continuous};
use crate::model::{Column, PmmlInstance};
use crate::resolve::{Slot, Source, Treatment};
use crate::run::{Compiled, Cx};
use crate::value::{DataType, Value};
use landfall_model::{DType, Problem};
use smallvec::SmallVec;
use std::ops::Range;

/// Rows that are evaluated together: enough for wide kernels, few enough for the second-level cache.
pub(crate) const BLOCK_ROWS: usize = 256;

/// Calls of fewer rows go row by row.
pub(crate) const LEAST_ROWS: usize = 4;

impl PmmlInstance {
    /// Computes the blocks for these rows of the call.
    pub(crate) fn ahead(
        &mut self,
        columns: &[Option<Column<'_>>],
        rows: &Range<usize>,
    ) -> Result<(), Problem> {
        let compiled = self.compiled.clone();
        for (id, block) in compiled.blocks.iter().enumerate() {
            let mut ready = std::mem::take(&mut self.work.blocks[id]);
            if ready.useless {
                self.work.blocks[id] = ready;
                continue;
            }
            ready.start(rows.start, rows.len(), block.features().len());
            match sources(&compiled, block.as_ref(), columns) {
                Some(sources) => {
                    for (place, (feature, source)) in block.features().iter().zip(&sources).enumerate() {
                        source.fill(&compiled, feature, rows, ready.column(place))?;
                    }
                }
                None => self.row_by_row(columns, block.as_ref(), rows, &mut ready)?,
            }
            ready.finish(block.as_ref());
            self.work.blocks[id] = ready;
        }
        Ok(())
    }

    fn row_by_row(
        &mut self,
        columns: &[Option<Column<'_>>],
        block: &dyn Block,
        rows: &Range<usize>,
        ready: &mut BlockRows,
    ) -> Result<(), Problem> {
        for (at, row) in rows.clone().enumerate() {
            self.load(columns, row)?;
            let mut cx = Cx { m: &self.compiled, w: &mut self.work };
            cx.w.asked_of_models = false;
            for (place, feature) in block.features().iter().enumerate() {
                // A value that is refused makes the row not the block's: the model may never come to ask for it.
                let number = cx.get(feature.slot).ok().and_then(|value| feature.number(value));
                ready.columns[place * rows.len() + at] = number.unwrap_or(f64::NAN);
                ready.covered[at] &= number.is_some();
            }
            if cx.w.asked_of_models {
                // It reads what another model answers: that is not known ahead of any row.
                ready.useless = true;
                ready.clear();
                return Ok(());
            }
        }
        Ok(())
    }
}

/// A column of numbers that a feature is made of, and what models do to its values.
struct NumberSource<'c> {
    column: Option<&'c Column<'c>>,
    field: usize,
    steps: SmallVec<[Step<'c>; 2]>,
    /// Whether all that can happen to a number is nothing, and this to a missing one.
    plain: Option<f64>,
}

/// What becomes of a value on its way to a feature.
enum Step<'c> {
    Treat(&'c Treatment),
    /// It is rounded to single precision.
    Single,
    /// It is put on a line.
    Line {
        points: &'c [(f64, f64)],
        outliers: NormOutliers,
        if_missing: Value,
    },
}

/// The columns of a block's features; `None` where some feature is more than a treated column of numbers.
fn sources<'c>(
    m: &'c Compiled,
    block: &dyn Block,
    columns: &'c [Option<Column<'c>>],
) -> Option<Vec<NumberSource<'c>>> {
    block.features().iter().map(|feature| source(m, feature.slot, columns)).collect()
}

fn source<'c>(m: &'c Compiled, slot: Slot, columns: &'c [Option<Column<'c>>]) -> Option<NumberSource<'c>> {
    let mut steps: SmallVec<[Step<'_>; 2]> = SmallVec::new();
    let mut at = slot;
    let field = loop {
        at = match &m.slots[at as usize].source {
            Source::Input(field) => break *field,
            Source::Treated { from, treatment } => {
                steps.insert(0, Step::Treat(treatment));
                *from
            }
            Source::Derived(expr) => derived(expr, &mut steps)?,
            Source::Set => return None,
        }
    };
    let column = columns.iter().flatten().find(|column| column.field == field);
    if !m.dictionary[field].dtype.is_number() || column.is_some_and(|column| !column.is_numbers()) {
        return None;
    }
    let is_number = |value: &Value| !matches!(value, Value::Num(number) if number.is_nan());
    let mut plain = (!m.dictionary[field].missing.iter().any(is_number)).then_some(f64::NAN);
    for step in &steps {
        plain = plain.and_then(|missing| match step {
            Step::Treat(treatment) => treatment.of_any_number(missing),
            Step::Single | Step::Line { .. } => None,
        });
    }
    Some(NumberSource { column, field, steps, plain })
}

/// The slot that a derived field is made of, where it is a number, rounded or put on a line.
fn derived<'c>(expr: &'c Expr, steps: &mut SmallVec<[Step<'c>; 2]>) -> Option<Slot> {
    let slot = |expr: &Expr| match expr {
        Expr::Field { slot, if_missing: Value::Missing } => Some(*slot),
        _ => None,
    };
    match expr {
        Expr::Cast { of, from, to: DataType::Float } if from.is_number() => {
            steps.insert(0, Step::Single);
            slot(of)
        }
        Expr::Cast { of, from, to: DataType::Double } if from.is_number() => slot(of),
        Expr::NormContinuous { of, points, outliers, if_missing } => {
            steps.insert(0, Step::Line { points, outliers: *outliers, if_missing: *if_missing });
            slot(of)
        }
        expr => slot(expr),
    }
}

impl NumberSource<'_> {
    /// Fills a feature's numbers, and marks rows that are not the block's.
    fn fill(
        &self,
        m: &Compiled,
        feature: &Feature,
        rows: &Range<usize>,
        into: FeatureColumn<'_>,
    ) -> Result<(), Problem> {
        let Some(column) = self.column else {
            let number = self.treated(m, f64::NAN).and_then(|value| feature.number(value));
            into.fill(std::iter::repeat_n(number, rows.len()));
            return Ok(());
        };
        let tensor = column.tensor;
        let present = move |row: usize, number: f64| if tensor.is_missing(row) { f64::NAN } else { number };
        let rows = rows.clone();
        match tensor.dtype() {
            DType::F64 => {
                let values = tensor.values::<f64>()?;
                self.numbers(m, feature, into, rows.map(|row| present(row, values[row])));
            }
            DType::F32 => {
                let values = tensor.values::<f32>()?;
                self.numbers(m, feature, into, rows.map(|row| present(row, f64::from(values[row]))));
            }
            _ => {
                let values = tensor.values::<i64>()?;
                self.numbers(m, feature, into, rows.map(|row| present(row, values[row] as f64)));
            }
        }
        Ok(())
    }

    fn numbers(
        &self,
        m: &Compiled,
        feature: &Feature,
        into: FeatureColumn<'_>,
        numbers: impl Iterator<Item = f64>,
    ) {
        match (self.plain, feature.coding.is_number()) {
            (Some(missing), true) => {
                let missing =
                    feature.number(if missing.is_nan() { Value::Missing } else { Value::Num(missing) });
                into.fill(
                    numbers.map(|number| if number.is_nan() { missing } else { feature.plain(number) }),
                );
            }
            _ => into.fill(numbers.map(|number| feature.number(self.treated(m, number)?))),
        }
    }

    /// A number after the dictionary and all models have had their say; `None` where the row fails.
    fn treated(&self, m: &Compiled, number: f64) -> Option<Value> {
        let missing = number.is_nan() || m.dictionary[self.field].missing.contains(&Value::Num(number));
        let value = if missing { Value::Missing } else { Value::Num(number) };
        self.steps.iter().try_fold(value, |value, step| match (step, value) {
            (Step::Treat(treatment), value) => match treatment.apply(value)? {
                // What is used though invalid is for the row itself to judge.
                (_, true) => None,
                (value, false) => Some(value),
            },
            (Step::Single, Value::Num(number)) => Some(Value::Num(f64::from(number as f32))),
            (Step::Line { points, outliers, .. }, Value::Num(number)) => {
                Some(norm_continuous(number, points, *outliers))
            }
            (Step::Line { if_missing, .. }, _) => Some(*if_missing),
            (Step::Single, value) => Some(value),
        })
    }
}
