//! TensorFlow's words and numbers for types, states and methods.

use landfall_model::{DType, Kind, Method, OutputSpec, Problem, Reason, Signature, VersionState};
use std::borrow::Cow;
use std::sync::Arc;

/// The signature that a call means which names none.
pub const DEFAULT_SIGNATURE: &str = "serving_default";

/// The signature of a name; of no name, the default one. A model other than a graph with signatures may name its one
/// signature as it likes: its first one is the default.
pub(super) fn signature_of<'s>(name: &[u8], signatures: &'s [Arc<Signature>]) -> Option<&'s Arc<Signature>> {
    let name = if name.is_empty() { DEFAULT_SIGNATURE.as_bytes() } else { name };
    let found = signatures.iter().find(|signature| signature.name().as_bytes() == name);
    let means_first = |first: &&Arc<Signature>| name == DEFAULT_SIGNATURE.as_bytes() && !names_tensors(first);
    found.or_else(|| signatures.first().filter(means_first))
}

/// Whether a signature's outputs are tensors of a graph by name, as a graph with signatures declares them.
pub(super) fn names_tensors(signature: &Signature) -> bool {
    signature.outputs().iter().any(|output| !output.tensor.is_empty())
}

/// A type's name in messages: `float`, `half`, `int64`.
pub const fn type_word(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "float",
        DType::F64 => "double",
        DType::F16 => "half",
        other => other.name(),
    }
}

/// A type's name and number in `tensorflow.DataType`.
pub const fn data_type(dtype: DType) -> (&'static str, u64) {
    match dtype {
        DType::F32 => ("DT_FLOAT", 1),
        DType::F64 => ("DT_DOUBLE", 2),
        DType::I32 => ("DT_INT32", 3),
        DType::U8 => ("DT_UINT8", 4),
        DType::I16 => ("DT_INT16", 5),
        DType::I8 => ("DT_INT8", 6),
        DType::String => ("DT_STRING", 7),
        DType::Complex64 => ("DT_COMPLEX64", 8),
        DType::I64 => ("DT_INT64", 9),
        DType::Bool => ("DT_BOOL", 10),
        DType::BF16 => ("DT_BFLOAT16", 14),
        DType::U16 => ("DT_UINT16", 17),
        DType::Complex128 => ("DT_COMPLEX128", 18),
        DType::F16 => ("DT_HALF", 19),
        DType::U32 => ("DT_UINT32", 22),
        DType::U64 => ("DT_UINT64", 23),
    }
}

/// The type of this number in `tensorflow.DataType`; `None` for those that no model here takes (quantized types,
/// resources, variants, `DT_INVALID`).
pub fn dtype_of(number: u64) -> Option<DType> {
    DType::ALL.into_iter().find(|&dtype| data_type(dtype).1 == number)
}

/// The type that an output is answered as over protobuf: one that can be missing and has no NaN of its own is answered
/// as a double; strings become empty.
pub fn answered_dtype(output: &OutputSpec) -> DType {
    match output.dtype {
        dtype if !output.may_miss || dtype.is_float() || dtype == DType::String => dtype,
        _ => DType::F64,
    }
}

/// A problem of a wrong type, which names both types in TensorFlow's words; any other as it is.
#[cold]
pub(super) fn types_worded(problem: Problem) -> Problem {
    match problem.reason() {
        Reason::WrongDType { input, expected, found } => Problem::worded(
            Kind::InvalidArgument,
            format!(
                "Expects arg {input} to be {} but {} is provided",
                type_word(*expected),
                type_word(*found)
            ),
        ),
        _ => problem,
    }
}

/// The name of the tensor of an input or output: `tensor`, or one that stands for it where the model has no graph of
/// named tensors.
pub fn tensor_name<'t>(name: &str, tensor: &'t str) -> Cow<'t, str> {
    if tensor.is_empty() { Cow::Owned(format!("{name}:0")) } else { Cow::Borrowed(tensor) }
}

/// A state's name and number in `ModelVersionStatus.State`.
pub const fn state(state: VersionState) -> (&'static str, u64) {
    match state {
        VersionState::Start => ("START", 10),
        VersionState::Loading => ("LOADING", 20),
        VersionState::Available => ("AVAILABLE", 30),
        VersionState::Unloading => ("UNLOADING", 40),
        VersionState::End => ("END", 50),
    }
}

/// A signature's `method_name`.
pub fn method_name(method: &Method) -> &str {
    match method {
        Method::Predict => "tensorflow/serving/predict",
        Method::Classify => "tensorflow/serving/classify",
        Method::Regress => "tensorflow/serving/regress",
        Method::Other(name) => name,
    }
}

/// Whether a signature may be asked for predictions where method names are held against what is asked.
///
/// # Errors
/// Internal, in the original's words, for one that is declared for something else.
pub fn check_predicts(signature: &Signature) -> Result<(), Problem> {
    match signature.method() {
        Method::Predict | Method::Classify | Method::Regress => Ok(()),
        Method::Other(name) => Err(Problem::worded(
            Kind::Internal,
            format!(
                "Expected prediction signature method_name to be one of {{tensorflow/serving/predict, \
                 tensorflow/serving/classify, tensorflow/serving/regress}}. Was: {name}"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{RowRule, ShapeRule};

    #[test]
    fn a_graph_without_the_default_signature_answers_by_name_alone() {
        let signature = |name: &str, tensor: &str| {
            let mut output = OutputSpec::new("y", DType::F32, None);
            output.tensor = tensor.to_owned();
            let made =
                Signature::new(name, Method::Predict, vec![], vec![output], RowRule::None, ShapeRule::AsSent);
            made.unwrap().shared()
        };
        let (graph, other) = (signature("mine", "y:0"), signature("predict", ""));
        for (name, of_graph, of_other) in
            [("", false, true), (DEFAULT_SIGNATURE, false, true), ("mine", true, false)]
        {
            let found = |of| signature_of(name.as_bytes(), std::slice::from_ref(of)).is_some();
            assert_eq!((found(&graph), found(&other)), (of_graph, of_other), "{name:?}");
        }
        let several = [graph, signature(DEFAULT_SIGNATURE, "z:0")];
        assert_eq!(signature_of(b"", &several).unwrap().name(), DEFAULT_SIGNATURE);
    }

    #[test]
    fn every_type_has_its_own_number_and_comes_back_from_it() {
        for dtype in DType::ALL {
            assert_eq!(dtype_of(data_type(dtype).1), Some(dtype));
        }
        for number in [0, 11, 20, 21, 101, u64::MAX] {
            assert_eq!(dtype_of(number), None);
        }
    }
}
