//! A block of rows on its way through the models of a document.

use super::straight::{Straight, fill_straight};
use super::way::{Origin, Way, ways};
use super::{Answers, Block, BlockId, BlockRows, Cells, CellsView, Feature, FeatureColumn};
use crate::model::Column;
use crate::resolve::Slot;
use crate::run::Compiled;
use crate::value::{Symbol, Value};
use landfall_model::{DType, Tensor};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

/// A thread's memory for blocks of rows.
#[derive(Debug, Default)]
pub(crate) struct BlockMemory {
    /// By block; `None` where a feature is made of more than one value.
    ways: Vec<Option<Vec<Way>>>,
    /// By block; nothing where not all features are numbers of the data as they come.
    straight: Vec<Vec<Straight>>,
    blocks: Vec<BlockRows>,
    /// Which rows the models have answered so far.
    pub(crate) covered: Vec<bool>,
    /// By slot.
    slots: Vec<Cells>,
    /// When each slot was set: now, where it is `time`.
    set: Vec<u32>,
    time: u32,
    /// Boxed: a model's answers are many vectors, which are not to be moved for each row.
    answers: SmallVec<[Box<Answers>; 2]>,
    pub(crate) numbers: Vec<f64>,
    pub(crate) places: Vec<u32>,
}

impl BlockMemory {
    pub(crate) fn new(m: &Compiled) -> Self {
        let ways: Vec<_> = m.blocks.iter().map(|block| ways(m, block.as_ref())).collect();
        let straight = |(block, ways): (&Arc<dyn Block>, &Option<Vec<Way>>)| {
            let pairs = block.features().iter().zip(ways.as_deref()?);
            pairs.map(|(feature, way)| Straight::of(feature, way)).collect::<Option<_>>()
        };
        BlockMemory {
            straight: m.blocks.iter().zip(&ways).map(|pair| straight(pair).unwrap_or_default()).collect(),
            ways,
            blocks: m.blocks.iter().map(|_| BlockRows::default()).collect(),
            slots: m.slots.iter().map(|_| Cells::default()).collect(),
            set: vec![0; m.slots.len()],
            ..BlockMemory::default()
        }
    }

    /// What a model has put into a slot for this block of rows.
    pub(crate) fn cells(&self, slot: Slot) -> Option<&Cells> {
        let at = slot as usize;
        (self.set[at] == self.time).then(|| &self.slots[at])
    }

    /// The way of each feature of a block.
    pub(super) fn ways_of(&self, block: BlockId) -> Option<&[Way]> {
        self.ways[block].as_deref()
    }
}

/// Where a block's rows are.
#[derive(Clone)]
pub(crate) enum BlockData<'d> {
    /// A part of a call.
    Call(&'d [Option<Column<'d>>], Range<usize>),
    /// One row, by place in the dictionary.
    Row(&'d [Value]),
}

/// A document, a block of rows, and the memory for them.
pub(crate) struct BlockCx<'r> {
    pub(crate) m: &'r Compiled,
    pub(crate) w: &'r mut BlockMemory,
    data: BlockData<'r>,
    rows: usize,
}

impl<'r> BlockCx<'r> {
    pub(crate) fn new(m: &'r Compiled, w: &'r mut BlockMemory, data: BlockData<'r>) -> Self {
        let rows = match &data {
            BlockData::Call(_, rows) => rows.len(),
            BlockData::Row(_) => 1,
        };
        w.covered.clear();
        w.covered.resize(rows, true);
        w.time = w.time.wrapping_add(1);
        if w.time == 0 {
            w.set.fill(0);
            w.time = 1;
        }
        BlockCx { m, w, data, rows }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Whether it is the row of a row call, not a part of a table.
    pub(crate) fn is_row_call(&self) -> bool {
        matches!(self.data, BlockData::Row(_))
    }

    /// Computes a block. It is to be given back; `None` where it cannot be computed from columns.
    pub(crate) fn compute(&mut self, id: Option<BlockId>) -> Option<BlockRows> {
        let id = id?;
        let block = self.m.blocks[id].as_ref();
        let mut ready = std::mem::take(&mut self.w.blocks[id]);
        ready.start(0, self.rows, block.features().len());
        let as_they_are = self.singles(id, block);
        if as_they_are.is_some_and(|columns| ready.finish_single(block, &columns)) {
            return Some(ready);
        }
        let filled = self.fill(id, block, &mut ready);
        if filled.is_some() {
            ready.finish(block);
            for (covered, own) in self.w.covered.iter_mut().zip(&ready.covered) {
                *covered &= own;
            }
            return Some(ready);
        }
        self.w.blocks[id] = ready;
        None
    }

    /// Takes a block's memory back.
    pub(crate) fn give_back(&mut self, id: Option<BlockId>, ready: BlockRows) {
        if let Some(id) = id {
            self.w.blocks[id] = ready;
        }
    }

    /// The data's own columns, where all that a block reads are such: numbers in single precision that stay what they
    /// are, and are missing where they are not numbers.
    fn singles(&self, id: BlockId, block: &dyn Block) -> Option<SmallVec<[&'r [f32]; 64]>> {
        let BlockData::Call(columns, rows) = &self.data else { return None };
        let own = |(feature, way): (&Feature, &Way)| {
            let Origin::Field(field) = way.from else { return None };
            let stay = way.plain.is_some_and(f64::is_nan) && !feature.needed;
            let tensor = columns.iter().flatten().find(|column| stay && column.field == field)?.tensor;
            let all_there = tensor.missing().is_none() && tensor.invalid().is_empty();
            (tensor.dtype() == DType::F32 && all_there).then_some(())?;
            tensor.values::<f32>().ok()?.get(rows.clone())
        };
        block.features().iter().zip(self.w.ways_of(id)?).map(own).collect()
    }

    fn fill(&self, id: BlockId, block: &dyn Block, ready: &mut BlockRows) -> Option<()> {
        let ways = self.w.ways_of(id)?;
        if let BlockData::Row(values) = self.data {
            let straight = self.w.straight[id].as_slice();
            if !straight.is_empty() && fill_straight(straight, values, &mut ready.columns) {
                return Some(());
            }
            return self.fill_row(block, ways, values, ready);
        }
        for (place, (feature, way)) in block.features().iter().zip(ways).enumerate() {
            let source = Source { m: self.m, feature, way };
            let into = ready.column(place);
            match (way.from, &self.data) {
                (Origin::Answer(slot), _) => source.answer(self.w.cells(slot)?, into),
                (Origin::Field(_), BlockData::Row(_)) => return None,
                (Origin::Field(field), BlockData::Call(columns, rows)) => {
                    match columns.iter().flatten().find(|column| column.field == field) {
                        Some(column) => source.column(column, rows, into)?,
                        None => source.one(Value::Missing, into),
                    }
                }
            }
        }
        Some(())
    }

    /// [`BlockCx::fill`] for a single row.
    #[inline]
    fn fill_row(
        &self,
        block: &dyn Block,
        ways: &[Way],
        values: &[Value],
        ready: &mut BlockRows,
    ) -> Option<()> {
        let mut covered = true;
        for ((feature, way), place) in block.features().iter().zip(ways).zip(&mut ready.columns) {
            let value = match way.from {
                Origin::Field(field) => values[field],
                Origin::Answer(slot) => self.w.cells(slot)?.value(self.m, 0),
            };
            let number = match (value, way.plain) {
                (Value::Num(number), Some(_)) => feature.plain(number),
                _ => Source { m: self.m, feature, way }.number(value),
            };
            *place = number.unwrap_or(f64::NAN);
            covered &= number.is_some();
        }
        ready.covered[0] = covered;
        Some(())
    }

    /// Fills a slot.
    pub(crate) fn set(&mut self, slot: Slot, cells: &Cells) {
        let at = slot as usize;
        self.w.slots[at].copy(cells);
        self.w.set[at] = self.w.time;
    }

    /// Fills a slot with what `fill` writes; it is left alone where that says so.
    pub(crate) fn fill_slot(&mut self, slot: Slot, fill: impl FnOnce(&Self, &mut Cells) -> bool) -> bool {
        let at = slot as usize;
        let mut cells = std::mem::take(&mut self.w.slots[at]);
        let filled = fill(self, &mut cells);
        self.w.slots[at] = cells;
        if filled {
            self.w.set[at] = self.w.time;
        }
        filled
    }

    /// Memory for the answers of one model; it is to be given back.
    pub(crate) fn take_answers(&mut self) -> Box<Answers> {
        self.w.answers.pop().unwrap_or_default()
    }

    pub(crate) fn give_answers(&mut self, answers: Box<Answers>) {
        self.w.answers.push(answers);
    }

    /// Rows whose answer is no number, or no class, go their own way.
    pub(crate) fn cover_present(&mut self, cells: &Cells) {
        let covered = self.w.covered.iter_mut();
        match cells.view() {
            CellsView::Missing => self.w.covered.fill(false),
            CellsView::Numbers(numbers) => {
                covered.zip(numbers).for_each(|(covered, number)| *covered &= !number.is_nan());
            }
            CellsView::Classes(list, codes) => {
                let classes = self.m.lists[list].len() as u32;
                covered.zip(codes).for_each(|(covered, code)| *covered &= *code < classes);
            }
            CellsView::Values(values) => {
                covered.zip(values).for_each(|(covered, value)| *covered &= !value.is_missing());
            }
        }
    }
}

/// A feature and its way.
struct Source<'s> {
    m: &'s Compiled,
    feature: &'s Feature,
    way: &'s Way,
}

impl Source<'_> {
    /// The number of a value.
    fn number(&self, value: Value) -> Option<f64> {
        self.feature.number(self.way.follow(self.m, value)?)
    }

    /// Of one value for all rows.
    fn one(&self, value: Value, into: FeatureColumn<'_>) {
        let rows = into.numbers.len();
        into.fill(std::iter::repeat_n(self.number(value), rows));
    }

    fn answer(&self, cells: &Cells, into: FeatureColumn<'_>) {
        match (cells.view(), self.way.plain) {
            (CellsView::Numbers(numbers), Some(_)) => self.plain(numbers.iter().copied(), false, into),
            _ => {
                let rows = 0..into.numbers.len();
                into.fill(rows.map(|row| self.number(cells.value(self.m, row))));
            }
        }
    }

    /// Of a part of a column; `None` where it is of another type than it should be.
    fn column(&self, column: &Column<'_>, rows: &Range<usize>, mut into: FeatureColumn<'_>) -> Option<()> {
        let tensor = column.tensor;
        match tensor.dtype() {
            DType::F64 => {
                self.numbers(tensor, rows, tensor.values::<f64>().ok()?, |x| x, into.again());
            }
            DType::F32 => {
                self.numbers(tensor, rows, tensor.values::<f32>().ok()?, f64::from, into.again());
            }
            DType::I64 => {
                self.numbers(tensor, rows, tensor.values::<i64>().ok()?, |x| x as f64, into.again());
            }
            _ => self.values(column, rows, into.again())?,
        }
        // What is no value of the column's type is read as text, with its row.
        for invalid in tensor.invalid().iter().filter(|invalid| rows.contains(&invalid.element)) {
            into.covered[invalid.element - rows.start] = false;
        }
        Some(())
    }

    fn numbers<T: Copy>(
        &self,
        tensor: &Tensor,
        rows: &Range<usize>,
        values: &[T],
        wide: impl Fn(T) -> f64,
        into: FeatureColumn<'_>,
    ) {
        let are_single = tensor.dtype() == DType::F32;
        let numbers = values[rows.clone()].iter().map(|value| wide(*value));
        if tensor.missing().is_none() {
            return self.plain(numbers, are_single, into);
        }
        let present = rows.clone().map(|row| !tensor.is_missing(row));
        let numbers = present.zip(numbers).map(|(is, number)| if is { number } else { f64::NAN });
        self.plain(numbers, are_single, into);
    }

    /// Of numbers, where those that are none are missing; `are_single` where single precision holds them all.
    #[inline]
    fn plain(&self, numbers: impl Iterator<Item = f64>, are_single: bool, into: FeatureColumn<'_>) {
        let Some(missing) = self.way.plain else {
            return into.fill(numbers.map(|number| self.number(Value::number(number))));
        };
        let (missing, absent_fits) = match self.feature.number(Value::number(missing)) {
            Some(missing) => (missing, true),
            None => (f64::NAN, false),
        };
        for (place, number) in into.numbers.iter_mut().zip(numbers) {
            *place = number;
        }
        // Counted, not found: a loop that stops is not one for wide registers.
        let absent: u64 = into.numbers.iter().map(|x| u64::from(x.is_nan())).sum();
        if absent > 0 && !absent_fits {
            into.covered.iter_mut().zip(&*into.numbers).for_each(|(covered, x)| *covered &= !x.is_nan());
        } else if absent > 0 && !missing.is_nan() {
            into.numbers.iter_mut().filter(|x| x.is_nan()).for_each(|x| *x = missing);
        }
        if !self.feature.single || are_single {
            return;
        }
        let wide = |x: f64| f64::from(x as f32) != x && !x.is_nan();
        if into.numbers.iter().map(|x| u64::from(wide(*x))).sum::<u64>() > 0 {
            into.covered.iter_mut().zip(&*into.numbers).for_each(|(covered, x)| *covered &= !wide(*x));
        }
    }

    /// Of truth values and text.
    fn values(&self, column: &Column<'_>, rows: &Range<usize>, into: FeatureColumn<'_>) -> Option<()> {
        let tensor = column.tensor;
        let dtype = self.m.dictionary[column.field].dtype;
        // Text that the document does not have is equal to nothing in it.
        let symbol = |text: &str| self.m.symbols.find(text).unwrap_or(Symbol(u32::MAX));
        let present = |row: usize, value: Option<Value>| match tensor.is_missing(row) {
            true => self.number(Value::Missing),
            false => self.number(value?),
        };
        match tensor.dtype() {
            DType::Bool => {
                let truths = tensor.bools().ok()?;
                into.fill(rows.clone().map(|row| present(row, Some(Value::Bool(truths[row] != 0)))));
            }
            _ => {
                let texts = tensor.strings().ok()?;
                let value = |row: usize| dtype.parse(&String::from_utf8_lossy(texts.get(row)), symbol);
                into.fill(rows.clone().map(|row| present(row, value(row))));
            }
        }
        Some(())
    }
}
