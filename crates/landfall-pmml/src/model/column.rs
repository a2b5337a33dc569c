//! One input of a call, and its values as the dictionary has them.

use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::{DType, Problem, Tensor};

/// One input with its type.
pub(crate) struct Column<'t> {
    pub(crate) tensor: &'t Tensor,
    /// Place in the dictionary.
    pub(crate) field: usize,
    pub(super) dtype: DataType,
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
            return Ok(match self.dtype.parse(&text, |text| cx.symbol(text)) {
                Some(value) => self.checked(cx, value),
                None => self.unreadable(cx, &text),
            });
        }
        let value = match self.tensor.dtype() {
            DType::F64 => Value::number(self.tensor.values::<f64>()?[row]),
            DType::F32 => Value::number(f64::from(self.tensor.values::<f32>()?[row])),
            DType::I64 => Value::number(self.tensor.values::<i64>()?[row] as f64),
            DType::Bool => Value::Bool(self.tensor.bools()?[row] != 0),
            _ => {
                let text = String::from_utf8_lossy(self.tensor.strings()?.get(row));
                match self.dtype.parse(&text, |text| cx.symbol(text)) {
                    Some(value) => value,
                    None => return Ok(self.unreadable(cx, &text)),
                }
            }
        };
        Ok(self.checked(cx, value))
    }

    /// What the dictionary says means missing is missing.
    fn checked(&self, cx: &Cx<'_>, value: Value) -> Value {
        let field = &cx.m.dictionary[self.field];
        if !field.missing.is_empty() && field.missing.contains(&value) { Value::Missing } else { value }
    }

    #[cold]
    fn unreadable(&self, cx: &mut Cx<'_>, text: &str) -> Value {
        let field = &cx.m.dictionary[self.field];
        if field.missing_texts.iter().any(|missing| missing == text) {
            return Value::Missing;
        }
        cx.w.unreadable.push((self.field, text.to_owned()));
        Value::Invalid
    }
}
