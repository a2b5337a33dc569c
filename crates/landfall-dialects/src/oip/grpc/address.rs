//! For which model and version a message is, without decoding the rest.

use crate::Address;
use crate::oip::names::version_choice;
use crate::protobuf::walk::{self, Walk};
use landfall_model::{Problem, VersionChoice};

/// The model and version of a `ModelInferRequest`.
///
/// # Errors
/// Malformed bytes; invalid argument for a name that is no UTF-8.
pub fn infer_address(body: &[u8]) -> Result<Address, Problem> {
    let (model, version) = first_two(body)?;
    Ok(Address { model: model.to_owned(), version: version_choice(version) })
}

/// A message of a model's name and version: `ModelReadyRequest`, `ModelMetadataRequest`, `ModelConfigRequest` and
/// `ModelStatisticsRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRequest {
    /// Name of the model; empty means all models, where a method knows that.
    pub model: String,
    /// Which version.
    pub version: VersionChoice,
}

/// Reads a message of a model's name and version.
///
/// # Errors
/// As [`infer_address`].
pub fn model_request(body: &[u8]) -> Result<ModelRequest, Problem> {
    let (model, version) = first_two(body)?;
    Ok(ModelRequest { model: model.to_owned(), version: version_choice(version) })
}

/// Text fields 1 and 2; of a field that comes more than once the last one counts.
fn first_two(body: &[u8]) -> Result<(&str, &str), Problem> {
    let (mut first, mut second) = ("", "");
    let mut fields = Walk::new(body);
    while let Some((field, part)) = fields.next()? {
        match field {
            1 => first = walk::text(body, &part)?,
            2 => second = walk::text(body, &part)?,
            _ => {}
        }
    }
    Ok((first, second))
}
