//! The engine in process: how many rows a second one thread gets out of ONNX Runtime, or TensorFlow for a SavedModel,
//! without a server around it.

use landfall_foreign::Surroundings;
use landfall_model::{
    Call, Dim, Engine, Input, Options, Outputs, Problem, RowRule, Scalar, Shape, Signature, TensorMut,
};
use landfall_onnx::{Preference, engines};
use landfall_serving::{Clock, FolderFiles, SystemClock};
use landfall_tensorflow::TensorFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Rows per second in calls of `rows`, over `seconds`, after a warm-up.
///
/// # Errors
/// When the library is not found, or the model does not load or run.
pub(crate) fn rate(model: &Path, rows: usize, seconds: f64) -> Result<f64, Problem> {
    let surroundings = Surroundings::of_process();
    let engine: Arc<dyn Engine> = if model.is_dir() {
        Arc::new(TensorFlow::new(None, surroundings))
    } else {
        let chosen = engines(Preference::OnnxRuntime, None, &surroundings)?;
        chosen.engines.into_iter().next().ok_or_else(|| Problem::internal("no engine"))?
    };
    let model = engine.load(&FolderFiles::open(model)?, &Options::new())?;
    let signature = model.signatures()[0].as_ref().clone().with_rows(RowRule::Independent);
    let call = call_of(signature, rows)?;
    let mut instance = model.instance()?;
    let mut outputs = Outputs::new();
    let clock = SystemClock;
    let mut run_for = |duration: f64| -> Result<f64, Problem> {
        let (started, mut runs) = (clock.now(), 0u64);
        loop {
            outputs.clear();
            instance.run(&call, &mut outputs)?;
            runs += 1;
            let elapsed = clock.now() - started;
            if elapsed >= Duration::from_secs_f64(duration) {
                return Ok(runs as f64 * rows as f64 / elapsed.as_secs_f64());
            }
        }
    };
    run_for(0.2)?;
    run_for(seconds)
}

/// A call of rows that differ from each other: small numbers, valid as ids too.
pub(crate) fn call_of(signature: Signature, rows: usize) -> Result<Call, Problem> {
    let mut inputs = Vec::new();
    for (slot, spec) in signature.inputs().iter().enumerate() {
        let dims = spec.dims.as_deref().unwrap_or_default();
        let lengths = dims.iter().skip(1).map(|dim| match dim {
            Dim::Known(length) => *length,
            Dim::Free(_) => 1,
        });
        let shape: Shape = std::iter::once(rows).chain(lengths).collect();
        let mut tensor = TensorMut::new(spec.dtype);
        for element in 0..shape.elements()? {
            tensor.push_scalar(&Scalar::Int(((element * 7919 + slot) % 997) as i64))?;
        }
        inputs.push(Some(Input::Dense(tensor.freeze(shape)?)));
    }
    let wanted = signature.default_outputs().clone();
    Call::checked(signature.shared(), inputs, wanted)
}
