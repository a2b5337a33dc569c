//! Golden and warm-up rows out of tables: inputs and expected outputs by name.

use landfall_model::{Call, Input, InputSpec, Problem, Reason, Signature, Tensor};
use landfall_serving::GoldenRows;
use landfall_tables::{ReadOptions, TableInput, TableReader, column_of_output, read_columns};
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
    let mut tensors = read_columns(TableInput::file(file), columns)?;
    let found: Vec<(usize, Tensor)> = outputs
        .into_iter()
        .zip(tensors.split_off(inputs.len()))
        .filter_map(|(place, t)| Some((place, t?)))
        .collect();
    if found.is_empty() {
        let names: Vec<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
        let text = format!("no expected outputs: the model gives {}", names.join(", "));
        return Err(Problem::invalid(text).at(file.display().to_string()));
    }
    let inputs = tensors.into_iter().map(|tensor| tensor.map(Input::Dense)).collect();
    Ok(GoldenRows { signature: signature.clone(), inputs, outputs: found })
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
