//! From what a SavedModel declares to the signatures that doors see.

use super::saved_model::{MetaGraph, SignatureDef, TensorInfo};
use super::{described, types};
use landfall_model::{
    DType, DeclaredSignature, Dim, InputSpec, Method, OutputSpec, Problem, RowRule, ShapeRule, Signature,
    Tensor,
};
use std::collections::BTreeMap;

/// The signature that is called when none is named.
pub(super) const DEFAULT: &str = "serving_default";
/// Signatures of these names are for TensorFlow's loader, not for callers.
const FOR_THE_LOADER: &str = "__saved_model_";
const METHODS: [(&str, Method); 3] = [
    ("tensorflow/serving/predict", Method::Predict),
    ("tensorflow/serving/classify", Method::Classify),
    ("tensorflow/serving/regress", Method::Regress),
];

/// What inputs are that a call leaves out: by signature and input.
pub(super) type Defaults = BTreeMap<(String, String), Tensor>;

/// Signatures, the default one first; and what a user should know, a line each.
pub(super) struct Interface {
    pub(super) signatures: Vec<Signature>,
    pub(super) defaults: Defaults,
    /// All that the meta graph declares, callable or not.
    pub(super) declared: Vec<DeclaredSignature>,
    pub(super) notes: Vec<String>,
}

/// The signatures that a meta graph declares. Those that no call can carry are left out with a note.
pub(super) fn of(graph: &MetaGraph<'_>) -> Interface {
    let mut keys: Vec<&str> =
        graph.signatures.keys().copied().filter(|key| !key.starts_with(FOR_THE_LOADER)).collect();
    keys.sort_by_key(|key| *key != DEFAULT);
    let (mut signatures, mut notes) = (Vec::new(), Vec::new());
    let mut defaults = Defaults::new();
    for key in keys {
        let of_this = graph.signatures[key].defaults.iter();
        defaults.extend(of_this.map(|(name, value)| ((key.to_owned(), (*name).to_owned()), value.clone())));
        match signature(key, &graph.signatures[key], &mut notes) {
            Ok(signature) => signatures.push(signature),
            Err(problem) => notes.push(format!("signature {key:?} is left out: {problem}")),
        }
    }
    if signatures.is_empty() && notes.is_empty() {
        notes.push("the model has no signature to call".to_owned());
    }
    let declared = declared(graph, &mut notes);
    Interface { signatures, defaults, declared, notes }
}

/// Every signature as it is declared, those for TensorFlow's loader too.
fn declared(graph: &MetaGraph<'_>, notes: &mut Vec<String>) -> Vec<DeclaredSignature> {
    let mut told =
        |(key, signature): (&&str, &SignatureDef<'_>)| match described::signature(key, signature.message) {
            Ok(declared) => Some(declared),
            Err(problem) => {
                notes.push(format!("metadata leave signature {key:?} out: {problem}"));
                None
            }
        };
    graph.signatures.iter().filter_map(&mut told).collect()
}

fn signature(key: &str, declared: &SignatureDef<'_>, notes: &mut Vec<String>) -> Result<Signature, Problem> {
    let mut inputs = Vec::new();
    for (name, tensor) in &declared.inputs {
        let dtype = plain(tensor).map_err(|problem| problem.at(format!("input {name:?}")))?;
        let mut spec = input(name, tensor.name, dtype, tensor.dims.clone());
        spec.optional = match declared.defaults.get(name) {
            Some(default) if default.dtype() != dtype => {
                let found = default.dtype();
                return Err(Problem::invalid(format!("input {name:?} of {dtype} has a default of {found}")));
            }
            default => default.is_some(),
        };
        inputs.push(spec);
    }
    let mut outputs = Vec::new();
    for (name, tensor) in &declared.outputs {
        match plain(tensor) {
            Ok(dtype) => outputs.push(output(name, tensor.name, dtype, tensor.dims.clone())),
            Err(problem) => {
                notes.push(format!("signature {key:?}: output {name:?} is left out: {problem}"));
            }
        }
    }
    if outputs.is_empty() {
        return Err(Problem::invalid("it has no output to answer with"));
    }
    let method = METHODS.iter().find(|(name, _)| *name == declared.method);
    let other = || Method::Other(declared.method.into());
    made(key, method.map_or_else(other, |(_, method)| method.clone()), inputs, outputs)
}

/// An input of a tensor of the graph.
pub(super) fn input(name: &str, tensor: &str, dtype: DType, dims: Option<Vec<Dim>>) -> InputSpec {
    let mut spec = InputSpec::new(name, dtype, dims);
    tensor.clone_into(&mut spec.tensor);
    spec
}

/// An output of a tensor of the graph.
pub(super) fn output(name: &str, tensor: &str, dtype: DType, dims: Option<Vec<Dim>>) -> OutputSpec {
    let mut spec = OutputSpec::new(name, dtype, dims);
    spec.has_rows = spec.dims.as_ref().is_none_or(|dims| !dims.is_empty());
    tensor.clone_into(&mut spec.tensor);
    spec
}

/// A signature whose shapes the library decides on, with the row rule that its declared axes allow.
///
/// # Errors
/// As [`Signature::new`].
pub(super) fn made(
    name: &str,
    method: Method,
    inputs: Vec<InputSpec>,
    outputs: Vec<OutputSpec>,
) -> Result<Signature, Problem> {
    // What stands in for an input that is left out has a length of its own.
    let rows = match inputs.iter().any(|input| input.optional) {
        true => RowRule::None,
        false => RowRule::declared(&inputs, &outputs).without_long_pieces(),
    };
    Signature::new(name, method, inputs, outputs, rows, ShapeRule::AsSent)
}

fn plain(tensor: &TensorInfo<'_>) -> Result<DType, Problem> {
    if tensor.name.is_empty() {
        return Err(Problem::unsupported("a tensor that is made of several", ""));
    }
    let dtype = types::dtype(tensor.dtype);
    dtype.ok_or_else(|| Problem::unsupported(format!("a tensor of {}", types::name(tensor.dtype)), ""))
}
