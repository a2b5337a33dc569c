//! `GetModelStatus`: request model_spec = 1; response model_version_status = 1, each version = 1, state = 2, status = 3
//! (error_code = 1, error_message = 2).

use super::spec::ModelSpec;
use super::unreadable;
use crate::Address;
use crate::protobuf::Writer;
use crate::tfs::names;
use landfall_model::protobuf::Fields;
use landfall_model::{Problem, VersionStatus};

/// For whom a `GetModelStatusRequest` is.
///
/// # Errors
/// Invalid argument, in the original's words, where it names nobody.
pub fn decode_get_model_status(body: &[u8]) -> Result<Address, Problem> {
    let mut spec = None::<ModelSpec>;
    let mut fields = Fields::new("GetModelStatusRequest", body);
    while let Some((field, value)) = fields.next().map_err(unreadable)? {
        if field == 1 {
            value
                .message()
                .and_then(|fields| spec.get_or_insert_default().merge(fields))
                .map_err(unreadable)?;
        }
    }
    ModelSpec::address(spec)
}

/// `GetModelStatusResponse`, in the order given (newest first, in this API). A version whose name is no number is
/// listed without one.
pub fn encode_get_model_status(versions: &[VersionStatus]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut response = Writer::new(&mut out);
    for status in versions {
        response.message(1, |message| {
            if let Some(number) = status.version.number().filter(|&number| number != 0) {
                message.signed_field(1, number);
            }
            message.varint_field(2, names::state(status.state).1);
            message.message(3, |message| {
                if let Some(problem) = &status.problem {
                    message.varint_field(1, problem.kind().code().into());
                    message.string_field(2, &problem.to_string());
                }
            });
        });
    }
    out
}
