//! Bodies for fuzzers: plain functions over bytes that must neither panic nor take memory by a declared size.

use landfall_model::{Call, Input, Outputs, Shape, TensorMut, Wanted};

/// Reads bytes as a document; what loads is run over rows of small values.
pub fn document(bytes: &[u8]) {
    let Ok(model) = crate::engine::load(bytes, "fuzz.pmml") else { return };
    let _verified = model.verify();
    let signature = model.signatures()[0].clone();
    let mut inputs = Vec::new();
    for spec in signature.inputs() {
        let mut tensor = TensorMut::new(spec.dtype);
        tensor.push_invalid(b"x");
        if tensor.push_missing(&landfall_model::NullRule::Accept, &spec.name, 1).is_err() {
            return;
        }
        let zero = tensor.push_missing(&landfall_model::NullRule::Zero, &spec.name, 2);
        let Ok(tensor) = zero.and_then(|()| tensor.freeze(Shape::new(&[3]))) else { return };
        inputs.push(Some(Input::Dense(tensor)));
    }
    let wanted: Wanted = (0..signature.outputs().len()).collect();
    let Ok(call) = Call::checked(signature, inputs, wanted) else { return };
    if let Ok(mut instance) = model.instance() {
        let _outcome = instance.run(&call, &mut Outputs::new());
    }
}
