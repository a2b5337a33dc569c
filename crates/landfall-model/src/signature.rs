//! A named way to call a model: what goes in, what comes out, what rows are.

use crate::{
    Dim, InputSpec, Kind, NullRule, NullRuleSource, OutputSpec, Problem, Reason, RowRule, Shape, Wanted,
};
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
    blanks_are_underscores: bool,
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
            blanks_are_underscores: false,
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
        let found = self.slots.get(name).copied();
        found.or_else(|| self.slots.get(&self.with_underscores(name)?).copied())
    }

    /// The name that the model has for the input or column that this one leads to.
    pub fn own_name(&self, name: &str) -> Option<&str> {
        let SlotColumn { slot, column } = self.slot(name)?;
        let input = &self.inputs[slot];
        Some(column.map_or(&input.name, |column| &input.columns[column].name))
    }

    fn with_underscores(&self, name: &str) -> Option<String> {
        (self.blanks_are_underscores && name.contains(' ')).then(|| name.replace(' ', "_"))
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

    /// The same signature, of a model whose file has an underscore for each blank in a name: callers may use the blanks.
    #[must_use]
    pub fn which_writes_blanks_as_underscores(mut self) -> Self {
        self.blanks_are_underscores = true;
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
    use crate::{Column, DType};

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
        assert_eq!(signature.own_name("job"), Some("job"));
    }

    #[test]
    fn names_with_underscores_for_blanks_are_found_with_blanks() {
        let mut features = InputSpec::new("features", DType::F32, None);
        features.columns = ["a_b", "c"].map(|name| Column { name: name.into(), doc: String::new() }).to_vec();
        let signature = of(vec![features, spec("d_e")]).unwrap();
        assert_eq!(signature.slot("a b"), None, "of most models a name is what it is");
        let signature = signature.which_writes_blanks_as_underscores();
        assert_eq!(signature.slot("a b"), Some(SlotColumn { slot: 0, column: Some(0) }));
        assert_eq!(signature.slot("d e"), Some(SlotColumn { slot: 1, column: None }));
        assert_eq!((signature.own_name("a b"), signature.own_name("a  b")), (Some("a_b"), None));
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
}
