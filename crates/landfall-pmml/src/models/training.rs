//! `<TrainingInstances>`: rows of the training data that a model keeps.

use crate::read::{Element, table};
use crate::resolve::{Build, ScopeId, Slot};
use crate::run::{Cx, Work};
use crate::value::Value;
use landfall_model::{Kind, Problem};

/// `<TrainingInstances>` as the document has them.
pub(super) struct Training {
    /// Field and column.
    pub(super) fields: Vec<(String, String)>,
    pub(super) table: table::Table,
    /// Whether the columns are fields that the model uses, derived ones among them; else they are fields of the data.
    pub(super) is_transformed: bool,
}

impl Training {
    pub(super) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Self, Problem> {
        element.only(&b.xml, &["isTransformed", "recordCount", "fieldCount"])?;
        let is_transformed = element.flag(&b.xml, "isTransformed", false)?;
        let mut training = Training { fields: Vec::new(), table: Vec::new(), is_transformed };
        while let Some(child) = b.xml.child(element)? {
            match child.name.as_ref() {
                "InstanceFields" => {
                    child.only(&b.xml, &[])?;
                    while let Some(field) = b.xml.child(&child)? {
                        b.xml.named(&field, &child, "InstanceField")?;
                        field.only(&b.xml, &["field", "column"])?;
                        let name = field.need(&b.xml, "field")?.to_owned();
                        let column = field.get("column").unwrap_or(&name).to_owned();
                        training.fields.push((name, column));
                        b.xml.leaf(&field)?;
                    }
                }
                _ => match table::read(&mut b.xml, &child)? {
                    Some(table) => training.table = table,
                    None => return Err(b.xml.unknown(&child, element)),
                },
            }
        }
        Ok(training)
    }

    /// The column of a field.
    pub(super) fn column(&self, field: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, column)| column.as_str())
    }
}

/// Fields of the data with the values of a training row, from which the model's derived fields are made.
pub(super) type RawRow = Vec<(usize, Value)>;

impl Training {
    /// The rows as values of the data's fields.
    pub(super) fn raw_rows<'a>(
        &self,
        b: &mut Build<'a>,
        scope: ScopeId,
        element: &Element<'a>,
    ) -> Result<Vec<RawRow>, Problem> {
        let mut columns = Vec::new();
        for (name, column) in &self.fields {
            let slot = b.try_resolve(scope, name)?;
            if let Some(field) = slot.and_then(|slot| b.slots[slot as usize].field) {
                columns.push((field, column));
            }
        }
        let mut rows = Vec::with_capacity(self.table.len());
        for cells in &self.table {
            let mut row = RawRow::with_capacity(columns.len());
            for (field, column) in &columns {
                if let Some(text) = table::cell(cells, column) {
                    row.push((*field, b.constant(text, b.dictionary[*field].dtype, element.place)?));
                }
            }
            rows.push(row);
        }
        Ok(rows)
    }
}

/// What the model's fields are in each training row.
///
/// # Errors
/// A derived field that is missing, or no number, in a training row.
pub(super) fn derived(cx: &Cx<'_>, rows: &[RawRow], slots: &[Slot]) -> Result<Vec<Vec<f64>>, Problem> {
    let mut work = Work::new(cx.m);
    work.start_call();
    let mut all = Vec::with_capacity(rows.len());
    for (number, row) in rows.iter().enumerate() {
        work.start_row(number);
        let mut cx = Cx { m: cx.m, w: &mut work };
        for (field, value) in row {
            cx.w.input[*field] = *value;
        }
        let mut x = Vec::with_capacity(slots.len());
        for slot in slots {
            let value = cx.get(*slot)?;
            x.push(as_number(value).ok_or_else(|| unusable(&cx, *slot, number))?);
        }
        all.push(x);
    }
    Ok(all)
}

#[cold]
fn unusable(cx: &Cx<'_>, slot: Slot, row: usize) -> Problem {
    let name = &cx.m.slots[slot as usize].name;
    Problem::worded(
        Kind::FailedPrecondition,
        format!("field {name:?} has no value in row {} of the training instances", row + 1),
    )
}

/// A category compares as a number of its own.
pub(super) fn as_number(value: Value) -> Option<f64> {
    match value {
        Value::Text(symbol) => Some(f64::from(symbol.0)),
        value => value.num(),
    }
}
