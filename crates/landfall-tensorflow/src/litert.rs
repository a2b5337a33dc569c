//! The engine `litert`: TensorFlow Lite files, evaluated by LiteRT's shared library, which is looked for when the first
//! such file is loaded.

mod api;
mod declared;
mod flatbuffer;
mod front;
mod interface;
mod layout;
mod metadata;
mod model;
mod prepared;
mod room;
mod rows;
mod run;
mod session;
mod streamed;
mod strings;
mod taker;

use crate::library::OnDemand;
use api::Runtime;
use landfall_foreign::{LibrarySpec, Report, Surroundings};
use landfall_model::{Claim, Engine, FileEntry, Model, ModelFiles, OptionSpec, Options, Problem, Reason};
use std::path::Path;
use std::sync::Arc;

/// The library, and where it may lie.
static LIBRARY: LibrarySpec = LibrarySpec {
    title: "LiteRT",
    stem: "libLiteRt",
    flag: "--litert",
    variables: &["LANDFALL_LITERT"],
    python_package: "ai_edge_litert",
    python_folder: "",
    install: "pip install ai-edge-litert",
};

/// The engine's name.
const NAME: &str = "litert";
/// The mark of TensorFlow Lite files, at byte 4.
const MARK: &[u8] = b"TFL3";

/// TensorFlow Lite on LiteRT.
pub struct LiteRt {
    library: OnDemand<Runtime>,
}

impl LiteRt {
    /// The engine. Nothing is looked for yet; `explicit` is the path that the operator gave.
    pub fn new(explicit: Option<&Path>, surroundings: Surroundings) -> Self {
        LiteRt { library: OnDemand::new(&LIBRARY, explicit, surroundings, Runtime::open) }
    }

    /// Looks for the library, and says what was tried.
    pub fn report(&self) -> &Report {
        &self.library.search().report
    }
}

impl Engine for LiteRt {
    fn name(&self) -> &'static str {
        NAME
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        let Some(entry) = files.single(&[".tflite"]) else {
            return Claim::No("no single .tflite file".to_owned());
        };
        match files.head(&entry.name, 8) {
            Err(problem) => Claim::No(format!("{} cannot be read: {problem}", entry.name)),
            // A SavedModel with a converted copy beside it is a SavedModel.
            Ok(head) if head.get(4..8) == Some(MARK) => match files.entries().iter().any(is_saved_model) {
                true => Claim::Maybe,
                false => Claim::Sure,
            },
            Ok(_) => Claim::No("no TensorFlow Lite file".to_owned()),
        }
    }

    fn options(&self) -> &'static [OptionSpec] {
        &[]
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let entry = files.single(&[".tflite"]).ok_or_else(|| {
            let path = files.path().display().to_string();
            Problem::new(Reason::NotRecognised { path, tried: vec!["no single .tflite file".to_owned()] })
        })?;
        let file = files.place(entry);
        let bytes = files.bytes(&entry.name)?;
        let model = model::LiteRtModel::load(&file.display().to_string(), bytes, || {
            self.library.opened("TensorFlow Lite files")
        })?;
        Ok(Arc::new(model))
    }
}

fn is_saved_model(entry: &FileEntry) -> bool {
    matches!(entry.name.as_str(), "saved_model.pb" | "saved_model.pbtxt")
}

/// The reader of TensorFlow Lite files, for fuzzers.
pub(crate) fn read_any(bytes: &[u8]) {
    if let Ok(declared) = declared::read("fuzz", bytes) {
        let _ = interface::signatures("fuzz", &declared);
        let _ = streamed::streamed("fuzz", bytes, &declared.shapes());
    }
}
