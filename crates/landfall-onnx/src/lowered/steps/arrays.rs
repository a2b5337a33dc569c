//! Shapes, and elements by place: nothing is calculated.

use super::super::{Refusal, constant};
use super::{Ask, Built, axis_of, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};

/// The same again.
pub(super) fn identity(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    Ok(Built::one(dtype, |inputs| Ok(given(inputs, 0)?.clone())))
}

/// Elements before an axis, along it, and behind it.
pub(super) fn parts(shape: &Shape, axis: usize) -> (usize, usize, usize) {
    (shape[..axis].iter().product(), shape[axis], shape[axis + 1..].iter().product())
}

/// Tensors one behind the other along an axis.
pub(super) fn concat(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    for input in 1..ask.types.len() {
        ask.one_of(input, &[dtype])?;
    }
    let axis = ask.integer("axis", 0)?;
    Ok(Built::one(dtype, move |inputs| {
        let tensors = (0..inputs.len()).map(|input| given(inputs, input)).collect::<Result<Vec<_>, _>>()?;
        concatenated(&tensors, axis)
    }))
}

/// Tensors one behind the other along an axis.
pub(in crate::lowered) fn concatenated(tensors: &[&Tensor], axis: i64) -> Result<Tensor, Problem> {
    let first = tensors.first().ok_or_else(|| Problem::internal("a concatenation of nothing"))?.shape();
    let axis = axis_of(axis, first.len())?;
    let mut length = 0;
    for tensor in tensors {
        let shape = tensor.shape();
        let alike = shape.len() == first.len()
            && shape.iter().zip(first.iter()).enumerate().all(|(at, (a, b))| at == axis || a == b);
        if !alike {
            return Err(Problem::invalid(format!("shapes {first} and {shape} side by side")));
        }
        length += shape[axis];
    }
    let shape: Shape =
        first.iter().enumerate().map(|(at, &own)| if at == axis { length } else { own }).collect();
    let (before, _, behind) = parts(&shape, axis);
    if first_is_text(tensors) {
        let mut texts = landfall_model::StringsMut::new();
        for outer in 0..before {
            for tensor in tensors {
                let block = tensor.shape()[axis] * behind;
                let strings = tensor.strings()?;
                (outer * block..(outer + 1) * block).for_each(|place| texts.push(strings.get(place)));
            }
        }
        return Tensor::from_strings(shape, texts.freeze());
    }
    let dtype = tensors[0].dtype();
    let size = dtype.size().unwrap_or(1);
    let blocks: Vec<(&[u8], usize)> = tensors
        .iter()
        .map(|tensor| (tensor.bytes().unwrap_or_default(), tensor.shape()[axis] * behind * size))
        .collect();
    let mut bytes =
        landfall_model::BufferMut::with_capacity(blocks.iter().map(|(bytes, _)| bytes.len()).sum());
    for outer in 0..before {
        for (from, block) in &blocks {
            bytes.extend_from_bytes(&from[outer * block..(outer + 1) * block]);
        }
    }
    Tensor::from_buffer(dtype, shape, bytes.freeze())
}

fn first_is_text(tensors: &[&Tensor]) -> bool {
    tensors.first().is_some_and(|tensor| tensor.dtype() == DType::String)
}

fn indices(tensor: &Tensor) -> Result<Vec<i64>, Problem> {
    match tensor.dtype() {
        DType::I32 => Ok(tensor.values::<i32>()?.iter().map(|&index| index.into()).collect()),
        _ => Ok(tensor.values::<i64>()?.to_vec()),
    }
}

/// Slices along an axis, by their places.
pub(super) fn gather(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    ask.one_of(1, &[DType::I64, DType::I32])?;
    let axis = ask.integer("axis", 0)?;
    Ok(Built::one(dtype, move |inputs| {
        let (x, wanted) = (given(inputs, 0)?, given(inputs, 1)?);
        let axis = axis_of(axis, x.shape().len())?;
        let (before, length, behind) = parts(x.shape(), axis);
        let slices = indices(wanted)?;
        let slices = slices.iter().map(|&slice| axis_of(slice, length)).collect::<Result<Vec<_>, _>>()?;
        let shape: Shape =
            [&x.shape()[..axis], &wanted.shape()[..], &x.shape()[axis + 1..]].concat().into_iter().collect();
        shape.elements()?;
        let mut places = Vec::with_capacity(before * slices.len() * behind);
        for outer in 0..before {
            for slice in &slices {
                let start = (outer * length + slice) * behind;
                places.extend(start..start + behind);
            }
        }
        owned::taken(x, shape, &places)
    }))
}

/// Columns by their places; of a tensor of one axis, a row of them.
pub(super) fn array_feature_extractor(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    ask.one_of(1, &[DType::I64])?;
    Ok(Built::one(dtype, |inputs| {
        let (x, wanted) = (given(inputs, 0)?, given(inputs, 1)?);
        let Some((&length, front)) = x.shape().split_last() else {
            return Err(Problem::invalid("columns of a scalar"));
        };
        let wanted = wanted.values::<i64>()?;
        let columns = wanted.iter().map(|&column| {
            let found = usize::try_from(column).ok().filter(|&column| column < length);
            found.ok_or_else(|| Problem::invalid(format!("column {column} of {length}")))
        });
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let mut shape = Shape::new(if front.is_empty() { &[1] } else { front });
        shape.push(columns.len());
        let rows: usize = front.iter().product();
        let places: Vec<usize> =
            (0..rows).flat_map(|row| columns.iter().map(move |column| row * length + column)).collect();
        owned::taken(x, shape, &places)
    }))
}

/// Another shape: 0 keeps an axis, −1 takes what is left.
pub(super) fn reshape(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    if ask.flag("allowzero", false)? {
        return Err(Refusal::not("axes of length 0"));
    }
    if ask.has(1) && ask.constant(1).is_err() {
        ask.one_of(1, &[DType::I64])?;
        return Ok(Built::one(dtype, |inputs| shaped(given(inputs, 0)?, given(inputs, 1)?.values::<i64>()?)));
    }
    let wanted = ask.integers("shape", 1)?;
    Ok(Built::one(dtype, move |inputs| shaped(given(inputs, 0)?, &wanted)))
}

fn shaped(x: &Tensor, wanted: &[i64]) -> Result<Tensor, Problem> {
    let mut shape = Shape::new(&[]);
    let mut free = None;
    for (at, &axis) in wanted.iter().enumerate() {
        shape.push(match axis {
            0 => x.shape().get(at).copied().unwrap_or(0),
            -1 => {
                free = Some(at);
                1
            }
            axis => usize::try_from(axis).map_err(|_| Problem::invalid(format!("an axis of {axis}")))?,
        });
    }
    if let Some(free) = free {
        let rest = x.len().checked_div(shape.elements()?).unwrap_or(0);
        shape = shape.iter().enumerate().map(|(at, &axis)| if at == free { rest } else { axis }).collect();
    }
    x.clone().reshaped(shape)
}

/// A matrix: the axes before one, and those from it on.
pub(super) fn flatten(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    let axis = ask.integer("axis", 1)?;
    Ok(Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let rank = x.shape().len();
        let axis = if axis == rank as i64 { rank } else { axis_of(axis, rank)? };
        let (front, back) = x.shape().split_at(axis);
        let shape = Shape::new(&[front.iter().product(), back.iter().product()]);
        x.clone().reshaped(shape)
    }))
}

/// Without axes of length 1.
pub(super) fn squeeze(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    let axes = ask.integers("axes", 1)?;
    Ok(Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let rank = x.shape().len();
        let axes = axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?;
        let goes = |at: usize, length: usize| if axes.is_empty() { length == 1 } else { axes.contains(&at) };
        let kept = x.shape().iter().enumerate().filter(|&(at, &length)| !goes(at, length));
        let shape: Shape = kept.map(|(_, &length)| length).collect();
        x.clone().reshaped(shape)
    }))
}

/// With axes of length 1.
pub(super) fn unsqueeze(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    let axes = ask.integers("axes", 1)?;
    Ok(Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let rank = x.shape().len() + axes.len();
        let axes = axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut own = x.shape().iter().copied();
        let shape: Shape =
            (0..rank).filter_map(|at| if axes.contains(&at) { Some(1) } else { own.next() }).collect();
        x.clone().reshaped(shape)
    }))
}

/// Axes in another order; without a list, backwards.
pub(super) fn transpose(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    let order = ask.node.attributes.integers("perm")?;
    Ok(Built::one(dtype, move |inputs| {
        let x = given(inputs, 0)?;
        let rank = x.shape().len();
        let order: Vec<usize> = if order.is_empty() {
            (0..rank).rev().collect()
        } else {
            order.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<_, _>>()?
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..rank) {
            return Err(Problem::invalid(format!("axes {order:?} of shape {}", x.shape())));
        }
        let stride = |axis: usize| x.shape()[axis + 1..].iter().product::<usize>();
        let strides: Vec<usize> = order.iter().map(|&axis| stride(axis)).collect();
        let shape: Shape = order.iter().map(|&axis| x.shape()[axis]).collect();
        let place = |element: usize| {
            let (mut rest, mut place) = (element, 0);
            for (&length, stride) in shape.iter().zip(&strides).rev() {
                place += rest % length * stride;
                rest /= length;
            }
            place
        };
        let places: Vec<usize> = (0..x.len()).map(place).collect();
        owned::taken(x, shape, &places)
    }))
}

/// The length of each axis.
pub(super) fn shape(ask: &Ask<'_>) -> Result<Built, Refusal> {
    if ask.node.attributes.names().next().is_some() {
        return Err(Refusal::not("a part of a shape"));
    }
    Ok(Built::one(DType::I64, |inputs| {
        let lengths: Vec<i64> = given(inputs, 0)?.shape().iter().map(|&length| length as i64).collect();
        owned::tensor(Shape::new(&[lengths.len()]), lengths)
    }))
}

/// Elements that a tensor of one value may have.
const MOST_FILLED: usize = 1 << 26;

/// One value throughout.
pub(super) fn constant_of_shape(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::I64])?;
    let value = match constant::of(&ask.node.attributes, "value")? {
        Some(value) if value.len() == 1 => value,
        Some(_) => return Err(Refusal::not("several values")),
        None => owned::tensor(Shape::new(&[1]), vec![0f32])?,
    };
    Ok(Built::one(value.dtype(), move |inputs| {
        let lengths = given(inputs, 0)?.values::<i64>()?;
        let shape: Shape =
            lengths.iter().map(|&length| usize::try_from(length).unwrap_or(usize::MAX)).collect();
        let elements = shape.elements()?;
        if elements > MOST_FILLED {
            return Err(Problem::invalid(format!("shape {shape} has too many elements")));
        }
        owned::taken(&value, shape, &vec![0; elements])
    }))
}
