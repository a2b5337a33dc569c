//! TensorFlow's files to ONNX.

use crate::Key;
use crate::python::{Answer, Converter, SCRIPT, argument, refusal};
use landfall_model::Problem;
use std::path::Path;

/// What is converted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceKind {
    /// A folder with a `saved_model.pb`.
    SavedModel,
    /// A frozen graph.
    GraphDef,
    /// A TensorFlow Lite file.
    TfLite,
}

/// One conversion.
#[derive(Clone, Debug)]
pub struct OnnxTask<'a> {
    /// What the source is.
    pub kind: SourceKind,
    /// The source.
    pub source: &'a Path,
    /// Tags of the meta graph, separated by commas; empty for `serve`.
    pub tags: &'a str,
    /// The signature to convert.
    pub signature: &'a str,
    /// A frozen graph's input tensors.
    pub input_tensors: Vec<String>,
    /// A frozen graph's output tensors.
    pub output_tensors: Vec<String>,
    /// Names that the converted model's inputs are to have, in the signature's order.
    pub inputs: Vec<String>,
    /// The same for its outputs.
    pub outputs: Vec<String>,
    /// Version of ONNX's operators.
    pub opset: u32,
}

impl OnnxTask<'_> {
    /// All that decides what comes out, but for the source's own bytes.
    pub fn key(&self) -> Key {
        Key::new()
            .with(SCRIPT)
            .with(format!("{:?} {}", self.kind, self.opset))
            .with(self.tags)
            .with(self.signature)
            .with(self.input_tensors.join(","))
            .with(self.output_tensors.join(","))
            .with(self.names().unwrap_or_default())
    }

    /// Names for the script, which separates them by commas and a bar.
    fn names(&self) -> Result<String, Problem> {
        match self.inputs.iter().chain(&self.outputs).find(|name| name.contains([',', '|'])) {
            Some(name) => Err(Problem::unsupported(format!("converting a model with the name {name:?}"), "")),
            None => Ok(format!("{}|{}", self.inputs.join(","), self.outputs.join(","))),
        }
    }
}

/// Writes the ONNX file `out`, and says by what it was made. Whether it opens and answers as the source does is for the
/// caller to see: the converter's own success says nothing.
///
/// # Errors
/// Unsupported, naming operators that have no counterpart; failed precondition, when Python or its packages are missing.
pub fn to_onnx(converter: &mut Converter, task: &OnnxTask<'_>, out: &Path) -> Result<String, Problem> {
    let (source, target) = (argument(task.source)?, argument(out)?);
    let kind = match task.kind {
        SourceKind::SavedModel => "saved_model",
        SourceKind::GraphDef => "graph_def",
        SourceKind::TfLite => "tflite",
    };
    let (from, to) = (task.input_tensors.join(","), task.output_tensors.join(","));
    let (opset, names) = (task.opset.to_string(), task.names()?);
    let words = ["onnx", kind, &source, &target, &opset, task.tags, task.signature, &from, &to, &names];
    let work = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match converter.run(work, &words)? {
        Answer::Done(facts) => Ok(facts.get("made by").cloned().unwrap_or_default()),
        Answer::Refused(kind, text) => {
            let what = "converting it to ONNX (pip install tf2onnx)";
            Err(refusal(&source, what, &kind, &text))
        }
    }
}
