//! `tensorflow.serving.ModelSpec`: name = 1, version = 2 (`Int64Value`), signature_name = 3, version_label = 4.

use crate::protobuf::Writer;
use crate::{Address, Identity};
use landfall_model::protobuf::Fields;
use landfall_model::{Problem, Version, VersionChoice};

const NAME: u32 = 1;
const VERSION: u32 = 2;
const SIGNATURE_NAME: u32 = 3;
const VERSION_LABEL: u32 = 4;

/// For whom a call is, as it lies in the message.
#[derive(Default, Debug)]
pub(super) struct ModelSpec {
    pub(super) name: String,
    version: VersionChoice,
    pub(super) signature: String,
}

impl ModelSpec {
    /// Takes over the fields of a (further) spec in the message, as protobuf merges them.
    pub(super) fn merge(&mut self, mut fields: Fields<'_>) -> Result<(), Problem> {
        while let Some((field, value)) = fields.next()? {
            match field {
                NAME => self.name = value.text()?.to_owned(),
                VERSION => self.version = VersionChoice::Exact(Version::numbered(wrapped(value.message()?)?)),
                SIGNATURE_NAME => self.signature = value.text()?.to_owned(),
                VERSION_LABEL => self.version = VersionChoice::Label(value.text()?.to_owned()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The address; a spec that is missing or names nobody is refused.
    pub(super) fn address(spec: Option<Self>) -> Result<Address, Problem> {
        let spec = spec.ok_or_else(|| Problem::invalid("Missing ModelSpec"))?;
        if spec.name.is_empty() {
            return Err(Problem::invalid("ModelSpec has no name specified."));
        }
        // An empty label is what protobuf has for none.
        let version = match spec.version {
            VersionChoice::Label(label) if label.is_empty() => VersionChoice::Default,
            version => version,
        };
        Ok(Address { model: spec.name, version })
    }
}

/// An `Int64Value`; its number is left out where it is 0.
fn wrapped(mut fields: Fields<'_>) -> Result<i64, Problem> {
    let mut number = 0;
    while let Some((field, value)) = fields.next()? {
        if field == 1 {
            number = value.signed()?;
        }
    }
    Ok(number)
}

/// Writes who answered. A version whose name is no number is left out.
pub(in crate::tfs) fn write(spec: &mut Writer<'_>, identity: Identity<'_>, signature: &str) {
    spec.string_field(NAME, identity.model);
    if let Some(number) = identity.version.number() {
        spec.message(VERSION, |wrapper| {
            if number != 0 {
                wrapper.signed_field(1, number);
            }
        });
    }
    if !signature.is_empty() {
        spec.string_field(SIGNATURE_NAME, signature);
    }
}
