//! Values, their types, and text that was seen before as small numbers.

use crate::civil;
use std::collections::HashMap;
use std::sync::Arc;

/// Text as a number: equal text, equal symbol.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Symbol(pub(crate) u32);

/// One value. Its type is that of its slot or expression: all numbers are doubles (those of a float field rounded).
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Value {
    Missing,
    /// Could not be made what the type wants.
    Invalid,
    Num(f64),
    Bool(bool),
    Text(Symbol),
    /// Date: days; time: seconds; date and time: seconds; from 1970-01-01, without a zone.
    Moment(i64),
}

impl Value {
    pub(crate) fn is_missing(self) -> bool {
        matches!(self, Value::Missing)
    }

    /// As a number, where it is one or a truth value.
    pub(crate) fn num(self) -> Option<f64> {
        match self {
            Value::Num(number) => Some(number),
            Value::Bool(truth) => Some(f64::from(u8::from(truth))),
            Value::Moment(moment) => Some(moment as f64),
            _ => None,
        }
    }

    /// A number; what is not a number is missing.
    pub(crate) fn number(number: f64) -> Value {
        if number.is_nan() { Value::Missing } else { Value::Num(number) }
    }

    /// A number, or missing where there is none; whether it is one is not looked at, as [`Value::number`] does.
    pub(crate) fn of(number: Option<f64>) -> Value {
        number.map_or(Value::Missing, Value::Num)
    }
}

/// The types of fields and expressions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum DataType {
    String,
    Integer,
    Float,
    Double,
    Boolean,
    Date,
    Time,
    DateTime,
    /// Days since the start of a year.
    DaysSince(i32),
    /// Seconds since the start of a year.
    SecondsSince(i32),
    /// Seconds since midnight.
    TimeSeconds,
}

impl DataType {
    /// By the name that documents use; one writer puts `x-` before years that the specification does not have.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let year = |prefix: &str| -> Option<i32> {
            name.strip_prefix("x-")
                .unwrap_or(name)
                .strip_prefix(prefix)?
                .strip_suffix(']')?
                .parse()
                .ok()
                .filter(|year| (0..10_000).contains(year))
        };
        Some(match name {
            "string" => DataType::String,
            "integer" => DataType::Integer,
            "float" => DataType::Float,
            "double" => DataType::Double,
            "boolean" => DataType::Boolean,
            "date" => DataType::Date,
            "time" => DataType::Time,
            "dateTime" => DataType::DateTime,
            "timeSeconds" => DataType::TimeSeconds,
            _ => match (year("dateDaysSince["), year("dateTimeSecondsSince[")) {
                (Some(year), _) => DataType::DaysSince(year),
                (_, Some(year)) => DataType::SecondsSince(year),
                _ => return None,
            },
        })
    }

    /// Whether its values are numbers.
    pub(crate) fn is_number(self) -> bool {
        !matches!(
            self,
            DataType::String | DataType::Boolean | DataType::Date | DataType::Time | DataType::DateTime
        )
    }

    /// Whether its values are points of time, as numbers or not.
    pub(crate) fn is_of_time(self) -> bool {
        !matches!(
            self,
            DataType::String | DataType::Integer | DataType::Float | DataType::Double | DataType::Boolean
        )
    }

    /// Whether its values are whole numbers.
    pub(crate) fn is_whole(self) -> bool {
        self.is_number() && !matches!(self, DataType::Float | DataType::Double)
    }

    /// A number as a field of this type holds it.
    pub(crate) fn rounded(self, number: f64) -> f64 {
        if self == DataType::Float { f64::from(number as f32) } else { number }
    }

    /// What text says, as a value of this type; `None` when it says none.
    pub(crate) fn parse(self, text: &str, symbol: impl FnOnce(&str) -> Symbol) -> Option<Value> {
        Some(match self {
            DataType::String => Value::Text(symbol(text)),
            DataType::Float => Value::Num(float(text).map(f64::from).or_else(|| truth_number(text))?),
            DataType::Double => Value::Num(number(text).or_else(|| truth_number(text))?),
            DataType::Integer => {
                Value::Num(number(text).filter(|n| n.fract() == 0.0).or_else(|| truth_number(text))?)
            }
            DataType::Boolean => Value::Bool(truth(text)?),
            DataType::Date => Value::Moment(civil::date(text.trim())?),
            DataType::Time => Value::Moment(civil::time(text.trim())?),
            DataType::DateTime => Value::Moment(civil::date_time(text.trim())?),
            DataType::DaysSince(year) => match whole(text) {
                Some(days) => Value::Num(days),
                None => Value::Num((civil::date(text.trim())? - civil::days(year, 1, 1)) as f64),
            },
            DataType::SecondsSince(year) => match whole(text) {
                Some(seconds) => Value::Num(seconds),
                None => {
                    Value::Num((civil::date_time(text.trim())? - civil::days(year, 1, 1) * 86_400) as f64)
                }
            },
            DataType::TimeSeconds => match whole(text) {
                Some(seconds) => Value::Num(seconds),
                None => Value::Num(civil::time(text.trim())? as f64),
            },
        })
    }
}

/// A decimal number, `INF`, `-INF` or `NaN`, with blanks around.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    // Words for infinity are letters; a number in hexadecimal or with `_` is none.
    text.parse::<f64>().ok()
}

fn float(text: &str) -> Option<f32> {
    text.trim().parse().ok()
}

/// A truth value as a number: tables of some tools have them so.
fn truth_number(text: &str) -> Option<f64> {
    truth(text).map(|truth| f64::from(u8::from(truth)))
}

fn whole(text: &str) -> Option<f64> {
    number(text).filter(|n| n.fract() == 0.0)
}

fn truth(text: &str) -> Option<bool> {
    let text = text.trim();
    match text {
        "1" | "1.0" => Some(true),
        "0" | "0.0" => Some(false),
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Appends a value as text: whole types without a point, other numbers as [`write_number`] has them.
pub(crate) fn write(value: Value, dtype: DataType, text: impl Fn(Symbol) -> Arc<str>, out: &mut String) {
    match (value, dtype) {
        (Value::Missing | Value::Invalid, _) => {}
        (Value::Num(number), DataType::Float) => {
            let number = number as f32;
            write_number(&format!("{number:?}"), &format!("{number:e}"), number.abs().into(), out);
        }
        // Whole numbers have no negative zero.
        (Value::Num(number), _)
            if number.fract() == 0.0 && (dtype.is_whole() || dtype == DataType::String) =>
        {
            out.push_str(&format!("{:.0}", number + 0.0))
        }
        (Value::Num(number), _) => {
            write_number(&format!("{number:?}"), &format!("{number:e}"), number.abs(), out);
        }
        (Value::Bool(truth), _) => out.push_str(if truth { "true" } else { "false" }),
        (Value::Text(symbol), _) => out.push_str(&text(symbol)),
        (Value::Moment(moment), DataType::Date) => civil::write_date(moment, out),
        (Value::Moment(moment), DataType::Time) => civil::write_time(moment, out),
        (Value::Moment(moment), _) => {
            civil::write_date(moment.div_euclid(86_400), out);
            out.push('T');
            civil::write_time(moment.rem_euclid(86_400), out);
        }
    }
}

/// Appends a number, given in both forms, in the shortest digits that read back: between a thousandth and ten millions
/// with a point, else with a power of ten (`1.0E7`); what has no digits is `Infinity`.
fn write_number(plain: &str, power: &str, magnitude: f64, out: &mut String) {
    if magnitude == f64::INFINITY {
        return out.push_str(if plain.starts_with('-') { "-Infinity" } else { "Infinity" });
    }
    if magnitude == 0.0 || magnitude.is_nan() || (1e-3..1e7).contains(&magnitude) {
        return out.push_str(plain);
    }
    let (mantissa, power) = power.split_once('e').unwrap_or((power, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    out.push_str(&format!("{mantissa}{point}E{power}"));
}

/// Text and its symbols.
#[derive(Clone, Default, Debug)]
pub(crate) struct Symbols {
    by_text: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
    /// Symbols below are another table's.
    base: u32,
}

impl Symbols {
    /// A table whose symbols come after those of another.
    pub(crate) fn after(base: &Symbols) -> Self {
        Symbols { base: base.base + base.texts.len() as u32, ..Symbols::default() }
    }

    pub(crate) fn intern(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.find(text) {
            return symbol;
        }
        let symbol = self.base + self.texts.len() as u32;
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.by_text.insert(text, symbol);
        Symbol(symbol)
    }

    pub(crate) fn find(&self, text: &str) -> Option<Symbol> {
        self.by_text.get(text).copied().map(Symbol)
    }

    /// The text of a symbol of this table.
    pub(crate) fn text(&self, symbol: Symbol) -> Option<&Arc<str>> {
        self.texts.get(symbol.0.checked_sub(self.base)? as usize)
    }

    pub(crate) fn clear(&mut self) {
        self.by_text.clear();
        self.texts.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_a_value_by_type() {
        let parse = |dtype: DataType, text: &str| dtype.parse(text, |_| Symbol(7));
        assert_eq!(parse(DataType::Float, "0.1"), Some(Value::Num(f64::from(0.1f32))));
        assert_eq!(parse(DataType::Integer, "3.0"), Some(Value::Num(3.0)));
        assert_eq!(parse(DataType::Integer, "3.5"), None);
        assert_eq!(parse(DataType::Boolean, "TRUE"), Some(Value::Bool(true)));
        assert_eq!(parse(DataType::DaysSince(1960), "1960-01-02"), Some(Value::Num(1.0)));
        assert_eq!(parse(DataType::String, "x"), Some(Value::Text(Symbol(7))));
        assert_eq!(DataType::named("dateTimeSecondsSince[1970]"), Some(DataType::SecondsSince(1970)));
        assert_eq!(DataType::named("dateDaysSince[0]"), Some(DataType::DaysSince(0)));
        assert_eq!(DataType::named("x-dateDaysSince[2010]"), Some(DataType::DaysSince(2010)));
        assert_eq!([DataType::named("decimal"), DataType::named("x-double")], [None; 2]);
    }

    #[test]
    fn numbers_become_text_in_few_digits() {
        let text = |number: f64, dtype: DataType| {
            let mut out = String::new();
            write(Value::Num(number), dtype, |_| "".into(), &mut out);
            out
        };
        for (number, shown) in [
            (0.0, "0.0"),
            (-2.5, "-2.5"),
            (0.001, "0.001"),
            (0.0009, "9.0E-4"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (-123_456_789.5, "-1.234567895E8"),
        ] {
            assert_eq!(text(number, DataType::Double), shown);
        }
        assert_eq!(text(f64::from(1e10f32), DataType::Float), "1.0E10");
        assert_eq!(text(f64::from(0.1f32), DataType::Float), "0.1");
        assert_eq!(text(1e7, DataType::Integer), "10000000");
    }

    #[test]
    fn symbols_of_a_second_table_follow_those_of_the_first() {
        let mut first = Symbols::default();
        let a = first.intern("a");
        assert_eq!(first.intern("a"), a);
        let mut second = Symbols::after(&first);
        let b = second.intern("b");
        assert_ne!(a, b);
        assert_eq!(second.text(b).map(|t| &**t), Some("b"));
        assert_eq!(first.text(b), None);
    }
}
