//! The columns of blocks for rows that are then evaluated one by one: what a block has computed a row finds.

use super::{Block, BlockCx, BlockData, BlockRows};
use crate::model::{Column, PmmlInstance};
use crate::run::Cx;
use landfall_model::Problem;
use std::ops::Range;

/// Rows that are evaluated together: as many as the forest takes at a time, few enough for the second-level cache.
pub(crate) const BLOCK_ROWS: usize = 512;

/// Calls of fewer rows go row by row.
pub(crate) const LEAST_ROWS: usize = 4;

impl PmmlInstance {
    /// Computes the blocks for these rows of the call.
    pub(crate) fn ahead(
        &mut self,
        columns: &[Option<Column<'_>>],
        rows: &Range<usize>,
    ) -> Result<(), Problem> {
        let compiled = self.compiled.clone();
        for (id, block) in compiled.blocks.iter().enumerate() {
            let mut ready = std::mem::take(&mut self.work.blocks[id]);
            if ready.useless {
                self.work.blocks[id] = ready;
                continue;
            }
            let data = BlockData::Call(columns, rows.clone());
            let mut cx = BlockCx::new(&compiled, &mut self.memory, data);
            match cx.compute(Some(id)) {
                Some(mut computed) => {
                    computed.first = rows.start;
                    let memory = std::mem::replace(&mut ready, computed);
                    cx.give_back(Some(id), memory);
                }
                None => {
                    ready.start(rows.start, rows.len(), block.features().len());
                    self.row_by_row(columns, block.as_ref(), rows, &mut ready)?;
                    ready.finish(block.as_ref());
                }
            }
            self.work.blocks[id] = ready;
        }
        Ok(())
    }

    fn row_by_row(
        &mut self,
        columns: &[Option<Column<'_>>],
        block: &dyn Block,
        rows: &Range<usize>,
        ready: &mut BlockRows,
    ) -> Result<(), Problem> {
        for (at, row) in rows.clone().enumerate() {
            self.load(columns, row)?;
            let mut cx = Cx { m: &self.compiled, w: &mut self.work };
            cx.w.asked_of_models = false;
            for (place, feature) in block.features().iter().enumerate() {
                // A value that is refused makes the row not the block's: the model may never come to ask for it.
                let number = cx.get(feature.slot).ok().and_then(|value| feature.number(value));
                ready.columns[place * rows.len() + at] = number.unwrap_or(f64::NAN);
                ready.covered[at] &= number.is_some();
            }
            if cx.w.asked_of_models {
                // It reads what another model answers: that is not known ahead of any row.
                ready.useless = true;
                ready.clear();
                return Ok(());
            }
        }
        Ok(())
    }
}
