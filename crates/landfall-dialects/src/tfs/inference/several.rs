//! Several questions about the same examples: one run answers them all, where the model can.

use super::{Answered, Form, Planned, answered};
use crate::tfs::examples::{self, Examples};
use crate::tfs::names;
use crate::{Decoded, Hints};
use landfall_model::{Call, Input, Joint, Member, Outputs, Problem, Signature, Strings, Wanted};
use std::sync::Arc;

/// Several tasks over the same examples: what has to run, and how each is answered out of it.
#[derive(Debug)]
pub struct Several {
    /// One run for all tasks, where the model has a joint signature of theirs; else one for each.
    pub runs: Vec<Decoded<()>>,
    /// How the runs' outputs answer.
    pub tasks: Tasks,
}

/// How the outputs of runs answer tasks, in their order.
#[derive(Debug)]
pub struct Tasks(Vec<Task>);

/// One task's part of a run.
#[derive(Debug)]
struct Task {
    form: Form,
    signature: Arc<Signature>,
    run: usize,
    /// The place of its signature's first output among those of the run.
    first: usize,
}

impl Tasks {
    /// How many examples there were.
    pub fn examples(&self) -> usize {
        self.0.first().map_or(0, |task| task.form.examples())
    }

    /// The first task's signature; empty where there is no task.
    pub fn first_signature(&self) -> &str {
        self.0.first().map_or("", |task| task.signature.name())
    }

    /// The signature that each task asked for, and its answer.
    pub(in crate::tfs) fn answered(
        &self,
        outputs: &[Outputs],
    ) -> impl Iterator<Item = Result<(&str, Answered), Problem>> {
        self.0.iter().map(|task| {
            let Task { form, signature, run, first } = task;
            let own = outputs.get(*run).map(|all| all.places(*first..first + signature.outputs().len()));
            answered(form, signature, &own.unwrap_or_default()).map(|answered| (form.signature(), answered))
        })
    }
}

/// The runs that planned tasks need.
///
/// # Errors
/// Invalid argument, in the original's words: no examples, or ones that do not fit.
pub(in crate::tfs) fn several(
    tasks: Vec<Planned>,
    examples: Examples,
    joint: Option<&Joint>,
) -> Result<Several, Problem> {
    let examples = examples.merged()?;
    let of_all = joint.and_then(|joint| Some((joint, members(joint, &tasks)?)));
    match of_all {
        Some((joint, members)) => together(tasks, &examples, joint, &members),
        None => apart(tasks, &examples),
    }
}

/// Where several tasks that take the examples as they are stand in a joint signature, if all do.
fn members<'j>(joint: &'j Joint, tasks: &[Planned]) -> Option<Vec<&'j Member>> {
    let member = |task: &Planned| joint.member(task.signature.name()).filter(|_| task.plan.serialized);
    tasks.iter().map(member).collect::<Option<Vec<_>>>().filter(|members| members.len() > 1)
}

fn together(
    tasks: Vec<Planned>,
    examples: &Strings,
    joint: &Joint,
    members: &[&Member],
) -> Result<Several, Problem> {
    let texts = examples::serialized(examples.clone())?;
    let mut inputs = vec![None; joint.signature().inputs().len()];
    let (mut wanted, mut answering) = (Vec::new(), Vec::with_capacity(tasks.len()));
    for (task, member) in tasks.into_iter().zip(members) {
        inputs[member.slot] = Some(Input::Dense(texts.clone()));
        wanted.extend(task.plan.wanted().iter().map(|place| member.first + place));
        let (signature, form) = task.of(examples.len());
        answering.push(Task { form, signature, run: 0, first: member.first });
    }
    let wanted: Wanted = wanted.into_iter().collect();
    let call = Call::checked(joint.signature().clone(), inputs, wanted).map_err(names::types_worded)?;
    Ok(Several { runs: vec![Decoded { call, hints: Hints::default(), form: () }], tasks: Tasks(answering) })
}

fn apart(tasks: Vec<Planned>, examples: &Strings) -> Result<Several, Problem> {
    let (mut runs, mut answering) = (Vec::with_capacity(tasks.len()), Vec::with_capacity(tasks.len()));
    for (run, task) in tasks.into_iter().enumerate() {
        let call = task.call(examples.clone())?;
        runs.push(Decoded { call, hints: Hints::default(), form: () });
        let (signature, form) = task.of(examples.len());
        answering.push(Task { form, signature, run, first: 0 });
    }
    Ok(Several { runs, tasks: Tasks(answering) })
}
