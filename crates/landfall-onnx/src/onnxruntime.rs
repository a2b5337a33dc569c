//! The engine `onnxruntime`: ONNX Runtime's shared library, found and opened at run time.

mod api;
mod model;
mod nothing;
mod options;
mod plan;
mod problem;
mod recurrent;
mod run;
mod scores;
mod session;
mod value;
mod workspace;

use crate::declared::Declared;
use api::Runtime;
use landfall_foreign::{LibrarySpec, Search, Surroundings, search};
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem};
use std::path::Path;
use std::sync::Arc;

/// The library, and where it may lie.
pub static LIBRARY: LibrarySpec = LibrarySpec {
    title: "ONNX Runtime",
    stem: "libonnxruntime",
    flag: "--onnxruntime",
    variables: &["LANDFALL_ONNXRUNTIME", "ORT_DYLIB_PATH"],
    python_package: "onnxruntime",
    python_folder: "capi",
    install: INSTALL,
};

/// How to get ONNX Runtime.
pub const INSTALL: &str = "pip install onnxruntime";

/// The engine's name.
pub(crate) const NAME: &str = "onnxruntime";

/// ONNX Runtime, opened. One for each process; opened again, it is the same library with the same environment.
#[derive(Clone, Copy, Debug)]
pub struct OnnxRuntime {
    runtime: &'static Runtime,
}

impl OnnxRuntime {
    /// Looks for the library in the places of [`LIBRARY`], and opens the first that will do. `explicit` is the path that
    /// the operator gave.
    pub fn find(explicit: Option<&Path>, surroundings: &Surroundings) -> Search<OnnxRuntime> {
        search(&LIBRARY, explicit, surroundings, |library| {
            Runtime::open(library).map(|runtime| OnnxRuntime { runtime })
        })
    }

    /// The library's version: `1.31.1`.
    pub fn version(&self) -> &str {
        self.runtime.version()
    }

    /// The file that it was opened from.
    pub fn path(&self) -> &Path {
        self.runtime.path()
    }
}

/// For fuzzers: what puts nodes in other words before the library reads them.
pub(crate) fn read(file: &str, bytes: &[u8], declared: &Declared) {
    let _ = recurrent::guarded(file, bytes, declared);
}

impl Engine for OnnxRuntime {
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
        Ok(Arc::new(model::OrtModel::load(self.runtime, files, options)?))
    }
}
