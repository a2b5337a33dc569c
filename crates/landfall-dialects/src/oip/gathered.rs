//! The inputs of one request as they come in, by slot of the signature.

use super::csr::{CsrPart, csr};
use crate::columns;
use landfall_model::{
    Call, Column, DType, Input, InputSpec, NullRule, Problem, Reason, Signature, Slot, Tensor, Wanted,
};
use std::sync::Arc;

/// Where an input of the request goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A whole input.
    Whole(Slot),
    /// One column of a matrix.
    Column(Slot, usize),
    /// One of the three arrays of a sparse matrix.
    Sparse(Slot, CsrPart),
}

/// The inputs so far.
pub(super) struct Gathered<'s> {
    signature: &'s Arc<Signature>,
    inputs: Vec<Option<Input>>,
    /// Arrays of sparse matrices; for nearly every request there are none.
    sparse: Vec<(Slot, [Option<Tensor>; 3])>,
}

impl<'s> Gathered<'s> {
    /// Nothing yet.
    pub(super) fn new(signature: &'s Arc<Signature>) -> Self {
        Gathered { signature, inputs: vec![None; signature.inputs().len()], sparse: Vec::new() }
    }

    /// Where an input of this name goes.
    ///
    /// # Errors
    /// Input unknown.
    #[inline]
    pub(super) fn target(&self, name: &str) -> Result<Target, Problem> {
        match self.signature.slot(name) {
            Some(place) => Ok(match place.column {
                None => Target::Whole(place.slot),
                Some(column) => Target::Column(place.slot, column),
            }),
            None => self.sparse_target(name),
        }
    }

    #[cold]
    fn sparse_target(&self, name: &str) -> Result<Target, Problem> {
        CsrPart::cut(name)
            .and_then(|(input, part)| Some((self.signature.slot(input)?, part)))
            .filter(|(place, _)| place.column.is_none() && !self.spec(place.slot).columns.is_empty())
            .map(|(place, part)| Target::Sparse(place.slot, part))
            .ok_or_else(|| Problem::new(Reason::InputUnknown { input: name.to_owned() }))
    }

    /// The input that a target belongs to.
    pub(super) fn spec(&self, slot: Slot) -> &'s InputSpec {
        &self.signature.inputs()[slot]
    }

    /// What a missing value becomes while the target's data is read. In a column it stays missing until the column is
    /// cast to the model's type, where the model's rule applies; a sparse matrix has no missing values to write down.
    pub(super) fn null_rule(&self, target: Target) -> &'s NullRule {
        match target {
            Target::Whole(slot) => &self.spec(slot).null,
            Target::Column(slot, _) if self.spec(slot).null != NullRule::Refuse => &NullRule::Accept,
            Target::Column(..) | Target::Sparse(..) => &NullRule::Refuse,
        }
    }

    /// Whether values that are none of their type are marked, and not refused.
    pub(super) fn accepts_invalid(&self, target: Target) -> bool {
        match target {
            Target::Whole(slot) | Target::Column(slot, _) => self.spec(slot).accepts_invalid,
            Target::Sparse(..) => false,
        }
    }

    /// Holds a declared datatype against the signature's, before any data is looked at: none is cast but for columns.
    ///
    /// # Errors
    /// Wrong type.
    #[inline]
    pub(super) fn check_dtype(&self, target: Target, found: DType) -> Result<(), Problem> {
        let (spec, fits) = match target {
            Target::Whole(slot) => {
                let spec = self.spec(slot);
                let casts = spec.is_number_column() && found.is_number();
                (spec, spec.dtype == found || casts || spec.takes_as_text(found))
            }
            Target::Column(slot, _) => {
                let spec = self.spec(slot);
                (spec, spec.dtype == found || spec.dtype.is_number() && found.is_number())
            }
            Target::Sparse(slot, CsrPart::Data) => (self.spec(slot), found.is_number()),
            Target::Sparse(slot, _) => (self.spec(slot), found.is_integer()),
        };
        if fits { Ok(()) } else { Err(wrong_dtype(spec, target, found)) }
    }

    /// Takes an input.
    ///
    /// # Errors
    /// Input repeated; a column or array that does not fit the model.
    pub(super) fn put(&mut self, target: Target, tensor: Tensor) -> Result<(), Problem> {
        match target {
            Target::Whole(slot) => {
                if self.inputs[slot].is_some() {
                    return Err(self.repeated(target));
                }
                self.inputs[slot] = Some(Input::Dense(columns::whole(self.spec(slot), tensor)?));
                Ok(())
            }
            Target::Column(slot, place) => {
                columns::put(self.spec(slot), &mut self.inputs[slot], place, tensor)
            }
            Target::Sparse(slot, part) => self.put_sparse(slot, part, tensor),
        }
    }

    fn put_sparse(&mut self, slot: Slot, part: CsrPart, tensor: Tensor) -> Result<(), Problem> {
        let known = self.sparse.iter().position(|(other, _)| *other == slot);
        let place = known.unwrap_or_else(|| {
            self.sparse.push((slot, [None, None, None]));
            self.sparse.len() - 1
        });
        let entry = &mut self.sparse[place].1[part as usize];
        if entry.is_some() || self.inputs[slot].is_some() {
            return Err(self.repeated(Target::Sparse(slot, part)));
        }
        *entry = Some(tensor);
        Ok(())
    }

    /// The checked call.
    ///
    /// # Errors
    /// What [`Call::checked`] finds; columns or arrays that are missing or do not hold together.
    pub(super) fn call(mut self, wanted: Wanted) -> Result<Call, Problem> {
        for (slot, parts) in std::mem::take(&mut self.sparse) {
            if self.inputs[slot].is_some() {
                return Err(self.repeated(Target::Whole(slot)));
            }
            self.inputs[slot] = Some(Input::Csr(Box::new(csr(self.spec(slot), parts)?)));
        }
        columns::complete(self.signature, &mut self.inputs)?;
        Call::checked(self.signature.clone(), self.inputs, wanted)
    }

    #[cold]
    fn repeated(&self, target: Target) -> Problem {
        let (Target::Whole(slot) | Target::Column(slot, _) | Target::Sparse(slot, _)) = target;
        Problem::new(Reason::InputRepeated { input: name(self.spec(slot), target) })
    }
}

#[cold]
fn wrong_dtype(spec: &InputSpec, target: Target, found: DType) -> Problem {
    let expected = match target {
        Target::Sparse(_, CsrPart::Indices | CsrPart::Indptr) => DType::I64,
        _ => spec.dtype,
    };
    Problem::new(Reason::WrongDType { input: name(spec, target), expected, found })
}

fn name(spec: &InputSpec, target: Target) -> String {
    match target {
        Target::Whole(_) => spec.name.clone(),
        Target::Column(_, place) => {
            spec.columns.get(place).map_or_else(String::new, |Column { name, .. }| name.clone())
        }
        Target::Sparse(_, part) => format!("{}.{}", spec.name, format!("{part:?}").to_lowercase()),
    }
}
