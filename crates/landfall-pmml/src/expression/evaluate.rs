//! The value of an expression for one row.

use super::{Apply, ApplyTreatment, Expr, InvalidResult, NormOutliers};
use crate::functions;
use crate::run::Cx;
use crate::value::Value;
use landfall_model::Problem;
use smallvec::SmallVec;

/// Calls within calls, at most: a function may call itself.
const CALLS_MAX: u32 = 128;

/// The value of an expression.
///
/// # Errors
/// The row fails: a value that it needs is refused, or a function's result is invalid and that is not allowed for.
pub(crate) fn evaluate(expr: &Expr, cx: &mut Cx<'_>) -> Result<Value, Problem> {
    match expr {
        Expr::Constant(value) => Ok(*value),
        Expr::Field { slot, if_missing } => Ok(present_or(cx.get(*slot)?, *if_missing)),
        Expr::Parameter(at) => Ok(cx.w.parameters[cx.w.parameters_base + at]),
        Expr::NormContinuous { of, .. }
        | Expr::NormDiscrete { of, .. }
        | Expr::Discretize { of, .. }
        | Expr::Rank { of, .. }
        | Expr::Present { of, .. } => Ok(of_one(expr, evaluate(of, cx)?)),
        Expr::MapValues(table) => {
            let mut keys: SmallVec<[Value; 4]> = SmallVec::new();
            for key in &table.keys {
                let value = evaluate(key, cx)?;
                if value.is_missing() {
                    return Ok(table.if_missing);
                }
                keys.push(value);
            }
            Ok(table.find(&keys))
        }
        Expr::TextIndex { text, text_type, term, term_type, index } => {
            let (text, term) = (evaluate(text, cx)?, evaluate(term, cx)?);
            if text.is_missing() || term.is_missing() {
                return Ok(Value::Missing);
            }
            let index = index.of(cx.shown(text, *text_type), &cx.shown(term, *term_type));
            index.map(Value::Num).map_err(|gave_up| invalid(&gave_up.what()))
        }
        Expr::Lag(lag) => lag.evaluate(cx),
        Expr::Aggregate(aggregate) => aggregate.evaluate(cx),
        Expr::If { condition, then, otherwise, treatment } => {
            let value = match (evaluate(condition, cx)?, otherwise) {
                (Value::Bool(true), _) => evaluate(then, cx)?,
                (Value::Num(number), _) if number != 0.0 => evaluate(then, cx)?,
                (Value::Bool(false) | Value::Num(_), Some(otherwise)) => evaluate(otherwise, cx)?,
                // No argument is missing: there is nothing to answer.
                (Value::Bool(false) | Value::Num(_), None) => {
                    return finish(Value::Missing, treatment, "if");
                }
                _ => Value::Missing,
            };
            // A missing argument: the condition, or the branch that it leads to.
            let value = present_or(value, treatment.if_missing);
            finish(value, treatment, "if")
        }
        Expr::Apply(apply) => run_apply(apply, cx),
        Expr::Call { function, arguments, treatment } => call(*function, arguments, treatment, cx),
        Expr::Cast { of, from, to } => {
            let value = evaluate(of, cx)?;
            match cx.cast(value, *from, *to) {
                Value::Invalid if value != Value::Invalid => {
                    let text = cx.shown(value, *from);
                    Err(invalid(&format!("the conversion of {text:?} to {to:?}")))
                }
                value => Ok(value),
            }
        }
    }
}

/// What an expression over one other makes of its value; other expressions leave it as it is.
pub(crate) fn of_one(expr: &Expr, value: Value) -> Value {
    match expr {
        Expr::NormContinuous { points, outliers, if_missing, .. } => match value.num() {
            Some(number) => norm_continuous(number, points, *outliers),
            None => *if_missing,
        },
        Expr::NormDiscrete { if_missing, .. } if value.is_missing() => *if_missing,
        Expr::NormDiscrete { value: asked, thermometer: None, .. } => {
            Value::Num(f64::from(u8::from(value == *asked)))
        }
        Expr::NormDiscrete { value: asked, thermometer: Some(order), .. } => {
            let place = |value: Value| order.iter().position(|other| *other == value);
            let is = matches!((place(value), place(*asked)), (Some(found), Some(asked)) if found >= asked);
            Value::Num(f64::from(u8::from(is)))
        }
        Expr::Discretize { bins, default, if_missing, .. } => match value.num() {
            Some(number) => {
                // Bins must not overlap; where they do, later ones stand over earlier ones.
                let bin = bins.iter().rev().find(|(interval, _)| interval.holds(number));
                bin.map_or(*default, |(_, value)| *value)
            }
            None => *if_missing,
        },
        Expr::Rank { .. } if value.is_missing() => Value::Missing,
        Expr::Rank { order, .. } => {
            let place = order.iter().position(|other| *other == value);
            place.map_or(Value::Invalid, |place| Value::Num(place as f64))
        }
        Expr::Present { if_missing, .. } | Expr::Field { if_missing, .. } => present_or(value, *if_missing),
        _ => value,
    }
}

fn present_or(value: Value, otherwise: Value) -> Value {
    if value.is_missing() { otherwise } else { value }
}

#[cold]
fn invalid(what: &str) -> Problem {
    Problem::invalid(format!("{what} gives an invalid result"))
}

/// What remains to be done with a result.
fn finish(value: Value, treatment: &ApplyTreatment, name: &str) -> Result<Value, Problem> {
    let value = match (value, treatment.invalid) {
        (Value::Invalid, InvalidResult::Fail) => return Err(invalid(&format!("function {name:?}"))),
        (Value::Invalid, InvalidResult::AsIs) => return Ok(Value::Invalid),
        (Value::Invalid, InvalidResult::AsMissing) => Value::Missing,
        (value, _) => value,
    };
    Ok(present_or(value, treatment.default))
}

fn run_apply(apply: &Apply, cx: &mut Cx<'_>) -> Result<Value, Problem> {
    let mut values: SmallVec<[Value; 6]> = SmallVec::new();
    if apply.function.looks_at_fields {
        return question(apply, cx);
    }
    for of in &apply.arguments {
        let value = argument(of, cx)?;
        // Arguments after a missing one are not looked at, where a value stands for the result.
        if value.is_missing() && !apply.treatment.if_missing.is_missing() {
            return Ok(apply.treatment.if_missing);
        }
        values.push(value);
    }
    let missing = values.iter().any(|value| value.is_missing());
    let value = if missing && !apply.function.takes_missing {
        Value::Missing
    } else if values.contains(&Value::Invalid) {
        Value::Invalid
    } else {
        (apply.function.run)(cx, &apply.applied, &values)
    };
    finish(value, &apply.treatment, apply.function.name)
}

/// An argument of a built-in function: of text that is to be a number, or a truth value, and is none, the function says what
/// becomes of an invalid result.
fn argument(expr: &Expr, cx: &mut Cx<'_>) -> Result<Value, Problem> {
    match expr {
        Expr::Cast { of, from, to } => {
            let value = evaluate(of, cx)?;
            Ok(cx.cast(value, *from, *to))
        }
        _ => evaluate(expr, cx),
    }
}

/// `isMissing`, `isValid` and their opposites, which ask a field and not its value.
fn question(apply: &Apply, cx: &mut Cx<'_>) -> Result<Value, Problem> {
    let argument = &apply.arguments[0];
    let value = evaluate(argument, cx)?;
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
    Ok(functions::answered(apply.function, value.is_missing(), valid))
}

fn call(
    function: usize,
    arguments: &[Expr],
    treatment: &ApplyTreatment,
    cx: &mut Cx<'_>,
) -> Result<Value, Problem> {
    let mut values: SmallVec<[Value; 6]> = SmallVec::new();
    for argument in arguments {
        let value = evaluate(argument, cx)?;
        if value.is_missing() && !treatment.if_missing.is_missing() {
            return Ok(treatment.if_missing);
        }
        values.push(value);
    }
    let m = cx.m;
    let Some(body) = m.functions.get(function).and_then(Option::as_ref) else {
        return Err(Problem::internal("a function without a body"));
    };
    if cx.w.calls >= CALLS_MAX {
        return Err(invalid(&format!("a function that calls itself more than {CALLS_MAX} times")));
    }
    cx.w.calls += 1;
    let (base, len) = (cx.w.parameters_base, cx.w.parameters.len());
    cx.w.parameters.extend_from_slice(&values);
    cx.w.parameters_base = len;
    let outcome = evaluate(body, cx);
    cx.w.parameters.truncate(len);
    cx.w.parameters_base = base;
    cx.w.calls -= 1;
    finish(outcome?, treatment, "of the document")
}

/// Along the line between the two points around the value. Points of one place are a step: the middle of its ends there, its
/// outer end where it is the first or the last place, as scikit-learn's `QuantileTransformer` has it.
pub(crate) fn norm_continuous(value: f64, points: &[(f64, f64)], outliers: NormOutliers) -> Value {
    let (first, last) = (points[0], points[points.len() - 1]);
    if value < first.0 || value > last.0 {
        match outliers {
            NormOutliers::Missing => return Value::Missing,
            NormOutliers::Clamp => return Value::Num(if value < first.0 { first.1 } else { last.1 }),
            NormOutliers::Follow => {}
        }
    }
    let (from, to) = places(points, value);
    if to - from > 1 {
        return Value::Num(match (from, to == points.len()) {
            (0, _) => first.1,
            (_, true) => last.1,
            _ => f64::midpoint(points[from].1, points[to - 1].1),
        });
    }
    let line = &points[places(points, first.0).1 - 1..=places(points, last.0).0];
    let inner = &line[1..line.len() - 1];
    let at = inner.partition_point(|point| point.0 < value);
    let ((x0, y0), (x1, y1)) = (line[at], line[at + 1]);
    Value::Num(y0 + (value - x0) / (x1 - x0) * (y1 - y0))
}

/// The first of the points at a place, and the first beyond.
fn places(points: &[(f64, f64)], place: f64) -> (usize, usize) {
    (points.partition_point(|point| point.0 < place), points.partition_point(|point| point.0 <= place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_followed_beyond_their_ends_where_nothing_else_is_said() {
        let points = [(0.0, 0.0), (1.0, 10.0), (3.0, 10.0)];
        let at = |x, outliers| norm_continuous(x, &points, outliers);
        assert_eq!(at(0.5, NormOutliers::Follow), Value::Num(5.0));
        assert_eq!(at(2.0, NormOutliers::Follow), Value::Num(10.0));
        assert_eq!(at(-1.0, NormOutliers::Follow), Value::Num(-10.0));
        assert_eq!(at(-1.0, NormOutliers::Clamp), Value::Num(0.0));
        assert_eq!(at(4.0, NormOutliers::Missing), Value::Missing);
    }

    #[test]
    fn points_of_one_place_are_a_step() {
        let points = [(0.0, 0.0), (0.0, 1.0), (2.0, 3.0), (2.0, 4.0), (2.0, 9.0), (4.0, 11.0), (4.0, 20.0)];
        let at = |x| norm_continuous(x, &points, NormOutliers::Follow);
        let number = |x, y| assert_eq!(at(x), Value::Num(y), "at {x}");
        [(0.0, 0.0), (1.0, 2.0), (2.0, 6.0), (3.0, 10.0), (4.0, 20.0), (-1.0, 0.0), (5.0, 12.0)]
            .into_iter()
            .for_each(|(x, y)| number(x, y));
        assert_eq!(norm_continuous(-1.0, &points, NormOutliers::Clamp), Value::Num(0.0));
    }
}
