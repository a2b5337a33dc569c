//! Classify and regress: examples in, classes with scores or one number each out.
//!
//! A signature of a TensorFlow graph follows the original's rules: one input `inputs` that takes serialized examples,
//! outputs `classes` and `scores`, or `outputs`. Any other model has its inputs filled with the features of their names,
//! and its outputs are told apart by name, type and shape.

mod answer;
mod plan;
mod several;

#[cfg(test)]
mod tests;

pub(super) use answer::answered;
pub use answer::{Answered, Classified};
pub use plan::Form;
pub(super) use several::several;
pub use several::{Several, Tasks};

pub use crate::tfs::examples::Examples;

use crate::tfs::examples;
use crate::tfs::names::{self, DEFAULT_SIGNATURE};
use crate::{Decoded, Hints};
use landfall_model::{Call, Input, Method, Problem, Signature, Strings};
use plan::Plan;
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Task {
    /// Classes and scores.
    Classify,
    /// One number.
    Regress,
}

impl Task {
    /// The task of a `method_name`.
    ///
    /// # Errors
    /// Unimplemented, in the original's words, for any other.
    pub(super) fn of_method(name: &str) -> Result<Task, Problem> {
        [Task::Classify, Task::Regress].into_iter().find(|task| task.method_name() == name).ok_or_else(|| {
            let text = format!("Unsupported signature method_name: {name}");
            Problem::worded(landfall_model::Kind::Unimplemented, text)
        })
    }

    fn method_name(self) -> &'static str {
        names::method_name(match self {
            Task::Classify => &Method::Classify,
            Task::Regress => &Method::Regress,
        })
    }
}

/// How strictly calls are held against signatures.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// Whether a signature's method must be the one that is asked (`--enable_signature_method_name_check`).
    pub check_method: bool,
}

/// A question as a body asks it, before it is known which model is to answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// What is asked.
    pub task: Task,
    /// Name of the signature; empty for the default one.
    pub signature: String,
    /// The rows.
    pub examples: Examples,
}

/// Makes a question a model's call. One without a name means the default signature.
///
/// # Errors
/// Invalid argument, in the original's words: an unknown signature, one that cannot answer, examples that do not fit.
pub fn call(
    question: Question,
    signatures: &[Arc<Signature>],
    rules: Rules,
) -> Result<Decoded<Form>, Problem> {
    let Question { task, signature: name, examples } = question;
    let signature = names::signature_of(name.as_bytes(), signatures).ok_or_else(|| {
        let name = if name.is_empty() { DEFAULT_SIGNATURE } else { &name };
        Problem::invalid(format!("No signature was found with the name: {name}"))
    })?;
    let planned = planned(task, signature, &name, rules)?;
    let examples = examples.merged()?;
    let count = examples.len();
    let call = planned.call(examples)?;
    let (_, form) = planned.of(count);
    Ok(Decoded { call, hints: Hints::default(), form })
}

/// A task whose signature can answer it.
pub(super) struct Planned {
    signature: Arc<Signature>,
    plan: Plan,
    /// The name under which the signature was asked for.
    name: String,
}

/// Settles how a signature answers a task.
///
/// # Errors
/// Invalid argument, in the original's words, for one that cannot.
pub(super) fn planned(
    task: Task,
    signature: &Arc<Signature>,
    name: &str,
    rules: Rules,
) -> Result<Planned, Problem> {
    let plan = plan::of(task, signature, rules)?;
    Ok(Planned { signature: signature.clone(), plan, name: name.to_owned() })
}

impl Planned {
    /// The call over these examples.
    ///
    /// # Errors
    /// Invalid argument, for examples that do not fit.
    fn call(&self, examples: Strings) -> Result<Call, Problem> {
        let inputs = if self.plan.serialized {
            vec![Some(Input::Dense(examples::serialized(examples)?))]
        } else {
            examples::inputs(&self.signature, &examples)?
        };
        Call::checked(self.signature.clone(), inputs, self.plan.wanted()).map_err(names::types_worded)
    }

    /// Its signature, and how the answer for so many examples is written.
    fn of(self, examples: usize) -> (Arc<Signature>, Form) {
        (self.signature, Form { plan: self.plan, signature: self.name, examples })
    }
}
