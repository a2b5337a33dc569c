//! Bodies for fuzzers: any bytes must come to an end, without a panic and without memory beyond their own size.

use crate::lowered::LoweredModel;
use crate::{declared, embedded, interface, onnxruntime};
use landfall_model::{Call, DType, Input, InputSpec, Model, Options, Outputs, Shape, Strings, Tensor};

/// The reader of ONNX files, the signature made of what it read, and what puts nodes in other words.
pub fn declared(bytes: &[u8]) {
    let _ = declared::looks_like_onnx(bytes, bytes.len() as u64);
    let Ok(declared) = declared::read("fuzz", bytes) else { return };
    onnxruntime::read("fuzz", bytes, &declared);
    if let Ok(interface) = interface::Interface::of("fuzz", &declared) {
        embedded::read("fuzz", bytes, &declared, &interface.signature);
    }
}

/// Graphs of trees: compiled, and asked about two rows of small values.
pub fn lowered(bytes: &[u8]) {
    let Ok(declared) = declared::read("fuzz", bytes) else { return };
    let Ok(model) = LoweredModel::compile("fuzz", bytes, &declared, &Options::new()) else { return };
    let signature = &model.signatures()[0];
    let inputs = signature.inputs().iter().map(|input| two_rows(input).map(Input::Dense));
    let call = Call::checked(signature.clone(), inputs, signature.default_outputs().clone());
    if let (Ok(call), Ok(mut instance)) = (call, model.instance()) {
        let _ = instance.run(&call, &mut Outputs::new());
    }
}

/// Values for an input, where its axes are short.
fn two_rows(input: &InputSpec) -> Option<Tensor> {
    const LONGEST: usize = 64;
    let length = |dim: &landfall_model::Dim| usize::try_from(dim.as_signed()).unwrap_or(2);
    let shape: Shape = input.dims.as_ref()?.iter().map(length).collect();
    let elements = shape.elements().ok().filter(|&elements| elements <= LONGEST)?;
    let small = |i: usize| i as f32 * 0.5 - 1.0;
    match input.dtype {
        DType::String => {
            Tensor::from_strings(shape, (0..elements).map(|i| ["", "a"][i % 2]).collect::<Strings>()).ok()
        }
        DType::F32 => Tensor::from_slice(&shape, &(0..elements).map(small).collect::<Vec<f32>>()).ok(),
        DType::F64 => {
            Tensor::from_slice(&shape, &(0..elements).map(|i| small(i).into()).collect::<Vec<f64>>()).ok()
        }
        DType::I64 => {
            Tensor::from_slice(&shape, &(0..elements).map(|i| i as i64 - 1).collect::<Vec<i64>>()).ok()
        }
        _ => None,
    }
}
