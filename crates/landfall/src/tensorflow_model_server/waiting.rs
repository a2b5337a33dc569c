//! Waiting for models: how each stands, and the news that something has changed.

use crate::log::Log;
use landfall_model::{Problem, Reason, Version, VersionChoice, VersionState};
use landfall_serving::{Catalog, Event, Observer};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The log, and a bell that rings with each event.
pub(super) struct Changes {
    log: Log,
    count: Mutex<u64>,
    rung: Condvar,
}

impl Changes {
    pub(super) fn new(log: Log) -> Self {
        Changes { log, count: Mutex::new(0), rung: Condvar::new() }
    }

    /// How often it has rung.
    pub(super) fn count(&self) -> u64 {
        *self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it has rung more often than `seen`, or for this long; gives how often it has rung.
    pub(super) fn wait(&self, seen: u64, most: Duration) -> u64 {
        let count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.rung.wait_timeout_while(count, most, |count| *count <= seen);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Observer for Changes {
    fn event(&self, event: &Event<'_>) {
        self.log.event(event);
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }
}

/// How a model stands.
pub(super) enum Standing {
    Available,
    /// It has no version yet, or one that is being loaded.
    Coming,
    /// Its newest version could not be loaded, and no other is being loaded.
    Failed(Version, Problem),
}

/// How a model stands.
///
/// # Errors
/// [`Reason::ShuttingDown`].
pub(super) fn standing(catalog: &Catalog, model: &str) -> Result<Standing, Problem> {
    match catalog.find(model, &VersionChoice::Default) {
        Ok(_) => return Ok(Standing::Available),
        Err(problem) if *problem.reason() == Reason::ShuttingDown => return Err(problem),
        Err(_) => {}
    }
    let statuses = catalog.statuses(model).unwrap_or_default();
    if statuses.iter().any(|status| matches!(status.state, VersionState::Start | VersionState::Loading)) {
        return Ok(Standing::Coming);
    }
    let failed = statuses.into_iter().find_map(|status| Some((status.version, status.problem?)));
    Ok(failed.map_or(Standing::Coming, |(version, problem)| Standing::Failed(version, problem)))
}
