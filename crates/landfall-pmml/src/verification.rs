//! `<ModelVerification>`: rows that the file carries with the answers it expects.

use crate::read::{Element, table};
use crate::resolve::Build;
use landfall_model::Problem;

/// The rows with their columns.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    pub(crate) fields: Vec<Field>,
    pub(crate) rows: table::Table,
}

/// One column of the rows.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) column: String,
    /// How far a number may be from the one expected, as a part of that.
    pub(crate) precision: f64,
    /// What is no larger counts as zero.
    pub(crate) zero: f64,
}

/// Reads `<ModelVerification>`.
pub(crate) fn read<'a>(b: &mut Build<'a>, element: &Element<'a>) -> Result<Verification, Problem> {
    element.only(&b.xml, &["recordCount", "fieldCount"])?;
    let mut verification = Verification::default();
    while let Some(child) = b.xml.child(element)? {
        match child.name.as_ref() {
            "VerificationFields" => {
                child.only(&b.xml, &[])?;
                while let Some(field) = b.xml.child(&child)? {
                    if field.name != "VerificationField" {
                        return Err(b.xml.unknown(&field, &child));
                    }
                    field.only(&b.xml, &["field", "column", "precision", "zeroThreshold"])?;
                    let name = field.need(&b.xml, "field")?.to_owned();
                    verification.fields.push(Field {
                        column: field.get("column").unwrap_or(&name).to_owned(),
                        name,
                        precision: field.number(&b.xml, "precision")?.unwrap_or(1e-6),
                        zero: field.number(&b.xml, "zeroThreshold")?.unwrap_or(1e-16),
                    });
                    b.xml.leaf(&field)?;
                }
            }
            "InlineTable" => verification.rows = table::inline(&mut b.xml, &child)?,
            _ => return Err(b.xml.unknown(&child, element)),
        }
    }
    if verification.fields.is_empty() {
        return Err(b.xml.malformed(element.place, "<ModelVerification> has no <VerificationFields>"));
    }
    Ok(verification)
}
