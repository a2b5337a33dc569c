//! TensorFlow's words and numbers for types, states and methods.

use landfall_model::{DType, Kind, Method, OutputSpec, Problem, Reason, VersionState};
use std::borrow::Cow;

/// The signature that a call means which names none.
pub const DEFAULT_SIGNATURE: &str = "serving_default";

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
pub const fn method_name(method: Method) -> &'static str {
    match method {
        Method::Predict => "tensorflow/serving/predict",
        Method::Classify => "tensorflow/serving/classify",
        Method::Regress => "tensorflow/serving/regress",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
