//! Tensors that lie in a file (`TensorProto`), copied out: those of a tree pipeline are small.

use super::Refusal;
use crate::declared::ElementType;
use crate::node::Attributes;
use crate::owned;
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem, Shape, Strings, Tensor};

/// The tensor that an attribute holds; `None` where the attribute is not there.
///
/// # Errors
/// As [`constant`].
pub(super) fn of(attributes: &Attributes<'_>, name: &str) -> Result<Option<Tensor>, Refusal> {
    Ok(match attributes.tensor(name)? {
        Some(stored) => Some(constant(stored)?.1),
        None => None,
    })
}

/// A constant with its name.
///
/// # Errors
/// Not lowered: types that no step takes, and tensors that lie in other files. Malformed where the bytes are.
pub(super) fn constant(mut fields: Fields<'_>) -> Result<(&str, Tensor), Refusal> {
    let (mut name, mut element, mut raw, mut is_external) = ("", ElementType::default(), None, false);
    let mut shape = Shape::new(&[]);
    let (mut floats, mut doubles, mut integers, mut texts) = (vec![], vec![], Vec::<i64>::new(), vec![]);
    while let Some((number, value)) = fields.next()? {
        match number {
            1 => value.varints(|dim| shape.push(usize::try_from(dim).unwrap_or(usize::MAX)))?,
            2 => element = ElementType(value.varint()?),
            4 => value.fixed::<4>(|bytes| floats.extend_from_slice(bytes))?,
            5 | 7 => value.varints(|number| integers.push(number as i64))?,
            6 => texts.push(value.bytes()?),
            8 => name = value.text()?,
            9 => raw = Some(value.bytes()?),
            10 => value.fixed::<8>(|bytes| doubles.extend_from_slice(bytes))?,
            14 => is_external = value.varint()? == 1,
            _ => {}
        }
    }
    if is_external {
        return Err(Refusal::not(format!("constant {name:?} in another file")));
    }
    let wide = |bytes: &[u8]| bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
    let dtype = element.dtype();
    let tensor = match dtype {
        Some(DType::F32) => {
            let bytes = raw.unwrap_or(&floats).as_chunks::<4>().0;
            owned::tensor(shape, bytes.iter().map(|b| f32::from_le_bytes(*b)).collect::<Vec<_>>())
        }
        Some(DType::F64) => {
            let bytes = raw.unwrap_or(&doubles).as_chunks::<8>().0;
            owned::tensor(shape, bytes.iter().map(|b| f64::from_le_bytes(*b)).collect::<Vec<_>>())
        }
        Some(DType::I64) => owned::tensor::<i64>(shape, raw.map_or(integers, wide)),
        Some(DType::I32) => {
            let narrow =
                |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|b| i32::from_le_bytes(*b)).collect();
            let values = raw.map_or_else(|| integers.iter().map(|&value| value as i32).collect(), narrow);
            owned::tensor::<i32>(shape, values)
        }
        Some(DType::U8) => {
            let values =
                raw.map_or_else(|| integers.iter().map(|&value| value as u8).collect(), <[u8]>::to_vec);
            owned::tensor::<u8>(shape, values)
        }
        Some(DType::Bool) => {
            let values =
                raw.map_or_else(|| integers.iter().map(|&value| value as u8).collect(), <[u8]>::to_vec);
            owned::bools(shape, values.into_iter().map(|byte| byte != 0))
        }
        Some(DType::String) => Tensor::from_strings(shape, texts.iter().collect::<Strings>()),
        _ => return Err(Refusal::not(format!("constant {name:?} of {element}"))),
    };
    let tensor = tensor.map_err(|problem: Problem| problem.at(format!("constant {name:?}")))?;
    Ok((name, tensor))
}
