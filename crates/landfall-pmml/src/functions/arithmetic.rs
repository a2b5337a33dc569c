//! Arithmetic, powers, logarithms, rounding, and the functions of angles.

use super::{ALL, Applied, Function, double, finite, integer, number, numbers};
use crate::run::Cx;
use crate::value::Value;

macro_rules! unary {
    ($name:literal, $result:expr, $of:expr) => {
        Function::of($name, (1, 1), $result, |_, applied, values| match numbers::<1>(values) {
            Some([x]) => finite(applied, $of(x)),
            None => Value::Invalid,
        })
        .of_numbers(ALL)
    };
}

macro_rules! binary {
    ($name:literal, $result:expr, $of:expr) => {
        Function::of($name, (2, 2), $result, |_, applied, values| match numbers::<2>(values) {
            Some([x, y]) => finite(applied, $of(x, y)),
            None => Value::Invalid,
        })
        .of_numbers(ALL)
    };
}

pub(super) const TABLE: &[Function] = &[
    // The specification has two arguments; writers of Bayesian networks join more.
    Function::of("+", (1, usize::MAX), number, |_, applied, values| fold(applied, values, |x, y| x + y))
        .of_numbers(ALL),
    Function::of("-", (1, 2), number, |_, applied, values| match values {
        [one] => one.num().map_or(Value::Invalid, |x| finite(applied, -x)),
        _ => fold(applied, values, |x, y| x - y),
    })
    .of_numbers(ALL),
    Function::of("*", (1, usize::MAX), number, |_, applied, values| fold(applied, values, |x, y| x * y))
        .of_numbers(ALL),
    Function::of("/", (2, 2), number, divide).of_numbers(ALL),
    binary!("pow", number, f64::powf),
    binary!("modulo", number, |x: f64, y: f64| x - y * (x / y).floor()),
    binary!("hypot", double, f64::hypot),
    binary!("atan2", double, f64::atan2),
    Function::of("threshold", (2, 2), number, |_, _, values| match numbers::<2>(values) {
        Some([x, y]) => Value::Num(f64::from(u8::from(x > y))),
        None => Value::Invalid,
    })
    .of_numbers(ALL),
    unary!("abs", number, f64::abs),
    unary!("sqrt", double, f64::sqrt),
    unary!("exp", double, f64::exp),
    unary!("expm1", double, f64::exp_m1),
    unary!("ln", double, f64::ln),
    unary!("ln1p", double, f64::ln_1p),
    unary!("log10", double, f64::log10),
    unary!("floor", integer, f64::floor),
    unary!("ceil", integer, f64::ceil),
    unary!("round", integer, half_up),
    unary!("rint", double, f64::round_ties_even),
    unary!("sin", double, f64::sin),
    unary!("cos", double, f64::cos),
    unary!("tan", double, f64::tan),
    unary!("asin", double, f64::asin),
    unary!("acos", double, f64::acos),
    unary!("atan", double, f64::atan),
    unary!("sinh", double, f64::sinh),
    unary!("cosh", double, f64::cosh),
    unary!("tanh", double, f64::tanh),
];

/// The nearest whole number, the upper one of two. (The sum of a number and a half may itself be rounded.)
pub(crate) fn half_up(x: f64) -> f64 {
    let below = x.floor();
    if x - below >= 0.5 { below + 1.0 } else { below }
}

/// From the left, each step in the result's type.
fn fold(applied: &Applied, values: &[Value], of: fn(f64, f64) -> f64) -> Value {
    let join = |left: Value, right: Value| match (left.num(), right.num()) {
        (Some(x), Some(y)) => finite(applied, of(x, y)),
        _ => Value::Invalid,
    };
    match values {
        [one] => one.num().map_or(Value::Invalid, |x| finite(applied, x)),
        _ => values.iter().copied().reduce(join).unwrap_or(Value::Invalid),
    }
}

/// Whole numbers divide to whole numbers; nothing divides by zero, but where the result is wanted as it is: then it is that
/// of the processor, infinite.
fn divide(_: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> Value {
    let is_whole = applied.result.is_whole();
    match numbers::<2>(values) {
        None => Value::Invalid,
        Some([_, 0.0]) if is_whole || !applied.as_is => Value::Invalid,
        Some([x, y]) if is_whole => Value::Num((x / y).trunc()),
        Some([x, y]) => finite(applied, x / y),
    }
}
