//! A model's outputs as classes or numbers.

use super::plan::{Answer, Form, Plan};
use crate::failed_rows;
use crate::tfs::names::data_type;
use landfall_model::{DType, Outputs, Problem, Scalar, Signature, Tensor};

/// What a question is answered with.
#[derive(Clone, PartialEq, Debug)]
pub enum Answered {
    /// Of each example, its classes.
    Classified(Classified),
    /// Of each example, a number.
    Regressed(Vec<f32>),
}

/// Classes of examples, in the model's order.
#[derive(Clone, PartialEq, Debug)]
pub struct Classified {
    examples: usize,
    classes: usize,
    labels: Labels,
    /// Row by row; empty where there are none.
    scores: Vec<f32>,
}

#[derive(Clone, PartialEq, Debug)]
enum Labels {
    None,
    /// The same for all examples.
    ByClass(Vec<String>),
    /// Row by row.
    Each(Vec<Vec<u8>>),
}

impl Classified {
    /// The classes of each example: label and score. A label is empty, a score 0, where the model has none.
    pub fn examples(&self) -> impl Iterator<Item = impl Iterator<Item = (&[u8], f32)>> {
        (0..self.examples).map(move |example| (0..self.classes).map(move |class| self.class(example, class)))
    }

    fn class(&self, example: usize, class: usize) -> (&[u8], f32) {
        let place = example * self.classes + class;
        let label = match &self.labels {
            Labels::None => &[][..],
            Labels::ByClass(names) => names.get(class).map_or(&[][..], |name| name.as_bytes()),
            Labels::Each(labels) => labels.get(place).map_or(&[][..], |label| label),
        };
        (label, self.scores.get(place).copied().unwrap_or(0.0))
    }
}

/// Reads a model's outputs as the answer to a question.
///
/// # Errors
/// Invalid argument, in the original's words, for outputs that are none; rows that failed alone.
pub(in crate::tfs) fn answered(
    form: &Form,
    signature: &Signature,
    outputs: &Outputs,
) -> Result<Answered, Problem> {
    failed_rows::refuse(outputs)?;
    let examples = form.examples;
    let get = |place: usize| {
        let name = &signature.outputs()[place].name;
        let tensor = outputs.get(place);
        tensor.ok_or_else(|| Problem::invalid(format!("Could not find output tensor '{name}'")))
    };
    match &form.plan.answer {
        Answer::Number(place) => numbers(&form.plan, get(*place)?, examples).map(Answered::Regressed),
        Answer::ScoreByClass(places) => {
            let columns = places
                .iter()
                .map(|(place, _)| numbers(&form.plan, get(*place)?, examples))
                .collect::<Result<Vec<_>, _>>()?;
            let names = places.iter().map(|(_, name)| name.clone()).collect();
            let scores = (0..examples).flat_map(|row| columns.iter().map(move |column| column[row]));
            let scores = scores.collect();
            let classes = places.len();
            let labels = Labels::ByClass(names);
            Ok(Answered::Classified(Classified { examples, classes, labels, scores }))
        }
        Answer::Classes { classes, scores } => {
            let classes = classes.map(get).transpose()?;
            let names = scores.and_then(|place| signature.outputs()[place].class_names.clone());
            let scores = scores.map(get).transpose()?;
            classified(&form.plan, classes, scores, names, examples).map(Answered::Classified)
        }
    }
}

fn classified(
    plan: &Plan,
    classes: Option<&Tensor>,
    scores: Option<&Tensor>,
    names: Option<Vec<String>>,
    examples: usize,
) -> Result<Classified, Problem> {
    let mut width = None;
    if let Some(classes) = classes {
        let columns = columns(plan, classes)?;
        if plan.strict && classes.dtype() != DType::String {
            return Err(wrong_type("classes Tensor of DT_STRING. Got: ", classes));
        }
        batched("classes", classes, examples)?;
        width = Some(columns);
    }
    if let Some(scores) = scores {
        let columns = columns(plan, scores)?;
        if scores.dtype() != DType::F32 && (plan.strict || !scores.dtype().is_float()) {
            return Err(wrong_type("scores Tensor of DT_FLOAT. Got: ", scores));
        }
        batched("scores", scores, examples)?;
        if let Some(width) = width.filter(|&width| width != columns) {
            return Err(Problem::invalid(format!(
                "Tensors class and score should match in dim_size(1). Got {width} vs. {columns}"
            )));
        }
        width = Some(columns);
    }
    let labels = match (classes, names) {
        (Some(classes), _) => Labels::Each((0..classes.len()).map(|i| label(classes, i)).collect()),
        (None, Some(names)) => Labels::ByClass(names),
        (None, None) => Labels::None,
    };
    let scores = scores.map(floats).transpose()?.unwrap_or_default();
    Ok(Classified { examples, classes: width.unwrap_or(0), labels, scores })
}

/// The second axis of a tensor [n, classes]. Other models than TensorFlow's may leave it out where it is 1.
fn columns(plan: &Plan, tensor: &Tensor) -> Result<usize, Problem> {
    match tensor.shape()[..] {
        [_, columns] => Ok(columns),
        [_] if !plan.strict => Ok(1),
        _ => Err(Problem::invalid(format!(
            "Expected Tensor shape: [batch_size num_classes] but got {}",
            tensor.shape()
        ))),
    }
}

fn batched(what: &str, tensor: &Tensor, examples: usize) -> Result<(), Problem> {
    match tensor.shape().first() {
        Some(&rows) if rows != examples => {
            Err(Problem::invalid(format!("Expected {what} output batch size of {examples}. Got: {rows}")))
        }
        _ => Ok(()),
    }
}

fn numbers(plan: &Plan, tensor: &Tensor, examples: usize) -> Result<Vec<f32>, Problem> {
    let rows = match tensor.shape()[..] {
        [rows] | [rows, 1] => rows,
        _ => {
            return Err(Problem::invalid(format!(
                "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {}",
                tensor.shape()
            )));
        }
    };
    if rows != examples {
        return Err(Problem::invalid(format!(
            "Input batch size did not match output batch size: {examples} vs. {rows}"
        )));
    }
    if tensor.dtype() != DType::F32 && (plan.strict || !tensor.dtype().is_float()) {
        return Err(wrong_type("output Tensor of DT_FLOAT.  Got: ", tensor));
    }
    floats(tensor)
}

#[cold]
fn wrong_type(expected: &str, tensor: &Tensor) -> Problem {
    Problem::invalid(format!("Expected {expected}{}", data_type(tensor.dtype()).0))
}

/// The values of a tensor of floats; missing ones as NaN.
fn floats(tensor: &Tensor) -> Result<Vec<f32>, Problem> {
    if tensor.dtype() == DType::F32 && tensor.missing().is_none() {
        return Ok(tensor.values::<f32>()?.to_vec());
    }
    let value = |i| match tensor.scalar(i) {
        Scalar::Float(value) if !tensor.is_missing(i) => value as f32,
        _ => f32::NAN,
    };
    Ok((0..tensor.len()).map(value).collect())
}

/// A class as text; a missing one is empty.
fn label(classes: &Tensor, place: usize) -> Vec<u8> {
    if classes.is_missing(place) {
        return Vec::new();
    }
    match classes.scalar(place) {
        Scalar::Bytes(bytes) => bytes,
        value => value.to_string().into_bytes(),
    }
}
