//! Events that are kept until what they say is true.

use crate::journal::What;
use crate::loader::LoadReport;
use crate::observer::{Event, Observer};
use landfall_model::{Problem, Version};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// An event that is kept until it is true.
pub(crate) enum Deferred {
    Loading { model: Arc<str>, version: Version, path: PathBuf },
    Available { model: Arc<str>, version: Version, engine: &'static str, report: LoadReport, took: Duration },
    Failed { model: Arc<str>, version: Version, problem: Problem },
    Unloading { model: Arc<str>, version: Version },
    Unloaded { model: Arc<str>, version: Version },
    Changed { who: String, model: String, what: What },
    Warning(String),
}

impl Deferred {
    pub(crate) fn tell(&self, observer: &dyn Observer) {
        observer.event(&match self {
            Deferred::Loading { model, version, path } => Event::Loading { model, version, path },
            Deferred::Available { model, version, engine, report, took } => {
                let LoadReport { why, notes, .. } = report;
                Event::Available { model, version, engine, why, notes, took: *took }
            }
            Deferred::Failed { model, version, problem } => Event::Failed { model, version, problem },
            Deferred::Unloading { model, version } => Event::Unloading { model, version },
            Deferred::Unloaded { model, version } => Event::Unloaded { model, version },
            Deferred::Changed { who, model, what } => Event::Changed { who, model, what },
            Deferred::Warning(text) => Event::Warning { text, problem: None },
        });
    }
}
