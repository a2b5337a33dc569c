//! The seam between serving and what evaluates a kind of model file. Synchronous: an engine's author needs no async, no
//! queue and no protocol.

use crate::{Call, DeclaredSignature, ModelFiles, OptionSpec, Options, Outputs, Problem, Signature};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What evaluates a kind of model file.
pub trait Engine: Send + Sync {
    /// Its name in logs, metrics and `--engine`: `onnxruntime`, `embedded`, `trees`, `pmml`, `tensorflow`.
    fn name(&self) -> &'static str;

    /// Whether it reads these files: by content, never by a file's ending alone. Reads a few bytes only.
    fn recognise(&self, files: &dyn ModelFiles) -> Claim;

    /// The load options it knows; all others are refused.
    fn options(&self) -> &'static [OptionSpec];

    /// Reads the model.
    ///
    /// # Errors
    /// A problem that names file, place and what was expected; unimplemented for what is valid but not supported.
    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem>;
}

/// How sure an engine is that a model is its own. The strongest claim wins; order in the registry breaks ties.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Claim {
    /// Not its own; says why in a few words (`no ONNX file`), for the message when nobody claims it.
    No(String),
    /// It could be.
    Maybe,
    /// It is.
    Sure,
}

/// A loaded model: weights and signatures. Immutable, shared by all instances.
pub trait Model: Send + Sync {
    /// The ways to call it; the first is the default one.
    fn signatures(&self) -> &[Arc<Signature>];

    /// A workspace for one thread.
    ///
    /// # Errors
    /// When the engine cannot make a further one.
    fn instance(&self) -> Result<Box<dyn Instance>, Problem>;

    /// Makes now what it would else make with the first calls, so that no caller waits for it.
    fn prepare(&self) {}

    /// Whether a call may be made with a [`Joint`](crate::Joint) of its signatures: its instances find inputs and outputs by
    /// the names of their tensors.
    fn joins_signatures(&self) -> bool {
        false
    }

    /// What is known about it beside its signatures.
    fn facts(&self) -> Facts;

    /// Runs the verification rows that the file itself carries, and says how many there were.
    ///
    /// # Errors
    /// A problem that names the first row that differs, what was expected and what came.
    fn verify(&self) -> Result<usize, Problem> {
        Ok(0)
    }
}

/// The mutable workspace of one thread on one model.
pub trait Instance: Send {
    /// Answers a call: sets every output wanted, and none else. The call was made with one of the model's signatures (by
    /// name; its row rule and null rules may have been adjusted since), or with their joint one where it
    /// [joins them](Model::joins_signatures).
    ///
    /// # Errors
    /// The whole call fails; a row that fails alone is marked with [`Outputs::fail_row`].
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem>;
}

/// What is known about a loaded model beside its signatures.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The engine that loaded it.
    pub engine: &'static str,
    /// The file format, as protocols name platforms: `onnx`, `xgboost`, `pmml`, `tensorflow`.
    pub format: &'static str,
    /// Bytes that it holds, as far as known.
    pub memory_bytes: Option<u64>,
    /// Threads that one run uses inside the engine.
    pub threads_inside: usize,
    /// The load option that gives a run more threads; `None` where there is none, or it was set.
    pub threads_option: Option<&'static str>,
    /// What a call costs, as far as known before the first one.
    pub cost: CostClass,
    /// Structure, for people: (`nodes`, `12`), (`opset`, `17`).
    pub structure: Vec<(String, String)>,
    /// What a user should know, a line each: precision differs, a fall-back was taken.
    pub notes: Vec<String>,
    /// The signatures that the model's file declares, where it does in words of its own: those that no call can carry
    /// too, and those that the engine's library runs when it opens the model.
    pub declared: Vec<DeclaredSignature>,
    /// What takes a while to find, and is told to who looks at a model: more of the structure.
    pub later: Later,
}

/// Facts that are found when somebody asks.
#[derive(Clone, Default)]
pub struct Later(Option<Arc<Find>>);

type Find = dyn Fn() -> Vec<(String, String)> + Send + Sync;

impl Later {
    /// What `find` finds.
    pub fn new(find: impl Fn() -> Vec<(String, String)> + Send + Sync + 'static) -> Self {
        Later(Some(Arc::new(find)))
    }

    /// Finds them.
    pub fn find(&self) -> Vec<(String, String)> {
        self.0.as_ref().map_or_else(Vec::new, |find| find())
    }
}

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Later").field("is_some", &self.0.is_some()).finish()
    }
}

/// What one call costs, as far as known before it was measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CostClass {
    /// To be measured.
    #[default]
    Unknown,
    /// A few microseconds: never worth a hop to another thread.
    Tiny,
}

/// Turns files that no engine reads into files that one does, once.
pub trait Importer: Send + Sync {
    /// Its name in logs.
    fn name(&self) -> &'static str;

    /// Whether it reads these files.
    fn recognise(&self, files: &dyn ModelFiles) -> Claim;

    /// The load options it knows.
    fn options(&self) -> &'static [OptionSpec];

    /// Writes the converted model into the folder `into`.
    ///
    /// # Errors
    /// What could not be converted, and what to do.
    fn import(&self, files: &dyn ModelFiles, into: &Path, options: &Options) -> Result<Imported, Problem>;
}

/// A model that was converted.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What was written.
    pub path: PathBuf,
    /// What was done, for the log.
    pub note: String,
}
