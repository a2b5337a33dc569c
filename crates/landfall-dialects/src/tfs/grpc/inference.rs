//! `Classify`, `Regress` and `MultiInference`.
//!
//! Requests: model_spec = 1, input = 2; `MultiInferenceRequest`: tasks = 1 (model_spec = 1, method_name = 2), input = 2.
//! Answers: result = 1, model_spec = 2; `MultiInferenceResponse`: results = 1 (model_spec = 1, classification_result = 2,
//! regression_result = 3). Results: classifications = 1 (classes = 1 (label = 1, score = 2)); regressions = 1 (value = 1).

use super::spec::{self, ModelSpec};
use super::unreadable;
use crate::protobuf::Writer;
use crate::tfs::inference::{self, Answered, Examples, Form, Question, Rules, Several, Task, answered};
use crate::tfs::names::{self, DEFAULT_SIGNATURE};
use crate::{Address, Identity};
use landfall_model::protobuf::Fields;
use landfall_model::{Joint, Outputs, Problem, Signature};
use std::collections::HashSet;
use std::sync::Arc;

/// Reads a `ClassificationRequest` or `RegressionRequest`; for whom it is tells `predict_address`, whose field is the
/// same.
///
/// # Errors
/// Invalid argument, for bytes that are none.
pub fn decode_question(task: Task, body: &[u8]) -> Result<Question, Problem> {
    let read = || {
        let (mut spec, mut examples, mut kind) = (ModelSpec::default(), Examples::default(), 0);
        let mut fields = Fields::new("request", body);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => spec.merge(value.message()?)?,
                2 => examples.merge(value.message()?, &mut kind)?,
                _ => {}
            }
        }
        Ok(Question { task, signature: spec.signature, examples })
    };
    read().map_err(unreadable)
}

/// Writes a `ClassificationRequest` or `RegressionRequest` that asks a question.
pub fn encode_question(identity: Identity<'_>, question: &Question) -> Vec<u8> {
    let mut out = Vec::new();
    let mut request = Writer::new(&mut out);
    request.message(1, |message| spec::write(message, identity, &question.signature));
    request.message(2, |input| question.examples.write(input));
    out
}

/// For whom a `MultiInferenceRequest` is: its first task's model.
///
/// # Errors
/// Invalid argument, in the original's words, where it has no task, or one that names nobody.
pub fn multi_inference_address(body: &[u8]) -> Result<Address, Problem> {
    let tasks = Tasks::read(body).map_err(unreadable)?;
    match tasks.specs.into_iter().next() {
        Some((spec, _)) if spec.name.is_empty() => Err(nameless()),
        first => ModelSpec::address(Some(first.map(|(spec, _)| spec).unwrap_or_default())),
    }
}

fn nameless() -> Problem {
    Problem::invalid("Found ModelSpec with an empty model name.")
}

/// The tasks of a `MultiInferenceRequest`, and the examples of all of them.
struct Tasks {
    specs: Vec<(ModelSpec, String)>,
    examples: Examples,
}

impl Tasks {
    fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut tasks = Tasks { specs: Vec::new(), examples: Examples::default() };
        let mut kind = 0;
        let mut fields = Fields::new("MultiInferenceRequest", body);
        while let Some((field, value)) = fields.next()? {
            match field {
                1 => {
                    let (mut spec, mut method) = (ModelSpec::default(), String::new());
                    let mut task = value.message()?;
                    while let Some((field, value)) = task.next()? {
                        match field {
                            1 => spec.merge(value.message()?)?,
                            2 => method = value.text()?.to_owned(),
                            _ => {}
                        }
                    }
                    tasks.specs.push((spec, method));
                }
                2 => tasks.examples.merge(value.message()?, &mut kind)?,
                _ => {}
            }
        }
        Ok(tasks)
    }
}

/// Reads a `MultiInferenceRequest`: one run for all tasks where `joint` holds all their signatures, else one for each.
///
/// # Errors
/// In the original's words, for the first task that is wrong: tasks of several models, a signature twice or unknown, a
/// method that is no task, a signature that cannot answer; then for examples that do not fit.
pub fn decode_multi_inference(
    body: &[u8],
    signatures: &[Arc<Signature>],
    joint: Option<&Joint>,
    rules: Rules,
) -> Result<Several, Problem> {
    let Tasks { specs, examples } = Tasks::read(body).map_err(unreadable)?;
    let mut asked = HashSet::new();
    let mut planned = Vec::with_capacity(specs.len());
    for (spec, method) in &specs {
        if spec.name.is_empty() {
            return Err(nameless());
        }
        if spec.name != specs[0].0.name {
            return Err(Problem::invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
            ));
        }
        let name = if spec.signature.is_empty() { DEFAULT_SIGNATURE } else { &spec.signature };
        if !asked.insert(name) {
            return Err(Problem::invalid(format!("Duplicate evaluation of signature: {name}")));
        }
        let signature = names::signature_of(name.as_bytes(), signatures).ok_or_else(|| {
            Problem::invalid(format!("Requested signature not found in model graph: {name}"))
        })?;
        planned.push(inference::planned(Task::of_method(method)?, signature, &spec.signature, rules)?);
    }
    inference::several(planned, examples, joint)
}

/// Writes a `ClassificationResponse` or `RegressionResponse`.
///
/// # Errors
/// Invalid argument, for outputs that are no answer. `out` then holds nothing more than before.
pub fn encode_answer(
    form: &Form,
    identity: Identity<'_>,
    signature: &Signature,
    outputs: &Outputs,
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let answered = answered(form, signature, outputs)?;
    let mut response = Writer::new(out);
    response.message(1, |result| write_result(&answered, result));
    response.message(2, |message| spec::write(message, identity, form.signature()));
    Ok(())
}

/// Writes a `MultiInferenceResponse` out of what the runs gave, in their order.
///
/// # Errors
/// As [`encode_answer`]; `out` then holds the answers to the tasks before.
pub fn encode_multi_inference(
    tasks: &inference::Tasks,
    identity: Identity<'_>,
    outputs: &[Outputs],
    out: &mut Vec<u8>,
) -> Result<(), Problem> {
    let mut response = Writer::new(out);
    for answered in tasks.answered(outputs) {
        let (signature, answered) = answered?;
        response.message(1, |result| {
            result.message(1, |message| spec::write(message, identity, signature));
            let kind = match answered {
                Answered::Classified(_) => 2,
                Answered::Regressed(_) => 3,
            };
            result.message(kind, |result| write_result(&answered, result));
        });
    }
    Ok(())
}

fn write_result(answered: &Answered, result: &mut Writer<'_>) {
    match answered {
        Answered::Regressed(numbers) => {
            numbers.iter().for_each(|&number| result.message(1, |message| float(message, 1, number)));
        }
        Answered::Classified(classified) => {
            for classes in classified.examples() {
                result.message(1, |message| {
                    for (label, score) in classes {
                        message.message(1, |class| {
                            if !label.is_empty() {
                                class.bytes_field(1, label);
                            }
                            float(class, 2, score);
                        });
                    }
                });
            }
        }
    }
}

/// A float, which is left out where it is 0 (and not −0).
fn float(message: &mut Writer<'_>, field: u32, value: f32) {
    if value.to_bits() != 0 {
        message.float_field(field, value);
    }
}
