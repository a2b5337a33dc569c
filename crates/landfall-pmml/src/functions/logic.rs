//! Comparison, membership, three-valued logic, and questions about fields.

use super::{Function, boolean};
use crate::expression::{self, Apply, Expr};
use crate::run::Cx;
use crate::value::{DataType, Value};
use landfall_model::Problem;
use std::cmp::Ordering;

const fn question(name: &'static str) -> Function {
    Function { looks_at_fields: true, ..Function::of(name, (1, 1), boolean, |_, _, _| Value::Invalid) }
}

const fn comparison(name: &'static str, run: fn(&mut Cx<'_>, &Apply, &[Value]) -> Value) -> Function {
    Function::of(name, (2, 2), boolean, run).comparing()
}

pub(super) const TABLE: &[Function] = &[
    comparison("equal", |cx, apply, v| Value::Bool(same(cx, apply, v, 1))),
    comparison("notEqual", |cx, apply, v| Value::Bool(!same(cx, apply, v, 1))),
    comparison("lessThan", |cx, apply, v| ordered(cx, apply, v, |o| o == Ordering::Less)),
    comparison("lessOrEqual", |cx, apply, v| ordered(cx, apply, v, |o| o != Ordering::Greater)),
    comparison("greaterThan", |cx, apply, v| ordered(cx, apply, v, |o| o == Ordering::Greater)),
    comparison("greaterOrEqual", |cx, apply, v| ordered(cx, apply, v, |o| o != Ordering::Less)),
    Function::of("isIn", (2, usize::MAX), boolean, |cx, apply, v| Value::Bool(among(cx, apply, v)))
        .comparing()
        .taking_missing(),
    Function::of("isNotIn", (2, usize::MAX), boolean, |cx, apply, v| Value::Bool(!among(cx, apply, v)))
        .comparing()
        .taking_missing(),
    Function::of("and", (1, usize::MAX), boolean, |_, _, v| connected(v, false))
        .taking_missing()
        .connecting(),
    Function::of("or", (1, usize::MAX), boolean, |_, _, v| connected(v, true)).taking_missing().connecting(),
    Function::of("not", (1, 1), boolean, |_, _, v| match truth(v[0]) {
        Some(truth) => Value::Bool(!truth),
        None => Value::Invalid,
    })
    .connecting(),
    question("isMissing"),
    question("isNotMissing"),
    question("isValid"),
    question("isNotValid"),
];

/// `isMissing`, `isValid` and their opposites, which ask a field and not its value.
pub(crate) fn validity(apply: &Apply, cx: &mut Cx<'_>) -> Result<Value, Problem> {
    let argument = &apply.arguments[0];
    let value = expression::evaluate(argument, cx)?;
    if value.is_missing() && !apply.treatment.if_missing.is_missing() {
        return Ok(apply.treatment.if_missing);
    }
    let valid = match argument {
        // What replaces a missing value is valid.
        Expr::Field { slot, if_missing } if if_missing.is_missing() || !cx.get(*slot)?.is_missing() => {
            cx.is_valid(*slot)?
        }
        _ => !matches!(value, Value::Missing | Value::Invalid),
    };
    Ok(Value::Bool(match apply.function.name {
        "isMissing" => value.is_missing(),
        "isNotMissing" => !value.is_missing(),
        "isValid" => valid,
        // What is missing is neither valid nor invalid.
        _ => !valid && !value.is_missing(),
    }))
}

fn truth(value: Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(truth),
        Value::Num(number) => Some(number != 0.0),
        _ => None,
    }
}

/// `or` when `decides` is true, else `and`: one deciding argument decides, else a missing one leaves it open.
fn connected(values: &[Value], decides: bool) -> Value {
    let mut open = false;
    for value in values {
        match truth(*value) {
            Some(truth) if truth == decides => return Value::Bool(decides),
            Some(_) => {}
            None if value.is_missing() => open = true,
            None => return Value::Invalid,
        }
    }
    if open { Value::Missing } else { Value::Bool(!decides) }
}

/// Whether the first value equals the one at `at`.
fn same(cx: &mut Cx<'_>, apply: &Apply, values: &[Value], at: usize) -> bool {
    match (values[0], values[at]) {
        (Value::Num(x), Value::Num(y)) => x == y,
        (Value::Text(x), Value::Text(y)) => x == y,
        (x, y) => compared(cx, (x, apply.types[0]), (y, apply.types[at])) == Some(Ordering::Equal),
    }
}

/// Whether the first value is one of the others; what is missing is none and has none.
fn among(cx: &mut Cx<'_>, apply: &Apply, values: &[Value]) -> bool {
    let known = |at: usize| !values[0].is_missing() && !values[at].is_missing();
    (1..values.len()).any(|at| known(at) && same(cx, apply, values, at))
}

fn ordered(cx: &mut Cx<'_>, apply: &Apply, values: &[Value], is: fn(Ordering) -> bool) -> Value {
    let order = match (values[0], values[1]) {
        (Value::Num(x), Value::Num(y)) => x.partial_cmp(&y),
        (x, y) => compared(cx, (x, apply.types[0]), (y, apply.types[1])),
    };
    order.map_or(Value::Invalid, |order| Value::Bool(is(order)))
}

/// Numbers as numbers, text as text; of different types, the text is read as the other's type.
fn compared(cx: &mut Cx<'_>, a: (Value, DataType), b: (Value, DataType)) -> Option<Ordering> {
    match (a.0, b.0) {
        (Value::Text(x), Value::Text(y)) => Some(cx.text(x).cmp(&cx.text(y))),
        (Value::Text(_), _) => match cx.cast(a.0, a.1, b.1) {
            Value::Invalid => Some(cx.shown(a.0, a.1).cmp(&cx.shown(b.0, b.1))),
            value => value.num()?.partial_cmp(&b.0.num()?),
        },
        (_, Value::Text(_)) => compared(cx, b, a).map(Ordering::reverse),
        (x, y) => x.num()?.partial_cmp(&y.num()?),
    }
}
