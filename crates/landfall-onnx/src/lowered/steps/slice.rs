//! `Slice`: stretches along axes, with strides, also backwards.

use super::super::Refusal;
use super::{Ask, Built, Give, axis_of, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape, Tensor};

/// Starts, ends, axes and steps are attributes before operator set 10 (without steps), and inputs since.
pub(super) fn slice(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    let attributes = &ask.node.attributes;
    if ask.types.len() == 1 {
        let (starts, ends) = (attributes.integers("starts")?, attributes.integers("ends")?);
        let axes = attributes.integers("axes")?;
        let axes = (!axes.is_empty()).then_some(axes);
        return Ok(Built::one(dtype, move |inputs| {
            cut(given(inputs, 0)?, &starts, &ends, axes.as_deref(), None)
        }));
    }
    for input in 1..ask.types.len() {
        if input < 3 || ask.has(input) {
            ask.one_of(input, &[DType::I64, DType::I32])?;
        }
    }
    Ok(Built::one(dtype, |inputs| {
        let (axes, steps) = (optional(inputs, 3)?, optional(inputs, 4)?);
        let (starts, ends) = (integers(given(inputs, 1)?)?, integers(given(inputs, 2)?)?);
        cut(given(inputs, 0)?, &starts, &ends, axes.as_deref(), steps.as_deref())
    }))
}

fn integers(tensor: &Tensor) -> Result<Vec<i64>, Problem> {
    match tensor.dtype() {
        DType::I32 => Ok(tensor.values::<i32>()?.iter().map(|&value| value.into()).collect()),
        _ => Ok(tensor.values::<i64>()?.to_vec()),
    }
}

fn optional(inputs: &[Give<'_>], input: usize) -> Result<Option<Vec<i64>>, Problem> {
    inputs.get(input).copied().flatten().map(integers).transpose()
}

/// Places along an axis of a length: from `start` up to, but not including, `end`. Both count from the back where they
/// are negative, and are brought within the axis.
fn places(length: usize, start: i64, end: i64, step: i64) -> Result<Vec<usize>, Problem> {
    let length = length as i128;
    let counted = |place: i64| if place < 0 { i128::from(place) + length } else { i128::from(place) };
    let (first, last) = if step > 0 { (0, length) } else { (-1, length - 1) };
    // Backwards, a start before the front means the front.
    let start = counted(start).clamp(0, last.max(0));
    let end = counted(end).clamp(first, last.max(first));
    let mut places = Vec::new();
    let mut place = start;
    match step {
        0 => return Err(Problem::invalid("a stretch with steps of 0")),
        1.. => {
            while place < end {
                places.push(place as usize);
                place += i128::from(step);
            }
        }
        _ => {
            while place > end && length > 0 {
                places.push(place as usize);
                place += i128::from(step);
            }
        }
    }
    Ok(places)
}

fn cut(
    x: &Tensor,
    starts: &[i64],
    ends: &[i64],
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Result<Tensor, Problem> {
    let rank = x.shape().len();
    let axes = match axes {
        Some(axes) => axes.iter().map(|&axis| axis_of(axis, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..starts.len()).collect(),
    };
    let counts = [ends.len(), axes.len(), steps.map_or(starts.len(), <[i64]>::len)];
    if counts.iter().any(|&count| count != starts.len()) || axes.iter().any(|&axis| axis >= rank) {
        let what =
            format!("{} starts, {counts:?} ends, axes and steps, over shape {}", starts.len(), x.shape());
        return Err(Problem::invalid(what));
    }
    let mut kept: Vec<Option<Vec<usize>>> = vec![None; rank];
    for (at, &axis) in axes.iter().enumerate() {
        let step = steps.map_or(1, |steps| steps[at]);
        let found = places(x.shape()[axis], starts[at], ends[at], step)?;
        if kept[axis].replace(found).is_some() {
            return Err(Problem::invalid(format!("axis {axis} is cut twice")));
        }
    }
    let mut elements = vec![0];
    let mut shape = Shape::new(&[]);
    for (&length, kept) in x.shape().iter().zip(kept) {
        let kept = kept.unwrap_or_else(|| (0..length).collect());
        shape.push(kept.len());
        elements = elements
            .iter()
            .flat_map(|&before| kept.iter().map(move |&place| before * length + place))
            .collect();
    }
    owned::taken(x, shape, &elements)
}
