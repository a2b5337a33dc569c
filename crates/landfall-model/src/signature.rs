//! A named way to call a model: what goes in, what comes out, what rows are.

use crate::{DType, Dim, Kind, Problem, Reason, RowRule, Scalar, Shape, Tensor, Wanted, display_dims};
use std::collections::HashMap;
use std::sync::Arc;

/// A named way to call a model. Immutable; names are resolved to slots once, at decode.
#[derive(Clone, Debug)]
pub struct Signature {
    name: String,
    method: Method,
    inputs: Vec<InputSpec>,
    outputs: Vec<OutputSpec>,
    rows: RowRule,
    shapes: ShapeRule,
    slots: HashMap<String, SlotColumn>,
    default_outputs: Wanted,
    changes_by: Option<String>,
}

/// What kind of question a signature answers; TensorFlow Serving's method names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Method {
    /// Tensors in, tensors out.
    Predict,
    /// Examples in, classes and scores out.
    Classify,
    /// Examples in, one number for each out.
    Regress,
    /// A graph's own name for it; such a signature takes tensors.
    Other(Arc<str>),
}

/// Index of an input within its signature.
pub type Slot = usize;

/// Where a name leads: a whole input, or one column of a matrix input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotColumn {
    /// The input.
    pub slot: Slot,
    /// The column of that input's matrix, where the name is a column's.
    pub column: Option<usize>,
}

/// One input.
#[derive(Clone, Debug)]
pub struct InputSpec {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Declared axes; `None` where the model declares no rank.
    pub dims: Option<Vec<Dim>>,
    /// Whether a call may leave it out.
    pub optional: bool,
    /// What it is then, where the model declares that.
    pub default: Option<Tensor>,
    /// What a missing value becomes.
    pub null: NullRule,
    /// Who set that rule.
    pub null_source: NullRuleSource,
    /// Whether a value that cannot be of the type stays, marked invalid with its text; else its row is refused.
    pub accepts_invalid: bool,
    /// Whether whole numbers and truth values (1 and 0) are taken for their decimal text. For strings.
    pub integers_as_text: bool,
    /// The values that the model declares, for a category.
    pub categories: Option<Vec<Scalar>>,
    /// The named columns of a matrix [n, F] (a numeric tree model's `features`); empty for all other inputs.
    pub columns: Vec<Column>,
    /// Name of the tensor in the model's graph (`serving_default_x:0`); empty where names of tensors mean nothing.
    pub tensor: String,
    /// What the model's author says about it.
    pub doc: String,
}

impl InputSpec {
    /// A required input that refuses missing values.
    pub fn new(name: impl Into<String>, dtype: DType, dims: Option<Vec<Dim>>) -> Self {
        InputSpec {
            name: name.into(),
            dtype,
            dims,
            optional: false,
            default: None,
            null: NullRule::Refuse,
            null_source: NullRuleSource::Default,
            accepts_invalid: false,
            integers_as_text: false,
            categories: None,
            columns: Vec::new(),
            tensor: String::new(),
            doc: String::new(),
        }
    }

    /// Whether values of this type come in as text: [`Call::checked`](crate::Call::checked) makes it of them.
    pub fn takes_as_text(&self, found: DType) -> bool {
        self.integers_as_text && self.dtype == DType::String && (found.is_integer() || found == DType::Bool)
    }

    /// Whether it is a column of numbers of a tabular model: one value in each row, which the model itself knows to be
    /// missing at times. It takes every number type: floats are rounded, integers checked.
    pub fn is_number_column(&self) -> bool {
        self.dtype.is_number()
            && self.columns.is_empty()
            && self.dims.as_ref().is_some_and(|dims| dims.len() == 1)
            && (&self.null, self.null_source) == (&NullRule::Accept, NullRuleSource::Model)
    }

    /// The declared axes as protocols write them: `[-1,13]`; `[]` where no rank is declared.
    pub fn declared_shape(&self) -> String {
        display_dims(self.dims.as_deref().unwrap_or_default()).to_string()
    }
}

/// One column of a matrix input.
#[derive(Clone, Debug)]
pub struct Column {
    /// Name.
    pub name: String,
    /// What the model's author says about it.
    pub doc: String,
}

/// What a missing value of an input becomes.
#[derive(Clone, PartialEq, Debug)]
pub enum NullRule {
    /// The call is refused.
    Refuse,
    /// 0, 0.0, false or the empty string.
    Zero,
    /// This value.
    Default(Scalar),
    /// NaN (floats only).
    Nan,
    /// It stays missing: the engine knows missing values.
    Accept,
}

impl NullRule {
    /// Parses `refuse`, `zero`, `nan`, `accept` or `default=VALUE` for an input of this type.
    ///
    /// # Errors
    /// Invalid argument, naming the rules there are.
    pub fn parse(text: &str, dtype: DType) -> Result<Self, Problem> {
        Ok(match text.split_once('=') {
            None => match text {
                "refuse" => NullRule::Refuse,
                "zero" => NullRule::Zero,
                "nan" if dtype.is_float() => NullRule::Nan,
                "nan" => {
                    return Err(Problem::invalid(format!(
                        "missing values of type {dtype} cannot become nan"
                    )));
                }
                "accept" => NullRule::Accept,
                _ => return Err(NullRule::unknown(text)),
            },
            Some(("default", value)) => NullRule::Default(
                scalar_of(value, dtype)
                    .ok_or_else(|| Problem::invalid(format!("default {value:?} is no {dtype}")))?,
            ),
            Some(_) => return Err(NullRule::unknown(text)),
        })
    }

    fn unknown(text: &str) -> Problem {
        Problem::invalid(format!(
            "unknown rule for missing values {text:?}: expected refuse, zero, nan, accept or default=VALUE"
        ))
    }
}

fn scalar_of(text: &str, dtype: DType) -> Option<Scalar> {
    match dtype {
        DType::String => Some(Scalar::Bytes(text.as_bytes().to_vec())),
        DType::Bool => text.parse().ok().map(Scalar::Bool),
        d if d.is_integer() => text.parse().map(Scalar::Int).or_else(|_| text.parse().map(Scalar::UInt)).ok(),
        _ => text.parse().ok().map(Scalar::Float),
    }
}

/// Who set an input's rule for missing values. What the model set cannot be changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NullRuleSource {
    /// The model file.
    Model,
    /// A flag or `model.toml`.
    User,
    /// Nobody: it is `refuse`.
    Default,
}

/// One output.
#[derive(Clone, Debug)]
pub struct OutputSpec {
    /// Name.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Declared axes; `None` where the model declares no rank.
    pub dims: Option<Vec<Dim>>,
    /// Whether it is given when nobody asks for outputs by name.
    pub by_default: bool,
    /// Whether axis 0 is rows. An output without rows is never split, so its model is never batched.
    pub has_rows: bool,
    /// Whether a value of it can be missing.
    pub may_miss: bool,
    /// Names of the classes along the last axis.
    pub class_names: Option<Vec<String>>,
    /// Name of the tensor in the model's graph; empty where names of tensors mean nothing.
    pub tensor: String,
    /// What the model's author says about it.
    pub doc: String,
}

impl OutputSpec {
    /// An output given by default, whose axis 0 is rows.
    pub fn new(name: impl Into<String>, dtype: DType, dims: Option<Vec<Dim>>) -> Self {
        OutputSpec {
            name: name.into(),
            dtype,
            dims,
            by_default: true,
            has_rows: true,
            may_miss: false,
            class_names: None,
            tensor: String::new(),
            doc: String::new(),
        }
    }
}

/// Whether a call's shapes are held against the signature's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShapeRule {
    /// Dims must fit; missing trailing dims of 1 are added.
    Checked,
    /// The runtime decides (TensorFlow).
    AsSent,
}

impl Signature {
    /// A signature.
    ///
    /// # Errors
    /// Invalid argument, when two inputs, two columns, or two outputs share a name.
    pub fn new(
        name: impl Into<String>,
        method: Method,
        inputs: Vec<InputSpec>,
        outputs: Vec<OutputSpec>,
        rows: RowRule,
        shapes: ShapeRule,
    ) -> Result<Self, Problem> {
        let name = name.into();
        let mut slots = HashMap::new();
        for (slot, input) in inputs.iter().enumerate() {
            if slots.insert(input.name.clone(), SlotColumn { slot, column: None }).is_some() {
                return Err(Problem::new(Reason::InputRepeated { input: input.name.clone() }));
            }
        }
        for (slot, input) in inputs.iter().enumerate() {
            for (column, spec) in input.columns.iter().enumerate() {
                // A column named as an input stays reachable by place alone.
                slots.entry(spec.name.clone()).or_insert(SlotColumn { slot, column: Some(column) });
            }
        }
        for (i, output) in outputs.iter().enumerate() {
            if outputs[..i].iter().any(|other| other.name == output.name) {
                return Err(Problem::new(Reason::OutputRepeated { output: output.name.clone() }));
            }
        }
        let default_outputs = (0..outputs.len()).filter(|&i| outputs[i].by_default).collect();
        Ok(Signature {
            name,
            method,
            inputs,
            outputs,
            rows,
            shapes,
            slots,
            default_outputs,
            changes_by: None,
        })
    }

    /// Name: `serving_default` where the model names none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of question it answers.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Inputs, by slot.
    pub fn inputs(&self) -> &[InputSpec] {
        &self.inputs
    }

    /// Outputs, in the model's order.
    pub fn outputs(&self) -> &[OutputSpec] {
        &self.outputs
    }

    /// What the rows of a call are to each other.
    pub fn rows(&self) -> &RowRule {
        &self.rows
    }

    /// Whether shapes are checked.
    pub fn shapes(&self) -> ShapeRule {
        self.shapes
    }

    /// The input, or column of one, of this name.
    #[inline]
    pub fn slot(&self, name: &str) -> Option<SlotColumn> {
        if self.inputs.len() <= 4
            && let Some(slot) = self.inputs.iter().position(|input| input.name == name)
        {
            return Some(SlotColumn { slot, column: None });
        }
        self.slots.get(name).copied()
    }

    /// The place of the output of this name.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs.iter().position(|output| output.name == name)
    }

    /// The outputs that are given when nobody asks by name.
    pub fn default_outputs(&self) -> &Wanted {
        &self.default_outputs
    }

    /// The one required input; what a call without a name means.
    pub fn only_required_input(&self) -> Option<Slot> {
        let mut required = (0..self.inputs.len()).filter(|&slot| !self.inputs[slot].optional);
        required.next().filter(|_| required.next().is_none())
    }

    /// The operator by which a call changes the model, so that later calls are answered otherwise.
    pub fn changes_by(&self) -> Option<&str> {
        self.changes_by.as_deref()
    }

    /// The same signature, whose calls change the model by an operator; they are never put together or cut.
    #[must_use]
    pub fn which_changes_by(mut self, operator: impl Into<String>) -> Self {
        self.rows = RowRule::None;
        self.changes_by = Some(operator.into());
        self
    }

    /// The same signature with another row rule (after a probe, or by configuration).
    #[must_use]
    pub fn with_rows(mut self, rows: RowRule) -> Self {
        self.rows = rows;
        self
    }

    /// The same signature with another rule for missing values of one input.
    ///
    /// # Errors
    /// Failed precondition, when the model itself sets another rule.
    pub fn with_null_rule(mut self, slot: Slot, rule: NullRule) -> Result<Self, Problem> {
        let input = &mut self.inputs[slot];
        if input.null_source == NullRuleSource::Model && input.null != rule {
            return Err(Problem::worded(
                Kind::FailedPrecondition,
                format!("input {:?}: the model itself sets the rule for missing values", input.name),
            ));
        }
        if rule == NullRule::Accept && input.null != NullRule::Accept {
            return Err(Problem::invalid(format!(
                "input {:?}: the engine does not know missing values",
                input.name
            )));
        }
        (input.null, input.null_source) = (rule, NullRuleSource::User);
        Ok(self)
    }

    /// Shares it.
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    /// Whether a shape fits an input, and the shape with missing trailing dims of 1 added.
    pub(crate) fn fitted(&self, slot: Slot, shape: &Shape) -> Result<Option<Shape>, Problem> {
        let input = &self.inputs[slot];
        let Some(dims) = input.dims.as_ref().filter(|_| self.shapes == ShapeRule::Checked) else {
            return Ok(None);
        };
        let misfit = || {
            Problem::new(Reason::WrongShape {
                input: input.name.clone(),
                expected: input.declared_shape(),
                found: shape.clone(),
            })
        };
        let (head, tail) = dims.split_at_checked(shape.len()).ok_or_else(misfit)?;
        let fits = head.iter().zip(shape.iter()).all(|(dim, &length)| dim.takes(length))
            && tail.iter().all(|d| d.takes(1));
        // A scalar becomes no row, and free axes beyond the first are not guessed.
        let pads = tail.iter().all(|d| *d == Dim::Known(1)) && (tail.is_empty() || !shape.is_empty());
        match (fits, tail.is_empty()) {
            (true, true) => Ok(None),
            (true, false) if pads => Ok(Some(shape.iter().copied().chain(tail.iter().map(|_| 1)).collect())),
            _ => Err(misfit()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> InputSpec {
        InputSpec::new(name, DType::F32, Some(vec![Dim::Free(None), Dim::Known(1)]))
    }

    fn of(inputs: Vec<InputSpec>) -> Result<Signature, Problem> {
        let output = OutputSpec::new("y", DType::F32, None);
        Signature::new("s", Method::Predict, inputs, vec![output], RowRule::Independent, ShapeRule::Checked)
    }

    #[test]
    fn names_lead_to_inputs_and_to_columns_of_a_matrix() {
        let mut features = InputSpec::new("features", DType::F32, None);
        features.columns =
            ["age", "job"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
        let signature = of(vec![features, spec("base_margin")]).unwrap();
        assert_eq!(signature.slot("job"), Some(SlotColumn { slot: 0, column: Some(1) }));
        assert_eq!(signature.slot("base_margin"), Some(SlotColumn { slot: 1, column: None }));
        assert_eq!(signature.slot("nope"), None);
        assert!(of(vec![spec("x"), spec("x")]).is_err());
    }

    #[test]
    fn missing_trailing_ones_are_added_and_nothing_else() {
        let signature = of(vec![spec("x")]).unwrap();
        assert_eq!(signature.fitted(0, &Shape::new(&[5])).unwrap(), Some(Shape::new(&[5, 1])));
        assert_eq!(signature.fitted(0, &Shape::new(&[5, 1])).unwrap(), None);
        assert!(signature.fitted(0, &Shape::new(&[5, 2])).is_err());
        assert!(signature.fitted(0, &Shape::new(&[5, 1, 1])).is_err());
        assert!(signature.fitted(0, &Shape::new(&[])).is_err());
    }

    #[test]
    fn a_rule_that_the_model_sets_stays() {
        let mut input = spec("x");
        input.null_source = NullRuleSource::Model;
        let signature = of(vec![input, spec("z")]).unwrap();
        assert!(signature.clone().with_null_rule(0, NullRule::Zero).is_err());
        assert!(signature.clone().with_null_rule(1, NullRule::Accept).is_err());
        assert_eq!(signature.with_null_rule(1, NullRule::Nan).unwrap().inputs()[1].null, NullRule::Nan);
    }

    #[test]
    fn null_rules_are_read_by_type() {
        assert_eq!(NullRule::parse("default=-3", DType::I32).unwrap(), NullRule::Default(Scalar::Int(-3)));
        assert_eq!(
            NullRule::parse("default=a=b", DType::String).unwrap(),
            NullRule::Default(Scalar::Bytes(b"a=b".to_vec()))
        );
        assert!(NullRule::parse("nan", DType::I32).is_err());
        assert!(NullRule::parse("default=x", DType::F32).is_err());
        assert!(NullRule::parse("drop", DType::F32).unwrap_err().to_string().contains("expected refuse"));
    }
}
