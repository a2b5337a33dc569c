//! `landfall convert`: a TensorFlow model becomes an ONNX file that answers the same, or none.

mod command;
mod parity;
mod prefer;
mod preferred;
mod rows;

pub(crate) use command::run;
pub(crate) use prefer::preferring_onnx;

use landfall_convert::{OnnxTask, SourceKind};
use landfall_model::{Options, Problem, Signature};
use landfall_serving::Tolerance;
use std::path::Path;

/// How far a converted model's answers may lie from the original's, where nobody says otherwise.
pub(crate) const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };

/// The version of ONNX's operators, where nobody says otherwise.
pub(crate) const OPSET: u32 = 17;

/// The conversion of one signature of a TensorFlow model; `source` is the folder of a SavedModel, or a file.
fn task<'a>(
    source: &'a Path,
    engine: &str,
    signature: &'a Signature,
    options: &'a Options,
    opset: u32,
) -> Result<OnnxTask<'a>, Problem> {
    let kind = match engine {
        "litert" => SourceKind::TfLite,
        "tensorflow" if source.is_dir() => SourceKind::SavedModel,
        "tensorflow" => SourceKind::GraphDef,
        other => {
            return Err(Problem::unsupported(
                format!("converting a model of engine {other:?}"),
                "a SavedModel, a Keras file, a frozen graph or a TensorFlow Lite file becomes ONNX",
            ));
        }
    };
    if let Some(operator) = signature.changes_by() {
        return Err(Problem::unsupported(
            format!(
                "converting signature {:?}, whose operator {operator} changes the model",
                signature.name()
            ),
            "an ONNX model keeps nothing from call to call",
        ));
    }
    let inputs: Vec<String> = signature.inputs().iter().map(|input| input.name.clone()).collect();
    let outputs: Vec<String> = signature.outputs().iter().map(|output| output.name.clone()).collect();
    let tensors = |key: &str, names: &[String]| -> Vec<String> {
        let with_port = |name: &str| if name.contains(':') { name.to_owned() } else { format!("{name}:0") };
        match options.get(key) {
            Some(given) => given.split(',').map(with_port).collect(),
            None => names.iter().map(|name| with_port(name)).collect(),
        }
    };
    let is_graph = kind == SourceKind::GraphDef;
    Ok(OnnxTask {
        kind,
        source,
        tags: options.get("tags").unwrap_or_default(),
        signature: signature.name(),
        input_tensors: if is_graph { tensors("inputs", &inputs) } else { Vec::new() },
        output_tensors: if is_graph { tensors("outputs", &outputs) } else { Vec::new() },
        inputs,
        outputs,
        opset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::{DType, InputSpec, Method, OutputSpec, RowRule, ShapeRule};

    #[test]
    fn what_changes_with_each_call_is_not_converted() {
        let (inputs, outputs) =
            (vec![InputSpec::new("x", DType::F32, None)], vec![OutputSpec::new("y", DType::F32, None)]);
        let signature =
            Signature::new("s", Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent).unwrap();
        let options = Options::new();
        let of =
            |signature: &Signature| task(Path::new("/m"), "tensorflow", signature, &options, OPSET).map(drop);
        assert!(of(&signature).is_ok());
        let problem = of(&signature.which_changes_by("AssignVariableOp")).unwrap_err().to_string();
        assert!(problem.contains("\"s\"") && problem.contains("AssignVariableOp"), "{problem}");
    }
}
