//! Shapes within messages. Format: `tensor_shape.proto` of `tensorflow/core/framework`.

use landfall_model::protobuf::Value;
use landfall_model::{Dim, Problem};

/// `TensorShapeProto`; `None` for an unknown rank.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn shape(value: Value<'_>) -> Result<Option<Vec<Dim>>, Problem> {
    let (mut dims, mut unknown) = (Vec::new(), false);
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            2 => dims.push(dim(value)?),
            3 => unknown = value.varint()? != 0,
            _ => {}
        }
    }
    Ok((!unknown).then_some(dims))
}

fn dim(value: Value<'_>) -> Result<Dim, Problem> {
    let (mut size, mut name) = (0, "");
    let mut fields = value.message()?;
    while let Some((field, value)) = fields.next()? {
        match field {
            1 => size = value.signed()?,
            2 => name = value.text()?,
            _ => {}
        }
    }
    let free = || Dim::Free((!name.is_empty()).then(|| name.to_owned()));
    Ok(usize::try_from(size).map_or_else(|_| free(), Dim::Known))
}
