//! The built-in functions: one file for each family, one line in its table for each function.

mod arithmetic;
mod dates;
mod distributions;
mod logic;
mod statistics;
mod text;

pub(crate) use arithmetic::half_up;
pub(crate) use distributions::{normal_cdf, normal_quantile};
pub(crate) use logic::answered;
pub(crate) use statistics::median;

use crate::pattern::Pattern;
use crate::run::Cx;
use crate::value::{DataType, Value};
use std::ops::Range;

/// A built-in function.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// How many arguments it takes, at least and at most.
    pub(crate) arguments: (usize, usize),
    /// The type of the result by those of the arguments.
    pub(crate) result: fn(&[DataType]) -> DataType,
    /// Whether it is run though an argument is missing; else the result is missing then.
    pub(crate) takes_missing: bool,
    /// Whether arguments are compared, so that constants take the type of the others.
    pub(crate) compares: bool,
    /// Whether arguments are compared by their order.
    pub(crate) orders: bool,
    /// Whether arguments are truth values.
    pub(crate) connects: bool,
    /// Which arguments are numbers.
    pub(crate) numbers: Range<usize>,
    /// Whether the second argument is a regular expression.
    pub(crate) takes_pattern: bool,
    /// Whether it asks a field, not its value.
    pub(crate) looks_at_fields: bool,
    /// The result; no argument is invalid, nor missing but where that is taken.
    pub(crate) run: fn(&mut Cx<'_>, &Applied, &[Value]) -> Value,
}

/// A function where it is applied.
#[derive(Debug)]
pub(crate) struct Applied {
    /// Types of the arguments.
    pub(crate) types: Vec<DataType>,
    pub(crate) result: DataType,
    /// Whether an invalid result is wanted as it is.
    pub(crate) as_is: bool,
    /// The pattern that it looks for, where the document says it.
    pub(crate) pattern: Option<Pattern>,
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Function {
    /// A function whose result has this type.
    const fn of(
        name: &'static str,
        arguments: (usize, usize),
        result: fn(&[DataType]) -> DataType,
        run: fn(&mut Cx<'_>, &Applied, &[Value]) -> Value,
    ) -> Self {
        Function {
            name,
            arguments,
            result,
            takes_missing: false,
            compares: false,
            orders: false,
            connects: false,
            numbers: 0..0,
            takes_pattern: false,
            looks_at_fields: false,
            run,
        }
    }

    const fn taking_missing(self) -> Self {
        Function { takes_missing: true, ..self }
    }

    const fn comparing(self) -> Self {
        Function { compares: true, ..self }
    }

    const fn ordering(self) -> Self {
        Function { orders: true, ..self }
    }

    const fn connecting(self) -> Self {
        Function { connects: true, ..self }
    }

    /// One whose arguments at these places are numbers.
    const fn of_numbers(self, numbers: Range<usize>) -> Self {
        Function { numbers, ..self }
    }

    const fn with_pattern(self) -> Self {
        Function { takes_pattern: true, ..self }
    }
}

/// The function of this name. Writers put `x-` before functions that their version of the specification lacked.
pub(crate) fn named(name: &str) -> Option<&'static Function> {
    let name = match name.strip_prefix("x-").unwrap_or(name) {
        // So some writers of 4.0 and 4.1 spell it.
        "formatDateTime" => "formatDatetime",
        name => name,
    };
    [arithmetic::TABLE, dates::TABLE, distributions::TABLE, logic::TABLE, statistics::TABLE, text::TABLE]
        .into_iter()
        .flatten()
        .find(|function| function.name == name)
}

/// All arguments of a function.
const ALL: Range<usize> = 0..usize::MAX;

fn boolean(_: &[DataType]) -> DataType {
    DataType::Boolean
}

fn double(_: &[DataType]) -> DataType {
    DataType::Double
}

fn integer(_: &[DataType]) -> DataType {
    DataType::Integer
}

fn string(_: &[DataType]) -> DataType {
    DataType::String
}

/// The type of both: the wider of two number types, text where either is text, else the first.
pub(crate) fn common_type(a: DataType, b: DataType) -> DataType {
    let rank = |dtype: DataType| match dtype {
        DataType::Double => 3,
        DataType::Float => 2,
        _ if dtype.is_number() => 1,
        _ => 0,
    };
    match (rank(a), rank(b)) {
        _ if a == b => a,
        _ if a == DataType::String || b == DataType::String => DataType::String,
        (_, 0) => a,
        (0, _) => b,
        (1, 1) => DataType::Integer,
        (x, y) if x >= y => a,
        _ => b,
    }
}

/// The type of an arithmetic result.
fn number(types: &[DataType]) -> DataType {
    let numeric = |dtype: DataType| if dtype.is_number() { dtype } else { DataType::Double };
    types.iter().map(|dtype| numeric(*dtype)).reduce(common_type).unwrap_or(DataType::Double)
}

/// As a floating type: that of the arguments, where they are.
fn real(types: &[DataType]) -> DataType {
    match number(types) {
        DataType::Float => DataType::Float,
        _ => DataType::Double,
    }
}

/// A number of the result's type; what is none is invalid.
fn finite(applied: &Applied, number: f64) -> Value {
    if number.is_nan() { Value::Invalid } else { Value::Num(applied.result.rounded(number)) }
}

/// The numbers among values; `None` when any is none.
fn numbers<const N: usize>(values: &[Value]) -> Option<[f64; N]> {
    let mut all = [0.0; N];
    for (place, value) in all.iter_mut().zip(values) {
        *place = value.num()?;
    }
    Some(all)
}
