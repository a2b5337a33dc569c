//! Row form: `"instances": [row, row, …]`, each row a value or an object of named values.

use super::base64::is_named;
use super::filling::Filling;
use super::item::Items;
use super::misfit::Misfit;
use crate::json::Scanner;
use landfall_model::{Input, Problem, Signature, Slot, SlotColumn, Tensor};
use smallvec::SmallVec;

/// What fills each slot of a signature. On the heap: an input is large, and this list is handed on several times.
pub(super) type Inputs = Vec<Option<Input>>;

/// The input that values without a name are for.
pub(super) fn nameless_slot(signature: &Signature) -> Option<Slot> {
    if signature.inputs().len() == 1 { Some(0) } else { signature.only_required_input() }
}

/// Reads the list of rows that comes next. The inner result is a problem of what was read well.
pub(super) fn read(
    scanner: &mut Scanner<'_>,
    signature: &Signature,
) -> Result<Result<Inputs, Problem>, Misfit> {
    if !scanner.take(b'[') || !scanner.next_element(true)? {
        return Err(Misfit);
    }
    if is_named(scanner) {
        let mut rows = NamedRows::new(signature);
        rows.read_all(scanner)?;
        return Ok(rows.into_inputs());
    }
    let slot = nameless_slot(signature).ok_or(Misfit)?;
    let mut items = Items::new(&signature.inputs()[slot]);
    loop {
        if is_named(scanner) {
            return Err(Misfit);
        }
        items.read(scanner)?;
        if !scanner.next_element(false)? {
            return Ok(items.into_rows().map(|tensor| only_input(slot, tensor)));
        }
    }
}

/// The inputs of a call that fills one slot.
pub(super) fn only_input(slot: Slot, tensor: Tensor) -> Inputs {
    let mut inputs = Inputs::new();
    inputs.resize(slot, None);
    inputs.push(Some(Input::Dense(tensor)));
    inputs
}

/// Rows that are objects.
struct NamedRows<'a, 's> {
    signature: &'s Signature,
    filled: Vec<Filled<'s>>,
    /// The members of the first row as they are written, and where each leads. Later rows nearly always repeat them in
    /// order, so that one comparison of bytes replaces a look-up.
    members: SmallVec<[(&'a [u8], SlotColumn); 4]>,
    rows: usize,
}

enum Filled<'s> {
    Not,
    Whole(Items<'s>),
    ByColumn(Box<Filling<'s>>),
}

impl<'a, 's> NamedRows<'a, 's> {
    fn new(signature: &'s Signature) -> Self {
        let filled = signature.inputs().iter().map(|_| Filled::Not).collect();
        NamedRows { signature, filled, members: SmallVec::new(), rows: 0 }
    }

    /// What was read, by slot.
    fn into_inputs(self) -> Result<Inputs, Problem> {
        let mut inputs = Inputs::with_capacity(self.filled.len());
        for filled in self.filled {
            inputs.push(match filled {
                Filled::Not => None,
                Filled::Whole(items) => Some(Input::Dense(items.into_rows()?)),
                Filled::ByColumn(filling) => Some(Input::Dense(filling.into_matrix()?)),
            });
        }
        Ok(inputs)
    }

    fn read_all(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Misfit> {
        loop {
            if !is_named(scanner) {
                return Err(Misfit);
            }
            scanner.step();
            self.read_row(scanner)?;
            if !scanner.next_element(false)? {
                return Ok(());
            }
        }
    }

    fn read_row(&mut self, scanner: &mut Scanner<'a>) -> Result<(), Misfit> {
        let mut place = 0;
        while scanner.next_member(place == 0)? {
            let target = self.target(place, scanner)?;
            scanner.colon()?;
            self.read_value(target, scanner)?;
            place += 1;
        }
        let row = self.rows;
        for (filled, spec) in self.filled.iter_mut().zip(self.signature.inputs()) {
            match filled {
                Filled::Not if spec.optional => {}
                Filled::Not => return Err(Misfit),
                Filled::Whole(items) if items.count() == row + 1 => {}
                Filled::Whole(_) => return Err(Misfit),
                Filled::ByColumn(filling) => filling.end_row(scanner)?,
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Where the member leads whose name comes next.
    #[inline]
    fn target(&mut self, place: usize, scanner: &mut Scanner<'a>) -> Result<SlotColumn, Misfit> {
        if let Some(&(text, target)) = self.members.get(place)
            && scanner.take_all(text)
        {
            return Ok(target);
        }
        let start = scanner.at();
        let name = scanner.string()?;
        let name = std::str::from_utf8(&name).map_err(|_| Misfit)?;
        let target = self.signature.slot(name).ok_or(Misfit)?;
        if place == self.members.len() {
            self.members.push((scanner.since(start), target));
        }
        Ok(target)
    }

    #[inline]
    fn read_value(&mut self, target: SlotColumn, scanner: &mut Scanner<'a>) -> Result<(), Misfit> {
        let spec = &self.signature.inputs()[target.slot];
        let filled = &mut self.filled[target.slot];
        if matches!(filled, Filled::Not) {
            // What the first row does not give, later rows cannot.
            if self.rows > 0 {
                return Err(Misfit);
            }
            *filled = match target.column {
                None => Filled::Whole(Items::new(spec)),
                Some(_) => Filled::ByColumn(Box::new(Filling::new(spec))),
            };
        }
        match (filled, target.column) {
            (Filled::Whole(items), None) if items.count() == self.rows => items.read(scanner),
            (Filled::ByColumn(filling), Some(column)) => filling.read(column, scanner),
            _ => Err(Misfit),
        }
    }
}
