//! One input of a call, and its values as the dictionary has them.

use crate::run::Cx;
use crate::value::Value;
use landfall_model::{DType, Problem, Tensor};

/// One input.
pub(crate) struct Column<'t> {
    pub(crate) tensor: &'t Tensor,
    /// Place in the dictionary.
    pub(crate) field: usize,
}

impl Column<'_> {
    /// The value in a row; one that cannot be read is kept for messages.
    pub(super) fn value(&self, cx: &mut Cx<'_>, row: usize) -> Result<Value, Problem> {
        if self.tensor.is_missing(row) {
            return Ok(Value::Missing);
        }
        let invalid = self.tensor.invalid();
        if !invalid.is_empty()
            && let Ok(at) = invalid.binary_search_by_key(&row, |invalid| invalid.element)
        {
            let text = String::from_utf8_lossy(&invalid[at].text);
            // Truth values count as numbers.
            return Ok(cx.read(self.field, &text));
        }
        let value = match self.tensor.dtype() {
            DType::F64 => Value::number(self.tensor.values::<f64>()?[row]),
            DType::F32 => Value::number(f64::from(self.tensor.values::<f32>()?[row])),
            DType::I64 => Value::number(self.tensor.values::<i64>()?[row] as f64),
            DType::Bool => Value::Bool(self.tensor.bools()?[row] != 0),
            _ => return Ok(cx.read(self.field, &String::from_utf8_lossy(self.tensor.strings()?.get(row)))),
        };
        Ok(self.checked(cx, value))
    }

    /// What the dictionary says means missing is missing.
    fn checked(&self, cx: &Cx<'_>, value: Value) -> Value {
        let field = &cx.m.dictionary[self.field];
        if !field.missing.is_empty() && field.missing.contains(&value) { Value::Missing } else { value }
    }
}
