//! Waiting for models: how each stands, and the news that something has changed.

use crate::log::Log;
use landfall_dialects::tfs::errors;
use landfall_model::{Kind, Problem, Reason, Version, VersionChoice, VersionState};
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

    /// The start is over.
    pub(super) fn started(&self) {
        self.log.started();
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
        if let Event::Warning { problem: Some(problem), .. } = event
            && let Some(text) = errors::of_folders(problem)
        {
            self.log.event(&Event::Warning { text: &text, problem: Some(problem) });
        } else {
            self.log.event(event);
        }
        *self.count.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rung.notify_all();
    }
}

/// Models that do not answer.
#[derive(Default)]
pub(super) struct Missing<'m> {
    /// Those that have no version yet, or one that is being loaded.
    pub(super) coming: Vec<&'m str>,
    /// Those whose newest version could not be loaded, while no other is being loaded.
    failed: Vec<Failure<'m>>,
}

/// A model that could not be loaded.
struct Failure<'m> {
    model: &'m str,
    version: Version,
    problem: Problem,
}

impl<'m> Missing<'m> {
    /// Those of these models that do not answer.
    ///
    /// # Errors
    /// [`Reason::ShuttingDown`].
    pub(super) fn among(catalog: &Catalog, models: impl Iterator<Item = &'m str>) -> Result<Self, Problem> {
        let mut missing = Missing::default();
        for model in models {
            match standing(catalog, model)? {
                Standing::Available => {}
                Standing::Coming => missing.coming.push(model),
                Standing::Failed(version, problem) => {
                    missing.failed.push(Failure { model, version, problem });
                }
            }
        }
        Ok(missing)
    }

    /// What became of the models when none is coming any more; `what` is the original's word for them.
    ///
    /// # Errors
    /// Unknown, in the original's words, naming those that failed.
    pub(super) fn outcome(&self, what: &str) -> Result<(), Problem> {
        if self.failed.is_empty() {
            return Ok(());
        }
        let one = |Failure { model, version, problem }: &Failure<'_>| {
            let kind = problem.kind().name();
            format!("{{{{name: {model} version: {version}}} due to error: {kind}: {problem}}}, ")
        };
        let list: String = self.failed.iter().map(one).collect();
        let text = format!("{} {what} did not become available: {{{list}}}", self.failed.len());
        Err(Problem::new(Reason::Worded { kind: Kind::Unknown, text }))
    }
}

/// How a model stands.
enum Standing {
    Available,
    Coming,
    Failed(Version, Problem),
}

fn standing(catalog: &Catalog, model: &str) -> Result<Standing, Problem> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_that_could_not_be_loaded_are_named_with_version_and_reason() {
        assert_eq!(Missing::default().outcome("servable(s)"), Ok(()));
        let problem = Problem::invalid("no graph");
        let failed = vec![Failure { model: "m", version: Version::numbered(123), problem }];
        let problem = Missing { failed, ..Missing::default() }.outcome("servable(s)").unwrap_err();
        assert_eq!(problem.kind(), Kind::Unknown);
        assert_eq!(
            problem.to_string(),
            "1 servable(s) did not become available: {{{name: m version: 123} due to error: INVALID_ARGUMENT: no \
             graph}, }"
        );
    }
}
