//! The workspace of one thread, and the context that evaluation passes along.

use crate::blocks::{Block, BlockRows};
use crate::expression::{self, Expr};
use crate::models::Model;
use crate::resolve::{DataField, Slot, SlotDef, Source};
use crate::value::{DataType, Symbol, Symbols, Value};
use landfall_model::{Problem, Reason};
use std::collections::VecDeque;
use std::sync::Arc;

/// A document, resolved: immutable, shared by all workspaces.
pub(crate) struct Compiled {
    pub(crate) symbols: Symbols,
    pub(crate) slots: Vec<SlotDef>,
    pub(crate) dictionary: Vec<Arc<DataField>>,
    pub(crate) functions: Vec<Option<Expr>>,
    pub(crate) lists: Vec<Vec<Value>>,
    pub(crate) lags: Vec<(Slot, usize)>,
    pub(crate) blocks: Vec<Arc<dyn Block>>,
    pub(crate) root: Model,
}

impl Compiled {
    /// Whether there are blocks, and a row may be looked at before those ahead of it are done.
    pub(crate) fn goes_ahead(&self) -> bool {
        !self.blocks.is_empty() && self.lags.is_empty()
    }
}

/// Values of one row by slot, and memory that is used again for the next.
pub(crate) struct Work {
    /// Number of the row; a slot is filled when its stamp is this.
    row: u32,
    stamps: Vec<u32>,
    values: Vec<Value>,
    /// Slots whose value is used though it is invalid.
    flagged: Vec<bool>,
    /// The row's data by place in the dictionary.
    pub(crate) input: Vec<Value>,
    /// Texts of inputs that are no values of their types, for messages.
    pub(crate) unreadable: Vec<(usize, String)>,
    /// The data of all rows of a record, where rows are grouped.
    pub(crate) group: Vec<Vec<Value>>,
    /// Text that the document does not have.
    arena: Symbols,
    pub(crate) parameters: Vec<Value>,
    pub(crate) parameters_base: usize,
    /// Functions of the document that are running, one within the other.
    pub(crate) calls: u32,
    history: Vec<VecDeque<Value>>,
    /// Rows that were computed ahead.
    pub(crate) blocks: Vec<BlockRows>,
    /// Whether the row's data is in `input`.
    pub(crate) loaded: bool,
    /// Whether data was asked for that is not.
    pub(crate) starved: bool,
    /// Whether something was asked for that a model has yet to answer.
    pub(crate) asked_of_models: bool,
    /// Row of the call, for messages.
    pub(crate) row_of_call: usize,
}

impl Work {
    pub(crate) fn new(m: &Compiled) -> Self {
        Work {
            row: 0,
            stamps: vec![0; m.slots.len()],
            values: vec![Value::Missing; m.slots.len()],
            flagged: vec![false; m.slots.len()],
            input: vec![Value::Missing; m.dictionary.len()],
            unreadable: Vec::new(),
            group: Vec::new(),
            arena: Symbols::after(&m.symbols),
            parameters: Vec::new(),
            parameters_base: 0,
            calls: 0,
            history: vec![VecDeque::new(); m.lags.len()],
            blocks: m.blocks.iter().map(|_| BlockRows::default()).collect(),
            loaded: true,
            starved: false,
            asked_of_models: false,
            row_of_call: 0,
        }
    }

    /// Forgets the row before, but for what lags keep.
    pub(crate) fn start_row(&mut self, row_of_call: usize) {
        self.row = self.row.wrapping_add(1);
        if self.row == 0 {
            self.stamps.fill(0);
            self.row = 1;
        }
        self.row_of_call = row_of_call;
        self.unreadable.clear();
        self.input.fill(Value::Missing);
        (self.loaded, self.starved) = (true, false);
        self.group.clear();
        self.parameters.clear();
        self.parameters_base = 0;
        self.calls = 0;
        if self.history.is_empty() {
            self.arena.clear();
        }
    }

    /// Forgets the rows of the call before.
    pub(crate) fn start_call(&mut self) {
        self.history.iter_mut().for_each(VecDeque::clear);
        self.blocks.iter_mut().for_each(BlockRows::clear);
        self.arena.clear();
    }
}

/// A document and a workspace.
pub(crate) struct Cx<'m> {
    pub(crate) m: &'m Compiled,
    pub(crate) w: &'m mut Work,
}

impl<'m> Cx<'m> {
    /// The value of a slot, computed now if it is not yet.
    #[inline]
    pub(crate) fn get(&mut self, slot: Slot) -> Result<Value, Problem> {
        let at = slot as usize;
        if self.w.stamps[at] == self.w.row {
            return Ok(self.w.values[at]);
        }
        self.compute(slot)
    }

    /// A slot's number; `None` where it is missing or none.
    #[inline]
    pub(crate) fn number(&mut self, slot: Slot) -> Result<Option<f64>, Problem> {
        Ok(self.get(slot)?.num())
    }

    fn compute(&mut self, slot: Slot) -> Result<Value, Problem> {
        let m = self.m;
        let (value, flagged) = match &m.slots[slot as usize].source {
            Source::Input(field) => {
                self.w.starved |= !self.w.loaded;
                (self.w.input[*field], false)
            }
            Source::Set => {
                self.w.asked_of_models = true;
                (Value::Missing, false)
            }
            Source::Derived(expr) => (expression::evaluate(expr, self)?, false),
            Source::Treated { from, treatment } => {
                let value = self.get(*from)?;
                let outer = self.w.flagged[*from as usize];
                match treatment.apply(value) {
                    Some((value, flagged)) => (value, flagged || (outer && !value.is_missing())),
                    None => return Err(self.refused(slot, value)),
                }
            }
        };
        self.put(slot, value, flagged);
        Ok(value)
    }

    fn put(&mut self, slot: Slot, value: Value, flagged: bool) {
        let at = slot as usize;
        self.w.values[at] = value;
        self.w.flagged[at] = flagged;
        self.w.stamps[at] = self.w.row;
    }

    /// Sets a slot that a model fills.
    pub(crate) fn set(&mut self, slot: Slot, value: Value) {
        self.put(slot, value, false);
    }

    /// What a treated slot makes of a value.
    pub(crate) fn treated(&self, slot: Slot, value: Value) -> Result<Value, Problem> {
        match &self.m.slots[slot as usize].source {
            Source::Treated { treatment, .. } => match treatment.apply(value) {
                Some((value, _)) => Ok(value),
                None => Err(self.refused(slot, value)),
            },
            _ => Ok(value),
        }
    }

    /// Whether a slot's value is neither missing nor invalid.
    pub(crate) fn is_valid(&mut self, slot: Slot) -> Result<bool, Problem> {
        let value = self.get(slot)?;
        Ok(!matches!(value, Value::Missing | Value::Invalid) && !self.w.flagged[slot as usize])
    }

    #[cold]
    fn refused(&self, slot: Slot, value: Value) -> Problem {
        let def = &self.m.slots[slot as usize];
        if value.is_missing() {
            return Problem::new(Reason::ValueRequired { input: def.name.clone(), row: self.w.row_of_call });
        }
        let raw = self.w.unreadable.iter().find(|(field, _)| Some(*field) == def.field);
        let (expected, text) = match raw {
            Some((_, text)) => (kind_of_value(def.dtype), text.clone()),
            None => ("a value that the model's data dictionary declares valid", self.shown(value, def.dtype)),
        };
        let (input, row) = (def.name.clone(), self.w.row_of_call);
        Problem::new(Reason::ValueInvalid { input, row, expected: expected.to_owned(), text })
    }

    /// The text of a symbol.
    pub(crate) fn text(&self, symbol: Symbol) -> Arc<str> {
        self.m.symbols.text(symbol).or_else(|| self.w.arena.text(symbol)).cloned().unwrap_or_default()
    }

    /// The symbol of a text, which may be new.
    pub(crate) fn symbol(&mut self, text: &str) -> Symbol {
        match self.m.symbols.find(text) {
            Some(symbol) => symbol,
            None => self.w.arena.intern(text),
        }
    }

    /// A value as text.
    pub(crate) fn shown(&self, value: Value, dtype: DataType) -> String {
        let mut text = String::new();
        crate::value::write(value, dtype, |symbol| self.text(symbol), &mut text);
        text
    }

    /// What a slot is for each row of the record that counts, as if that row were the one being evaluated. What models have
    /// answered is of this row alone, and missing there.
    ///
    /// # Errors
    /// As those of evaluation.
    pub(crate) fn over_record(
        &mut self,
        slot: Slot,
        counts: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Value>, Problem> {
        let rows = if self.w.group.is_empty() { vec![self.w.input.clone()] } else { self.w.group.clone() };
        let saved =
            (self.w.input.clone(), self.w.stamps.clone(), self.w.values.clone(), self.w.flagged.clone());
        let mut of_row = |row: &Vec<Value>| {
            self.w.input.clone_from(row);
            self.w.stamps.fill(0);
            self.get(slot)
        };
        let values = rows.iter().filter(|row| counts(row)).map(&mut of_row).collect();
        (self.w.input, self.w.stamps, self.w.values, self.w.flagged) = saved;
        values
    }

    /// Values of earlier rows of a slot, the latest first.
    pub(crate) fn earlier(&self, slot: Slot) -> impl Iterator<Item = Value> + '_ {
        let place = self.m.lags.iter().position(|(lagged, _)| *lagged == slot);
        place.into_iter().flat_map(|place| self.w.history[place].iter().copied())
    }

    /// Keeps the values of this row that later ones look back at.
    pub(crate) fn end_row(&mut self) -> Result<(), Problem> {
        let m = self.m;
        // All of them first: a lag may be one of what looks back itself.
        for (slot, _) in &m.lags {
            self.get(*slot)?;
        }
        for ((slot, rows), history) in m.lags.iter().zip(&mut self.w.history) {
            history.push_front(self.w.values[*slot as usize]);
            history.truncate(*rows);
        }
        Ok(())
    }
}

/// What a field of this type takes, for who gave a text that is none.
fn kind_of_value(dtype: DataType) -> &'static str {
    match dtype {
        DataType::Integer => "a whole number, as the model's data dictionary has it",
        DataType::Float | DataType::Double => "a number, as the model's data dictionary has it",
        DataType::Boolean => "true or false, as the model's data dictionary has it",
        DataType::Date => "a date as 2024-02-29",
        DataType::Time => "a time as 23:59:58",
        DataType::DateTime => "a date with a time as 2024-02-29T23:59:58",
        DataType::DaysSince(_) | DataType::SecondsSince(_) | DataType::TimeSeconds => {
            "a date or a time, or its number, as the model's data dictionary has it"
        }
        DataType::String => "a value that the model's data dictionary declares valid",
    }
}
