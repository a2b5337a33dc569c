//! Numbers and truth values, element by element.

use super::super::Refusal;
use super::broadcast::Pairs;
use super::{Ask, Built, Give, NUMBERS, given};
use crate::owned;
use landfall_model::{DType, Element, Problem, Tensor};

const FLOATS: [DType; 2] = [DType::F32, DType::F64];

fn map<T: Element, R: Element>(x: &Tensor, f: impl Fn(T) -> R) -> Result<Tensor, Problem> {
    owned::tensor(x.shape().clone(), x.values::<T>()?.iter().map(|&value| f(value)).collect())
}

fn pairwise<T: Element, R: Element>(
    a: &Tensor,
    b: &Tensor,
    f: impl Fn(T, T) -> R,
) -> Result<Tensor, Problem> {
    let pairs = Pairs::of(a.shape(), b.shape())?;
    let (a, b) = (a.values::<T>()?, b.values::<T>()?);
    let values = pairs.places().map(|(i, j)| f(a[i], b[j])).collect();
    owned::tensor(pairs.shape.clone(), values)
}

/// Inputs of one type.
fn alike(ask: &Ask<'_>, types: &[DType]) -> Result<DType, Refusal> {
    let dtype = ask.one_of(0, types)?;
    for input in 1..ask.types.len() {
        ask.one_of(input, &[dtype])?;
    }
    Ok(dtype)
}

/// Add, Sub, Mul, Div, Pow.
pub(super) fn two(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let operator = ask.node.operator;
    let dtype = alike(ask, if operator == "Pow" { &FLOATS } else { &NUMBERS })?;
    if ask.types.len() != 2 {
        return Err(Refusal::not("other than two inputs"));
    }
    macro_rules! step {
        ($f32:expr, $f64:expr, $i64:expr, $i32:expr) => {
            Built::one(dtype, move |inputs| {
                let (a, b) = (given(inputs, 0)?, given(inputs, 1)?);
                match dtype {
                    DType::F32 => pairwise::<f32, f32>(a, b, $f32),
                    DType::F64 => pairwise::<f64, f64>(a, b, $f64),
                    DType::I64 => pairwise::<i64, i64>(a, b, $i64),
                    _ => pairwise::<i32, i32>(a, b, $i32),
                }
            })
        };
    }
    Ok(match operator {
        "Add" => step!(|a, b| a + b, |a, b| a + b, i64::wrapping_add, i32::wrapping_add),
        "Sub" => step!(|a, b| a - b, |a, b| a - b, i64::wrapping_sub, i32::wrapping_sub),
        "Mul" => step!(|a, b| a * b, |a, b| a * b, i64::wrapping_mul, i32::wrapping_mul),
        "Div" => quotient(dtype),
        _ => step!(f32::powf, f64::powf, |a, _| a, |a, _| a).nearly(),
    })
}

/// Whole numbers by none are an error, as in ONNX Runtime; the least one by −1 is itself.
fn quotient(dtype: DType) -> Built {
    fn whole<T: Element + Default + PartialEq>(
        a: &Tensor,
        b: &Tensor,
        f: fn(T, T) -> T,
    ) -> Result<Tensor, Problem> {
        if b.values::<T>()?.contains(&T::default()) {
            return Err(Problem::invalid("a whole number is divided by zero (Div)"));
        }
        pairwise(a, b, f)
    }
    Built::one(dtype, move |inputs| {
        let (a, b) = (given(inputs, 0)?, given(inputs, 1)?);
        match dtype {
            DType::F32 => pairwise::<f32, f32>(a, b, |a, b| a / b),
            DType::F64 => pairwise::<f64, f64>(a, b, |a, b| a / b),
            DType::I64 => whole(a, b, i64::wrapping_div),
            _ => whole(a, b, i32::wrapping_div),
        }
    })
}

/// Max, Min, Sum of any number of inputs.
pub(super) fn several(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let operator = ask.node.operator;
    let dtype = alike(ask, if operator == "Sum" { &FLOATS } else { &NUMBERS })?;
    macro_rules! step {
        ($float:expr, $integer:expr) => {
            Built::one(dtype, move |inputs| {
                let mut sum = given(inputs, 0)?.clone();
                for input in 1..inputs.len() {
                    let next = given(inputs, input)?;
                    sum = match dtype {
                        DType::F32 => pairwise::<f32, f32>(&sum, next, $float)?,
                        DType::F64 => pairwise::<f64, f64>(&sum, next, $float)?,
                        DType::I64 => pairwise::<i64, i64>(&sum, next, $integer)?,
                        _ => pairwise::<i32, i32>(&sum, next, $integer)?,
                    };
                }
                Ok(sum)
            })
        };
    }
    // What is no number stays none; zeros of both signs are equal, and the first one stays.
    Ok(match operator {
        "Sum" => step!(|a, b| a + b, |a, _| a),
        "Max" => step!(|a, b| if a.is_nan() || a >= b { a } else { b }, |a, b| a.max(b)),
        _ => step!(|a, b| if a.is_nan() || a <= b { a } else { b }, |a, b| a.min(b)),
    })
}

/// Neg, Abs, Sign, Floor, Ceil, Sqrt, Reciprocal, Relu; Exp, Log, Sigmoid and Tanh by this system's library.
pub(super) fn one(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let operator = ask.node.operator;
    let dtype = ask.one_of(0, if matches!(operator, "Neg" | "Abs" | "Sign") { &NUMBERS } else { &FLOATS })?;
    macro_rules! step {
        ($f32:expr, $f64:expr, $i64:expr, $i32:expr) => {
            Built::one(dtype, move |inputs| {
                let x = given(inputs, 0)?;
                match dtype {
                    DType::F32 => map::<f32, f32>(x, $f32),
                    DType::F64 => map::<f64, f64>(x, $f64),
                    DType::I64 => map::<i64, i64>(x, $i64),
                    _ => map::<i32, i32>(x, $i32),
                }
            })
        };
    }
    Ok(match operator {
        "Neg" => step!(|v| -v, |v| -v, i64::wrapping_neg, i32::wrapping_neg),
        "Abs" => step!(f32::abs, f64::abs, i64::wrapping_abs, i32::wrapping_abs),
        "Floor" => step!(f32::floor, f64::floor, |v| v, |v| v),
        "Ceil" => step!(f32::ceil, f64::ceil, |v| v, |v| v),
        "Sqrt" => step!(f32::sqrt, f64::sqrt, |v| v, |v| v),
        "Reciprocal" => step!(f32::recip, f64::recip, |v| v, |v| v),
        "Relu" => step!(positive, positive, |v| v, |v| v),
        "Sign" => step!(sign, sign, i64::signum, i32::signum),
        "Tanh" => step!(f32::tanh, f64::tanh, |v| v, |v| v).nearly(),
        "Exp" => step!(f32::exp, f64::exp, |v| v, |v| v).nearly(),
        "Sigmoid" => step!(|v| 1.0 / (1.0 + (-v).exp()), |v| 1.0 / (1.0 + (-v).exp()), |v| v, |v| v).nearly(),
        _ => step!(f32::ln, f64::ln, |v| v, |v| v).nearly(),
    })
}

fn positive<T: Default + PartialOrd>(value: T) -> T {
    if value < T::default() { T::default() } else { value }
}

/// What is no number stays none.
fn sign<T: Default + PartialOrd + From<i8>>(value: T) -> T {
    match value.partial_cmp(&T::default()) {
        Some(order) => T::from(order as i8),
        None => value,
    }
}

/// Values brought between two bounds, which are attributes or, in later versions, inputs.
pub(super) fn clip(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &FLOATS)?;
    let bound = |name: &str| Ok::<_, Problem>(ask.node.attributes.float(name)?.map(f64::from));
    let listed = [bound("min")?, bound("max")?];
    Ok(Built::one(dtype, move |inputs| {
        let bound = |place: usize| match inputs.get(place + 1).copied().flatten() {
            None => Ok(listed[place]),
            Some(bound) if dtype == DType::F32 => Ok(bound.values::<f32>()?.first().copied().map(f64::from)),
            Some(bound) => Ok::<_, Problem>(bound.values::<f64>()?.first().copied()),
        };
        let (low, high) = (bound(0)?.unwrap_or(f64::NEG_INFINITY), bound(1)?.unwrap_or(f64::INFINITY));
        let clipped = |value: f64| {
            let value = if value < low { low } else { value };
            if high < value { high } else { value }
        };
        let x = given(inputs, 0)?;
        match dtype {
            DType::F32 => map::<f32, f32>(x, |value| clipped(value.into()) as f32),
            _ => map::<f64, f64>(x, clipped),
        }
    }))
}

fn bools<T: Element>(a: &Tensor, b: &Tensor, f: impl Fn(&T, &T) -> bool) -> Result<Tensor, Problem> {
    let pairs = Pairs::of(a.shape(), b.shape())?;
    let (a, b) = (a.values::<T>()?, b.values::<T>()?);
    owned::bools(pairs.shape.clone(), pairs.places().map(|(i, j)| f(&a[i], &b[j])))
}

/// Equal, Less, LessOrEqual, Greater, GreaterOrEqual.
pub(super) fn compare(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let operator = ask.node.operator;
    let types = [DType::F32, DType::F64, DType::I64, DType::I32, DType::String];
    let dtype = alike(ask, if operator == "Equal" { &types } else { &NUMBERS })?;
    if ask.types.len() != 2 {
        return Err(Refusal::not("other than two inputs"));
    }
    macro_rules! step {
        ($op:tt) => {
            Built::one(DType::Bool, move |inputs| {
                let (a, b) = (given(inputs, 0)?, given(inputs, 1)?);
                match dtype {
                    DType::F32 => bools::<f32>(a, b, |a, b| a $op b),
                    DType::F64 => bools::<f64>(a, b, |a, b| a $op b),
                    DType::I64 => bools::<i64>(a, b, |a, b| a $op b),
                    DType::I32 => bools::<i32>(a, b, |a, b| a $op b),
                    _ => {
                        let pairs = Pairs::of(a.shape(), b.shape())?;
                        let (a, b) = (a.strings()?, b.strings()?);
                        owned::bools(pairs.shape.clone(), pairs.places().map(|(i, j)| a.get(i) $op b.get(j)))
                    }
                }
            })
        };
    }
    Ok(match operator {
        "Equal" => step!(==),
        "Less" => step!(<),
        "LessOrEqual" => step!(<=),
        "Greater" => step!(>),
        _ => step!(>=),
    })
}

/// And, Or.
pub(super) fn both(ask: &Ask<'_>) -> Result<Built, Refusal> {
    alike(ask, &[DType::Bool])?;
    let is_and = ask.node.operator == "And";
    Ok(Built::one(DType::Bool, move |inputs| {
        let (a, b) = (given(inputs, 0)?, given(inputs, 1)?);
        let pairs = Pairs::of(a.shape(), b.shape())?;
        let (a, b) = (a.bools()?, b.bools()?);
        let each = |(i, j): (usize, usize)| {
            if is_and { a[i] != 0 && b[j] != 0 } else { a[i] != 0 || b[j] != 0 }
        };
        owned::bools(pairs.shape.clone(), pairs.places().map(each))
    }))
}

/// Not.
pub(super) fn not(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::Bool])?;
    Ok(Built::one(DType::Bool, |inputs| {
        let x = given(inputs, 0)?;
        owned::bools(x.shape().clone(), x.bools()?.iter().map(|&byte| byte == 0))
    }))
}

/// IsNaN.
pub(super) fn is_nan(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &FLOATS)?;
    Ok(Built::one(DType::Bool, move |inputs| {
        let x = given(inputs, 0)?;
        match dtype {
            DType::F32 => owned::bools(x.shape().clone(), x.values::<f32>()?.iter().map(|v| v.is_nan())),
            _ => owned::bools(x.shape().clone(), x.values::<f64>()?.iter().map(|v| v.is_nan())),
        }
    }))
}

/// Where: by each truth value, an element of the one or of the other.
pub(super) fn choose(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::Bool])?;
    let dtype = ask.one_of(1, &[DType::F32, DType::F64, DType::I64, DType::I32])?;
    ask.one_of(2, &[dtype])?;
    fn chosen<T: Element>(inputs: &[Give<'_>]) -> Result<Tensor, Problem> {
        let (which, a, b) = (given(inputs, 0)?, given(inputs, 1)?, given(inputs, 2)?);
        let values = Pairs::of(a.shape(), b.shape())?;
        let both = Pairs::of(which.shape(), &values.shape)?;
        let places: Vec<(usize, usize)> = values.places().collect();
        let (which, a, b) = (which.bools()?, a.values::<T>()?, b.values::<T>()?);
        let one = |(i, j): (usize, usize)| if which[i] != 0 { a[places[j].0] } else { b[places[j].1] };
        owned::tensor(both.shape.clone(), both.places().map(one).collect())
    }
    Ok(Built::one(dtype, move |inputs| match dtype {
        DType::F32 => chosen::<f32>(inputs),
        DType::F64 => chosen::<f64>(inputs),
        DType::I64 => chosen::<i64>(inputs),
        _ => chosen::<i32>(inputs),
    }))
}
