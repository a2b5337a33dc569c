//! From what a file declares to signatures.

use super::declared::{Declared, DeclaredSignature, DeclaredTensor, Shapes};
use landfall_model::{DType, Dim, InputSpec, Method, OutputSpec, Problem, RowRule, ShapeRule, Signature};

/// The signatures of a file, as far as the file itself says: rows of a free axis 0 are unproven.
///
/// # Errors
/// Unsupported, naming operators that LiteRT does not have or tensors of a type that cannot be called with.
pub(super) fn signatures(file: &str, declared: &Declared) -> Result<Vec<Signature>, Problem> {
    let flex: Vec<&str> = declared.custom.iter().map(String::as_str).filter(|name| is_flex(name)).collect();
    if !flex.is_empty() {
        let what = format!("{file}: running TensorFlow operators (Flex: {}) on LiteRT", flex.join(", "));
        let instead = "convert the model with built-in operators only, or serve its SavedModel";
        return Err(Problem::unsupported(what, instead));
    }
    // The default signature comes first, where there is one of its name.
    let mut order: Vec<usize> = (0..declared.signatures.len()).collect();
    order.sort_by_key(|&index| declared.signatures[index].key != "serving_default");
    let place = |key: &str| format!("{file}: signature {key:?}");
    order
        .into_iter()
        .map(|index| &declared.signatures[index])
        .map(|signature| of(signature).map_err(|problem| problem.at(place(&signature.key))))
        .collect()
}

/// Whether it is one of TensorFlow's operators, wrapped.
fn is_flex(custom: &str) -> bool {
    custom.starts_with("Flex")
}

fn of(declared: &DeclaredSignature) -> Result<Signature, Problem> {
    let mut inputs = Vec::new();
    for tensor in &declared.inputs {
        let mut spec = InputSpec::new(&tensor.name, plain(tensor)?, Some(dims(tensor)));
        spec.doc = quantised_doc(tensor);
        inputs.push(spec);
    }
    let mut outputs = Vec::new();
    for tensor in &declared.outputs {
        // Without a rank there is no telling a number from what shows its shape in a run.
        let is_known = tensor.has_rank || !tensor.shape.is_empty() || declared.shapes == Shapes::Ahead;
        let mut spec = OutputSpec::new(&tensor.name, plain(tensor)?, is_known.then(|| dims(tensor)));
        spec.has_rows = !tensor.free_shape.is_empty();
        spec.doc = quantised_doc(tensor);
        outputs.push(spec);
    }
    let rows = RowRule::declared(&inputs, &outputs);
    Signature::new(&declared.key, Method::Predict, inputs, outputs, rows, ShapeRule::Checked)
}

fn plain(tensor: &DeclaredTensor) -> Result<DType, Problem> {
    let name = &tensor.name;
    match tensor.dtype {
        Ok(dtype) => Ok(dtype),
        Err(number) => Err(Problem::unsupported(format!("tensor {name:?} of TensorType {number}"), "")),
    }
}

fn dims(tensor: &DeclaredTensor) -> Vec<Dim> {
    let dim = |&length: &i32| usize::try_from(length).map_or(Dim::Free(None), Dim::Known);
    tensor.free_shape.iter().map(dim).collect()
}

/// What the numbers of a quantised tensor stand for.
fn quantised_doc(tensor: &DeclaredTensor) -> String {
    match (&tensor.dtype, tensor.quantisation) {
        (Ok(dtype), Some((scale, zero))) if dtype.is_integer() => {
            let (sign, distance) =
                if zero < 0 { ('+', zero.unsigned_abs()) } else { ('-', zero.unsigned_abs()) };
            format!("quantised: value = {scale} * (number {sign} {distance})")
        }
        _ => String::new(),
    }
}

/// The quantised inputs and outputs of all signatures, for people.
pub(super) fn quantised(declared: &Declared) -> Vec<(String, String)> {
    let tensors =
        declared.signatures.iter().flat_map(|signature| signature.inputs.iter().chain(&signature.outputs));
    let mut lines: Vec<_> = tensors.map(|tensor| (tensor.name.clone(), quantised_doc(tensor))).collect();
    lines.retain(|(_, doc)| !doc.is_empty());
    lines.dedup();
    lines
}

/// How many rows the file was converted with: what a call takes where its axis 0 proves to be fixed after all.
pub(super) fn rows_as_converted(declared: &DeclaredSignature) -> usize {
    let first = declared.inputs.first().and_then(|tensor| tensor.shape.first());
    first.and_then(|&rows| usize::try_from(rows).ok()).unwrap_or(1).max(1)
}
