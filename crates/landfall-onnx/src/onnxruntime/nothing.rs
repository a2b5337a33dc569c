//! Calls of no rows. Of an axis of length 0 the library's operators make what they like (some refuse it, some give another shape): a
//! model whose rows are answered alone is asked for a row of zeros, of whose answer no row is given back.

use landfall_model::{BufferMut, Call, DType, Input, Problem, RowRule, Shape, StringsMut, Tensor};

/// The same call of a row of zeros; `None` where there are rows, or where they mean nothing.
///
/// # Errors
/// Where there is no memory for the row.
pub(super) fn one_row(call: &Call) -> Result<Option<Call>, Problem> {
    if call.rows() != Some(0) || *call.signature().rows() != RowRule::Independent {
        return Ok(None);
    }
    let row = |input: &Option<Input>| match input.as_ref().and_then(Input::dense) {
        Some(tensor) => Ok(Some(Input::Dense(zeros(tensor)?))),
        None => Ok(input.clone()),
    };
    let inputs = call.inputs().iter().map(row).collect::<Result<Vec<_>, Problem>>()?;
    Call::checked(call.signature().clone(), inputs, call.wanted().clone()).map(Some)
}

/// One row of a tensor's type and dims.
fn zeros(tensor: &Tensor) -> Result<Tensor, Problem> {
    let shape: Shape = std::iter::once(1).chain(tensor.shape().iter().skip(1).copied()).collect();
    let elements = shape.elements()?;
    if tensor.dtype() == DType::String {
        let mut texts = StringsMut::new();
        (0..elements).for_each(|_| texts.push(b""));
        return Tensor::from_strings(shape, texts.freeze());
    }
    let bytes = elements.checked_mul(tensor.dtype().size().unwrap_or(1));
    let bytes = bytes.ok_or_else(|| Problem::internal(format!("no memory for a tensor of shape {shape}")))?;
    Tensor::from_buffer(tensor.dtype(), shape, BufferMut::zeroed(bytes)?.freeze())
}
