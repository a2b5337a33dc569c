//! One thread's way through a call: block by block over columns, record by record, or row by row.

use super::{Column, Plan};
use crate::blocks::{BLOCK_ROWS, BlockCx, BlockData, BlockMemory, LEAST_ROWS};
use crate::run::{Answer, Answered, Compiled, Cx, Work};
use landfall_model::{Call, Instance, Outputs, Problem, Shape, TensorMut};
use std::ops::Range;
use std::sync::Arc;

/// So many more rows that needed their data than rows that did not: from there on all get it.
const HUNGRY: i32 = 16;

pub(crate) struct PmmlInstance {
    pub(crate) compiled: Arc<Compiled>,
    pub(super) plan: Arc<Plan>,
    pub(crate) work: Work,
    pub(crate) memory: BlockMemory,
    pub(super) answer: Answer,
    pub(super) answered: Vec<Answered>,
    /// Whether no block of rows has turned out not to be for columns.
    pub(super) over_columns: bool,
    /// Rows that needed more than what the blocks have made of the columns, less those that did not.
    pub(super) hunger: i32,
}

impl Instance for PmmlInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        let columns = self.columns(call)?;
        let rows = call.rows().unwrap_or(0);
        let records = match self.plan.group {
            Some(group) => grouped(&columns, group, rows)?,
            None => Vec::new(),
        };
        let count = if self.plan.group.is_some() { records.len() } else { rows };
        let wanted: Vec<usize> = call.wanted().iter().collect();
        let specs = call.signature().outputs();
        let mut building: Vec<TensorMut> =
            wanted.iter().map(|place| TensorMut::with_capacity(specs[*place].dtype, count)).collect();
        self.work.start_call();
        let blocks = self.plan.group.is_none() && count >= LEAST_ROWS && self.compiled.goes_ahead();
        let mut into = Into { outputs, wanted: &wanted, building: &mut building };
        for first in (0..count).step_by(BLOCK_ROWS) {
            let rows = first..count.min(first + BLOCK_ROWS);
            if blocks && self.over_columns {
                self.over_columns = self.answer_columns(&columns, &rows, &mut into)?;
                if self.over_columns {
                    continue;
                }
            }
            if blocks {
                self.ahead(&columns, &rows)?;
            }
            for record in rows {
                let outcome = match records.get(record) {
                    Some(rows) => self.record(&columns, record, rows),
                    None if blocks && self.hunger < HUNGRY => self.row_after_blocks(&columns, record),
                    None => self.row(&columns, record),
                };
                self.push_row(record, outcome, &mut into)?;
            }
        }
        for (tensor, place) in building.into_iter().zip(wanted) {
            outputs.set(place, tensor.freeze(Shape::new(&[count]))?);
        }
        Ok(())
    }
}

/// Where answers go.
struct Into<'o> {
    outputs: &'o mut Outputs,
    wanted: &'o [usize],
    building: &'o mut [TensorMut],
}

impl PmmlInstance {
    /// Answers a block of rows over columns, those alone that are not the block's; `false` where the document's models
    /// are not for columns: then nothing is answered.
    fn answer_columns(
        &mut self,
        columns: &[Option<Column<'_>>],
        rows: &Range<usize>,
        into: &mut Into<'_>,
    ) -> Result<bool, Problem> {
        let compiled = self.compiled.clone();
        let mut cx = BlockCx::new(&compiled, &mut self.memory, BlockData::Call(columns, rows.clone()));
        let mut answers = cx.take_answers();
        let answered = compiled.root.over_columns(&mut cx, &mut answers);
        cx.give_answers(answers);
        if !answered || !self.answered.iter().all(|field| self.memory.cells(field.slot).is_some()) {
            return Ok(false);
        }
        let mut from = 0;
        for at in 0..rows.len() {
            if self.memory.covered[at] {
                continue;
            }
            self.push_columns(from..at, rows.start, into)?;
            let outcome = self.row(columns, rows.start + at);
            self.push_row(rows.start + at, outcome, into)?;
            from = at + 1;
        }
        self.push_columns(from..rows.len(), rows.start, into)?;
        Ok(true)
    }

    fn push_columns(&mut self, rows: Range<usize>, first: usize, into: &mut Into<'_>) -> Result<(), Problem> {
        for (tensor, place) in into.building.iter_mut().zip(into.wanted) {
            let field = &mut self.answered[*place];
            if let Some(cells) = self.memory.cells(field.slot) {
                field.push_cells(&self.compiled, tensor, cells, rows.clone(), first)?;
            }
        }
        Ok(())
    }

    fn push_row(
        &mut self,
        row: usize,
        outcome: Result<(), Problem>,
        into: &mut Into<'_>,
    ) -> Result<(), Problem> {
        if let Err(problem) = outcome {
            into.outputs.fail_row(row, problem);
            self.work.start_row(row);
        }
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for (tensor, place) in into.building.iter_mut().zip(into.wanted) {
            let field = &self.answered[*place];
            let value = cx.get(field.slot)?;
            field.push(&cx, tensor, value)?;
        }
        Ok(())
    }
}

/// The rows of each record, in order of first appearance.
fn grouped(columns: &[Option<Column<'_>>], group: usize, rows: usize) -> Result<Vec<Vec<usize>>, Problem> {
    let mut places = std::collections::HashMap::new();
    let mut records: Vec<Vec<usize>> = Vec::new();
    for row in 0..rows {
        let key = columns[group].as_ref().map(|column| column.tensor.scalar(row).to_string());
        let place = *places.entry(key).or_insert_with(|| {
            records.push(Vec::new());
            records.len() - 1
        });
        records[place].push(row);
    }
    Ok(records)
}

impl PmmlInstance {
    fn columns<'t>(&self, call: &'t Call) -> Result<Vec<Option<Column<'t>>>, Problem> {
        let column = |(input, field): (usize, &usize)| {
            let tensor = call.input(input)?.dense()?;
            Some(Column { tensor, field: *field })
        };
        Ok(self.plan.inputs.iter().enumerate().map(column).collect())
    }

    /// Puts a row's data where evaluation finds it.
    pub(crate) fn load(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.work.start_row(row);
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for column in columns.iter().flatten() {
            cx.w.input[column.field] = column.value(&mut cx, row)?;
        }
        Ok(())
    }

    /// Evaluates a row whose blocks are computed, without its data as long as no row has asked for any.
    fn row_after_blocks(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.work.start_row(row);
        self.work.loaded = false;
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        let outcome = self.compiled.root.run(&mut cx, &mut self.answer);
        if !self.work.starved {
            self.hunger = (self.hunger - 1).max(-HUNGRY);
            return outcome;
        }
        self.hunger += 1;
        self.row(columns, row)
    }

    fn row(&mut self, columns: &[Option<Column<'_>>], row: usize) -> Result<(), Problem> {
        self.load(columns, row)?;
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        self.compiled.root.run(&mut cx, &mut self.answer)?;
        cx.end_row()
    }

    fn record(
        &mut self,
        columns: &[Option<Column<'_>>],
        record: usize,
        rows: &[usize],
    ) -> Result<(), Problem> {
        self.work.start_row(record);
        let mut cx = Cx { m: &self.compiled, w: &mut self.work };
        for row in rows {
            for column in columns.iter().flatten() {
                cx.w.input[column.field] = column.value(&mut cx, *row)?;
            }
            let input = cx.w.input.clone();
            cx.w.group.push(input);
        }
        self.compiled.root.run(&mut cx, &mut self.answer)?;
        cx.end_row()
    }
}
