//! A document's own verification: its rows are run, and answers held against those that it expects.

use super::interface::answer_slot;
use crate::read::table;
use crate::run::{Answer, Compiled, Cx, Work};
use crate::value::{DataType, Symbol, Value, number};
use crate::verification::{Field, Verification};
use landfall_model::{Kind, Problem};

impl Verification {
    /// Runs all rows; how many there were.
    ///
    /// # Errors
    /// The first row that differs, what was expected and what came.
    pub(super) fn run(&self, m: &Compiled) -> Result<usize, Problem> {
        let mut work = Work::new(m);
        work.start_call();
        let mut answer = Answer::default();
        for (at, row) in self.rows.iter().enumerate() {
            work.start_row(at);
            let mut cx = Cx { m, w: &mut work };
            for field in &self.fields {
                let Some(text) = table::cell(row, &field.column) else { continue };
                let Some(place) = m.dictionary.iter().position(|data| data.name == field.name) else {
                    continue;
                };
                // An empty cell is a value that is missing.
                if !text.trim().is_empty() {
                    cx.w.input[place] = cx.read(place, text);
                }
            }
            m.root.run(&mut cx, &mut answer)?;
            for field in &self.fields {
                let Some(expected) = table::cell(row, &field.column) else { continue };
                let Some((slot, dtype)) = answer_slot(m, &field.name) else { continue };
                let value = cx.get(slot)?;
                if !agrees(&cx, value, dtype, expected, field) {
                    let found = cx.shown(value, dtype);
                    return Err(Problem::worded(
                        Kind::FailedPrecondition,
                        format!(
                            "row {}, field {:?}: expected {expected}, found {found} (with the option \
                             verification=warn it answers all the same)",
                            at + 1,
                            field.name
                        ),
                    ));
                }
            }
            cx.end_row()?;
        }
        Ok(self.rows.len())
    }
}

fn agrees(cx: &Cx<'_>, value: Value, dtype: DataType, expected: &str, field: &Field) -> bool {
    let said = |dtype: DataType, text: &str| dtype.parse(text, |_| Symbol(0));
    let near = |found: f64| number(expected).is_some_and(|e| close(e, found, field.precision, field.zero));
    match value {
        Value::Missing | Value::Invalid => expected.is_empty() || expected == "NA" || expected == "N/A",
        Value::Num(found) => near(found),
        Value::Bool(_) | Value::Moment(_) => said(dtype, expected) == Some(value),
        Value::Text(_) => {
            let found = cx.shown(value, dtype);
            let truth = said(DataType::Boolean, &found);
            found == expected
                || number(&found).is_some_and(near)
                || truth.is_some() && truth == said(DataType::Boolean, expected)
        }
    }
}

fn close(expected: f64, found: f64, precision: f64, zero: f64) -> bool {
    if expected.abs() <= zero {
        return found.abs() <= zero;
    }
    (expected - found).abs() <= precision * expected.abs() || expected == found
}

#[cfg(test)]
mod tests {
    #[test]
    fn precision_is_relative_and_zero_has_its_own_limit() {
        assert!(super::close(100.0, 100.00009, 1e-6, 1e-16));
        assert!(!super::close(100.0, 100.2, 1e-6, 1e-16));
        assert!(super::close(1e-17, -1e-17, 1e-6, 1e-16));
        assert!(!super::close(0.0, 1e-9, 1e-6, 1e-16));
    }
}
