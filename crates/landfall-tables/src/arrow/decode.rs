//! Batches of Arrow arrays into inputs.

use super::leaf::{dtype_of, leaf};
use super::lists::{self, RowAxes, Rows};
use crate::cell;
use crate::columns::{BadRows, Values, check_type, fitted, merged, side_by_side, without_bad};
use crate::json;
use crate::kept::{self, Holds};
use crate::opened::{Decoded, Decoder, Part, Raw, Wants};
use crate::plan::{self, Filling, Plan, SourceColumn};
use crate::row_dims::RowDims;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, Schema};
use landfall_model::{Bitmap, NullRule, Problem, Shape, Slot, Tensor};
use std::ops::Range;

/// What is read of a file, and how it becomes inputs.
pub(super) struct ArrowDecoder {
    /// Fillings count columns of the projection.
    plan: Plan,
    /// Names of the projection's columns.
    names: Vec<String>,
    /// Names of all columns of the file.
    all_names: Vec<String>,
    /// Places in the projection of the columns to keep, and their types.
    kept: Vec<Option<usize>>,
    types: Vec<Option<DataType>>,
}

/// Decides which columns fill what: the decoder, the places of the columns that it needs (ascending), and the names of
/// those that it does not.
pub(super) fn plan(
    schema: &Schema,
    wants: &Wants,
) -> Result<(ArrowDecoder, Vec<usize>, Vec<String>), Problem> {
    let column = |field: &std::sync::Arc<arrow_schema::Field>| SourceColumn {
        name: field.name().clone(),
        plain: !lists::is_list(field.data_type()),
    };
    let columns: Vec<SourceColumn> = schema.fields().iter().map(column).collect();
    let mut plan = plan::by_name(&wants.signature, wants.only, &columns)?;
    let mut kept = kept::places(&wants.keep, columns.iter().map(|column| column.name.as_str()))?;
    let is_kept = |name: &String| kept.iter().flatten().any(|&place| columns[place].name == *name);
    let ignored = plan.ignored.drain(..).filter(|name| !is_kept(name)).collect();
    let mut needed: Vec<usize> =
        plan.fills.iter().flat_map(|(_, filling)| filling.places().to_vec()).collect();
    needed.extend(kept.iter().flatten());
    needed.sort_unstable();
    needed.dedup();
    let types = kept.iter().map(|place| place.map(|place| schema.field(place).data_type().clone())).collect();
    let moved = |place: &mut usize| *place = needed.partition_point(|needed| *needed < *place);
    kept.iter_mut().flatten().for_each(moved);
    for (slot, filling) in &mut plan.fills {
        let spec = &wants.signature.inputs()[*slot];
        for place in filling.places() {
            let field = schema.field(*place);
            let at = |problem: Problem| problem.at(format!("column {:?}", field.name()));
            if let Some(found) = dtype_of(field.data_type(), spec.dtype).map_err(at)? {
                check_type(spec, found).map_err(at)?;
            }
        }
        filling.places_mut().iter_mut().for_each(moved);
    }
    let names = needed.iter().map(|&place| schema.field(place).name().clone()).collect();
    let all_names = columns.into_iter().map(|column| column.name).collect();
    Ok((ArrowDecoder { plan, names, all_names, kept, types }, needed, ignored))
}

impl Decoder for ArrowDecoder {
    fn filled(&self) -> Option<Vec<Slot>> {
        Some(self.plan.fills.iter().map(|(slot, _)| *slot).collect())
    }

    fn names(&self) -> Option<Vec<String>> {
        Some(self.all_names.clone())
    }

    fn kept(&self) -> Vec<Option<Holds>> {
        let holds = |data_type: &DataType| Holds::Typed(kept::plain_type(data_type).clone());
        self.types.iter().map(|data_type| data_type.as_ref().map(holds)).collect()
    }

    fn keep(&self, raw: &Raw) -> Result<Vec<Option<ArrayRef>>, Problem> {
        self.kept.iter().map(|place| place.map(|place| kept_column(raw, place)).transpose()).collect()
    }

    fn decode(&self, raw: &Raw) -> Result<Decoded, Problem> {
        let mut decoded = Decoded::default();
        self.append(raw, 0, &mut decoded)?;
        decoded.parts = merged(decoded.parts)?;
        Ok(decoded)
    }

    fn raw_row(&self, raw: &Raw, row: usize) -> Vec<u8> {
        match raw {
            Raw::Arrow { columns, .. } => self.row_as_json(columns, row),
            Raw::Batches(batches) => {
                let mut row = row;
                for batch in batches {
                    if row < batch.rows() {
                        return self.raw_row(batch, row);
                    }
                    row -= batch.rows();
                }
                Vec::new()
            }
            Raw::Text(_) | Raw::Arrays { .. } | Raw::Sparse(_) | Raw::OfPart(_) => Vec::new(),
        }
    }
}

impl ArrowDecoder {
    fn append(&self, raw: &Raw, start: usize, decoded: &mut Decoded) -> Result<(), Problem> {
        match raw {
            Raw::Arrow { columns, rows } => self.batch(columns, *rows, start, decoded),
            Raw::Batches(batches) => {
                let mut start = start;
                for batch in batches {
                    self.append(batch, start, decoded)?;
                    start += batch.rows();
                }
                Ok(())
            }
            Raw::Text(_) | Raw::Arrays { .. } | Raw::Sparse(_) | Raw::OfPart(_) => {
                Err(Problem::internal("this is no Arrow batch"))
            }
        }
    }

    /// One batch: in one run where all rows are alike, else in runs of equal axes.
    fn batch(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        start: usize,
        decoded: &mut Decoded,
    ) -> Result<(), Problem> {
        let mut bad = BadRows::new();
        let runs = self.runs(columns, rows, &mut bad)?;
        decoded.bad.extend(bad.into_iter().map(|(row, problem)| (start + row, problem)));
        for run in runs {
            let slices: Vec<ArrayRef> = columns.iter().map(|c| c.slice(run.start, run.len())).collect();
            let mut bad = BadRows::new();
            let part = self.run(&slices, run.len(), start + run.start, &mut bad)?;
            decoded.parts.extend(part);
            decoded.bad.extend(bad.into_iter().map(|(row, problem)| (start + run.start + row, problem)));
        }
        Ok(())
    }

    /// Runs of rows whose lists are of equal axes; rows whose lists do not fit are put into `bad`.
    fn runs(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        bad: &mut BadRows,
    ) -> Result<Vec<Range<usize>>, Problem> {
        let mut by_column: Vec<Vec<RowAxes>> = Vec::new();
        for (slot, filling) in &self.plan.fills {
            let Filling::Whole(place) = filling else { continue };
            let (spec, dims) = self.spec(*slot);
            let each = match lists::rows(&columns[*place]) {
                Rows::Alike { axes, .. } if dims.fitted(&axes).is_some() => continue,
                Rows::Alike { axes, .. } => vec![RowAxes::Axes(axes); rows],
                Rows::Each(each) => each,
            };
            for (row, axes) in each.iter().enumerate() {
                let name = &self.names[*place];
                let problem = match axes {
                    RowAxes::Axes(axes) if dims.fitted(axes).is_some() => continue,
                    RowAxes::Axes(axes) => misfit(name, &dims, &Shape::new(axes).to_string()),
                    RowAxes::Ragged => misfit(name, &dims, "lists that differ in length"),
                    RowAxes::Null if spec.null != NullRule::Refuse && dims.known().is_some() => continue,
                    RowAxes::Null => cell::missing(name),
                };
                bad.entry(row).or_insert(problem);
            }
            by_column.push(each);
        }
        if by_column.is_empty() {
            return Ok(if rows == 0 { Vec::new() } else { std::iter::once(0..rows).collect() });
        }
        let alike = |a: usize, b: usize| by_column.iter().all(|each| each[a] == each[b]);
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in (0..rows).filter(|row| !bad.contains_key(row)) {
            match runs.last_mut() {
                Some(run) if run.end == row && alike(row - 1, row) => run.end += 1,
                _ => runs.push(row..row + 1),
            }
        }
        Ok(runs)
    }

    /// Rows of equal axes.
    fn run(
        &self,
        columns: &[ArrayRef],
        rows: usize,
        start: usize,
        bad: &mut BadRows,
    ) -> Result<Option<Part>, Problem> {
        let mut tensors = Vec::with_capacity(self.plan.fills.len());
        for (slot, filling) in &self.plan.fills {
            let tensor = match filling {
                Filling::Whole(place) => self.whole(*slot, *place, &columns[*place], rows, bad)?,
                Filling::Parts(places) => self.parts(*slot, places, columns, rows, bad)?,
            };
            tensors.push((*slot, tensor));
        }
        without_bad(tensors, rows, start, bad)
    }

    fn whole(
        &self,
        slot: Slot,
        place: usize,
        column: &ArrayRef,
        rows: usize,
        bad: &mut BadRows,
    ) -> Result<Tensor, Problem> {
        let (spec, dims) = self.spec(slot);
        let (axes, tensor, nulls) = match lists::rows(column) {
            Rows::Alike { axes, values } => {
                let leaf = leaf(values.as_ref(), spec.dtype)?;
                (axes, leaf.tensor, null_places(leaf.nulls.as_ref()))
            }
            // A run of rows that are all null: every value of theirs is.
            Rows::Each(_) => {
                let axes = dims.known().ok_or_else(|| Problem::internal("rows of a run differ"))?;
                let elements = rows * axes.iter().product::<usize>();
                let empty = arrow_array::NullArray::new(elements);
                (axes, leaf(&empty, spec.dtype)?.tensor, (0..elements).collect())
            }
        };
        let row_elements = axes.iter().product();
        let values = Values { column: &self.names[place], tensor, nulls, row_elements };
        let tensor = fitted(values, spec, bad)?;
        let axes = dims.fitted(&axes).ok_or_else(|| Problem::internal("a run does not fit its input"))?;
        tensor.reshaped(std::iter::once(rows).chain(axes).collect())
    }

    fn parts(
        &self,
        slot: Slot,
        places: &[usize],
        columns: &[ArrayRef],
        rows: usize,
        bad: &mut BadRows,
    ) -> Result<Tensor, Problem> {
        let (spec, dims) = self.spec(slot);
        let mut tensors = Vec::with_capacity(places.len());
        for &place in places {
            let leaf = leaf(columns[place].as_ref(), spec.dtype)?;
            let nulls = null_places(leaf.nulls.as_ref());
            let values = Values { column: &self.names[place], tensor: leaf.tensor, nulls, row_elements: 1 };
            tensors.push(fitted(values, spec, bad)?);
        }
        let axes = dims.of_columns(places.len())?;
        side_by_side(tensors, rows)?.reshaped(std::iter::once(rows).chain(axes).collect())
    }

    fn spec(&self, slot: Slot) -> (&landfall_model::InputSpec, RowDims) {
        let spec = &self.plan.signature.inputs()[slot];
        (spec, RowDims::of(spec, self.plan.signature.shapes()))
    }

    fn row_as_json(&self, columns: &[ArrayRef], row: usize) -> Vec<u8> {
        let mut out = b"{".to_vec();
        for (name, column) in self.names.iter().zip(columns) {
            if out.len() > 1 {
                out.push(b',');
            }
            json::push_string(name.as_bytes(), &mut out);
            out.push(b':');
            let one = column.slice(row, 1);
            match lists::rows(&one) {
                Rows::Alike { axes, values } => match marked(&values) {
                    Ok(tensor) => json::push_values(&tensor, 0, &axes, &mut out),
                    Err(_) => out.extend_from_slice(b"null"),
                },
                Rows::Each(_) => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        out
    }
}

/// A column of all rows.
fn kept_column(raw: &Raw, place: usize) -> Result<ArrayRef, Problem> {
    match raw {
        Raw::Arrow { columns, .. } => kept::plain(&columns[place]),
        Raw::Batches(batches) => {
            let columns = batches.iter().map(|batch| kept_column(batch, place));
            kept::in_one(&columns.collect::<Result<Vec<_>, _>>()?)
        }
        Raw::Text(_) | Raw::Arrays { .. } | Raw::Sparse(_) | Raw::OfPart(_) => {
            Err(Problem::internal("this is no Arrow batch"))
        }
    }
}

/// Values with their nulls marked, for showing.
fn marked(values: &ArrayRef) -> Result<Tensor, Problem> {
    let leaf = leaf(values.as_ref(), landfall_model::DType::F64)?;
    let mut marks = Bitmap::filled(leaf.tensor.len(), false);
    null_places(leaf.nulls.as_ref()).into_iter().for_each(|element| marks.set(element, true));
    Ok(leaf.tensor.with_missing(marks))
}

fn null_places(nulls: Option<&arrow_buffer::NullBuffer>) -> Vec<usize> {
    nulls.map_or_else(Vec::new, |nulls| (0..nulls.len()).filter(|&i| nulls.is_null(i)).collect())
}

fn misfit(column: &str, dims: &RowDims, found: &str) -> Problem {
    Problem::invalid(format!("column {column:?}: expected {}, found {found}", dims.words()))
}
