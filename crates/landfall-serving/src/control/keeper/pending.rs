//! Control calls that wait: for a look at the files, then for versions to be loaded.

use super::Keeper;
use crate::catalog::ModelState;
use crate::control::ask::{Answered, Reply, Verb};
use crate::journal::What;
use landfall_model::{Problem, Reason, Version};

/// A control call that waits.
pub(crate) struct Pending {
    pub(super) model: String,
    pub(super) who: String,
    pub(super) verb: Verb,
    pub(super) reply: Reply,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// For a look at the files, by its ticket.
    Look(u64),
    /// For all loads of the model, from this number on.
    Loads(u64),
    /// For one version, or none, to be available; then this is done.
    Version(Option<Version>, What),
    /// To be answered once the catalog shows it.
    Answer(Result<Answered, Problem>),
}

impl Pending {
    pub(crate) fn new(model: String, who: String, verb: Verb, reply: Reply, ticket: u64) -> Self {
        Pending { model, who, verb, reply, stage: Stage::Look(ticket) }
    }

    pub(crate) fn model(&self) -> &str {
        &self.model
    }

    /// The version that it needs loaded.
    pub(crate) fn needs(&self) -> Option<Version> {
        match &self.stage {
            Stage::Version(version, _) => version.clone(),
            _ => None,
        }
    }

    pub(crate) fn refuse(self, problem: Problem) {
        self.reply.send(Err(problem));
    }

    fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Answer(_))
    }
}

impl Keeper {
    /// The look that some waited for has come.
    pub(crate) fn looked(&mut self, tickets: &[u64]) {
        // Looked for anew each time: what follows may forget calls whose callers have left.
        let waits =
            |pending: &Pending| matches!(pending.stage, Stage::Look(ticket) if tickets.contains(&ticket));
        while let Some(index) = self.pending.iter().position(waits) {
            let (name, stage) = (self.pending[index].model.clone(), self.begin(index));
            self.pending[index].stage = stage.unwrap_or_else(|problem| Stage::Answer(Err(problem)));
            self.refresh(&name);
        }
    }

    /// Forgets calls whose callers have left, and with them what they needed loaded.
    pub(crate) fn forget_abandoned(&mut self) {
        self.pending.retain(|pending| {
            // Those who take part in a load do not leave; all others may.
            matches!(pending.stage, Stage::Loads(_) | Stage::Answer(_)) || !pending.reply.is_abandoned()
        });
    }

    /// Carries on with the calls that wait for this model.
    pub(crate) fn settle(&mut self, name: &str) {
        let mut changed = false;
        for index in 0..self.pending.len() {
            if self.pending[index].model != name || self.pending[index].is_answered() {
                continue;
            }
            let Some(model) = self.models.get(name) else { continue };
            let outcome = match &self.pending[index].stage {
                Stage::Loads(since) => loads_ended(model, *since),
                Stage::Version(Some(version), _) => version_ended(model, version),
                Stage::Version(None, _) => Some(Ok(())),
                Stage::Look(_) | Stage::Answer(_) => None,
            };
            let Some(outcome) = outcome else { continue };
            let mut outcome = outcome.map(|()| Answered::Done);
            if let (Ok(_), Stage::Version(_, what)) = (&outcome, &self.pending[index].stage) {
                let what = what.clone();
                changed = true;
                if !self.pending[index].reply.take() {
                    continue;
                }
                outcome = self.write(index, what.clone()).map(|()| Answered::Moved(what));
            }
            self.pending[index].stage = Stage::Answer(outcome);
        }
        if changed {
            self.refresh(name);
        }
    }

    /// Answers those whose call is done, after the catalog shows it.
    pub(crate) fn answer_all(&mut self) {
        let done = self.pending.extract_if(.., |pending| pending.is_answered());
        for pending in done {
            if let Stage::Answer(outcome) = pending.stage {
                pending.reply.send(outcome);
            }
        }
    }
}

fn loads_ended(model: &ModelState, since: u64) -> Option<Result<(), Problem>> {
    if model.is_loading() {
        return None;
    }
    if let Some((version, problem)) = model.failure_since(since) {
        return Some(Err(problem.clone().at(format!("model {:?} version {version}", model.name))));
    }
    let any = model.slots.iter().any(|slot| slot.loaded().is_some());
    Some(if any { Ok(()) } else { Err(model.none_available()) })
}

fn version_ended(model: &ModelState, version: &Version) -> Option<Result<(), Problem>> {
    if model.available(version).is_some() {
        return Some(Ok(()));
    }
    match model.slot(version) {
        Some(slot) => {
            let problem = slot.failure()?.clone();
            Some(Err(problem.at(format!("model {:?} version {version}", model.name))))
        }
        None => {
            let reason =
                Reason::VersionNotFound { model: model.name.to_string(), version: version.to_string() };
            Some(Err(Problem::new(reason)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{put, scale, setup};
    use crate::repository::Repository;

    #[test]
    fn a_look_that_several_waited_for_who_have_left_since_is_survived_and_moves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &[("m/1/a.fake", &scale(1)), ("m/2/a.fake", &scale(2))]);
        let setup = setup(folder.path());
        let mut keeper = Keeper::alone(&setup);
        let mut round = Repository::new(setup.sources.clone(), setup.kit.clone()).look();
        let seen = round.models.remove(0);
        let mut model = ModelState::new(&seen.name, seen.source, false, Default::default());
        (model.present, model.seen) = (true, seen.versions);
        keeper.models.insert(seen.name, model);
        for ticket in 1..=3 {
            let verb = Verb::Promote { version: Version::numbered(1), label: None };
            keeper.pending.push(Pending::new("m".into(), "ann".into(), verb, Reply::to_nobody(), ticket));
        }
        keeper.looked(&[1, 2, 3]);
        assert!(keeper.pending.is_empty());
        assert!(keeper.journals[0].entries().is_empty());
    }
}
