//! What serving starts from, and how its start went.

use crate::kit::Kit;
use crate::locked::lock;
use crate::observer::Observer;
use crate::repository::WatchSettings;
use crate::{Clock, Source};
use landfall_model::{Problem, Version};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// What serving starts from.
pub struct Setup {
    /// Where models come from.
    pub sources: Vec<Source>,
    /// What loading needs.
    pub kit: Arc<Kit>,
    /// The folder under which control calls are kept, one folder for each source; `None` keeps nothing.
    pub state: Option<PathBuf>,
    /// How sources are watched.
    pub watch: WatchSettings,
    /// How many versions are loaded at the same time.
    pub load_threads: usize,
    /// What follows a load that failed.
    pub retries: Retries,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Who is told what happens.
    pub observer: Arc<dyn Observer>,
}

/// How often a load that failed is tried again while its files lie there unchanged. The default: never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// How often, after the first time.
    pub most: u32,
    /// How long after the one before.
    pub interval: Duration,
}

/// How one model's start went.
#[derive(Clone, Debug)]
pub struct Started {
    /// Its name; empty for a source that could not be looked at.
    pub model: String,
    /// Where it lies.
    pub path: PathBuf,
    /// The version that calls without a version get, or why there is none.
    pub outcome: Result<Version, Problem>,
}

/// How the start went, once it is known.
#[derive(Default)]
pub(crate) struct Start {
    outcomes: Mutex<Option<Vec<Started>>>,
    known: Condvar,
}

impl Start {
    /// Sets the outcome; the first one stays.
    pub(crate) fn done(&self, outcomes: Vec<Started>) {
        lock(&self.outcomes).get_or_insert(outcomes);
        self.known.notify_all();
    }

    /// Waits for the outcome; `None`, when the time is up before.
    pub(crate) fn wait(&self, timeout: Duration, clock: &dyn Clock) -> Option<Vec<Started>> {
        let end = clock.now() + timeout;
        let mut outcomes = lock(&self.outcomes);
        loop {
            if let Some(outcomes) = &*outcomes {
                return Some(outcomes.clone());
            }
            let left = end.saturating_duration_since(clock.now());
            if left.is_zero() {
                return None;
            }
            outcomes = self.known.wait_timeout(outcomes, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
