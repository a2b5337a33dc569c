//! What loading needs from outside: engines, the threads that run them, and readers of files whose formats serving does
//! not know.

use crate::{BatchOptions, ComputePool, ModelSettings};
use landfall_model::{Call, Engine, Importer, Input, Joint, ModelFiles, Problem, Signature, Tensor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What loading needs from outside: engines, the threads that run them, and readers of files whose formats serving does
/// not know.
pub struct Kit {
    /// The engines, strongest preference first: the strongest claim wins, this order breaks ties.
    pub engines: Vec<Arc<dyn Engine>>,
    /// Tried when no engine claims a model.
    pub importers: Vec<Arc<dyn Importer>>,
    /// The compute threads.
    pub pool: Arc<ComputePool>,
    /// Reads a `model.toml`. Paths in it come back resolved.
    pub settings: Box<ReadSettings>,
    /// Reads tables.
    pub tables: Tables,
    /// Knows files that no engine reads.
    pub unread: Unread,
    /// Gives freed memory back to the system: called on a thread that has loaded or freed a version, before it waits for
    /// the next one.
    pub give_back: fn(),
    /// Where converted models go when they cannot lie beside the original.
    pub imports: Option<PathBuf>,
    /// Reads how calls are put together from a version's folder; `None`: its settings say it.
    pub batching: Option<Box<ReadBatching>>,
}

/// Reads a `model.toml`.
pub type ReadSettings = dyn Fn(&Path) -> Result<ModelSettings, Problem> + Send + Sync;
/// Reads golden rows, for one of the signatures.
pub type ReadGolden = dyn Fn(&Path, &[Arc<Signature>]) -> Result<GoldenRows, Problem> + Send + Sync;
/// Reads the calls that lie within a version's folder: with the signatures, or with their joint one where there is one.
pub type ReadReplay =
    dyn Fn(&Path, &[Arc<Signature>], Option<&Joint>) -> Result<Vec<Call>, Problem> + Send + Sync;
/// Reads warm-up rows: calls with the signatures.
pub type ReadCalls = dyn Fn(&Path, &[Arc<Signature>]) -> Result<Vec<Call>, Problem> + Send + Sync;

/// Says what files are that people take for a model and that no engine reads, and what to do instead; nothing where it does
/// not know them.
pub type Unread = fn(&dyn ModelFiles) -> Option<Problem>;

/// Reads how calls of one version are put together.
pub type ReadBatching = dyn Fn(&Path) -> Result<BatchOptions, Problem> + Send + Sync;

/// Inputs with the outputs that are expected of them.
#[derive(Clone, Debug)]
pub struct GoldenRows {
    /// Which way to call the model.
    pub signature: Arc<Signature>,
    /// Inputs by slot.
    pub inputs: Vec<Option<Input>>,
    /// Expected outputs, with their places in the signature; of any type that holds the same values.
    pub outputs: Vec<(usize, Tensor)>,
}

/// Readers of files with rows.
pub struct Tables {
    /// Reads golden rows.
    pub golden: Box<ReadGolden>,
    /// Reads warm-up rows.
    pub warm_up: Box<ReadCalls>,
    /// Reads the calls that lie within a version's own folder to be run before the first caller's; none where there are
    /// none.
    pub replay: Box<ReadReplay>,
}

impl Tables {
    /// None can be read: models that ask for golden or warm-up rows are refused.
    pub fn unread() -> Self {
        let refuse = || Problem::unsupported("reading tables", "remove golden and warm_up from the settings");
        Tables {
            golden: Box::new(move |_, _| Err(refuse())),
            warm_up: Box::new(move |_, _| Err(refuse())),
            replay: Box::new(|_, _, _| Ok(Vec::new())),
        }
    }
}
