//! The table that is scored: which files, by which of the model's signatures, for which outputs.

use crate::args::{Predict, name_and_path};
use crate::elsewhere;
use crate::exit::Failure;
use crate::{golden, loading};
use landfall_model::{Dim, InputSpec, Problem, Reason, Signature, Wanted};
use landfall_tables::{Format, ReadOptions, TableInput, TableReader};
use std::ffi::OsString;
use std::sync::Arc;

/// Rows of a chunk at most: enough to amortise the call, few enough that what lies between layers stays in the cache.
const CHUNK_ROWS: usize = 512;
/// Bytes of a run's inputs, unless that makes fewer than [`RUN_ROWS`]. Rows that hold more cost more, so that fewer
/// amortise the call; and what lies between layers is many times the inputs' size (a convolution's channels, a text's
/// attention), for each thread. In smaller chunks short tables of costly rows reach all threads, too.
const RUN_BYTES: usize = 256 << 10;
/// Rows of a run at least.
const RUN_ROWS: usize = 8;

/// Rows of a run, where `rows` of them hold `bytes`.
pub(super) fn run_rows(rows: usize, bytes: usize) -> usize {
    (RUN_BYTES * rows / bytes.max(1)).max(RUN_ROWS)
}

/// Rows of a chunk for this signature. A free length counts as 1, as it is not known before rows are read; and what a
/// sparse row holds does not follow from the columns that it could have.
fn chunk_rows(signature: &Signature, format: Option<Format>) -> usize {
    let length = |dim: &Dim| match dim {
        Dim::Known(length) => *length,
        Dim::Free(_) => 1,
    };
    let bytes = |input: &InputSpec| {
        let lengths = input.dims.iter().flatten().skip(1).map(length);
        lengths.fold(input.dtype.size().unwrap_or(1), usize::saturating_mul)
    };
    let inputs = signature.inputs().iter().filter(|_| format != Some(Format::Libsvm));
    run_rows(1, inputs.map(bytes).fold(0, usize::saturating_add)).min(CHUNK_ROWS)
}

/// The table's name before a row's number; nothing where several files make the table.
pub(super) fn label(inputs: &[OsString]) -> Option<String> {
    match inputs {
        [only] if only == "-" => Some("standard input".to_owned()),
        [only] => Some(name_and_path(only).1.display().to_string()),
        _ => None,
    }
}

/// A table that one of the model's signatures takes.
pub(super) struct Opened {
    pub(super) signature: Arc<Signature>,
    pub(super) wanted: Wanted,
    pub(super) reader: TableReader,
    pub(super) first_format: Option<Format>,
}

/// Opens the table with the signature that was asked for; else with the first, in the model's order, that takes it: a
/// model may be called with named columns and with a nameless matrix.
pub(super) fn open(
    arguments: &Predict,
    signatures: &[Arc<Signature>],
    streams: bool,
) -> Result<Opened, Failure> {
    let default = golden::choose(signatures, arguments.signature.as_deref()).map_err(Failure::Call)?;
    let refused = match open_with(arguments, default, streams) {
        Ok(opened) => return Ok(opened),
        Err(refused) => refused,
    };
    // A stream cannot be read twice.
    if arguments.signature.is_some() || streams {
        return Err(refused);
    }
    let others = signatures.iter().filter(|other| !Arc::ptr_eq(other, default));
    others.map(|other| open_with(arguments, other, streams)).find_map(Result::ok).ok_or(refused)
}

fn open_with(arguments: &Predict, signature: &Arc<Signature>, streams: bool) -> Result<Opened, Failure> {
    let wanted = wanted(signature, &arguments.output).map_err(Failure::Call)?;
    let (inputs, first_format) = inputs(arguments, signature)?;
    let missing = arguments.missing.iter().map(|token| token.clone().into_bytes()).collect();
    let chunk_rows = chunk_rows(signature, first_format);
    let options = ReadOptions {
        chunk_rows,
        missing,
        decimal_comma: arguments.decimal_comma,
        eager: streams,
        keep: arguments.keep.clone(),
    };
    let reader = TableReader::open(inputs, signature.clone(), wanted.clone(), &options)
        .map_err(loading::called_wrong)?;
    Ok(Opened { signature: signature.clone(), wanted, reader, first_format })
}

fn wanted(signature: &Signature, names: &[String]) -> Result<Wanted, Problem> {
    if names.is_empty() {
        return Ok(signature.default_outputs().clone());
    }
    let place = |name: &String| {
        signature.output(name).ok_or_else(|| {
            let known: Vec<&str> = signature.outputs().iter().map(|output| output.name.as_str()).collect();
            let problem = Problem::new(Reason::OutputUnknown { output: name.clone() });
            problem.at(format!("--output (there are {}; a file is named with -o)", known.join(", ")))
        })
    };
    names.iter().map(place).collect()
}

/// The files named by `-i`, and the format of the first, where it is known.
fn inputs(arguments: &Predict, signature: &Signature) -> Result<(Vec<TableInput>, Option<Format>), Failure> {
    let told = arguments.format.as_deref().map(Format::of_name).transpose().map_err(Failure::Call)?;
    let mut inputs = Vec::new();
    let mut first = told;
    for text in &arguments.input {
        let (name, path) = name_and_path(text);
        if name.is_none() && arguments.input.iter().filter(|other| *other == text).count() > 1 {
            return Err(Failure::call(format!("--input: {} is given twice", path.display())));
        }
        if text == "-" {
            let input = standard_input(told)?;
            first = first.or(input.format);
            inputs.push(input);
            continue;
        }
        if let Some(name) = name {
            known_input(signature, name).map_err(Failure::Call)?;
            if inputs.iter().any(|input: &TableInput| input.name.as_deref() == Some(name)) {
                return Err(Failure::call(format!("--input: input {name:?} is given twice")));
            }
        }
        elsewhere::refused(path)?;
        let input = TableInput { format: told, ..TableInput::file(path) };
        first = first.or_else(|| input.shown_format());
        inputs.push(match name {
            None => input,
            Some(name) => input.for_input(name),
        });
    }
    Ok((inputs, first))
}

/// Refuses a name that is no input's, with those that are.
fn known_input(signature: &Signature, name: &str) -> Result<(), Problem> {
    let known: Vec<&str> = signature.inputs().iter().map(|input| input.name.as_str()).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let problem = Problem::new(Reason::InputUnknown { input: name.to_owned() });
    Err(problem.at(format!("--input (there are {})", known.join(", "))))
}

fn standard_input(told: Option<Format>) -> Result<TableInput, Failure> {
    const LABEL: &str = "standard input";
    let stream = std::io::stdin();
    Ok(match told {
        Some(format) => TableInput::stream(LABEL, Some(format), stream),
        None => TableInput::detected(LABEL, stream)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, Method, RowRule, ShapeRule};

    fn of(dtype: DType, dims: &[Dim]) -> usize {
        let dims = std::iter::once(Dim::Free(None)).chain(dims.iter().cloned()).collect();
        let inputs = vec![InputSpec::new("x", dtype, Some(dims))];
        let (rows, shapes) = (RowRule::Independent, ShapeRule::Checked);
        let signature = Signature::new("all", Method::Predict, inputs, Vec::new(), rows, shapes).unwrap();
        chunk_rows(&signature, Some(Format::Csv))
    }

    #[test]
    fn chunks_of_larger_rows_have_fewer_of_them() {
        assert_eq!(of(DType::F32, &[Dim::Known(28)]), 512);
        assert_eq!(of(DType::F32, &[Dim::Known(28), Dim::Known(28)]), 83);
        assert_eq!(of(DType::F32, &[Dim::Known(3), Dim::Known(224), Dim::Known(224)]), 8);
        assert_eq!(of(DType::I64, &[Dim::Free(None)]), 512, "as it is not known");
        assert_eq!(of(DType::F64, &[Dim::Known(usize::MAX)]), 8);
        assert_eq!(of(DType::String, &[]), 512);
    }
}
