//! What every run of a model needs, made once: each signature's tensors in the graph.

use super::api::Endpoint;
use super::interface::Defaults;
use super::session::Session;
use super::{frozen, types};
use landfall_model::{DType, InputSpec, OutputSpec, Problem, Signature, Slot, Tensor};
use std::sync::Arc;

/// What every run needs, made once.
pub(super) struct Plans {
    pub(super) session: Arc<Session>,
    /// By signature.
    pub(super) by_signature: Vec<Plan>,
}

/// One signature's tensors in the graph.
pub(super) struct Plan {
    pub(super) signature: String,
    /// By slot.
    pub(super) inputs: Vec<InputPlan>,
    /// By place.
    pub(super) outputs: Vec<OutputPlan>,
}

/// One input's tensor in the graph.
pub(super) struct InputPlan {
    pub(super) endpoint: Endpoint,
    /// What it is where a call leaves it out.
    pub(super) default: Option<Tensor>,
}

/// One output's tensor in the graph.
pub(super) struct OutputPlan {
    pub(super) name: String,
    pub(super) dtype: DType,
    pub(super) endpoint: Endpoint,
    /// The input that is this very tensor: TensorFlow refuses to give back what it is fed.
    pub(super) fed: Option<Slot>,
}

/// Finds the tensors of the signatures that fit the graph, and leaves the others out: nobody may ever call them, and
/// TensorFlow opens such models.
///
/// # Errors
/// What is wrong with the first one, where none fits.
pub(super) fn plans_of_fitting(
    session: Arc<Session>,
    signatures: &mut Vec<Signature>,
    defaults: &Defaults,
    notes: &mut Vec<String>,
) -> Result<Plans, Problem> {
    let mut first = None;
    signatures.retain(|signature| match plans(session.clone(), std::slice::from_ref(signature), defaults) {
        Ok(_) => true,
        Err(problem) => {
            notes.push(format!("left out: {problem}"));
            first.get_or_insert(problem);
            false
        }
    });
    match (signatures.is_empty(), first) {
        (true, Some(problem)) => Err(problem),
        _ => plans(session, signatures, defaults),
    }
}

/// Finds every signature's tensors in the graph.
pub(super) fn plans(
    session: Arc<Session>,
    signatures: &[Signature],
    defaults: &Defaults,
) -> Result<Plans, Problem> {
    let named = |signature: &Signature| {
        let found = plan(&session, signature, defaults);
        found.map_err(|problem| problem.at(format!("signature {:?}", signature.name())))
    };
    let by_signature = signatures.iter().map(named).collect::<Result<_, _>>()?;
    Ok(Plans { session, by_signature })
}

/// Finds a signature's tensors in the graph.
pub(super) fn plan(session: &Session, signature: &Signature, defaults: &Defaults) -> Result<Plan, Problem> {
    let of_input = |input: &InputSpec| {
        let endpoint = endpoint(session, format!("input {:?}", input.name), &input.tensor, input.dtype)?;
        let default = defaults.get(&(signature.name().to_owned(), input.name.clone())).cloned();
        Ok(InputPlan { endpoint, default })
    };
    let inputs = signature.inputs().iter().map(of_input).collect::<Result<Vec<_>, Problem>>()?;
    let of_output = |output: &OutputSpec| {
        let endpoint = endpoint(session, format!("output {:?}", output.name), &output.tensor, output.dtype)?;
        let fed = inputs.iter().position(|input| input.endpoint == endpoint);
        Ok(OutputPlan { name: output.name.clone(), dtype: output.dtype, endpoint, fed })
    };
    let outputs = signature.outputs().iter().map(of_output).collect::<Result<_, Problem>>()?;
    Ok(Plan { signature: signature.name().to_owned(), inputs, outputs })
}

/// Finds a tensor in the graph.
fn endpoint(session: &Session, what: String, tensor: &str, dtype: DType) -> Result<Endpoint, Problem> {
    let missing = || Problem::invalid(format!("{what} is tensor {tensor:?}, which the graph does not have"));
    let (operation, index) = frozen::parts(tensor).ok_or_else(missing)?;
    let (endpoint, number) = session.endpoint(operation, index).ok_or_else(missing)?;
    match types::dtype(i64::from(number)) {
        Some(found) if found == dtype => Ok(endpoint),
        _ => {
            let found = types::name(i64::from(number));
            Err(Problem::invalid(format!("{what} is declared as {dtype}, and {found} in the graph")))
        }
    }
}
