//! Control calls: load, unload, promote, roll back, and who did. Each is on disk before it returns.

mod ask;
mod deferred;
mod keeper;
mod message;
mod reaper;

use crate::Source;
use crate::journal::{Entry, What};
use ask::{Answered, Ask, Asked, Reply, Verb};
pub(crate) use keeper::Keeper;
use landfall_model::{Problem, Reason, Version};
pub(crate) use message::{Finished, Lines, Message, Work};
pub(crate) use reaper::run as free_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Labels are kept in the journal for as long as it is.
const MOST_LABEL_BYTES: usize = 1024;

/// Control over what is loaded. Its calls wait: they are for threads that may.
#[derive(Clone)]
pub struct Control {
    keeper: Sender<Message>,
}

impl Control {
    pub(crate) fn new(keeper: Sender<Message>) -> Self {
        Control { keeper }
    }

    /// Loads a model again that was unloaded, or what has changed of one that was not, without waiting for its files to
    /// lie still; a version that failed is tried again. Returns when all is loaded. What is unchanged is not loaded
    /// again. `who` is kept.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`], [`Reason::NoVersionAvailable`] when none of its files make a version, what the newest
    /// version that was tried failed with (what served before goes on), or [`Reason::DeadlineExceeded`] (the loading
    /// goes on).
    pub fn load(&self, model: &str, who: &str, timeout: Duration) -> Result<(), Problem> {
        self.change(model, who, Verb::Load, timeout)
    }

    /// Takes all versions of a model out of service until it is loaded again; calls under way finish.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`], where a door may see no error.
    pub fn unload(&self, model: &str, who: &str, timeout: Duration) -> Result<(), Problem> {
        self.change(model, who, Verb::Unload, timeout)
    }

    /// Moves a label to a version; without one, makes that version the one that calls without a version get, until the
    /// next promotion or rollback. The version is loaded first if need be; a model that was unloaded comes back with it.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`], [`Reason::VersionNotFound`], invalid argument for a label that is longer than a name, what
    /// the version's loading failed with, or [`Reason::DeadlineExceeded`]: then nothing was moved.
    pub fn promote(
        &self,
        model: &str,
        version: &Version,
        label: Option<&str>,
        who: &str,
        timeout: Duration,
    ) -> Result<(), Problem> {
        if let Some(label) = label.filter(|label| label.len() > MOST_LABEL_BYTES) {
            let text = format!("a label of {} bytes: at most {MOST_LABEL_BYTES} are kept", label.len());
            return Err(Problem::invalid(text));
        }
        let verb = Verb::Promote { version: version.clone(), label: label.map(str::to_owned) };
        self.change(model, who, verb, timeout)
    }

    /// Undoes the last promotion; where there is none, makes the version before the present one the one that calls
    /// without a version get. Gives what was moved, from where to where.
    ///
    /// # Errors
    /// [`Reason::ModelNotFound`], failed precondition when there is nothing to go back to, what loading that version
    /// failed with, or [`Reason::DeadlineExceeded`]: then nothing was moved.
    pub fn rollback(&self, model: &str, who: &str, timeout: Duration) -> Result<What, Problem> {
        let ask = Ask::Change { model: model.to_owned(), who: who.to_owned(), verb: Verb::Rollback };
        match self.ask(ask, Some(timeout))? {
            Answered::Moved(what) => Ok(what),
            Answered::Done | Answered::History(_) => {
                Err(Problem::internal("a rollback was answered otherwise"))
            }
        }
    }

    /// Puts other sources in the place of all there were: models that none of them names are taken down, new ones are
    /// loaded, all others go on. What control calls had asked for is forgotten. Returns when the new state shows in the
    /// catalog; loads go on.
    ///
    /// # Errors
    /// [`Reason::ShuttingDown`].
    pub fn replace(&self, sources: Vec<Source>) -> Result<(), Problem> {
        self.ask(Ask::Replace { sources }, None).map(|_| ())
    }

    /// Who changed what, oldest first.
    ///
    /// # Errors
    /// [`Reason::ShuttingDown`].
    pub fn history(&self) -> Result<Vec<Entry>, Problem> {
        match self.ask(Ask::History, None)? {
            Answered::History(entries) => Ok(entries),
            Answered::Done | Answered::Moved(_) => {
                Err(Problem::internal("a question for the history was answered otherwise"))
            }
        }
    }

    fn change(&self, model: &str, who: &str, verb: Verb, timeout: Duration) -> Result<(), Problem> {
        let ask = Ask::Change { model: model.to_owned(), who: who.to_owned(), verb };
        self.ask(ask, Some(timeout)).map(|_| ())
    }

    fn ask(&self, ask: Ask, timeout: Option<Duration>) -> Result<Answered, Problem> {
        let closed = || Problem::new(Reason::ShuttingDown);
        let (answer, answers): (_, Receiver<Result<Answered, Problem>>) = channel();
        let taken = Arc::new(AtomicBool::new(false));
        let reply = Reply::new(answer, taken.clone());
        self.keeper.send(Message::Asked(Asked { ask, reply })).map_err(|_| closed())?;
        if let Some(timeout) = timeout {
            match answers.recv_timeout(timeout) {
                Ok(answer) => return answer,
                Err(RecvTimeoutError::Disconnected) => return Err(closed()),
                Err(RecvTimeoutError::Timeout) if !taken.swap(true, Ordering::AcqRel) => {
                    return Err(Problem::new(Reason::DeadlineExceeded));
                }
                // The keeper is at it: what it does is not to be told as not done.
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        answers.recv().map_err(|_| closed())?
    }
}
