//! Axes become one number: sums, means, products, the largest, and where it is.

use super::super::Refusal;
use super::arrays::parts;
use super::broadcast::Pairs;
use super::{Ask, Built, axis_of, given};
use crate::owned;
use landfall_model::{DType, Element, Problem, Shape, Tensor};

/// ReduceSum, ReduceMean, ReduceProd, ReduceMax, ReduceMin, ReduceSumSquare, ReduceLogSumExp. Which numbers are added first is ONNX Runtime's secret (it
/// follows from how its memory happens to lie): these are added in their order.
pub(super) fn reduce(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &[DType::F32, DType::F64])?;
    let axes = ask.integers("axes", 1)?;
    if axes.is_empty() && ask.flag("noop_with_empty_axes", false)? {
        return Err(Refusal::not("it without axes"));
    }
    let keeps = ask.flag("keepdims", true)?;
    let how = match ask.node.operator {
        "ReduceSum" => How::Sum,
        "ReduceMean" => How::Mean,
        "ReduceProd" => How::Product,
        "ReduceMax" => How::Largest,
        "ReduceSumSquare" => How::Squares,
        "ReduceLogSumExp" => How::Exponents,
        _ => How::Smallest,
    };
    let built = Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        match dtype {
            DType::F32 => by::<f32>(x, &axes, keeps, how),
            _ => by::<f64>(x, &axes, keeps, how),
        }
    });
    Ok(if matches!(how, How::Largest | How::Smallest) { built } else { built.nearly() })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Sum,
    Mean,
    Product,
    Largest,
    Smallest,
    /// The sum of squares.
    Squares,
    /// The logarithm of the sum of exponentials.
    Exponents,
}

trait Float: Element + PartialOrd + std::ops::Add<Output = Self> + std::ops::Mul<Output = Self> {
    fn over(self, count: usize) -> Self;
    fn is_none(self) -> bool;
    fn exp_from(self, largest: Self) -> Self;
    fn ln_to(self, largest: Self) -> Self;
}

macro_rules! float {
    ($type:ty) => {
        impl Float for $type {
            fn over(self, count: usize) -> Self {
                self / count as $type
            }
            fn is_none(self) -> bool {
                self.is_nan()
            }
            fn exp_from(self, largest: Self) -> Self {
                if largest.is_infinite() { self.exp() } else { (self - largest).exp() }
            }
            fn ln_to(self, largest: Self) -> Self {
                if largest.is_infinite() { self.ln() } else { self.ln() + largest }
            }
        }
    };
}
float!(f32);
float!(f64);

impl How {
    fn of<T: Float>(self, a: T, b: T) -> T {
        match self {
            How::Sum | How::Mean | How::Squares | How::Exponents => a + b,
            How::Product => a * b,
            How::Largest => {
                if a.is_none() || a >= b {
                    a
                } else {
                    b
                }
            }
            How::Smallest => {
                if a.is_none() || a <= b {
                    a
                } else {
                    b
                }
            }
        }
    }
}

fn by<T: Float>(x: &Tensor, axes: &[i64], keeps: bool, how: How) -> Result<Tensor, Problem> {
    let values = x.values::<T>()?;
    match how {
        How::Squares => {
            let squares = values.iter().map(|&value| value * value).collect();
            reduced::<T>(&owned::tensor(x.shape().clone(), squares)?, axes, keeps, how)
        }
        // The largest exponent is taken out, so that none is too large.
        How::Exponents => {
            let largest = reduced::<T>(x, axes, true, How::Largest)?;
            let most = largest.values::<T>()?;
            let pairs = Pairs::of(x.shape(), largest.shape())?;
            let powers = pairs.places().map(|(own, over)| values[own].exp_from(most[over])).collect();
            let sums = reduced::<T>(&owned::tensor(x.shape().clone(), powers)?, axes, keeps, how)?;
            let logs = sums.values::<T>()?.iter().zip(most).map(|(&sum, &over)| sum.ln_to(over));
            owned::tensor(sums.shape().clone(), logs.collect())
        }
        _ => reduced::<T>(x, axes, keeps, how),
    }
}

/// One axis after the other, the last one first.
fn reduced<T: Float>(x: &Tensor, axes: &[i64], keeps: bool, how: How) -> Result<Tensor, Problem> {
    let rank = x.shape().len();
    let mut axes: Vec<usize> = if axes.is_empty() {
        (0..rank).collect()
    } else {
        axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?
    };
    axes.sort_unstable();
    axes.dedup();
    let mut values = x.values::<T>()?.to_vec();
    let mut shape = x.shape().clone();
    let mut count = 1;
    for &axis in axes.iter().rev() {
        let (before, length, behind) = parts(&shape, axis);
        if length == 0 {
            return Err(Problem::invalid(format!("shape {shape} has nothing along axis {axis}")));
        }
        count *= length;
        let mut less = Vec::with_capacity(before * behind);
        for outer in 0..before {
            for inner in 0..behind {
                let at = |place: usize| values[(outer * length + place) * behind + inner];
                less.push((1..length).fold(at(0), |sum, place| how.of(sum, at(place))));
            }
        }
        values = less;
        shape = shape.iter().enumerate().map(|(at, &own)| if at == axis { 1 } else { own }).collect();
    }
    if how == How::Mean {
        values.iter_mut().for_each(|sum| *sum = sum.over(count));
    }
    if !keeps {
        shape = shape.iter().enumerate().filter(|(at, _)| !axes.contains(at)).map(|(_, &own)| own).collect();
    }
    owned::tensor(shape, values)
}

/// LpNormalization: what lies along an axis, divided by the sum of its sizes, or by its length; nothing is divided by 0.
pub(super) fn normalized(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let (axis, p) = (ask.integer("axis", -1)?, ask.integer("p", 2)?);
    if !matches!(p, 1 | 2) {
        return Err(Refusal::not(format!("a norm {p}")));
    }
    let built = Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        let (before, length, behind) = parts(x.shape(), axis_of(axis, x.shape().len())?);
        let mut values = x.values::<f32>()?.to_vec();
        for outer in 0..before {
            for inner in 0..behind {
                let places = (0..length).map(|place| (outer * length + place) * behind + inner);
                let size = |sum: f32, place| {
                    if p == 1 { sum + f32::abs(values[place]) } else { sum + values[place] * values[place] }
                };
                let sum = places.clone().fold(0.0, size);
                let norm = if p == 1 { sum } else { sum.sqrt() };
                if norm != 0.0 {
                    places.for_each(|place| values[place] /= norm);
                }
            }
        }
        owned::tensor(x.shape().clone(), values)
    });
    Ok(built.nearly())
}

/// ArgMax, ArgMin: where the largest is, the first of them unless the last is asked for.
pub(super) fn place(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &[DType::F32, DType::F64, DType::I64, DType::I32])?;
    let (axis, keeps) = (ask.integer("axis", 0)?, ask.flag("keepdims", true)?);
    let last = ask.flag("select_last_index", false)?;
    let largest = ask.node.operator == "ArgMax";
    Ok(Built::one(DType::I64, move |inputs| {
        let x = given(inputs, 0)?;
        let axis = axis_of(axis, x.shape().len())?;
        let places = match dtype {
            DType::F32 => places(x.values::<f32>()?, x.shape(), axis, largest, last),
            DType::F64 => places(x.values::<f64>()?, x.shape(), axis, largest, last),
            DType::I64 => places(x.values::<i64>()?, x.shape(), axis, largest, last),
            _ => places(x.values::<i32>()?, x.shape(), axis, largest, last),
        };
        let shape: Shape = if keeps {
            x.shape().iter().enumerate().map(|(at, &own)| if at == axis { 1 } else { own }).collect()
        } else {
            x.shape().iter().enumerate().filter(|(at, _)| *at != axis).map(|(_, &own)| own).collect()
        };
        owned::tensor(shape, places)
    }))
}

fn places<T: PartialOrd + Copy>(
    values: &[T],
    shape: &Shape,
    axis: usize,
    largest: bool,
    last: bool,
) -> Vec<i64> {
    let (before, length, behind) = parts(shape, axis);
    let mut places = Vec::with_capacity(before * behind);
    for outer in 0..before {
        for inner in 0..behind {
            let at = |place: usize| values[(outer * length + place) * behind + inner];
            let better = |new: T, best: T| {
                let beyond = if largest { new > best } else { new < best };
                beyond || (last && new == best)
            };
            let best =
                (1..length).fold(0, |best, place| if better(at(place), at(best)) { place } else { best });
            places.push(best as i64);
        }
    }
    places
}
