//! The registry of engines: a list, strongest preference first. The strongest claim to a file wins, this order breaks
//! ties. An engine more is a line more here.

mod command;

pub(crate) use command::run;

use crate::args::{EngineChoice, EngineFlags, Prefer};
use landfall_convert::{KerasImporter, Python};
use landfall_foreign::{Outcome, Place, Report, Surroundings};
use landfall_model::{Engine, Importer, Kind, Problem, Reason};
use landfall_onnx::Preference;
use landfall_tensorflow::{LiteRt, TensorFlow};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long a conversion may take: most of it is the libraries' own start.
const CONVERSION: Duration = Duration::from_secs(600);

/// What reads models in this process.
pub(crate) struct Registry {
    pub(crate) engines: Vec<Arc<dyn Engine>>,
    pub(crate) importers: Vec<Arc<dyn Importer>>,
    /// Completes "ONNX models run on X: …": what was looked for, and what was found.
    pub(crate) onnx_reason: String,
    /// The same in a few words.
    pub(crate) onnx_reason_short: String,
    /// Converts TensorFlow models to ONNX, where that is preferred.
    pub(crate) prefer_onnx: Option<Python>,
    litert: Arc<LiteRt>,
    tensorflow: Arc<TensorFlow>,
    onnx_version: Option<String>,
    onnx_report: Option<Report>,
}

impl Registry {
    /// The engine that ONNX models run on.
    pub(crate) fn onnx_engine(&self) -> &'static str {
        self.engines.first().map_or("nothing", |engine| engine.name())
    }
}

/// Finds the engines, as the flags ask.
///
/// # Errors
/// When an engine that was asked for by name is not to be had.
pub(crate) fn registry(flags: &EngineFlags, prefer: Option<Prefer>) -> Result<Registry, Problem> {
    let preference = match flags.engine.unwrap_or_default() {
        EngineChoice::Auto => Preference::Auto,
        EngineChoice::Onnxruntime => Preference::OnnxRuntime,
        EngineChoice::Embedded => Preference::Embedded,
    };
    let named =
        [("--tensorflow", &flags.tensorflow), ("--litert", &flags.litert), ("--python", &flags.python)];
    for (flag, path) in named {
        path.as_deref().map_or(Ok(()), |path| is_there(flag, path))?;
    }
    let surroundings = surroundings(flags);
    let onnx = landfall_onnx::engines(preference, flags.onnxruntime.as_deref(), &surroundings)?;
    if let (Some(_), Some(report)) = (&flags.onnxruntime, &onnx.report) {
        took_the_one_named(report)?;
    }
    let onnx_reason_short = match (&onnx.version, preference) {
        (Some(version), _) => format!("version {version}"),
        (None, Preference::Embedded) => "as asked for".to_owned(),
        (None, _) => "no ONNX Runtime was found".to_owned(),
    };
    let mut engines = onnx.engines;
    engines.push(landfall_trees::engine());
    engines.push(landfall_pmml::engine());
    let litert = Arc::new(LiteRt::new(flags.litert.as_deref(), surroundings.clone()));
    engines.push(litert.clone());
    let tensorflow = Arc::new(TensorFlow::new(flags.tensorflow.as_deref(), surroundings.clone()));
    engines.push(tensorflow.clone());
    Ok(Registry {
        onnx_reason_short,
        prefer_onnx: prefer.map(|Prefer::Onnx| python(&surroundings)),
        litert,
        tensorflow,
        engines,
        importers: vec![Arc::new(KerasImporter::new(python(&surroundings)))],
        onnx_reason: onnx.reason,
        onnx_version: onnx.version,
        onnx_report: onnx.report,
    })
}

/// These are opened with the first model that needs them; that there is none is known before. A bare name is for the
/// system to find.
fn is_there(flag: &str, path: &Path) -> Result<(), Problem> {
    let bare = path.parent().is_some_and(|folder| folder.as_os_str().is_empty());
    if bare || path.exists() {
        return Ok(());
    }
    Err(Problem::new(Reason::FileMissing { file: path.display().to_string() }).at(flag))
}

/// Whoever names a library wants that one, and no other in its place.
fn took_the_one_named(report: &Report) -> Result<(), Problem> {
    let Some(refused) = report.attempts.iter().find(|attempt| matches!(attempt.place, Place::Flag(..)))
    else {
        return Ok(());
    };
    let text = match &refused.outcome {
        Outcome::Taken { .. } => return Ok(()),
        Outcome::Refused { path, why } => format!("{}: {why}", path.display()),
        Outcome::NotThere { what } => what.clone(),
    };
    Err(Problem::worded(Kind::FailedPrecondition, text).at(refused.place.to_string()))
}

/// What a search may look at: the process's own, with the Python that a flag names.
pub(crate) fn surroundings(flags: &EngineFlags) -> Surroundings {
    let own = Surroundings::of_process();
    match &flags.python {
        Some(path) => own.with("LANDFALL_PYTHON", path),
        None => own,
    }
}

/// The Python that converts models.
pub(crate) fn python(surroundings: &Surroundings) -> Python {
    Python::new(surroundings.clone(), CONVERSION)
}
