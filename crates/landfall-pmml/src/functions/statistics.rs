//! Functions of any number of numbers, missing ones left out.

use super::{ALL, Applied, Function, finite, integer, number, real};
use crate::value::Value;

const MANY: (usize, usize) = (1, usize::MAX);

pub(super) const TABLE: &[Function] = &[
    Function::of("min", MANY, number, |_, applied, v| {
        over(applied, v, |n| n.iter().copied().fold(f64::INFINITY, f64::min))
    })
    .taking_missing()
    .of_numbers(ALL),
    Function::of("max", MANY, number, |_, applied, v| {
        over(applied, v, |n| n.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    })
    .taking_missing()
    .of_numbers(ALL),
    Function::of("sum", MANY, number, |_, applied, v| over(applied, v, |n| n.iter().sum()))
        .taking_missing()
        .of_numbers(ALL),
    Function::of("product", MANY, number, |_, applied, v| over(applied, v, |n| n.iter().product()))
        .taking_missing()
        .of_numbers(ALL),
    Function::of("avg", MANY, real, |_, applied, v| {
        over(applied, v, |n| n.iter().sum::<f64>() / n.len() as f64)
    })
    .taking_missing()
    .of_numbers(ALL),
    Function::of("median", MANY, real, |_, applied, v| over(applied, v, |n| median(n.to_vec())))
        .taking_missing()
        .of_numbers(ALL),
    Function::of("count", MANY, integer, |_, _, v| {
        Value::Num(v.iter().filter(|value| !value.is_missing()).count() as f64)
    })
    .taking_missing(),
];

fn over(applied: &Applied, values: &[Value], of: impl Fn(&[f64]) -> f64) -> Value {
    let present = values.iter().filter(|value| !value.is_missing());
    let Some(numbers) = present.map(|value| value.num()).collect::<Option<Vec<f64>>>() else {
        return Value::Invalid;
    };
    if numbers.is_empty() { Value::Missing } else { finite(applied, of(&numbers)) }
}

/// The middle of sorted values, or the mean of the two in the middle. `values` is not empty.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    let (low, high) = (values[middle - 1], values[middle]);
    low + 0.5 * (high - low)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_median_of_two_is_between_them() {
        assert_eq!(super::median(vec![4.0, 1.0]), 2.5);
        assert_eq!(super::median(vec![4.0, 9.0, 1.0]), 4.0);
    }
}
