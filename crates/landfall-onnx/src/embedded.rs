//! The engine `embedded`: compiled in, so that plain models work on a machine where nothing is installed.
//!
//! It computes in float32, int32, int8 and uint8 alone. What a model declares beyond that is brought there and back
//! where no value changes ([`convert`]), and refused by name where one would ([`support`]).

mod apart;
mod beside;
mod bounds;
mod convert;
mod guarded;
mod lost;
mod model;
mod nan;
mod options;
mod own;
mod parts;
mod plan;
mod range;
mod rewritten;
mod run;
mod support;
mod unusual;
mod watched;
mod weights;

use crate::declared::Declared;
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem, Reason, Signature};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The engine's name.
const NAME: &str = "embedded";

/// What a user does about a model that this engine cannot evaluate.
const WAY_OUT: &str =
    "install ONNX Runtime (pip install onnxruntime); where --engine embedded is given, leave it out";

/// The engine that is compiled in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Embedded;

impl Embedded {
    /// The engine.
    pub fn new() -> Self {
        Embedded
    }
}

/// For fuzzers: what reads a file before the engine does.
pub(crate) fn read(file: &str, bytes: &[u8], declared: &Declared, signature: &Signature) {
    let _ = range::Ranges::of(file, bytes, signature);
    for version in [9, 17] {
        let _ = rewritten::rewritten(file, bytes, version);
        let _ = apart::apart(file, bytes, version);
    }
    let _ = unusual::check(file, bytes);
    let _ = guarded::guarded(file, bytes, signature);
    let _ = watched::watched(file, bytes, declared, signature, &BTreeMap::new(), &HashSet::new());
}

impl Engine for Embedded {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        crate::recognise::claim(files)
    }

    fn options(&self) -> &'static [OptionSpec] {
        &options::KNOWN
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        Ok(Arc::new(model::EmbeddedModel::load(files, options)?))
    }
}

/// A fault of the engine itself.
fn broken(text: &str) -> Problem {
    Problem::new(Reason::Engine { engine: NAME, text: text.to_owned() })
}
