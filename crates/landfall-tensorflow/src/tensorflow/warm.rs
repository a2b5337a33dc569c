//! The first run of a signature prepares its part of the graph, which takes tens of milliseconds: it is made at load.

use super::plan::Plans;
use super::run::TensorFlowInstance;
use landfall_model::{
    Call, Dim, Input, InputSpec, Instance, Outputs, Problem, RowRule, Shape, Signature, Tensor, TensorMut,
};
use std::sync::Arc;

/// Elements that an input may have to be made: a declared shape can be absurd.
const ELEMENTS: usize = 1 << 22;

/// Runs every signature once that the probe for rows will not run, where it may be run. What comes out is nobody's, and a
/// signature that refuses what was made is prepared all the same.
pub(super) fn up(plans: &Arc<Plans>, signatures: &[Signature], may: impl Fn(&Signature) -> bool) {
    for signature in signatures {
        if *signature.rows() == RowRule::Unproven || !may(signature) {
            continue;
        }
        if let Ok(call) = made(&signature.clone().shared()) {
            let mut outputs = Outputs::new();
            // Its answer to zeros may be that it takes none.
            let _ = TensorFlowInstance::new(plans.clone()).run(&call, &mut outputs);
        }
    }
}

/// A call of zeros and empty texts, of one row where that is open.
fn made(signature: &Arc<Signature>) -> Result<Call, Problem> {
    let input = |input: &InputSpec| -> Result<Option<Input>, Problem> {
        if input.optional {
            return Ok(None);
        }
        zeros(input).map(|tensor| Some(Input::Dense(tensor)))
    };
    let inputs = signature.inputs().iter().map(input).collect::<Result<Vec<_>, Problem>>()?;
    Call::checked(signature.clone(), inputs, signature.default_outputs().clone())
}

fn zeros(input: &InputSpec) -> Result<Tensor, Problem> {
    let length = |dim: &Dim| match dim {
        Dim::Known(length) => *length,
        Dim::Free(_) => 1,
    };
    let dims = input.dims.as_deref().unwrap_or(&[Dim::Free(None)]);
    let shape: Shape = dims.iter().map(length).collect();
    let elements = shape.elements()?;
    if elements > ELEMENTS {
        return Err(Problem::invalid(format!("input {:?} is too large to make", input.name)));
    }
    let mut tensor = TensorMut::new(input.dtype);
    match input.dtype.size() {
        Some(size) => tensor.plain_mut().extend_from_bytes(&vec![0; size * elements]),
        None => (0..elements).for_each(|_| tensor.push_str(b"")),
    }
    tensor.freeze(shape)
}
