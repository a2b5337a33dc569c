//! Elements in order: the largest ones, sums up to each, elements by place.

use super::super::Refusal;
use super::arrays::parts;
use super::{Ask, Built, axis_of, given};
use crate::owned;
use landfall_model::{DType, Problem, Shape};
use std::cmp::Ordering;

/// TopK: the largest or smallest along an axis in order, and where they were; of equal ones, the earlier first.
pub(super) fn top(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    let count = ask.integers("k", 1)?;
    let [count] = count[..] else { return Err(Refusal::not("no number of elements")) };
    let count = usize::try_from(count).map_err(|_| Refusal::not(format!("{count} elements")))?;
    let (axis, largest) = (ask.integer("axis", -1)?, ask.flag("largest", true)?);
    Ok(Built::exact(vec![DType::F32, DType::I64], move |inputs| {
        let x = given(inputs, 0)?;
        let axis = axis_of(axis, x.shape().len())?;
        let (before, length, behind) = parts(x.shape(), axis);
        if count > length {
            return Err(Problem::invalid(format!("the first {count} of {length}")));
        }
        let values = x.values::<f32>()?;
        let mut from = vec![0; before * count * behind];
        let mut places = vec![0i64; from.len()];
        for outer in 0..before {
            for inner in 0..behind {
                let at = |place: usize| (outer * length + place) * behind + inner;
                let mut order: Vec<usize> = (0..length).collect();
                order.sort_by(|&a, &b| {
                    let order = values[at(a)].partial_cmp(&values[at(b)]).unwrap_or(Ordering::Equal);
                    if largest { order.reverse() } else { order }
                });
                for (rank, &place) in order.iter().take(count).enumerate() {
                    from[(outer * count + rank) * behind + inner] = at(place);
                    places[(outer * count + rank) * behind + inner] = place as i64;
                }
            }
        }
        let shape: Shape =
            x.shape().iter().enumerate().map(|(at, &own)| if at == axis { count } else { own }).collect();
        Ok(vec![owned::taken(x, shape.clone(), &from)?, owned::tensor(shape, places)?])
    }))
}

/// CumSum: along an axis, the sum up to each element.
pub(super) fn running_sum(ask: &Ask<'_>) -> Result<Built, Refusal> {
    ask.one_of(0, &[DType::F32])?;
    if ask.flag("exclusive", false)? || ask.flag("reverse", false)? {
        return Err(Refusal::not("sums backwards, or without the element"));
    }
    let axis = ask.constant(1)?;
    let axis = match axis.dtype() {
        DType::I32 => axis.values::<i32>()?.first().copied().map(i64::from),
        _ => axis.values::<i64>()?.first().copied(),
    };
    let axis = axis.ok_or_else(|| Refusal::not("no axis"))?;
    Ok(Built::one(DType::F32, move |inputs| {
        let x = given(inputs, 0)?;
        let axis = axis_of(axis, x.shape().len())?;
        let (before, length, behind) = parts(x.shape(), axis);
        let mut values = x.values::<f32>()?.to_vec();
        for outer in 0..before {
            for place in 1..length {
                for inner in 0..behind {
                    let at = (outer * length + place) * behind + inner;
                    values[at] += values[at - behind];
                }
            }
        }
        owned::tensor(x.shape().clone(), values)
    }))
}

/// GatherElements: for each element of the places, the element that lies there along an axis.
pub(super) fn gather_elements(ask: &Ask<'_>) -> Result<Built, Refusal> {
    let dtype = ask.dtype(0)?;
    ask.one_of(1, &[DType::I64])?;
    let axis = ask.integer("axis", 0)?;
    Ok(Built::one(dtype, move |inputs| {
        let (x, wanted) = (given(inputs, 0)?, given(inputs, 1)?);
        let axis = axis_of(axis, x.shape().len())?;
        let fits = x.shape().len() == wanted.shape().len()
            && wanted
                .shape()
                .iter()
                .zip(x.shape().iter())
                .enumerate()
                .all(|(at, (a, b))| at == axis || a == b);
        if !fits {
            return Err(Problem::invalid(format!(
                "places of shape {} in shape {}",
                wanted.shape(),
                x.shape()
            )));
        }
        let (_, length, behind) = parts(x.shape(), axis);
        let (_, each, _) = parts(wanted.shape(), axis);
        let place = |(element, &slice): (usize, &i64)| {
            let (outer, inner) = (element / (each * behind), element % behind);
            Ok((outer * length + axis_of(slice, length)?) * behind + inner)
        };
        let places = wanted.values::<i64>()?.iter().enumerate().map(place);
        let places = places.collect::<Result<Vec<usize>, Problem>>()?;
        owned::taken(x, wanted.shape().clone(), &places)
    }))
}
