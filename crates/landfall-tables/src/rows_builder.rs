//! Rows of text, one after the other, into the inputs that they fill.

use crate::cell;
use crate::opened::{Decoded, Part};
use crate::row_dims::RowDims;
use landfall_model::{Input, InputSpec, Problem, Shape, Signature, Slot, Tensor, TensorMut};

/// One input under construction.
pub(crate) struct SlotRows<'a> {
    pub(crate) slot: Slot,
    pub(crate) spec: &'a InputSpec,
    pub(crate) dims: RowDims,
    pub(crate) tensor: TensorMut,
    /// Axes of the rows so far; `None` before the first, and where they do not have the input (an optional one).
    shape: Option<Vec<usize>>,
    /// Elements before the row that is being read.
    row_start: usize,
}

impl<'a> SlotRows<'a> {
    fn new(signature: &'a Signature, slot: Slot) -> Self {
        let spec = &signature.inputs()[slot];
        SlotRows {
            slot,
            spec,
            dims: RowDims::of(spec, signature.shapes()),
            tensor: TensorMut::new(spec.dtype),
            shape: None,
            row_start: 0,
        }
    }

    /// A whole row that is missing: each of its values is, where their number is known.
    pub(crate) fn push_missing_row(&mut self) -> Result<Vec<usize>, Problem> {
        let shape = match self.dims.known() {
            Some(known) => known,
            None if self.dims.takes_one_value() => self.dims.fitted(&[]).unwrap_or_default(),
            None => return Err(cell::missing(&self.spec.name)),
        };
        for _ in 0..shape.iter().product() {
            cell::push_missing(&mut self.tensor, self.spec, &self.spec.name)?;
        }
        Ok(shape)
    }
}

/// What became of a row.
pub(crate) enum Row {
    /// Its values are in.
    Taken,
    /// Its shape is not that of the rows before: those must be put away first, and the row be read again.
    OtherShape,
}

/// All inputs of one file under construction.
pub(crate) struct RowsBuilder<'a> {
    pub(crate) slots: Vec<SlotRows<'a>>,
    rows: Vec<usize>,
    decoded: Decoded,
}

impl<'a> RowsBuilder<'a> {
    pub(crate) fn new(signature: &'a Signature, slots: impl IntoIterator<Item = Slot>) -> Self {
        let slots = slots.into_iter().map(|slot| SlotRows::new(signature, slot)).collect();
        RowsBuilder { slots, rows: Vec::new(), decoded: Decoded::default() }
    }

    /// Reads one row: `read` appends its values to the slots and ends with [`RowsBuilder::close`] for each slot. A row
    /// that cannot be read leaves nothing behind but its problem.
    pub(crate) fn row(&mut self, number: usize, mut read: impl FnMut(&mut Self) -> Result<Row, Problem>) {
        let mut outcome = read(self);
        if matches!(outcome, Ok(Row::OtherShape)) {
            self.take_back();
            outcome = self.put_away().and_then(|()| read(self));
        }
        match outcome {
            Ok(Row::Taken) => {
                self.rows.push(number);
                self.slots.iter_mut().for_each(|slot| slot.row_start = slot.tensor.len());
            }
            Ok(Row::OtherShape) => {
                self.take_back();
                self.decoded.bad.push((number, Problem::internal("a first row has no shape to differ from")));
            }
            Err(problem) => {
                self.take_back();
                self.decoded.bad.push((number, problem));
            }
        }
    }

    /// Ends an input's part of a row: `shape` is that of its values, `None` where the row does not have the input.
    pub(crate) fn close(&mut self, slot: usize, shape: Option<&[usize]>) -> Row {
        let rows = &mut self.slots[slot];
        if self.rows.is_empty() {
            rows.shape = shape.map(<[usize]>::to_vec);
        }
        if rows.shape.as_deref() == shape { Row::Taken } else { Row::OtherShape }
    }

    /// All rows read.
    pub(crate) fn finish(mut self) -> Result<Decoded, Problem> {
        self.put_away()?;
        Ok(self.decoded)
    }

    fn take_back(&mut self) {
        for slot in &mut self.slots {
            slot.tensor.truncate(slot.row_start);
        }
    }

    fn put_away(&mut self) -> Result<(), Problem> {
        let rows = std::mem::take(&mut self.rows);
        let mut inputs = Vec::with_capacity(self.slots.len());
        for slot in &mut self.slots {
            slot.row_start = 0;
            let tensor = std::mem::replace(&mut slot.tensor, TensorMut::new(slot.spec.dtype));
            let Some(dims) = slot.shape.take() else { continue };
            if !rows.is_empty() {
                inputs.push((slot.slot, Input::Dense(freeze(tensor, rows.len(), &dims)?)));
            }
        }
        if !rows.is_empty() {
            self.decoded.parts.push(Part { inputs, rows });
        }
        Ok(())
    }
}

fn freeze(tensor: TensorMut, rows: usize, dims: &[usize]) -> Result<Tensor, Problem> {
    let shape: Shape = std::iter::once(rows).chain(dims.iter().copied()).collect();
    tensor.freeze(shape)
}
