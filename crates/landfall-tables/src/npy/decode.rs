//! Bytes of arrays into inputs.

use super::header::Items;
use super::text::{strings, swap};
use crate::columns::{BadRows, Values, fitted, side_by_side, without_bad};
use crate::kept::{self, Holds};
use crate::opened::{Decoded, Decoder, Raw, RawArray};
use crate::plan::{Filling, Plan};
use crate::row_dims::RowDims;
use crate::{arrow, json};
use arrow_array::{ArrayRef, BinaryArray};
use arrow_schema::DataType;
use landfall_model::{Buffer, Problem, Shape, Tensor};
use std::sync::Arc;

/// What an array's header said.
pub(super) struct ArrayFacts {
    /// The file and the array, for messages.
    pub(super) name: String,
    /// The array's name in its file.
    pub(super) array: String,
    pub(super) items: Items,
    pub(super) big_endian: bool,
    pub(super) shape: Vec<usize>,
}

pub(super) struct ArrayDecoder {
    pub(super) plan: Plan,
    pub(super) arrays: Vec<ArrayFacts>,
    /// Of all arrays of the file, those included that nobody takes; `None` of one that names none.
    pub(super) names: Option<Vec<String>>,
    /// Places of the arrays to keep, and what their rows are as cells.
    pub(super) kept: Vec<Option<(usize, Holds)>>,
    /// Whether chunks are whole arrays.
    pub(super) whole: bool,
}

impl Decoder for ArrayDecoder {
    fn names(&self) -> Option<Vec<String>> {
        self.names.clone()
    }

    fn kept(&self) -> Vec<Option<Holds>> {
        self.kept.iter().map(|kept| kept.as_ref().map(|(_, holds)| holds.clone())).collect()
    }

    fn keep(&self, raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        let Raw::Arrays { arrays, rows } = raw else { return Err(Problem::internal("these are no arrays")) };
        let column = |(place, holds): &(usize, Holds)| {
            let facts = &self.arrays[*place];
            let tensor = facts.tensor(&arrays[*place], if self.whole { None } else { Some(*rows) })?;
            if *holds == Holds::Text {
                kept::bytes_fit(arrays[*place].bytes.len())?;
                return Ok(Arc::new(BinaryArray::from_iter_values(tensor.strings()?.iter())) as ArrayRef);
            }
            arrow::column(&facts.name, &tensor.reshaped(facts.shape_of(*rows, self.whole))?)
        };
        self.kept.iter().map(|kept| kept.as_ref().map(column).transpose()).collect()
    }

    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let Raw::Arrays { arrays, rows } = raw else { return Err(Problem::internal("these are no arrays")) };
        let mut bad = BadRows::new();
        let mut tensors = Vec::with_capacity(self.plan.fills.len());
        for (slot, filling) in &self.plan.fills {
            let spec = &self.plan.signature.inputs()[*slot];
            let dims = RowDims::of(spec, self.plan.signature.shapes());
            let one = |place: usize, bad: &mut BadRows| {
                let facts = &self.arrays[place];
                let row_elements = facts.shape.iter().skip(1).product();
                let tensor = facts.tensor(&arrays[place], if self.whole { None } else { Some(*rows) })?;
                let values = Values { column: &facts.name, tensor, nulls: Vec::new(), row_elements };
                fitted(values, spec, bad)
            };
            let tensor = match filling {
                Filling::Whole(place) => {
                    let shape = self.arrays[*place].shape_of(*rows, self.whole);
                    one(*place, &mut bad)?.reshaped(shape)?
                }
                Filling::Parts(places) => {
                    let columns =
                        places.iter().map(|&place| one(place, &mut bad)).collect::<Result<_, _>>()?;
                    let axes = dims.of_columns(places.len())?;
                    side_by_side(columns, *rows)?.reshaped(std::iter::once(*rows).chain(axes).collect())?
                }
            };
            tensors.push((*slot, tensor));
        }
        if self.whole
            && let Some((row, problem)) = bad.pop_first()
        {
            // Arrays that need not have rows in common cannot lose one.
            return Err(problem.at(format!("row {}", row + 1)));
        }
        let parts = without_bad(tensors, *rows, 0, &bad)?.into_iter().collect();
        Ok(Decoded { parts, bad: bad.into_iter().collect() })
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        let Raw::Arrays { arrays, rows } = raw else { return Vec::new() };
        let rows = if self.whole { None } else { Some(*rows) };
        let mut out = b"{".to_vec();
        for (facts, array) in self.arrays.iter().zip(arrays) {
            if out.len() > 1 {
                out.push(b',');
            }
            json::push_string(facts.array.as_bytes(), &mut out);
            out.push(b':');
            let axes = facts.shape.get(1..).unwrap_or_default();
            let width: usize = axes.iter().product();
            match facts.tensor(array, rows) {
                Ok(tensor) if (row + 1) * width <= tensor.len() => {
                    json::push_values(&tensor, row * width, axes, &mut out);
                }
                _ => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        out
    }
}

impl ArrayFacts {
    /// What the array's rows are as cells of a kept column; `None` for complex numbers.
    pub(super) fn cells(&self) -> Option<Holds> {
        Some(match arrow::column_type(self.items.dtype(), &self.shape)? {
            DataType::Utf8 => Holds::Text,
            other => Holds::Typed(other),
        })
    }

    /// The values, flat: of so many rows, or of all.
    pub(super) fn tensor(&self, array: &RawArray, rows: Option<usize>) -> Result<Tensor, Problem> {
        let size = self.items.size();
        let count = array.bytes.len().checked_div(size).unwrap_or_else(|| {
            // Strings of no length: their number is in the shape alone.
            let row: usize = self.shape.iter().skip(1).product();
            row * rows.unwrap_or_else(|| self.shape.first().copied().unwrap_or(1))
        });
        let Items::Plain(dtype) = self.items else {
            return strings(array.bytes.bytes(), self.items, self.big_endian, count)
                .map_err(|problem| problem.at(self.name.clone()));
        };
        let shape = Shape::new(&[count]);
        if !self.big_endian || size == 1 {
            return Tensor::from_buffer(dtype, shape, array.bytes.clone());
        }
        let mut bytes = array.bytes.bytes().to_vec();
        let number = if dtype.is_number() { size } else { size / 2 };
        swap(&mut bytes, number);
        Tensor::from_buffer(dtype, shape, Buffer::from_owner(bytes))
    }

    fn shape_of(&self, rows: usize, whole: bool) -> Shape {
        if whole {
            return Shape::new(&self.shape);
        }
        Shape::new(&self.shape).with_rows(rows)
    }
}
