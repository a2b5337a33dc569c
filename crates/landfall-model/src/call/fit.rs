//! Whether inputs fit the slots of their signature.

use crate::{Dim, Input, InputSpec, Kind, Problem, Reason, Signature, Slot};

/// The most values that there would be in an array without any, if its axes of length 0 were of length 1. Rows without a
/// value cost nothing to send, but to answer.
const EMPTY_ROOM: usize = 1 << 24;

/// Says which inputs are missing, and which came.
pub(super) fn missing_inputs(signature: &Signature, inputs: &[Option<Input>]) -> Problem {
    let names = |wanted: fn(&Option<Input>, bool) -> bool| {
        inputs
            .iter()
            .zip(signature.inputs())
            .filter(|(input, spec)| wanted(input, spec.optional))
            .map(|(_, spec)| spec.name.clone())
            .collect()
    };
    Problem::new(Reason::InputsMissing {
        missing: names(|input, optional| input.is_none() && !optional),
        given: names(|input, _| input.is_some()),
    })
}

/// Holds one input against its slot: its type, its shape, the form that it comes in.
pub(super) fn check_input(signature: &Signature, slot: Slot, input: &mut Input) -> Result<(), Problem> {
    let spec = &signature.inputs()[slot];
    let refuse = |what: &str| {
        Err(Problem::worded(
            Kind::InvalidArgument,
            format!("input {:?} cannot be given as {what}", spec.name),
        ))
    };
    match input {
        Input::Dense(tensor) => {
            if spec.takes_as_text(tensor.dtype()) {
                *tensor = tensor.integers_as_text()?;
            }
            if tensor.dtype() != spec.dtype {
                return Err(Problem::new(Reason::WrongDType {
                    input: spec.name.clone(),
                    expected: spec.dtype,
                    found: tensor.dtype(),
                }));
            }
            if tensor.is_empty() && tensor.shape().room() > EMPTY_ROOM {
                let text = format!("input {:?}: shape {} holds no value", spec.name, tensor.shape());
                return Err(Problem::worded(Kind::InvalidArgument, text));
            }
            if let Some(shape) = signature.fitted(slot, tensor.shape())? {
                *tensor = tensor.clone().reshaped(shape)?;
            }
            Ok(())
        }
        Input::Columns(columns) if columns.len() == spec.columns.len() && !columns.is_empty() => Ok(()),
        Input::Columns(_) => refuse("columns"),
        Input::Csr(_) if spec.columns.is_empty() => refuse("a sparse matrix"),
        Input::Csr(_) => Ok(()),
        Input::Ragged(_) => refuse("ragged rows"),
    }
}

/// Whether an array's axes are those that the model declares.
pub(super) fn as_declared(signature: &Signature, slot: Slot, input: &Input) -> bool {
    let (Some(dims), Some(tensor)) = (&signature.inputs()[slot].dims, input.dense()) else { return true };
    let shape = tensor.shape();
    dims.len() == shape.len() && dims.iter().zip(shape.iter()).skip(1).all(|(dim, &length)| dim.takes(length))
}

/// Whether the model names axis 0 of each of its inputs otherwise: then it does not say that they are of one length.
pub(super) fn rows_have_own_names(signature: &Signature) -> bool {
    let first = |spec: &InputSpec| match spec.dims.as_ref()?.first()? {
        Dim::Free(name) => name.clone(),
        Dim::Known(_) => None,
    };
    let names: Option<Vec<String>> = signature.inputs().iter().map(first).collect();
    names.is_some_and(|mut names| {
        let inputs = names.len();
        names.sort_unstable();
        names.dedup();
        names.len() == inputs
    })
}

/// Holds the number of rows of one input against that of those before.
pub(super) fn check_rows(
    signature: &Signature,
    slot: Slot,
    input: &Input,
    rows: &mut Option<usize>,
) -> Result<(), Problem> {
    let Some(found) = input.rows() else { return Ok(()) };
    match *rows {
        Some(expected) if expected != found => {
            let input = signature.inputs()[slot].name.clone();
            Err(Problem::new(Reason::RowsDiffer { input, expected, found }))
        }
        _ => {
            *rows = Some(found);
            Ok(())
        }
    }
}
