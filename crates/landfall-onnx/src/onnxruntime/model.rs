//! A model loaded by ONNX Runtime: its signature, its facts, and one session that all threads share.
//!
//! One session and not one for each thread: `Run` takes no lock that two threads of small models meet at, and a further
//! session would hold the weights again.

use super::NAME;
use super::api::{self, Failure, Runtime};
use super::options::SessionOptions;
use super::run::OrtInstance;
use super::session::Session;
use crate::declared;
use crate::interface::{Interface, OutputForm};
use crate::{external, facts, recognise};
use landfall_model::{
    DType, Facts, Instance, Kind, Model, ModelFiles, Options, OutputSpec, Problem, Reason, Signature,
};
use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A loaded model.
pub(super) struct OrtModel {
    signatures: [Arc<Signature>; 1],
    plan: Arc<Plan>,
    facts: Facts,
}

/// What every run needs, made once.
pub(super) struct Plan {
    pub(super) session: Arc<Session>,
    /// Names of inputs by slot, as the C API takes them.
    pub(super) inputs: Vec<CString>,
    /// Outputs by place.
    pub(super) outputs: Vec<OutputPlan>,
    /// Whether outputs had the shapes that are declared, as far as runs have shown.
    pub(super) is_as_declared: AtomicBool,
}

/// How one output is asked for.
pub(super) struct OutputPlan {
    /// What the library calls it; of a part of a sequence, the sequence.
    pub(super) name: CString,
    pub(super) dtype: DType,
    pub(super) form: OutputForm,
    /// Lengths of all axes but rows, where all of them are declared: then room can be made before a run. None for an
    /// output that is an input as it came: the library leaves such room empty.
    pub(super) row_shape: Option<Vec<usize>>,
    pub(super) classes: Vec<String>,
}

impl OrtModel {
    pub(super) fn load(
        runtime: &'static Runtime,
        files: &dyn ModelFiles,
        options: &Options,
    ) -> Result<Self, Problem> {
        let options = SessionOptions::read(options)?;
        let (entry, path) = recognise::model_file(files)?;
        let file = path.display().to_string();
        let declared = declared::read(&file, files.bytes(&entry.name)?.bytes())?;
        let interface = Interface::of(&file, &declared)?;
        let externals = external::checked(&declared, files).map_err(|problem| problem.at(&file))?;
        let session =
            Session::load(runtime, &path, &options).map_err(|failure| load_problem(&file, failure))?;
        let plan = Plan::of(Arc::new(session), &interface).map_err(|problem| problem.at(&file))?;
        let bytes = entry.bytes + externals.values().map(|buffer| buffer.len() as u64).sum::<u64>();
        let threads = match options.intra_op_num_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => usize::try_from(n).unwrap_or(1),
        };
        let mut facts = facts::of(&declared, NAME, threads, bytes, interface.notes);
        facts.structure.push(("onnxruntime".to_owned(), runtime.version().to_owned()));
        Ok(OrtModel { signatures: [interface.signature], plan: Arc::new(plan), facts })
    }
}

impl Model for OrtModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(OrtInstance::new(self.plan.clone())))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

impl Plan {
    fn of(session: Arc<Session>, interface: &Interface) -> Result<Self, Problem> {
        let signature = &interface.signature;
        let c_name = |name: &str| {
            CString::new(name).map_err(|_| Problem::invalid(format!("the name {name:?} holds a NUL")))
        };
        let inputs = signature.inputs().iter().map(|input| c_name(&input.name)).collect::<Result<_, _>>()?;
        let mut outputs = Vec::new();
        for (spec, form) in signature.outputs().iter().zip(&interface.forms) {
            outputs.push(OutputPlan {
                name: c_name(match form {
                    OutputForm::Item(item) => &item.sequence,
                    OutputForm::Tensor | OutputForm::Maps => &spec.name,
                })?,
                dtype: spec.dtype,
                form: form.clone(),
                row_shape: row_shape(spec)
                    .filter(|_| *form == OutputForm::Tensor && signature.slot(&spec.name).is_none()),
                classes: spec.class_names.clone().unwrap_or_default(),
            });
        }
        Ok(Plan { session, inputs, outputs, is_as_declared: AtomicBool::new(true) })
    }
}

/// All axes but the first, where they are known and the elements have a size.
fn row_shape(spec: &OutputSpec) -> Option<Vec<usize>> {
    spec.dtype.size()?;
    let rest = spec.dims.as_ref()?.split_first()?.1;
    let lengths = rest.iter().map(|dim| usize::try_from(dim.as_signed()).ok());
    lengths.collect()
}

fn load_problem(file: &str, failure: Failure) -> Problem {
    match failure.code {
        api::NOT_IMPLEMENTED => Problem::unsupported(format!("{file}: {}", failure.text), ""),
        // no such file, no protobuf, no valid graph, invalid argument, or a plain failure while it was checked
        1..=3 | 7 | 10 => Problem::malformed(file, None, format!("ONNX Runtime: {}", failure.text)),
        _ => Problem::new(Reason::Engine { engine: NAME, text: failure.text }).at(file),
    }
}

/// A run's failure: what the library calls an invalid argument (an index out of bounds, dims that do not fit each
/// other) lies in the call's data, since the model itself was accepted.
#[cold]
pub(super) fn run_problem(failure: Failure) -> Problem {
    match failure.code {
        api::INVALID_ARGUMENT => Problem::worded(Kind::InvalidArgument, format!("{NAME}: {}", failure.text)),
        _ => Problem::new(Reason::Engine { engine: NAME, text: failure.text }),
    }
}
