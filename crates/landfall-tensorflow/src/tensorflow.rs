//! The engine `tensorflow`: SavedModels and frozen graphs, evaluated by TensorFlow's own shared library, which is looked
//! for and opened when the first such model is loaded.

mod api;
mod changes;
mod constant;
mod denormals;
mod described;
mod fetch;
mod frozen;
mod graph;
mod interface;
mod model;
mod operators;
mod options;
mod plan;
mod recognise;
mod run;
mod saved_model;
mod schema;
mod session;
mod shape;
mod steps;
mod text;
mod types;
mod value;
mod warm;
mod without_shapes;
mod writers;

use crate::library::OnDemand;
use api::Runtime;
use landfall_foreign::{LibrarySpec, Report, Surroundings};
use landfall_model::{Claim, Engine, Model, ModelFiles, OptionSpec, Options, Problem};
use std::path::Path;
use std::sync::Arc;

/// The library, and where it may lie.
static LIBRARY: LibrarySpec = LibrarySpec {
    title: "TensorFlow",
    stem: "libtensorflow_cc",
    flag: "--tensorflow",
    variables: &["LANDFALL_TENSORFLOW"],
    python_package: "tensorflow",
    python_folder: "",
    install: "pip install tensorflow-cpu",
};

/// The engine's name.
const NAME: &str = "tensorflow";

/// TensorFlow's models on TensorFlow.
pub struct TensorFlow {
    library: OnDemand<Runtime>,
}

impl TensorFlow {
    /// The engine. Nothing is looked for yet; `explicit` is the path that the operator gave.
    pub fn new(explicit: Option<&Path>, surroundings: Surroundings) -> Self {
        TensorFlow { library: OnDemand::new(&LIBRARY, explicit, surroundings, Runtime::open) }
    }

    /// Looks for the library, opens it, and says what was tried. That takes half a second and some 200 MB where it is
    /// found, which stay for the life of the process.
    pub fn report(&self) -> &Report {
        &self.library().search().report
    }

    /// The library's version, where it was found: `2.21.0`.
    pub fn version(&self) -> Option<&str> {
        self.library().search().taken.map(Runtime::version)
    }

    /// The library, which must hear before it is opened how much it is to say.
    fn library(&self) -> &OnDemand<Runtime> {
        api::quiet(self.library.surroundings());
        &self.library
    }

    fn runtime(&self) -> Result<&'static Runtime, Problem> {
        self.library().opened("TensorFlow models")
    }
}

impl Engine for TensorFlow {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        recognise::claim(files)
    }

    fn options(&self) -> &'static [OptionSpec] {
        &options::KNOWN
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let operators = operators::Named::read(self.library.surroundings(), options)?;
        let model = match recognise::model_of(files)? {
            recognise::Found::SavedModel { folder, file } => {
                model::load_saved_model(&folder, &file, files, options, &operators, || self.runtime())
            }
            recognise::Found::Graph { path, file } => {
                model::load_graph(&path, &file, files, options, &operators, || self.runtime())
            }
        }?;
        Ok(Arc::new(model))
    }
}

/// The reader of SavedModels, and the signatures made of what it read, for fuzzers.
pub(crate) fn read_saved_model(bytes: &[u8]) {
    without_shapes::change(bytes);
    let Ok(read) = saved_model::SavedModel::read("fuzz", bytes) else { return };
    for meta_graph in &read.meta_graphs {
        let _ = interface::of(meta_graph);
        if let Ok(graph) = meta_graph.graph() {
            let _ = writers::refuse(&graph, meta_graph.roots());
        }
    }
}

/// The reader of graphs, in binary and in text, and the guess of inputs and outputs, for fuzzers.
pub(crate) fn read_graph(bytes: &[u8]) {
    let Ok(binary) = frozen::binary("fuzz", bytes) else { return };
    if let Ok(graph) = graph::GraphDef::read("fuzz", &binary) {
        let _ = frozen::Ends::of(&graph, None, None);
    }
}
