//! Fields that models take outside of expressions.

use super::compile::{cast, optional};
use super::{Expr, Typed};
use crate::read::Element;
use crate::resolve::{Build, OpType, ScopeId, Slot, SlotDef, Source};
use crate::value::{DataType, Value};
use landfall_model::Problem;

/// The slot that a `<FieldRef>` outside of expressions means: the field's, or one with its missing values replaced.
pub(crate) fn referred<'a>(
    b: &mut Build<'a>,
    scope: ScopeId,
    element: &Element<'a>,
) -> Result<Slot, Problem> {
    element.only(&b.xml, &["field", "mapMissingTo"])?;
    let (name, place) = (element.need(&b.xml, "field")?.to_owned(), element.place);
    let slot = b.resolve(scope, &name, place)?;
    b.xml.leaf(element)?;
    let Some(text) = element.get("mapMissingTo") else { return Ok(slot) };
    let (dtype, optype) = (b.slots[slot as usize].dtype, b.slots[slot as usize].optype);
    let if_missing = optional(b, Some(text), dtype, place)?;
    let source = Source::Derived(Box::new(Expr::Field { slot, if_missing }));
    Ok(b.slot(SlotDef { name, dtype, optype, source, field: None }))
}

/// The slot of a field's numbers: text is read as one, and fails its row where it says none.
pub(crate) fn of_numbers(b: &mut Build<'_>, slot: Slot) -> Slot {
    let def = &b.slots[slot as usize];
    if def.dtype != DataType::String {
        return slot;
    }
    let (name, dtype, optype) = (def.name.clone(), DataType::Double, OpType::Continuous);
    let text = Typed { expr: Expr::Field { slot, if_missing: Value::Missing }, dtype: DataType::String };
    let source = Source::Derived(Box::new(cast(text, dtype)));
    b.slot(SlotDef { name, dtype, optype, source, field: None })
}
