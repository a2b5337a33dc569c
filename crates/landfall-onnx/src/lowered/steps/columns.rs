//! `ai.onnx.ml` operators on the columns of a matrix of numbers: Scaler, Imputer, Normalizer, Binarizer,
//! FeatureVectorizer.

use super::super::Refusal;
use super::linear::floats;
use super::{Ask, Built, NUMBERS, given};
use crate::owned;
use landfall_model::{DType, Element, Problem, Shape, Tensor};

/// Values of a row: a tensor of one axis is a row.
fn width(tensor: &Tensor) -> Result<usize, Problem> {
    let shape = tensor.shape();
    let width = if shape.len() == 1 { shape.first() } else { shape.get(1) };
    width.copied().ok_or_else(|| Problem::invalid("a scalar where rows are meant"))
}

/// `(x - offset) * scale`: integers become float32 first, float64 is calculated in float64.
pub(super) fn scaler(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &NUMBERS)?;
    let (offset, scale) = (ask.node.attributes.floats("offset")?, ask.node.attributes.floats("scale")?);
    if scale.is_empty() || offset.len() != scale.len() {
        return Err(Refusal::not(format!("{} offsets for {} scales", offset.len(), scale.len())));
    }
    let pairs: Vec<(f32, f32)> = offset.into_iter().zip(scale).collect();
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        let width = width(x)?;
        if pairs.len() != width && pairs.len() != 1 {
            return Err(Problem::invalid(format!("{width} columns, {} scales", pairs.len())));
        }
        let all = pairs.iter().cycle();
        let single = |value: f32, (offset, scale): &(f32, f32)| (value - offset) * scale;
        let values: Vec<f32> = match dtype {
            DType::F32 => x.values::<f32>()?.iter().zip(all).map(|(&v, pair)| single(v, pair)).collect(),
            DType::I64 => {
                x.values::<i64>()?.iter().zip(all).map(|(&v, pair)| single(v as f32, pair)).collect()
            }
            DType::I32 => {
                x.values::<i32>()?.iter().zip(all).map(|(&v, pair)| single(v as f32, pair)).collect()
            }
            _ => {
                let double =
                    |v: f64, (offset, scale): &(f32, f32)| (v - f64::from(*offset)) * f64::from(*scale);
                x.values::<f64>()?.iter().zip(all).map(|(&v, pair)| double(v, pair) as f32).collect()
            }
        };
        owned::tensor(x.shape().clone(), values)
    }))
}

/// Another value in place of one that means missing.
pub(super) fn imputer(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let attributes = &ask.node.attributes;
    match ask.one_of(0, &[DType::F32, DType::I64])? {
        DType::F32 => {
            let replaced = attributes.float("replaced_value_float")?;
            let replaced = replaced.ok_or_else(|| Refusal::not("no value to replace"))?;
            let is_replaced = move |v: f32| (v.is_nan() && replaced.is_nan()) || v == replaced;
            imputing(DType::F32, attributes.floats("imputed_value_floats")?, is_replaced)
        }
        dtype => {
            let replaced = attributes.integer("replaced_value_int64")?;
            let replaced = replaced.ok_or_else(|| Refusal::not("no value to replace"))?;
            imputing(dtype, attributes.integers("imputed_value_int64s")?, move |v| v == replaced)
        }
    }
}

fn imputing<T: Element>(
    dtype: DType,
    imputed: Vec<T>,
    is_replaced: impl Fn(T) -> bool + Send + Sync + 'static,
) -> Result<Built, Refusal> {
    if imputed.is_empty() {
        return Err(Refusal::not("no values to impute"));
    }
    Ok(Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let by_column = if imputed.len() == width(x)? { &imputed[..] } else { &imputed[..1] };
        let values = x.values::<T>()?.iter().zip(by_column.iter().cycle());
        let values: Vec<T> = values.map(|(&v, &other)| if is_replaced(v) { other } else { v }).collect();
        owned::tensor(x.shape().clone(), values)
    }))
}

/// Rows divided by their largest value, by the sum of sizes, or by their length: sizes and squares are taken in the
/// type of the rows, and rounded to float32 before they are added.
pub(super) fn normalizer(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.one_of(0, &NUMBERS)?;
    let norm = match ask.node.attributes.text("norm")? {
        None | Some(b"MAX") => Norm::Largest,
        Some(b"L1") => Norm::Sum,
        Some(b"L2") => Norm::Length,
        Some(other) => return Err(Refusal::not(format!("norm {}", String::from_utf8_lossy(other)))),
    };
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        match dtype {
            DType::F32 => normalized::<f32>(x, norm),
            DType::F64 => normalized::<f64>(x, norm),
            DType::I64 => normalized::<i64>(x, norm),
            _ => normalized::<i32>(x, norm),
        }
    }))
}

#[derive(Clone, Copy)]
enum Norm {
    Largest,
    Sum,
    Length,
}

/// A number as rows have it, on its way to float32.
trait Part: Element {
    fn single(self) -> f32;
    fn size(self) -> f32;
    fn square(self) -> f32;
}

macro_rules! part {
    ($type:ty, $size:expr, $square:expr) => {
        impl Part for $type {
            fn single(self) -> f32 {
                self as f32
            }
            fn size(self) -> f32 {
                $size(self) as f32
            }
            fn square(self) -> f32 {
                $square(self, self) as f32
            }
        }
    };
}
part!(f32, f32::abs, std::ops::Mul::mul);
part!(f64, f64::abs, std::ops::Mul::mul);
part!(i64, i64::wrapping_abs, i64::wrapping_mul);
part!(i32, i32::wrapping_abs, i32::wrapping_mul);

fn normalized<T: Part>(x: &Tensor, norm: Norm) -> Result<Tensor, Problem> {
    let width = width(x)?;
    let values = x.values::<T>()?;
    let mut normal = Vec::with_capacity(values.len());
    for row in values.chunks_exact(width.max(1)) {
        match norm {
            Norm::Largest => {
                let largest = row.iter().map(|value| value.single());
                divided(
                    row,
                    largest.fold(f32::MIN, |most, one| if most < one { one } else { most }),
                    &mut normal,
                );
            }
            Norm::Sum => divided(row, row.iter().fold(0.0, |sum, value| sum + value.size()), &mut normal),
            Norm::Length => by_length(row, &mut normal),
        }
    }
    owned::tensor(x.shape().clone(), normal)
}

fn divided<T: Part>(row: &[T], divisor: f32, normal: &mut Vec<f32>) {
    let divisor = if divisor == 0.0 { 1.0 } else { divisor };
    normal.extend(row.iter().map(|value| value.single() / divisor));
}

fn by_length<T: Part>(row: &[T], normal: &mut Vec<f32>) {
    let sum = row.iter().fold(0.0, |sum, value| sum + value.square());
    normal.extend(row.iter().map(|value| {
        let single = value.single();
        let length = if sum == 0.0 { return single } else { (value.square() / sum).sqrt() };
        if single < 0.0 { -length } else { length }
    }));
}

/// 1 above a threshold, else 0.
pub(super) fn binarizer(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let threshold = ask.node.attributes.float("threshold")?.unwrap_or(0.0);
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        let above = |value: &f32| f32::from(u8::from(*value > threshold));
        owned::tensor(x.shape().clone(), x.values::<f32>()?.iter().map(above).collect::<Vec<f32>>())
    }))
}

/// Inputs side by side as float32; narrower ones are filled up with zeros, wider ones cut.
pub(super) fn feature_vectorizer(ask: &Ask<'_>) -> Result<Built, Refusal> {
    for input in 0..ask.types.len() {
        ask.one_of(input, &NUMBERS)?;
    }
    let widths = ask.node.attributes.integers("inputdimensions")?;
    let widths: Vec<usize> = widths.iter().filter_map(|&width| usize::try_from(width).ok()).collect();
    if widths.len() != ask.types.len() || widths.iter().any(|&width| width > 1 << 16) {
        return Err(Refusal::not("other widths than inputs"));
    }
    Ok(Built::one(DType::F32, move |inputs| {
        let rows_of =
            |x: &Tensor| if x.shape().len() == 1 { 1 } else { x.shape().first().copied().unwrap_or(1) };
        let rows = rows_of(given(inputs, 0)?);
        let total: usize = widths.iter().sum();
        let mut values = vec![0f32; rows * total];
        let mut start = 0;
        for (input, &wanted) in widths.iter().enumerate() {
            let x = given(inputs, input)?;
            if rows_of(x) != rows {
                return Err(Problem::invalid(format!("{} rows beside {rows}", rows_of(x))));
            }
            let found = x.len().checked_div(rows).unwrap_or(0);
            let floats = floats(x)?;
            for row in 0..rows {
                let copied = found.min(wanted);
                let to = row * total + start;
                values[to..to + copied].copy_from_slice(&floats[row * found..row * found + copied]);
            }
            start += wanted;
        }
        owned::tensor(Shape::new(&[rows, total]), values)
    }))
}
