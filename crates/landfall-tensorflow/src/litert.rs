//! The engine `litert`: TensorFlow Lite files, evaluated by LiteRT's shared library, which is looked for when the first
//! such file is loaded.

mod api;
mod declared;
mod flatbuffer;
mod interface;
mod layout;
mod metadata;
mod model;
mod rows;
mod run;
mod session;

use api::Runtime;
use landfall_foreign::{LibrarySpec, Report, Surroundings, search};
use landfall_model::{
    Claim, Engine, FileEntry, Kind, Model, ModelFiles, OptionSpec, Options, Problem, Reason,
};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

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
    explicit: Option<PathBuf>,
    surroundings: Surroundings,
    found: OnceLock<Found>,
}

struct Found {
    runtime: Option<&'static Runtime>,
    report: Report,
}

impl LiteRt {
    /// The engine. Nothing is looked for yet; `explicit` is the path that the operator gave.
    pub fn new(explicit: Option<&Path>, surroundings: Surroundings) -> Self {
        LiteRt { explicit: explicit.map(Path::to_owned), surroundings, found: OnceLock::new() }
    }

    /// Looks for the library, and says what was tried.
    pub fn report(&self) -> &Report {
        &self.found().report
    }

    fn found(&self) -> &Found {
        self.found.get_or_init(|| {
            let found = search(&LIBRARY, self.explicit.as_deref(), &self.surroundings, Runtime::open);
            Found { runtime: found.taken, report: found.report }
        })
    }

    fn runtime(&self) -> Result<&'static Runtime, Problem> {
        let found = self.found();
        let missing = || format!("TensorFlow Lite files need LiteRT: {}", found.report);
        found.runtime.ok_or_else(|| Problem::worded(Kind::FailedPrecondition, missing()))
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
        let file = if files.is_folder() { files.path().join(&entry.name) } else { files.path().to_owned() };
        let bytes = files.bytes(&entry.name)?;
        let model = model::LiteRtModel::load(&file.display().to_string(), bytes, || self.runtime())?;
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
    }
}
