//! What a control call comes to, once the files were looked at: what it writes, and what it waits for.

use super::Keeper;
use super::pending::{Pending, Stage};
use crate::control::ask::{Answered, Reply, Verb};
use crate::journal::{Entry, What};
use landfall_model::{Kind, Problem, Reason, Version};

impl Keeper {
    /// Begins a call, now that the files were looked at.
    pub(super) fn begin(&mut self, index: usize) -> Result<Stage, Problem> {
        let (name, verb) = (self.pending[index].model.clone(), self.pending[index].verb.clone());
        let not_found = || Problem::new(Reason::ModelNotFound { model: name.clone() });
        let model = self.models.get(&name).filter(|model| model.present).ok_or_else(not_found)?;
        match verb {
            Verb::Load => {
                if self.pending[index].reply.is_abandoned() {
                    return Err(Problem::new(Reason::DeadlineExceeded));
                }
                self.write(index, What::Load)?;
                let mut since = self.number();
                if let Some(model) = self.models.get_mut(&name) {
                    model.forget_failures(|_| true);
                    since = model.oldest_job().unwrap_or(since);
                }
                Ok(Stage::Loads(since))
            }
            // Unloading does not wait for a look.
            Verb::Unload => Err(Problem::internal("unloading was put off")),
            Verb::Promote { version, label } => {
                let exists = model.seen(&version).is_some() || model.available(&version).is_some();
                if !exists {
                    let version = version.to_string();
                    return Err(Problem::new(Reason::VersionNotFound { model: name, version }));
                }
                let version = model.seen(&version).map_or(version, |seen| seen.version.clone());
                let what = What::Promote { version: version.clone(), label };
                Ok(self.expect(&name, Some(version), what))
            }
            Verb::Rollback => {
                if model.orders.unloaded {
                    return Err(unloaded(&name));
                }
                let what = model.orders.rollback(|label| model.points_at(label), || model.before_default());
                let Some(what) = what else {
                    let text = format!("model {name:?} has no version before the present one");
                    return Err(Problem::worded(Kind::FailedPrecondition, text));
                };
                let What::Rollback { version, .. } = &what else {
                    return Err(Problem::internal("a rollback that is none"));
                };
                if let Some(version) = version
                    && model.seen(version).is_none()
                    && model.available(version).is_none()
                {
                    let text =
                        format!("version {version} of model {name:?}, the one before, is no longer there");
                    return Err(Problem::worded(Kind::FailedPrecondition, text));
                }
                let version = version.clone();
                Ok(self.expect(&name, version, what))
            }
        }
    }

    /// Waits for a version; one that failed is tried again.
    fn expect(&mut self, name: &str, version: Option<Version>, what: What) -> Stage {
        if let (Some(model), Some(version)) = (self.models.get_mut(name), &version) {
            model.forget_failures(|failed| failed == version);
        }
        Stage::Version(version, what)
    }

    /// Takes a model down. Answers when the catalog shows it.
    pub(crate) fn unload_all(&mut self, name: &str, who: String, reply: Reply) {
        if !reply.take() {
            return;
        }
        let outcome = self.write_entry(name.to_owned(), who.clone(), What::Unload);
        let mut pending = Pending::new(name.to_owned(), who, Verb::Unload, reply, 0);
        pending.stage = Stage::Answer(outcome.map(|()| Answered::Done));
        self.pending.push(pending);
        // Whoever waits for a version of it waits in vain.
        for other in &mut self.pending {
            if other.model == name && matches!(other.stage, Stage::Version(..)) {
                other.stage = Stage::Answer(Err(unloaded(name)));
            }
        }
        self.refresh(name);
    }

    /// Puts an entry on disk, and on record to be told.
    pub(super) fn write(&mut self, index: usize, what: What) -> Result<(), Problem> {
        let Pending { model, who, .. } = &self.pending[index];
        let (model, who) = (model.clone(), who.clone());
        self.write_entry(model, who, what)
    }

    fn write_entry(&mut self, model: String, who: String, what: What) -> Result<(), Problem> {
        let Some(source) = self.models.get(&model).map(|model| model.source) else {
            return Err(Problem::new(Reason::ModelNotFound { model }));
        };
        let entry = Entry { at: self.clock.wall(), who, model, what };
        let Some(journal) = self.journals.get_mut(source) else {
            return Err(Problem::new(Reason::ModelNotFound { model: entry.model }));
        };
        journal.append(entry.clone())?;
        self.tell_changed(entry);
        Ok(())
    }
}

/// What an unloaded model answers to calls that need it loaded.
pub(crate) fn unloaded(model: &str) -> Problem {
    Problem::worded(Kind::FailedPrecondition, format!("model {model:?} is unloaded: load it first"))
}
