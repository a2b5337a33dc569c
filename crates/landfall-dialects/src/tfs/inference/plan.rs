//! Which of a signature's outputs answer a question.

use super::{Rules, Task};
use landfall_model::{DType, Dim, Method, OutputSpec, Problem, ShapeRule, Signature, Wanted};

/// What the answer's encoder needs from the question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    pub(super) plan: Plan,
    /// The name under which the signature was asked for.
    pub(super) signature: String,
    /// How many examples there were.
    pub(super) examples: usize,
}

impl Form {
    /// How many examples there were.
    pub fn examples(&self) -> usize {
        self.examples
    }

    /// The name under which the signature was asked for; `serving_default` where none was given.
    pub(in crate::tfs) fn signature(&self) -> &str {
        if self.signature.is_empty() { crate::tfs::names::DEFAULT_SIGNATURE } else { &self.signature }
    }
}

/// How a signature answers a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Plan {
    /// Whether the one input takes serialized examples.
    pub(super) serialized: bool,
    /// Whether the outputs must be of the types and shapes that the original asks for.
    pub(super) strict: bool,
    pub(super) answer: Answer,
}

/// The places of outputs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    Classes {
        classes: Option<usize>,
        scores: Option<usize>,
    },
    /// One output for each class, with the class's name.
    ScoreByClass(Vec<(usize, String)>),
    Number(usize),
}

impl Plan {
    /// The outputs that must be computed.
    pub(super) fn wanted(&self) -> Wanted {
        match &self.answer {
            Answer::Classes { classes, scores } => classes.iter().chain(scores).copied().collect(),
            Answer::ScoreByClass(outputs) => outputs.iter().map(|(place, _)| *place).collect(),
            Answer::Number(place) => Some(*place).into_iter().collect(),
        }
    }
}

/// How a signature answers a question.
///
/// # Errors
/// Invalid argument, in the original's words where it is a TensorFlow graph's.
pub(super) fn of(task: Task, signature: &Signature, rules: Rules) -> Result<Plan, Problem> {
    let strict = is_of_graph(signature);
    if strict {
        let answer = of_graph(task, signature, rules)?;
        return Ok(Plan { serialized: true, strict, answer });
    }
    let answer = match task {
        Task::Classify => classes(signature)?,
        Task::Regress => number(signature)?,
    };
    Ok(Plan { serialized: false, strict, answer })
}

/// Whether a signature is a TensorFlow graph's: it has a method of its own, its shapes are the runtime's affair, or its
/// outputs are a graph's tensors, whatever runs them.
fn is_of_graph(signature: &Signature) -> bool {
    *signature.method() != Method::Predict
        || signature.shapes() == ShapeRule::AsSent
        || crate::tfs::names::names_tensors(signature)
}

fn of_graph(task: Task, signature: &Signature, rules: Rules) -> Result<Answer, Problem> {
    let what = match task {
        Task::Classify => "classification",
        Task::Regress => "regression",
    };
    let method = crate::tfs::names::method_name(signature.method());
    if rules.check_method && method != task.method_name() {
        return Err(Problem::invalid(format!(
            "Expected {what} signature method_name to be {}. Was: {method}",
            task.method_name()
        )));
    }
    let outputs = signature.outputs().len();
    if signature.inputs().len() != 1 {
        return Err(Problem::invalid("Expected one input Tensor."));
    }
    match (task, outputs) {
        (Task::Classify, 1 | 2) | (Task::Regress, 1) => {}
        (Task::Classify, _) => {
            return Err(Problem::invalid(format!("Expected one or two output Tensors, found {outputs}")));
        }
        (Task::Regress, _) => return Err(Problem::invalid("Expected one output Tensor.")),
    }
    if signature.inputs()[0].name != "inputs" {
        let shown = shown(signature);
        return Err(Problem::invalid(format!("No {what} inputs found in SignatureDef: {shown}")));
    }
    match task {
        Task::Regress => signature.output("outputs").map(Answer::Number).ok_or_else(|| {
            Problem::invalid(format!("No regression outputs found in SignatureDef: {}", shown(signature)))
        }),
        Task::Classify => match (signature.output("classes"), signature.output("scores")) {
            (None, None) => Err(Problem::invalid(format!(
                "Expected classification signature outputs to contain at least one of \"classes\" or \"scores\". \
                 Signature was: {}",
                shown(signature)
            ))),
            (classes, scores) => {
                let tensor = |place: usize| &*signature.outputs()[place].tensor;
                // A tensor that is declared as both is the classes'.
                let is_taken = |place: usize| classes.is_some_and(|of| is_named(tensor(of), tensor(place)));
                Ok(Answer::Classes { classes, scores: scores.filter(|&place| !is_taken(place)) })
            }
        },
    }
}

/// Whether two outputs of a graph are one tensor of it.
fn is_named(one: &str, other: &str) -> bool {
    !one.is_empty() && one == other
}

/// A signature in a line.
fn shown(signature: &Signature) -> String {
    let inputs: Vec<&str> = signature.inputs().iter().map(|input| &*input.name).collect();
    let outputs: Vec<&str> = signature.outputs().iter().map(|output| &*output.name).collect();
    let method = crate::tfs::names::method_name(signature.method());
    format!("inputs: {}; outputs: {}; method_name: {method}", inputs.join(", "), outputs.join(", "))
}

/// What an output can hold, as far as its declaration tells.
fn is_one_column(output: &OutputSpec) -> bool {
    matches!(output.dims.as_deref(), None | Some([_]) | Some([_, Dim::Known(1)]))
}

fn is_table(output: &OutputSpec) -> bool {
    matches!(output.dims.as_deref(), Some([_, _])) && !is_one_column(output)
}

/// The outputs given by default that fit; those that must be asked for by name say something else.
fn that_fit(signature: &Signature, fits: impl Fn(&OutputSpec) -> bool) -> Vec<usize> {
    signature.default_outputs().iter().filter(|&place| fits(&signature.outputs()[place])).collect()
}

fn classes(signature: &Signature) -> Result<Answer, Problem> {
    let (classes, scores) = (signature.output("classes"), signature.output("scores"));
    if classes.is_some() || scores.is_some() {
        return Ok(Answer::Classes { classes, scores });
    }
    let tables = that_fit(signature, |output| output.dtype.is_float() && is_table(output));
    let labelled = || that_fit(signature, |output| output.dtype.is_float() && output.class_names.is_some());
    let numbers = || that_fit(signature, |output| output.dtype.is_float() && is_one_column(output));
    let labels = || {
        let is_label = |dtype: DType| dtype == DType::String || dtype.is_integer();
        that_fit(signature, |output| is_label(output.dtype) && is_one_column(output))
    };
    let by_class = by_class(signature);
    let scores = |place| Ok(Answer::Classes { classes: None, scores: Some(place) });
    match (&tables[..], &labelled()[..], &numbers()[..], &labels()[..]) {
        ([only], ..) | (_, [only], ..) => scores(*only),
        ([], ..) if by_class.len() > 1 => Ok(Answer::ScoreByClass(by_class)),
        ([], _, [only], _) => scores(*only),
        ([], _, _, [only]) => Ok(Answer::Classes { classes: Some(*only), scores: None }),
        _ => Err(unanswerable(signature, "classify", "one output of scores [n, classes], or one of classes")),
    }
}

/// Outputs as scoring documents have them: one number for each class, named `probability(CLASS)` or `probability_CLASS`.
fn by_class(signature: &Signature) -> Vec<(usize, String)> {
    const PREFIX: &str = "probability";
    let class_of = |name: &str| {
        let (head, tail) = name.split_at_checked(PREFIX.len())?;
        let class = match tail.as_bytes().first()? {
            b'(' => tail[1..].strip_suffix(')')?,
            b'_' => &tail[1..],
            _ => return None,
        };
        head.eq_ignore_ascii_case(PREFIX).then(|| class.to_owned())
    };
    let fits = |output: &OutputSpec| output.dtype.is_float() && is_one_column(output);
    let places = that_fit(signature, fits).into_iter();
    places.filter_map(|place| Some((place, class_of(&signature.outputs()[place].name)?))).collect()
}

fn number(signature: &Signature) -> Result<Answer, Problem> {
    if let Some(place) = signature.output("outputs") {
        return Ok(Answer::Number(place));
    }
    match that_fit(signature, |output| output.dtype.is_float() && is_one_column(output))[..] {
        [only] => Ok(Answer::Number(only)),
        _ => Err(unanswerable(signature, "regress", "exactly one output of one float for each row")),
    }
}

#[cold]
fn unanswerable(signature: &Signature, verb: &str, expected: &str) -> Problem {
    let of = |place: usize| {
        let output = &signature.outputs()[place];
        let dims = output.dims.as_deref().unwrap_or_default();
        format!("{} {}{}", output.name, output.dtype, landfall_model::display_dims(dims))
    };
    let outputs: Vec<String> = signature.default_outputs().iter().map(of).collect();
    Problem::invalid(format!(
        "signature \"{}\" cannot {verb}: expected {expected}, found {}; use predict",
        signature.name(),
        outputs.join(", ")
    ))
}
