//! Names to slots and types, while a document is read: what a name means is decided once, at load.

pub(crate) mod dictionary;
mod interval;
pub(crate) mod schema;
mod scope;
pub(crate) mod targets;
mod taxonomy;

pub(crate) use dictionary::DataField;
pub(crate) use interval::Interval;
pub(crate) use schema::{Schema, Treatment, Usage};
pub(crate) use scope::{Build, ClassList, ScopeId, Slot, SlotDef, Source};
pub(crate) use targets::{Target, Targets};
pub(crate) use taxonomy::Taxonomy;

use landfall_model::Problem;

use crate::read::{Element, Xml};
use crate::value::DataType;

/// What values of a field are to each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OpType {
    Categorical,
    Ordinal,
    Continuous,
}

impl OpType {
    /// The attribute `optype` of an element.
    pub(crate) fn of<'a>(xml: &Xml<'a>, element: &Element<'a>) -> Result<Option<Self>, Problem> {
        Ok(Some(match element.get("optype") {
            None => return Ok(None),
            Some("categorical") => OpType::Categorical,
            Some("ordinal") => OpType::Ordinal,
            Some("continuous") => OpType::Continuous,
            Some(_) => return Err(element.value(xml, "optype")),
        }))
    }

    /// The type of a field that names none.
    pub(crate) fn usual_type(self) -> DataType {
        if self == OpType::Continuous { DataType::Double } else { DataType::String }
    }
}
