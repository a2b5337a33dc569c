//! Golden and warm-up rows out of tables: inputs and expected outputs by name.

use landfall_model::{Call, Input, InputSpec, Problem, Reason, Signature, Tensor};
use landfall_serving::GoldenRows;
use landfall_tables::{ReadOptions, TableInput, TableReader, column_of_output, read_inputs};
use std::path::Path;
use std::sync::Arc;

/// Reads golden rows for one signature: the named one, else the default one.
///
/// # Errors
/// When the file cannot be read, lacks required inputs, or holds none of the outputs.
pub(crate) fn read(
    file: &Path,
    signatures: &[Arc<Signature>],
    name: Option<&str>,
) -> Result<GoldenRows, Problem> {
    let signature = choose(signatures, name)?;
    let inputs = signature.inputs();
    // A column that is an input cannot say what is expected of an output.
    let outputs: Vec<usize> = (0..signature.outputs().len())
        .filter(|&place| inputs.iter().all(|input| input.name != signature.outputs()[place].name))
        .collect();
    let expected = outputs.iter().map(|&place| column_of_output(&signature.outputs()[place]));
    let columns: Vec<InputSpec> = inputs.iter().cloned().chain(expected).collect();
    let mut read = read_inputs(TableInput::file(file), columns)?;
    let expected = outputs.into_iter().zip(read.split_off(inputs.len()));
    let found: Vec<(usize, Tensor)> = expected
        .filter_map(|(place, input)| match input? {
            Input::Dense(tensor) => Some((place, tensor)),
            // No output is one: nothing here makes sparse rows of an output's column.
            _ => None,
        })
        .collect();
    if found.is_empty() {
        let names: Vec<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
        let text = format!("no expected outputs: the model gives {}", names.join(", "));
        return Err(Problem::invalid(text).at(file.display().to_string()));
    }
    Ok(GoldenRows { signature: signature.clone(), inputs: read, outputs: found })
}

/// Reads warm-up rows, for the default signature.
///
/// # Errors
/// When the file cannot be read, or a row of it.
pub(crate) fn read_calls(file: &Path, signatures: &[Arc<Signature>]) -> Result<Vec<Call>, Problem> {
    let signature = choose(signatures, None)?;
    let wanted = signature.default_outputs().clone();
    let options = ReadOptions { chunk_rows: 64, ..ReadOptions::default() };
    let reader = TableReader::open(vec![TableInput::file(file)], signature.clone(), wanted, &options)?;
    let mut calls = Vec::new();
    while let Some(raw) = reader.next()? {
        let chunk = reader.decode(&raw)?;
        if let Some(bad) = chunk.bad.into_iter().next() {
            return Err(bad.problem);
        }
        calls.extend(chunk.pieces.into_iter().map(|piece| piece.call));
    }
    Ok(calls)
}

/// The signature of a name, else the default one.
///
/// # Errors
/// [`Reason::SignatureNotFound`], with those that there are.
pub(crate) fn choose<'a>(
    signatures: &'a [Arc<Signature>],
    name: Option<&str>,
) -> Result<&'a Arc<Signature>, Problem> {
    let found = match name {
        None => signatures.first(),
        Some(name) => signatures.iter().find(|signature| signature.name() == name),
    };
    let missing = || {
        let known: Vec<&str> = signatures.iter().map(|signature| signature.name()).collect();
        Problem::new(Reason::SignatureNotFound { signature: name.unwrap_or("serving_default").to_owned() })
            .at(format!("--signature (there are {})", known.join(", ")))
    };
    found.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::golden;
    use landfall_model::{Column, DType, Dim, Method, OutputSpec, RowRule, ShapeRule};

    #[test]
    fn sparse_rows_are_golden_rows_too() {
        let free = Dim::Free(None);
        let mut features = InputSpec::new("features", DType::F32, Some(vec![free.clone(), Dim::Known(4)]));
        let column = |name: &str| Column { name: name.to_owned(), doc: String::new() };
        features.columns = ["a", "b", "c", "d"].map(column).to_vec();
        // What the file holds beside the matrix, taken for what is expected of the model.
        let output = OutputSpec::new("base_margin", DType::F64, Some(vec![free]));
        let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
        let signature =
            Signature::new("serving_default", Method::Predict, vec![features], vec![output], rows, shapes);
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../landfall-tables/tests/data/sparse_beside.npz");
        let golden = golden::read(Path::new(file), &[signature.unwrap().shared()], None).unwrap();
        let Some(Input::Csr(csr)) = &golden.inputs[0] else { panic!("sparse rows: {:?}", golden.inputs) };
        assert_eq!((csr.indptr.len(), csr.data.len()), (6, 6));
        assert_eq!((golden.outputs.len(), golden.outputs[0].1.len()), (1, 5));
    }
}
