//! Comparison, membership, three-valued logic, and questions about fields.

use super::{Applied, Function, boolean};
use crate::run::Cx;
use crate::value::{DataType, Value};
use std::cmp::Ordering;

const fn question(name: &'static str) -> Function {
    Function { looks_at_fields: true, ..Function::of(name, (1, 1), boolean, |_, _, _| Value::Invalid) }
}

const fn comparison(name: &'static str, run: fn(&mut Cx<'_>, &Applied, &[Value]) -> Value) -> Function {
    Function::of(name, (2, 2), boolean, run).comparing()
}

pub(super) const TABLE: &[Function] = &[
    comparison("equal", |cx, applied, v| Value::Bool(same(cx, applied, v, 1))),
    comparison("notEqual", |cx, applied, v| Value::Bool(!same(cx, applied, v, 1))),
    comparison("lessThan", |cx, applied, v| ordered(cx, applied, v, |o| o == Ordering::Less)).ordering(),
    comparison("lessOrEqual", |cx, applied, v| ordered(cx, applied, v, |o| o != Ordering::Greater))
        .ordering(),
    comparison("greaterThan", |cx, applied, v| ordered(cx, applied, v, |o| o == Ordering::Greater))
        .ordering(),
    comparison("greaterOrEqual", |cx, applied, v| ordered(cx, applied, v, |o| o != Ordering::Less))
        .ordering(),
    Function::of("isIn", (2, usize::MAX), boolean, |cx, applied, v| Value::Bool(among(cx, applied, v)))
        .comparing()
        .taking_missing(),
    Function::of("isNotIn", (2, usize::MAX), boolean, |cx, applied, v| Value::Bool(!among(cx, applied, v)))
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

/// What a question of a field is to answer; nothing of what is missing is valid or invalid.
pub(crate) fn answered(question: &Function, missing: bool, valid: bool) -> Value {
    Value::Bool(match question.name {
        "isMissing" => missing,
        "isNotMissing" => !missing,
        "isValid" => valid,
        _ => !valid && !missing,
    })
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
fn same(cx: &mut Cx<'_>, applied: &Applied, values: &[Value], at: usize) -> bool {
    match (values[0], values[at]) {
        (Value::Num(x), Value::Num(y)) => x == y,
        (Value::Text(x), Value::Text(y)) => x == y,
        (x, y) => compared(cx, (x, applied.types[0]), (y, applied.types[at])) == Some(Ordering::Equal),
    }
}

/// Whether the first value is one of the others. What is missing is one of them where another is missing too: a list takes
/// it in by `<Constant missing="true"/>`.
fn among(cx: &mut Cx<'_>, applied: &Applied, values: &[Value]) -> bool {
    (1..values.len()).any(|at| match (values[0].is_missing(), values[at].is_missing()) {
        (false, false) => same(cx, applied, values, at),
        (missing, other_missing) => missing && other_missing,
    })
}

fn ordered(cx: &mut Cx<'_>, applied: &Applied, values: &[Value], is: fn(Ordering) -> bool) -> Value {
    let order = match (values[0], values[1]) {
        (Value::Num(x), Value::Num(y)) => x.partial_cmp(&y),
        (x, y) => compared(cx, (x, applied.types[0]), (y, applied.types[1])),
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
