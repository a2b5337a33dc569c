//! A model loaded by ONNX Runtime: its signature, its facts, and one session that all threads share.
//!
//! One session and not one for each thread: `Run` takes no lock that two threads of small models meet at, and a further
//! session would hold the weights again.

use super::NAME;
use super::api::Runtime;
use super::options::{SessionOptions, THREADS};
use super::plan::Plan;
use super::problem::load_problem;
use super::recurrent;
use super::run::OrtInstance;
use super::session::Session;
use crate::declared;
use crate::interface::Interface;
use crate::{external, facts, recognise};
use landfall_foreign::divisions;
use landfall_model::{Facts, Instance, Model, ModelFiles, Options, Problem, Signature};
use std::sync::Arc;

/// A loaded model.
pub(super) struct OrtModel {
    signatures: [Arc<Signature>; 1],
    plan: Arc<Plan>,
    facts: Facts,
}

impl OrtModel {
    pub(super) fn load(
        runtime: &'static Runtime,
        files: &dyn ModelFiles,
        options: &Options,
    ) -> Result<Self, Problem> {
        let threads_option = options.get(THREADS).is_none().then_some(THREADS);
        let options = SessionOptions::read(options)?;
        let (entry, path) = recognise::model_file(files)?;
        let file = path.display().to_string();
        let bytes = files.bytes(&entry.name)?;
        let declared = declared::read(&file, bytes.bytes())?;
        let interface = Interface::of(&file, &declared)?;
        let externals = external::checked(&declared, files).map_err(|problem| problem.at(&file))?;
        let guarded = recurrent::guarded(&file, bytes.bytes(), &declared)?;
        drop(bytes);
        // What follows from constants alone is calculated now.
        let (session, by_zero) =
            divisions::watched(|| Session::load(runtime, &path, guarded.as_deref(), &options));
        let session = session.map_err(|failure| load_problem(&file, failure))?;
        if by_zero {
            return Err(Problem::malformed(&file, None, divisions::BY_ZERO));
        }
        drop(guarded);
        let plan = Plan::of(Arc::new(session), &interface).map_err(|problem| problem.at(&file))?;
        let bytes = entry.bytes + externals.values().map(|buffer| buffer.len() as u64).sum::<u64>();
        let threads = match options.intra_op_num_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            n => usize::try_from(n).unwrap_or(1),
        };
        let mut facts = facts::of(&declared, NAME, threads, bytes, interface.notes);
        facts.threads_option = threads_option;
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
