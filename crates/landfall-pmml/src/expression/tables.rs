//! `MapValues`: a table from values of some fields to a value.

use super::document::MapValues as Document;
use super::{Expr, Typed};
use crate::read::{Place, table};
use crate::resolve::Build;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use smallvec::SmallVec;
use std::collections::HashMap;

/// A resolved table.
#[derive(Debug)]
pub(crate) struct MapValues {
    pub(crate) keys: Vec<Expr>,
    rows: HashMap<Key, Value>,
    pub(crate) default: Value,
    pub(crate) if_missing: Value,
}

type Key = SmallVec<[u64; 3]>;

/// Equal values, equal bits.
fn bits(value: Value) -> u64 {
    match value {
        Value::Num(number) => (number + 0.0).to_bits(),
        Value::Text(symbol) => u64::from(symbol.0) | 1 << 63 | 1 << 62 | 1 << 61 | 1 << 60 | 1 << 59,
        Value::Bool(truth) => u64::from(truth),
        Value::Moment(moment) => moment as u64,
        Value::Missing | Value::Invalid => u64::MAX,
    }
}

impl MapValues {
    /// The value of the row with these keys, all of which are there.
    pub(crate) fn find(&self, keys: &[Value]) -> Value {
        // Nothing to look for finds nothing.
        if keys.is_empty() {
            return self.default;
        }
        let key: Key = keys.iter().map(|value| bits(*value)).collect();
        self.rows.get(&key).copied().unwrap_or(self.default)
    }
}

/// Resolves a table; `reference` resolves a field.
pub(super) fn resolve<'a>(
    b: &mut Build<'a>,
    document: &Document,
    place: Place,
    reference: impl Fn(&mut Build<'a>, &str) -> Result<Typed, Problem>,
) -> Result<Typed, Problem> {
    let dtype = document.dtype.unwrap_or(DataType::String);
    let mut keys = Vec::with_capacity(document.pairs.len());
    let mut types = Vec::with_capacity(document.pairs.len());
    for (field, _) in &document.pairs {
        let typed = reference(b, field)?;
        types.push(typed.dtype);
        keys.push(typed.expr);
    }
    let mut rows = HashMap::with_capacity(document.rows.len());
    for row in &document.rows {
        let mut key = Key::new();
        for ((_, column), dtype) in document.pairs.iter().zip(&types) {
            let text = table::cell(row, column).unwrap_or_default();
            let symbols = &mut b.symbols;
            match dtype.parse(text, |text| symbols.intern(text)) {
                Some(value) => key.push(bits(value)),
                // A row that no value of the type can meet.
                None => break,
            }
        }
        // A row without a value means missing.
        let value = match table::cell(row, &document.output) {
            Some(text) if dtype == DataType::String || !text.trim().is_empty() => {
                b.constant(text, dtype, place)?
            }
            _ => Value::Missing,
        };
        if key.len() == types.len() {
            rows.entry(key).or_insert(value);
        }
    }
    let mut optional = |text: &Option<String>| match text {
        Some(text) => b.constant(text, dtype, place),
        None => Ok(Value::Missing),
    };
    let (default, if_missing) = (optional(&document.default)?, optional(&document.if_missing)?);
    Ok(Typed { expr: Expr::MapValues(Box::new(MapValues { keys, rows, default, if_missing })), dtype })
}
