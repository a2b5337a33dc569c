//! What happens to models, told to whoever keeps a log or counts.

use crate::What;
use landfall_model::{Problem, Version};
use std::path::Path;
use std::time::Duration;

/// Told what happens to models; called on threads of the serving floor, in the order of events of one model.
pub trait Observer: Send + Sync {
    /// Something happened. Must return soon.
    fn event(&self, event: &Event<'_>);
}

/// Something that happened.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields say what they hold")]
pub enum Event<'a> {
    /// A version is being loaded, verified and warmed.
    Loading { model: &'a str, version: &'a Version, path: &'a Path },
    /// A version answers from now on. `why` says how the engine was chosen; `notes` are lines that a user should know.
    Available {
        model: &'a str,
        version: &'a Version,
        engine: &'static str,
        why: &'a str,
        notes: &'a [String],
        took: Duration,
    },
    /// A version could not be loaded; what served before goes on serving.
    Failed { model: &'a str, version: &'a Version, problem: &'a Problem },
    /// A version takes no new calls.
    Unloading { model: &'a str, version: &'a Version },
    /// The last lease on a version ended and its memory is free.
    Unloaded { model: &'a str, version: &'a Version },
    /// A control call was carried out and is on disk.
    Changed { who: &'a str, model: &'a str, what: &'a What },
    /// Something that a user should look at; said once as long as it lasts. `problem`: its reason, where it has one that
    /// others may word otherwise.
    Warning { text: &'a str, problem: Option<&'a Problem> },
}

/// An observer that keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn event(&self, _: &Event<'_>) {}
}
