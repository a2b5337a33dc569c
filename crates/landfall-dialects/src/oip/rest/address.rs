//! For which model and version a path is.

use crate::Address;
use crate::oip::names::version_choice;

/// The address of percent-decoded path segments: `/v2/models/MODEL` and, where it is there, `/versions/VERSION`.
pub fn address(model: &str, version: Option<&str>) -> Address {
    Address { model: model.to_owned(), version: version_choice(version.unwrap_or_default()) }
}
