//! A TensorFlow model becomes an ONNX file that answers the same, or none.

mod parity;
mod prefer;
mod preferred;
mod rows;
mod trials;

pub(crate) use parity::{Parity, compare};
pub(crate) use prefer::preferring_onnx;

use landfall_convert::{OnnxTask, SourceKind};
use landfall_model::{Options, Problem, Signature};
use landfall_serving::Tolerance;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// How far a converted model's answers may lie from the original's, where nobody says otherwise.
pub(crate) const TOLERANCE: Tolerance = Tolerance { relative: 1e-3, absolute: 1e-5 };

/// The version of ONNX's operators, where nobody says otherwise.
pub(crate) const OPSET: u32 = 17;

/// Operators that do or make something as often as a number says.
const COUNTING: [&[u8]; 3] = [b"While", b"LoopCond", b"Range"];

/// Whether a model's graph may do or make something as often as a number says that comes in: it names such operators. A
/// file that cannot be read here, or is no graph, may.
pub(crate) fn may_count(source: &Path) -> bool {
    let graph = if source.is_dir() { source.join("saved_model.pb") } else { source.to_owned() };
    let is_graph = graph.extension().is_some_and(|ending| ending == "pb");
    let is_named = |bytes: &[u8], name: &[u8]| bytes.windows(name.len()).any(|part| part == name);
    match fs::read(&graph) {
        Ok(bytes) if is_graph => COUNTING.iter().any(|name| is_named(&bytes, name)),
        _ => true,
    }
}

/// The conversion of one of a TensorFlow model's signatures; `source` is the folder of a SavedModel, or a file.
pub(crate) fn task<'a>(
    source: &'a Path,
    engine: &str,
    signatures: &[Arc<Signature>],
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
    // Which variables and tables the others read is not asked: what they answer may change with each call of one.
    for other in signatures {
        let Some(operator) = other.changes_by() else { continue };
        let which = if other.name() == signature.name() { "signature" } else { "a model with the signature" };
        return Err(Problem::unsupported(
            format!("converting {which} {:?}, whose operator {operator} changes the model", other.name()),
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
        let signature = |name: &str| {
            let (inputs, outputs) = (inputs.clone(), outputs.clone());
            Signature::new(name, Method::Predict, inputs, outputs, RowRule::None, ShapeRule::AsSent).unwrap()
        };
        let options = Options::new();
        let of = |one: &Signature, all: &[Arc<Signature>]| {
            task(Path::new("/m"), "tensorflow", all, one, &options, OPSET).map(drop)
        };
        let (reads, writes) = (signature("reads"), signature("s").which_changes_by("AssignVariableOp"));
        assert!(of(&reads, &[reads.clone().shared()]).is_ok());
        for one in [&reads, &writes] {
            let problem =
                of(one, &[reads.clone().shared(), writes.clone().shared()]).unwrap_err().to_string();
            assert!(problem.contains("\"s\"") && problem.contains("AssignVariableOp"), "{problem}");
        }
    }

    #[test]
    fn what_counts_is_found_by_its_operators_and_what_cannot_be_read_may_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        file("saved_model.pb", b"\x0a\x0eStatelessWhile");
        assert!(may_count(folder.path()));
        assert!(may_count(&file("masks.pb", b"\x0a\x05Range")));
        assert!(!may_count(&file("frozen.pb", b"\x0a\x06MatMul")));
        assert!(may_count(&file("light.tflite", b"TFL3")) && may_count(Path::new("/no/such/file.pb")));
    }
}
