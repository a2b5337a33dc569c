//! Answered fields to tensors: from a row's values, or whole columns at a time.

use super::{Compiled, Cx};
use crate::blocks::{Cells, CellsView};
use crate::resolve::{ClassList, Slot};
use crate::value::{self, DataType, Value};
use landfall_model::{DType, NullRule, Problem, TensorMut};
use std::ops::Range;

/// Numbers that are appended at a time.
const PART: usize = 64;

/// One field that is answered.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) name: String,
    pub(crate) slot: Slot,
    pub(crate) dtype: DataType,
    /// The classes of a list as this field shows them, once some were.
    classes: Option<(ClassList, Vec<Shown>)>,
}

/// A class as a tensor holds it; `None` where it does not.
#[derive(Debug)]
struct Shown {
    number: Option<f64>,
    text: String,
}

impl Answered {
    pub(crate) fn new(name: String, slot: Slot, dtype: DataType) -> Self {
        Answered { name, slot, dtype, classes: None }
    }

    /// Appends one value of the row that is being evaluated.
    pub(crate) fn push(&self, cx: &Cx<'_>, tensor: &mut TensorMut, value: Value) -> Result<(), Problem> {
        let row = cx.w.row_of_call;
        match (tensor.dtype(), value) {
            (_, Value::Missing | Value::Invalid) => self.push_missing(tensor, row),
            (DType::String, value) => {
                tensor.push_str(cx.shown(value, self.dtype).as_bytes());
                Ok(())
            }
            (_, value) => self.push_number(tensor, value.num(), row),
        }
    }

    /// Appends the answers of some rows of a block that begins at row `first` of the call.
    pub(crate) fn push_cells(
        &mut self,
        m: &Compiled,
        tensor: &mut TensorMut,
        cells: &Cells,
        rows: Range<usize>,
        first: usize,
    ) -> Result<(), Problem> {
        match (cells.view(), tensor.dtype()) {
            (CellsView::Numbers(numbers), DType::F64) => tensor.plain_mut().extend(&numbers[rows]),
            (CellsView::Numbers(numbers), DType::F32) => {
                let mut part = [0f32; PART];
                for numbers in numbers[rows].chunks(PART) {
                    part.iter_mut().zip(numbers).for_each(|(into, number)| *into = *number as f32);
                    tensor.plain_mut().extend(&part[..numbers.len()]);
                }
            }
            (CellsView::Classes(list, codes), dtype) => {
                self.show_classes(m, list);
                let Some((_, shown)) = &self.classes else { return Ok(()) };
                let number = |code: &u32| shown.get(*code as usize).and_then(|class| class.number);
                if dtype == DType::F64 && codes[rows.clone()].iter().all(|code| number(code).is_some()) {
                    let mut part = [0f64; PART];
                    for codes in codes[rows].chunks(PART) {
                        let numbers = part.iter_mut().zip(codes);
                        numbers.for_each(|(into, code)| *into = number(code).unwrap_or_default());
                        tensor.plain_mut().extend(&part[..codes.len()]);
                    }
                    return Ok(());
                }
                for (code, row) in codes[rows.clone()].iter().zip(rows) {
                    match (shown.get(*code as usize), dtype) {
                        (None, _) => self.push_missing(tensor, first + row)?,
                        (Some(class), DType::String) => tensor.push_str(class.text.as_bytes()),
                        (Some(class), _) => self.push_number(tensor, class.number, first + row)?,
                    }
                }
            }
            _ => {
                for row in rows {
                    match (cells.value(m, row), tensor.dtype()) {
                        (Value::Missing | Value::Invalid, _) => self.push_missing(tensor, first + row)?,
                        (Value::Text(symbol), DType::String) => {
                            tensor.push_str(m.symbols.text(symbol).map_or(&[], |text| text.as_bytes()));
                        }
                        (value, DType::String) => tensor.push_str(shown(m, value, self.dtype).as_bytes()),
                        (value, _) => self.push_number(tensor, value.num(), first + row)?,
                    }
                }
            }
        }
        Ok(())
    }

    fn push_number(&self, tensor: &mut TensorMut, number: Option<f64>, row: usize) -> Result<(), Problem> {
        match (number, tensor.dtype()) {
            (None, _) => return self.push_missing(tensor, row),
            (Some(number), DType::F32) => tensor.push(number as f32),
            (Some(number), _) => tensor.push(number),
        }
        Ok(())
    }

    fn push_missing(&self, tensor: &mut TensorMut, row: usize) -> Result<(), Problem> {
        tensor.push_missing(&NullRule::Accept, &self.name, row)
    }

    fn show_classes(&mut self, m: &Compiled, list: ClassList) {
        if self.classes.as_ref().is_some_and(|(of, _)| *of == list) {
            return;
        }
        let dtype = self.dtype;
        let show = |value: &Value| Shown { number: value.num(), text: shown(m, *value, dtype) };
        self.classes = Some((list, m.lists[list].iter().map(show).collect()));
    }
}

/// A value of the document as text.
fn shown(m: &Compiled, value: Value, dtype: DataType) -> String {
    let mut text = String::new();
    value::write(value, dtype, |symbol| m.symbols.text(symbol).cloned().unwrap_or_default(), &mut text);
    text
}
