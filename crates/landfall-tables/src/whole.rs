//! A whole table as named tensors: golden rows and warm-up rows.

use crate::options::ReadOptions;
use crate::reader::TableReader;
use crate::source::TableInput;
use landfall_model::{
    Column, Input, InputSpec, Method, NullRule, OutputSpec, Problem, RowRule, ShapeRule, Signature, Tensor,
    Wanted,
};

/// What [`read_columns`] looks for to compare an output with: the output as a column of a table, also under the names
/// with class names in brackets, missing values accepted.
pub fn column_of_output(output: &OutputSpec) -> InputSpec {
    let mut spec = InputSpec::new(output.name.clone(), output.dtype, output.dims.clone());
    spec.null = NullRule::Accept;
    spec.optional = true;
    let bracketed = |class: &String| Column { name: format!("{}[{class}]", output.name), doc: String::new() };
    spec.columns = output.class_names.iter().flatten().map(bracketed).collect();
    spec
}

/// Reads a whole table, or NPZ, as tensors by name. `columns` says names, types, declared dims and rules for missing
/// values; the answer is in the same order, `None` for an optional column that the file does not have.
///
/// # Errors
/// As [`TableReader::open`]; naming it, for the first row that cannot be read; unsupported, for sparse rows.
pub fn read_columns(file: TableInput, columns: Vec<InputSpec>) -> Result<Vec<Option<Tensor>>, Problem> {
    let specs = columns.clone();
    let dense = |(spec, input): (&InputSpec, Option<Input>)| match input {
        None => Ok(None),
        Some(Input::Dense(array)) => Ok(Some(array)),
        Some(_) => Err(no_array(spec)),
    };
    specs.iter().zip(read_inputs(file, columns)?).map(dense).collect()
}

/// The same with sparse rows as they are.
///
/// # Errors
/// As [`read_columns`], but for sparse rows.
pub fn read_inputs(file: TableInput, columns: Vec<InputSpec>) -> Result<Vec<Option<Input>>, Problem> {
    let count = columns.len();
    let signature =
        Signature::new("columns", Method::Predict, columns, Vec::new(), RowRule::None, ShapeRule::AsSent)?;
    let reader =
        TableReader::open(vec![file], signature.shared(), Wanted::default(), &ReadOptions::default())?;
    let mut inputs = vec![None; count];
    while let Some(raw) = reader.next()? {
        let chunk = reader.decode(&raw)?;
        if let Some(bad) = chunk.bad.into_iter().next() {
            return Err(bad.problem);
        }
        for piece in chunk.pieces {
            inputs = (0..count).map(|slot| piece.call.input(slot).cloned()).collect();
        }
    }
    Ok(inputs)
}

#[cold]
fn no_array(spec: &InputSpec) -> Problem {
    let what = format!("input {:?} as sparse rows, where whole columns are wanted", spec.name);
    Problem::unsupported(what, "give it as an array, or as columns")
}
