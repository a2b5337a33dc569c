//! A model loaded by the embedded engine.

use super::apart::apart;
use super::guarded::guarded;
use super::options::{EmbeddedOptions, THREADS};
use super::plan::Plan;
use super::range::Ranges;
use super::rewritten::rewritten;
use super::run::EmbeddedInstance;
use super::watched::watched;
use super::{NAME, WAY_OUT, beside, broken, support, unusual};
use crate::declared;
use crate::interface::Interface;
use crate::{external, facts, recognise};
use landfall_model::{Facts, Instance, Model, ModelFiles, Options, Problem, Signature};
use rten::{LoadErrorKind, ModelOptions, ThreadPool};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A loaded model.
pub(super) struct EmbeddedModel {
    signatures: [Arc<Signature>; 1],
    plan: Arc<Plan>,
    facts: Facts,
}

impl EmbeddedModel {
    pub(super) fn load(files: &dyn ModelFiles, options: &Options) -> Result<Self, Problem> {
        let threads_option = options.get(THREADS).is_none().then_some(THREADS);
        let options = EmbeddedOptions::read(options)?;
        let (entry, path) = recognise::model_file(files)?;
        let file = path.display().to_string();
        let bytes = files.bytes(&entry.name)?;
        let declared = declared::read(&file, bytes.bytes())?;
        let interface = Interface::of(&file, &declared)?;
        let version = declared.opsets.get("").copied().unwrap_or(1);
        let guarded = guarded(&file, bytes.bytes(), &interface.signature)?;
        let (body, mut within) = match &guarded {
            Some(guarded) => (&guarded.bytes[..], guarded.values.clone()),
            None => (bytes.bytes(), HashSet::new()),
        };
        let mut body = match rewritten(&file, body, version)? {
            Some(words) => {
                within.extend(words.within);
                words.bytes
            }
            None => body.to_vec(),
        };
        let read = declared::read(&file, &body)?;
        unusual::check(&file, &body).map_err(|problem| problem.at(&file))?;
        let externals = external::checked(&read, files).map_err(|problem| problem.at(&file))?;
        let mut notes =
            support::check(&read, &interface, &externals, &options).map_err(|problem| problem.at(&file))?;
        notes.extend(interface.notes.iter().cloned());
        let memory = entry.bytes + externals.values().map(|buffer| buffer.len() as u64).sum::<u64>();
        let mut loader = ModelOptions::with_all_ops();
        if interface.has_items() {
            // Their tensors are no outputs of the graph: what looks for a shorter way to those would drop them.
            loader.enable_optimization(false);
        }
        let ranges = Ranges::of(&file, &body, &interface.signature)?;
        let (checked, watches) = watched(&file, &body, &read, &interface.signature, &externals, &within)
            .map_err(|problem| problem.at(&file))?;
        let is_checked = checked.is_some();
        body = checked.unwrap_or(body);
        let parted = apart(&file, &body, version).map_err(|problem| problem.at(&file))?;
        let is_parted = parted.is_some();
        let steps = parted.map(|(rest, steps)| {
            body = rest;
            steps
        });
        let placed =
            if is_checked || is_parted { declared::read(&file, &body)?.externals } else { read.externals };
        let names = beside::renamed(&mut body, &placed);
        for (location, buffer) in &externals {
            loader.external_data(names.get(location).unwrap_or(location), buffer.bytes().to_vec());
        }
        drop(externals);
        // The engine is another's code over a foreign file: a panic in it must cost this model alone.
        let model = catch_unwind(AssertUnwindSafe(|| loader.load(body)))
            .map_err(|_| broken("it panicked while it read the model").at(&file))?
            .map_err(|error| load_problem(&file, &error))?;
        let mut plan = Plan::of(model, &interface, &declared, options.num_threads)
            .map_err(|problem| problem.at(&file))?;
        plan.ranges = ranges;
        plan.watch(watches).map_err(|problem| problem.at(&file))?;
        plan.take_apart(steps, &interface).map_err(|problem| problem.at(&file))?;
        let defaults = declared.inputs.iter().filter(|input| input.has_default);
        notes.extend(defaults.map(|input| {
            format!("input {:?}: its default is always taken; another value is refused", input.name)
        }));
        let facts = facts::of(&declared, NAME, options.num_threads, memory, notes);
        let facts = Facts { threads_option, ..facts };
        Ok(EmbeddedModel { signatures: [interface.signature], plan: Arc::new(plan), facts })
    }
}

impl Model for EmbeddedModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        // The engine runs on a pool's threads and never on its caller's. A pool for each instance, so that the threads
        // of two callers do not wait for each other.
        let pool = Arc::new(ThreadPool::with_num_threads(self.plan.num_threads));
        Ok(Box::new(EmbeddedInstance::new(self.plan.clone(), pool)))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

fn load_problem(file: &str, error: &rten::LoadError) -> Problem {
    let text = format!("the engine embedded: {error}");
    match error.kind() {
        LoadErrorKind::ParseError | LoadErrorKind::UnknownFileType => Problem::malformed(file, None, text),
        // An operator it does not have, or an attribute of one; a graph it cannot plan.
        LoadErrorKind::OperatorInvalid | LoadErrorKind::GraphError | LoadErrorKind::ExternalDataError => {
            Problem::unsupported(text, WAY_OUT).at(file)
        }
        _ => broken(&error.to_string()).at(file),
    }
}
