//! `<ModelVerification>`: rows that the file carries with the answers it expects.

use crate::read::{Element, table};
use crate::resolve::Build;
use crate::run::{Answer, Compiled, Cx, Work};
use crate::value::{DataType, Symbol, Value, number};
use landfall_model::{Kind, Problem};

/// As the document has it.
pub(crate) struct Document {
    fields: Vec<Field>,
    rows: table::Table,
}

/// One column of the rows.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    column: String,
    precision: f64,
    zero: f64,
}

/// The rows with their columns.
#[derive(Debug)]
pub(crate) struct Verification {
    fields: Vec<Field>,
    rows: table::Table,
}

/// Reads `<ModelVerification>`.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Document, Problem> {
    element.only(&b.xml, &["recordCount", "fieldCount"])?;
    let mut document = Document { fields: Vec::new(), rows: Vec::new() };
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "VerificationFields" => {
                while let Some(field) = b.xml.child(&child)? {
                    if field.name != "VerificationField" {
                        return Err(b.xml.unknown(&field, &child));
                    }
                    field.only(&b.xml, &["field", "column", "precision", "zeroThreshold"])?;
                    let name = field.need(&b.xml, "field")?.to_owned();
                    document.fields.push(Field {
                        column: field.get("column").unwrap_or(&name).to_owned(),
                        name,
                        precision: field.number(&b.xml, "precision")?.unwrap_or(1e-6),
                        zero: field.number(&b.xml, "zeroThreshold")?.unwrap_or(1e-16),
                    });
                    b.xml.leaf(&field)?;
                }
            }
            "InlineTable" => document.rows = table::inline(&mut b.xml, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    Ok(document)
}

/// Resolves it.
pub(crate) fn resolve(_: &mut Build<'_>, document: Document) -> Result<Verification, Problem> {
    Ok(Verification { fields: document.fields, rows: document.rows })
}

impl Verification {
    /// Runs all rows; how many there were.
    ///
    /// # Errors
    /// The first row that differs, what was expected and what came.
    pub(crate) fn run(&self, m: &Compiled) -> Result<usize, Problem> {
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
                let Some((slot, dtype)) = crate::model::answer_slot(m, &field.name) else { continue };
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
