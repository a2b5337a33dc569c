//! Which engines read ONNX models in this process, in which order, and why.

use crate::lowered::Lowering;
use crate::{Embedded, OnnxRuntime};
use landfall_foreign::{Report, Surroundings};
use landfall_model::{Engine, Kind, Problem};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// What the operator asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Preference {
    /// ONNX Runtime where it is found, else the embedded engine.
    #[default]
    Auto,
    /// ONNX Runtime, or nothing.
    OnnxRuntime,
    /// The engine that is compiled in.
    Embedded,
}

impl FromStr for Preference {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        match text {
            "auto" => Ok(Preference::Auto),
            "onnxruntime" => Ok(Preference::OnnxRuntime),
            "embedded" => Ok(Preference::Embedded),
            _ => Err(Problem::invalid(format!("engine {text:?} is none of auto, onnxruntime, embedded"))),
        }
    }
}

/// The engines to register, the preferred one first, and the reason for the start log.
pub struct Choice {
    /// In order of preference; never empty.
    pub engines: Vec<Arc<dyn Engine>>,
    /// Completes "engine X: …": `no libonnxruntime was found: tried …`.
    pub reason: String,
    /// What the search for the library tried; `None` when there was none.
    pub report: Option<Report>,
    /// The library's version, where it was taken.
    pub version: Option<String>,
}

/// Decides. `explicit` is the path given for ONNX Runtime. Looks for the library unless the embedded engine is asked
/// for.
///
/// # Errors
/// Failed precondition, when ONNX Runtime is asked for and not found: says what was tried.
pub fn engines(
    preference: Preference,
    explicit: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<Choice, Problem> {
    // Where an engine is asked for by name that is not ours, it sees every graph as it is.
    let lowering = |engine: Arc<dyn Engine>| -> Arc<dyn Engine> {
        match preference {
            Preference::OnnxRuntime => engine,
            Preference::Auto | Preference::Embedded => Arc::new(Lowering::before(engine)),
        }
    };
    let embedded = lowering(Arc::new(Embedded::new()));
    if preference == Preference::Embedded {
        let reason = "it was asked for".to_owned();
        return Ok(Choice { engines: vec![embedded], reason, report: None, version: None });
    }
    let search = OnnxRuntime::find(explicit, surroundings);
    let report = search.report;
    match search.taken {
        Some(found) => {
            let version = found.version().to_owned();
            let reason = format!("version {version} from {report}");
            let mut engines: Vec<Arc<dyn Engine>> = vec![lowering(Arc::new(found))];
            if preference == Preference::Auto {
                engines.push(embedded);
            }
            Ok(Choice { engines, reason, report: Some(report), version: Some(version) })
        }
        None if preference == Preference::OnnxRuntime => {
            Err(Problem::worded(Kind::FailedPrecondition, report.to_string()).at("engine onnxruntime"))
        }
        None => {
            let reason = report.to_string();
            Ok(Choice { engines: vec![embedded], reason, report: Some(report), version: None })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::INSTALL;

    #[test]
    fn what_is_asked_for_by_name_is_never_replaced() {
        let nowhere = Surroundings::default();
        let chosen = engines(Preference::Embedded, None, &nowhere).unwrap();
        assert_eq!(chosen.engines.iter().map(|e| e.name()).collect::<Vec<_>>(), ["embedded"]);
        // A machine may have the library on the system's own path; then there is nothing to refuse.
        match engines(Preference::OnnxRuntime, None, &nowhere) {
            Ok(found) => assert_eq!(found.engines[0].name(), "onnxruntime"),
            Err(problem) => {
                let text = problem.to_string();
                assert!(text.contains("tried") && text.contains(INSTALL), "{text}");
                let fallen_back = engines(Preference::Auto, None, &nowhere).unwrap();
                assert_eq!(fallen_back.engines[0].name(), "embedded");
                assert!(fallen_back.reason.starts_with("no libonnxruntime was found"));
            }
        }
        assert_eq!("auto".parse::<Preference>().unwrap(), Preference::Auto);
        assert!("fast".parse::<Preference>().is_err());
    }
}
