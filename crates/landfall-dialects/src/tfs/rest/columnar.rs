//! Column form: `"inputs": value` for one input, or an object with a value for each.

use super::base64::is_named;
use super::item::Items;
use super::misfit::Misfit;
use super::rows::{Inputs, nameless_slot, only_input};
use super::scalar;
use crate::columns;
use crate::json::Scanner;
use landfall_model::{Input, InputSpec, Problem, Shape, Signature, Slot, SlotColumn, TensorMut};
use smallvec::SmallVec;

/// Reads the value that comes next. The inner result is a problem of what was read well: columns that differ in length.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    signature: &Signature,
) -> Result<Result<Inputs, Problem>, Misfit> {
    if is_named(scanner) {
        return Ok(Columns::read(scanner, signature)?.into_inputs());
    }
    let slot = nameless_slot(signature).ok_or(Misfit)?;
    let mut items = Items::new(&signature.inputs()[slot]);
    items.read(scanner)?;
    Ok(items.into_tensor().map(|tensor| only_input(slot, tensor)))
}

/// The values of an object as they were read: each input's, or each column's, whole tensor.
struct Columns<'s> {
    signature: &'s Signature,
    whole: SmallVec<[Option<Items<'s>>; 4]>,
    columns: Vec<(Slot, usize, TensorMut)>,
}

impl<'s> Columns<'s> {
    fn read(scanner: &mut Scanner<'_>, signature: &'s Signature) -> Result<Self, Misfit> {
        let whole = signature.inputs().iter().map(|_| None).collect();
        let mut columns = Columns { signature, whole, columns: Vec::new() };
        scanner.step();
        let mut first = true;
        while let Some(name) = scanner.next_name(first)? {
            first = false;
            let target = std::str::from_utf8(&name).ok().and_then(|name| signature.slot(name));
            match target {
                Some(target) if columns.is_free(target) => columns.read_value(target, scanner)?,
                // Names that the signature does not know, and repeated ones, are passed over.
                _ => scanner.skip_value()?,
            }
        }
        if columns.is_complete() { Ok(columns) } else { Err(Misfit) }
    }

    fn is_free(&self, target: SlotColumn) -> bool {
        self.whole[target.slot].is_none()
            && match target.column {
                None => self.columns.iter().all(|(slot, ..)| *slot != target.slot),
                Some(column) => {
                    self.columns.iter().all(|(slot, place, _)| (*slot, *place) != (target.slot, column))
                }
            }
    }

    /// Whether something came of every required input.
    fn is_complete(&self) -> bool {
        let came =
            |slot: usize| self.whole[slot].is_some() || self.columns.iter().any(|(other, ..)| *other == slot);
        self.signature.inputs().iter().enumerate().all(|(slot, spec)| spec.optional || came(slot))
    }

    fn read_value(&mut self, target: SlotColumn, scanner: &mut Scanner<'_>) -> Result<(), Misfit> {
        let spec = &self.signature.inputs()[target.slot];
        if let Some(column) = target.column {
            self.columns.push((target.slot, column, read_column(spec, scanner)?));
            return Ok(());
        }
        let mut items = Items::new(spec);
        items.read(scanner)?;
        self.whole[target.slot] = Some(items);
        Ok(())
    }

    /// What was read, by slot.
    fn into_inputs(self) -> Result<Inputs, Problem> {
        let dense =
            |items: Option<Items<'_>>| items.map(|items| Ok(Input::Dense(items.into_tensor()?))).transpose();
        let mut inputs = self.whole.into_iter().map(dense).collect::<Result<Inputs, Problem>>()?;
        for (slot, place, values) in self.columns {
            let rows = values.len();
            let column = values.freeze(Shape::new(&[rows]))?;
            columns::put(&self.signature.inputs()[slot], &mut inputs[slot], place, column)?;
        }
        columns::complete(self.signature, &mut inputs)?;
        Ok(inputs)
    }
}

/// A column's values: a flat list.
pub(super) fn read_column(spec: &InputSpec, scanner: &mut Scanner<'_>) -> Result<TensorMut, Misfit> {
    let mut values = TensorMut::new(spec.dtype);
    if !scanner.take(b'[') {
        return Err(Misfit);
    }
    while scanner.next_element(values.is_empty())? {
        let row = values.len();
        scalar::read_cell(scanner, spec, row, &mut values)?;
    }
    Ok(values)
}
