//! Matrix inputs that are given as their named columns, each a tensor [n]: gathered row by row.

use landfall_model::{
    Input, InputSpec, NullRule, Problem, Reason, Shape, Signature, Slot, SlotColumn, Tensor, TensorMut,
};

/// The columns that came, by matrix.
pub(super) struct Matrices<'s> {
    signature: &'s Signature,
    columns: Vec<(Slot, Vec<Option<Tensor>>)>,
}

impl<'s> Matrices<'s> {
    pub(super) fn new(signature: &'s Signature) -> Self {
        Matrices { signature, columns: Vec::new() }
    }

    /// Takes a column: [n] or [n, 1], of any number type.
    pub(super) fn put(&mut self, target: SlotColumn, tensor: Tensor) -> Result<(), Problem> {
        let spec = &self.signature.inputs()[target.slot];
        let Some(column) = target.column else {
            return Err(Problem::internal("a whole input was taken for a column"));
        };
        let place = match self.columns.iter().position(|(slot, _)| *slot == target.slot) {
            Some(place) => place,
            None => {
                self.columns.push((target.slot, vec![None; spec.columns.len()]));
                self.columns.len() - 1
            }
        };
        let name = || spec.columns[column].name.clone();
        if !matches!(tensor.shape()[..], [_] | [_, 1]) {
            let (expected, found) = ("[-1]".to_owned(), tensor.shape().clone());
            return Err(Problem::new(Reason::WrongShape { input: name(), expected, found }));
        }
        if tensor.dtype() != spec.dtype && !(tensor.dtype().is_number() && spec.dtype.is_number()) {
            let (expected, found) = (spec.dtype, tensor.dtype());
            return Err(Problem::new(Reason::WrongDType { input: name(), expected, found }));
        }
        match self.columns[place].1[column].replace(tensor) {
            None => Ok(()),
            Some(_) => Err(Problem::new(Reason::InputRepeated { input: name() })),
        }
    }

    /// Sets each matrix's slot.
    pub(super) fn finish(self, inputs: &mut [Option<Input>]) -> Result<(), Problem> {
        for (slot, columns) in self.columns {
            if inputs[slot].is_some() {
                let input = self.signature.inputs()[slot].name.clone();
                return Err(Problem::new(Reason::InputRepeated { input }));
            }
            inputs[slot] = Some(Input::Dense(gathered(&self.signature.inputs()[slot], &columns)?));
        }
        Ok(())
    }
}

/// The row-major matrix [n, F] of columns; one that did not come follows the rule for missing values.
fn gathered(spec: &InputSpec, columns: &[Option<Tensor>]) -> Result<Tensor, Problem> {
    let named = |given: bool| {
        let names = spec.columns.iter().zip(columns).filter(|(_, tensor)| tensor.is_some() == given);
        names.map(|(column, _)| column.name.clone()).collect::<Vec<_>>()
    };
    if spec.null == NullRule::Refuse && columns.iter().any(Option::is_none) {
        return Err(Problem::new(Reason::InputsMissing { missing: named(false), given: named(true) }));
    }
    let rows = columns.iter().flatten().next().map_or(0, Tensor::len);
    for (column, tensor) in spec.columns.iter().zip(columns) {
        if let Some(found) = tensor.as_ref().map(Tensor::len).filter(|&found| found != rows) {
            let input = column.name.clone();
            return Err(Problem::new(Reason::RowsDiffer { input, expected: rows, found }));
        }
    }
    let mut matrix = TensorMut::new(spec.dtype);
    for row in 0..rows {
        for (column, tensor) in spec.columns.iter().zip(columns) {
            push(&mut matrix, spec, &column.name, row, tensor.as_ref())?;
        }
    }
    matrix.freeze(Shape::new(&[rows, columns.len()]))
}

/// A whole input that is a column of a tabular model, in the model's type; any other input as it came.
pub(super) fn in_models_type(spec: &InputSpec, tensor: Tensor) -> Result<Tensor, Problem> {
    if tensor.dtype() == spec.dtype || !spec.is_number_column() || !tensor.dtype().is_number() {
        return Ok(tensor);
    }
    let mut column = TensorMut::with_capacity(spec.dtype, tensor.len());
    (0..tensor.len()).try_for_each(|row| push(&mut column, spec, &spec.name, row, Some(&tensor)))?;
    column.freeze(tensor.shape().clone())
}

fn push(
    matrix: &mut TensorMut,
    spec: &InputSpec,
    column: &str,
    row: usize,
    tensor: Option<&Tensor>,
) -> Result<(), Problem> {
    match tensor {
        Some(tensor) if !tensor.is_missing(row) => {
            let value = tensor.scalar(row);
            if matrix.push_scalar(&value).is_ok() {
                return Ok(());
            }
            let (input, expected, text) = (column.to_owned(), spec.dtype.to_string(), value.to_string());
            if spec.accepts_invalid {
                matrix.push_invalid(text.as_bytes());
                return Ok(());
            }
            Err(Problem::new(Reason::ValueInvalid { input, row, expected, text }))
        }
        _ => matrix.push_missing(&spec.null, column, row),
    }
}
