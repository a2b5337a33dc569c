//! Names of axes: the engine takes axes of one name for equally long, and computes shapes before a call by that. ONNX Runtime
//! does not, and a file may have any name on several axes, or an empty one.

use crate::message::Message;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

/// From a `ValueInfoProto` to its axes: type, tensor, shape, axis.
const TO_AXES: [u32; 4] = [2, 1, 2, 1];

/// A `ValueInfoProto` whose axes have no names; `None` where none has one.
///
/// # Errors
/// Malformed.
pub(super) fn without_names(value: Fields<'_>) -> Result<Option<Message>, Problem> {
    let (mut whole, mut is_changed) = (Message::default(), false);
    copy(value, &TO_AXES, &mut whole, &mut is_changed)?;
    Ok(is_changed.then_some(whole))
}

fn copy(
    mut fields: Fields<'_>,
    path: &[u32],
    to: &mut Message,
    is_changed: &mut bool,
) -> Result<(), Problem> {
    const NAME: u32 = 2;
    while let Some((number, value)) = fields.next()? {
        match path {
            [] if number == NAME => *is_changed = true,
            [first, rest @ ..] if number == *first => {
                let mut part = Message::default();
                copy(value.message()?, rest, &mut part, is_changed)?;
                to.bytes(number, &part.0);
            }
            _ => to.field(number, value)?,
        }
    }
    Ok(())
}
