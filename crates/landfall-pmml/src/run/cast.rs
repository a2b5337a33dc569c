//! Values of one type as values of another.

use super::Cx;
use crate::moment::Moment;
use crate::value::{DataType, Value, number};

impl Cx<'_> {
    /// What a text says of a field of the data, by its place; one that says nothing is kept for messages.
    pub(crate) fn read(&mut self, place: usize, text: &str) -> Value {
        let m = self.m;
        let field = &m.dictionary[place];
        match field.dtype.parse(text, |text| self.symbol(text)) {
            Some(Value::Num(number)) if number.is_nan() => Value::Missing,
            Some(value) if field.missing.contains(&value) => Value::Missing,
            Some(value) => value,
            None if field.missing_texts.iter().any(|missing| missing == text) => Value::Missing,
            None => {
                self.w.unreadable.push((place, text.to_owned()));
                Value::Invalid
            }
        }
    }

    /// A value as one of another type; invalid when it cannot be.
    pub(crate) fn cast(&mut self, value: Value, from: DataType, to: DataType) -> Value {
        match (value, to) {
            (Value::Missing | Value::Invalid, _) => value,
            _ if from == to => value,
            _ if from.is_of_time() && to.is_of_time() => {
                Moment::behind(value, from).and_then(|at| at.as_value(to)).unwrap_or(Value::Invalid)
            }
            (Value::Num(number), DataType::Float) => Value::Num(f64::from(number as f32)),
            (Value::Num(_), DataType::Double) => value,
            (Value::Num(number), _) if to.is_whole() => Value::Num(number.trunc()),
            (Value::Num(number), DataType::Boolean) => match number {
                1.0 => Value::Bool(true),
                0.0 => Value::Bool(false),
                _ => Value::Invalid,
            },
            (Value::Bool(truth), _) if to.is_number() => Value::Num(f64::from(u8::from(truth))),
            (Value::Text(_), DataType::String) | (Value::Bool(_), DataType::Boolean) => value,
            _ => self.cast_text(&self.shown(value, from), to),
        }
    }

    /// What the text of a value says in another type; of a number with a fraction its whole part, where the type has none.
    fn cast_text(&mut self, text: &str, to: DataType) -> Value {
        if let Some(value) = to.parse(text, |text| self.symbol(text)) {
            return value;
        }
        match number(text) {
            Some(number) if to.is_whole() => Value::Num(number.trunc()),
            Some(number) if to.is_number() => Value::Num(number),
            _ => Value::Invalid,
        }
    }
}
