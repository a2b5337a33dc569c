//! What is said between the keeper and the threads that look, load and free.

use super::ask::Asked;
use super::reaper::Retired;
use crate::Loaded;
use crate::loader::{LoadReport, Order};
use crate::repository::Fingerprint;
use crate::repository::Look;
use crate::repository::Round;
use landfall_model::Problem;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What the keeper hears.
pub(crate) enum Message {
    /// What lies in the sources now, with the tickets of those who asked for the look.
    Round(Round, Vec<u64>),
    /// A loader has taken up a load.
    Began { model: Arc<str>, job: u64 },
    /// A load has ended.
    Finished(Finished),
    /// The last lease on a version out of service has ended, and its memory is free.
    Gone { model: Arc<str>, serial: u64 },
    /// A control call.
    Asked(Asked),
    /// No longer ready: a shutdown has begun, what is under way goes on.
    Drain,
    /// The end.
    Close,
}

/// How a load ended.
pub(crate) struct Finished {
    pub(crate) model: Arc<str>,
    pub(crate) job: u64,
    pub(crate) outcome: Result<(Arc<Loaded>, LoadReport), Problem>,
    /// Whether the files changed while they were read: then the outcome says nothing.
    pub(crate) changed: bool,
    pub(crate) took: Duration,
    /// What was to be loaded, for another try.
    pub(crate) work: Work,
}

/// One load, for the loaders.
#[derive(Clone)]
pub(crate) struct Work {
    pub(crate) job: u64,
    pub(crate) order: Order,
    pub(crate) fingerprint: Fingerprint,
    /// How often it was tried before.
    pub(crate) tried: u32,
}

/// Where the keeper's words go.
pub(crate) struct Lines {
    pub(crate) watch: Sender<Look>,
    pub(crate) loaders: Sender<Work>,
    pub(crate) reaper: Sender<Retired>,
    /// To itself, for those who answer.
    pub(crate) own: Sender<Message>,
}
