//! What a look at the sources has found, taken up.

use super::{Keeper, Phase};
use crate::Source;
use crate::catalog::ModelState;
use crate::journal::Journal;
use crate::repository::{Round, Seen};
use std::collections::BTreeSet;

/// The source of a model that no source names any more.
const NOWHERE: usize = usize::MAX;

impl Keeper {
    pub(super) fn round(&mut self, mut round: Round, tickets: &[u64]) {
        if let Some(sources) = round.sources.take() {
            self.take_sources(sources);
        }
        let dropped: BTreeSet<usize> = round.dropped.iter().map(|(source, _)| *source).collect();
        let mut there = std::mem::take(&mut round.passed_over);
        for seen in round.models {
            there.insert(seen.name.clone());
            self.see(seen);
        }
        for (name, model) in &mut self.models {
            if !there.contains(name) && !dropped.contains(&model.source) {
                model.present = false;
                model.seen.clear();
            }
        }
        if self.phase == Phase::New {
            self.phase = Phase::Starting;
            let path = |source: usize| self.sources[source].path.clone();
            self.absent =
                round.dropped.into_iter().map(|(source, problem)| (path(source), problem)).collect();
        }
        self.absent.retain(|(path, _)| dropped.iter().any(|source| self.sources[*source].path == *path));
        self.hasten_changed();
        for name in self.models.keys().cloned().collect::<Vec<_>>() {
            self.refresh(&name);
        }
        self.looked(tickets);
        let seen = self.replacing.extract_if(.., |(ticket, _)| tickets.contains(ticket));
        self.replaced.extend(seen.map(|(_, reply)| reply));
    }

    /// Other sources are in force. Models keep their places by name; those that no source names have none any more.
    fn take_sources(&mut self, sources: Vec<Source>) {
        for (name, model) in &mut self.models {
            let place = sources.iter().position(|source| source.name.as_deref() == Some(name));
            model.asked_for = place.is_some_and(|place| sources[place].asked_for);
            model.source = place.unwrap_or(NOWHERE);
        }
        self.journals = sources.iter().map(|_| Journal::in_memory()).collect();
        self.sources = sources;
    }

    /// Takes up what lies there of one model.
    fn see(&mut self, seen: Seen) {
        let orders = self.journals[seen.source].orders().of(&seen.name);
        let source = &self.sources[seen.source];
        let asked_for = source.asked_for && source.path == seen.path;
        let known = self.models.contains_key(&seen.name);
        let model = self
            .models
            .entry(seen.name.clone())
            .or_insert_with(|| ModelState::new(&seen.name, seen.source, asked_for, orders));
        if !known && asked_for && model.orders.unloaded {
            // Whoever names a model at start wants it, whatever was unloaded before.
            model.orders.unloaded = false;
            self.journals[seen.source].overrule_unload(&seen.name);
        }
        (model.present, model.path, model.source, model.seen) = (true, seen.path, seen.source, seen.versions);
        // Settings that cannot be read do not undo those that could.
        let had_good_ones = known && model.settings.is_ok();
        if seen.settings.is_ok() || !had_good_ones {
            model.settings = seen.settings;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{put, scale, setup};
    use crate::repository::Repository;

    #[test]
    fn a_model_that_could_not_be_looked_at_stays_as_it_is_and_one_that_is_gone_does_not() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), &[("a/1/m.fake", &scale(1)), ("b/1/m.fake", &scale(2))]);
        let setup = setup(folder.path());
        let mut keeper = Keeper::alone(&setup);
        keeper.round(Repository::new(setup.sources.clone(), setup.kit.clone()).look(), &[]);
        let passed_over = BTreeSet::from(["a".to_owned()]);
        keeper.round(Round { passed_over, ..Round::default() }, &[]);
        let there = |name: &str| (keeper.models[name].present, keeper.models[name].seen.len());
        assert_eq!((there("a"), there("b")), ((true, 1), (false, 0)));
    }
}
