//! How large a model's floats can become: from the size of the largest number that comes in, through the operators of the
//! main graph. Where a bound is finite, no infinity and no NaN has come up on the way, and nothing overflowed.
//!
//! Bounds are rough, and never too small. An operator that is not known here, and one that can make NaN of numbers (a
//! logarithm, a root, a division by what is not constant), gives no bound.

mod rule;

use super::weights::Weights;
use crate::declared::{ValueType, value_info};
use crate::node::{Node, name_of};
use landfall_model::protobuf::Fields;
use landfall_model::{Buffer, Problem, Signature};
use rule::Rule;
use std::collections::{BTreeMap, HashMap};

/// Whole numbers of this engine are within 32 bits.
const WHOLE: f64 = 2_147_483_648.0;

/// The values of a graph, and how each comes of others.
#[derive(Default)]
pub(super) struct Bounds<'a> {
    slots: HashMap<&'a str, usize>,
    values: Vec<Value>,
    steps: Vec<Step>,
    /// Names in the order in which they were given, and where each stood before.
    given: Vec<(&'a str, Option<usize>)>,
}

/// How much was known before a graph within a node was entered.
pub(super) struct Mark {
    values: usize,
    steps: usize,
    given: usize,
}

/// What is known of a value, whatever a call brings.
struct Value {
    is_whole: bool,
    /// A bound that holds always; that of a float input is the call's.
    fixed: Option<f64>,
    constant: Option<Weights>,
}

struct Step {
    rule: Rule,
    /// Floats that the rule goes by: all of them must be bounded.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl<'a> Bounds<'a> {
    /// Takes up the inputs and the constants of a graph.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn read(
        mut graph: Fields<'a>,
        signature: &'a Signature,
        externals: &BTreeMap<String, Buffer>,
    ) -> Result<Self, Problem> {
        let mut bounds = Bounds::default();
        for input in signature.inputs() {
            let is_whole = !input.dtype.is_float();
            bounds.give(&input.name, Value { is_whole, fixed: is_whole.then_some(WHOLE), constant: None });
        }
        while let Some((number, value)) = graph.next()? {
            if number == 5 {
                let (name, weights) = Weights::read(value.message()?, externals)?;
                bounds.constant(name, weights);
            }
        }
        Ok(bounds)
    }

    /// Takes up inputs and constants of a graph within a node, which sees all that is known there.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn enter(&mut self, mut graph: Fields<'a>) -> Result<Mark, Problem> {
        let mark = Mark { values: self.values.len(), steps: self.steps.len(), given: self.given.len() };
        while let Some((number, value)) = graph.next()? {
            match number {
                5 => {
                    let (name, weights) = Weights::read(value.message()?, &BTreeMap::new())?;
                    self.constant(name, weights);
                }
                11 => {
                    let value = value.message()?;
                    let name = name_of(value.clone())?;
                    let is_whole = match value_info(value)?.ty {
                        Some(ValueType::Tensor { element, .. }) => {
                            element.dtype().is_some_and(|dtype| !dtype.is_float())
                        }
                        _ => false,
                    };
                    let fixed = Some(if is_whole { WHOLE } else { f64::INFINITY });
                    self.give(name, Value { is_whole, fixed, constant: None });
                }
                _ => {}
            }
        }
        Ok(mark)
    }

    /// Forgets what was taken up since.
    pub(super) fn leave(&mut self, mark: &Mark) {
        for (name, before) in self.given.drain(mark.given..).rev() {
            match before {
                Some(slot) => self.slots.insert(name, slot),
                None => self.slots.remove(name),
            };
        }
        self.values.truncate(mark.values);
        self.steps.truncate(mark.steps);
    }

    fn constant(&mut self, name: &'a str, weights: Weights) {
        let fixed = Some(if weights.is_whole { WHOLE } else { weights.largest });
        self.give(name, Value { is_whole: weights.is_whole, fixed, constant: Some(weights) });
    }

    fn give(&mut self, name: &'a str, value: Value) -> usize {
        let slot = self.values.len();
        let before = self.slots.insert(name, slot);
        self.given.push((name, before));
        self.values.push(value);
        slot
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.slots.get(name).map(|&slot| &self.values[slot])
    }

    /// Names of all values.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + Clone + '_ {
        self.slots.keys().copied()
    }

    /// Where a value stands in what [`Bounds::at`] gives; `None` for one that is not known, and may be anything.
    pub(super) fn slot(&self, name: &str) -> Option<usize> {
        self.slots.get(name).copied()
    }

    /// Whether a value holds whole numbers, for certain.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.is_whole)
    }

    /// Takes up a node, after those that it reads.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn node(&mut self, node: &Node<'a>) -> Result<(), Problem> {
        if node.domain.is_empty() && node.operator == "Constant" {
            return self.constant_node(node);
        }
        let whole: Vec<bool> =
            (0..node.outputs.len()).map(|place| self.makes_whole(node, place)).collect::<Result<_, _>>()?;
        let (rule, places) = self.rule(node)?;
        let inputs: Option<Vec<usize>> =
            places.iter().map(|&place| node.inputs.get(place).and_then(|name| self.slot(name))).collect();
        let (rule, inputs) = inputs.map_or((Rule::None, Vec::new()), |inputs| (rule, inputs));
        let mut outputs = Vec::new();
        for (name, is_whole) in node.outputs.iter().zip(whole) {
            let slot = self.give(name, Value { is_whole, fixed: is_whole.then_some(WHOLE), constant: None });
            outputs.extend((!is_whole).then_some(slot));
        }
        self.steps.push(Step { rule, inputs, outputs });
        Ok(())
    }

    fn constant_node(&mut self, node: &Node<'a>) -> Result<(), Problem> {
        let Some(output) = node.outputs.first() else { return Ok(()) };
        let attributes = &node.attributes;
        let weights = if let Some(tensor) = attributes.tensor("value")? {
            Weights::read(tensor, &BTreeMap::new())?.1
        } else if let Some(value) = attributes.float("value_float")? {
            Weights::number(value.into(), false)
        } else {
            Weights::unknown(attributes.names().any(|name| matches!(name, "value_int" | "value_ints")))
        };
        self.constant(output, weights);
        Ok(())
    }

    /// Bounds of all values, where no float input is larger than this.
    pub(super) fn at(&self, size: f64) -> Vec<f64> {
        let mut bounds: Vec<f64> = self.values.iter().map(|value| value.fixed.unwrap_or(size)).collect();
        for step in &self.steps {
            let inputs: Vec<f64> = step.inputs.iter().map(|&slot| bounds[slot]).collect();
            let bound = step.rule.bound(&inputs);
            step.outputs.iter().for_each(|&slot| bounds[slot] = bound);
        }
        bounds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::declared::ElementType;
    use crate::message::{Message, integer, plain, stored};
    use landfall_model::{DType, InputSpec, Method, RowRule, ShapeRule};

    /// The bound of `y` after some nodes over float `x` and whole `i`, where inputs are no larger than a size.
    fn bound(nodes: &[Message], constants: &[Message], size: f64) -> f64 {
        let mut graph = Message::default();
        nodes.iter().for_each(|node| graph.bytes(1, &node.0));
        constants.iter().for_each(|constant| graph.bytes(5, &constant.0));
        let inputs = vec![InputSpec::new("x", DType::F32, None), InputSpec::new("i", DType::I64, None)];
        let signature =
            Signature::new("s", Method::Predict, inputs, vec![], RowRule::Unproven, ShapeRule::Checked);
        let signature = signature.unwrap();
        let fields = Fields::new("test", &graph.0);
        let mut bounds = Bounds::read(fields.clone(), &signature, &BTreeMap::new()).unwrap();
        let mut fields = fields;
        while let Some((number, value)) = fields.next().unwrap() {
            if number == 1 {
                bounds.node(&Node::read(value.message().unwrap()).unwrap()).unwrap();
            }
        }
        bounds.at(size)[bounds.slot("y").unwrap()]
    }

    fn weights(name: &str, dims: &[u64], values: &[f32]) -> Message {
        let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        stored(name, ElementType::of(DType::F32), dims, &raw)
    }

    #[test]
    fn a_layer_grows_by_its_largest_weight_and_its_length() {
        let layer = [plain("Gemm", &["x", "w", "b"], "a", &[]), plain("Relu", &["a"], "y", &[])];
        let constants = [weights("w", &[4, 3], &[-0.5; 12]), weights("b", &[3], &[1.0, -7.0, 0.0])];
        assert_eq!(bound(&layer, &constants, 10.0), 10.0 * 4.0 * 0.5 + 7.0);
        assert_eq!(bound(&layer, &constants, 1e37), f64::INFINITY);
        let kernel = [plain("Conv", &["x", "k"], "y", &[])];
        assert_eq!(bound(&kernel, &[weights("k", &[8, 2, 3, 3], &[2.0; 144])], 1.0), 36.0);
    }

    #[test]
    fn what_can_make_nan_of_numbers_has_no_bound_and_nothing_after_it_has() {
        for operator in ["Log", "Sqrt", "Reciprocal", "Unheard"] {
            let nodes = [plain(operator, &["x"], "a", &[]), plain("Sigmoid", &["a"], "y", &[])];
            assert_eq!(bound(&nodes, &[], 1.0), f64::INFINITY, "{operator}");
        }
        let by_input = [plain("Div", &["x", "x"], "y", &[])];
        assert_eq!(bound(&by_input, &[], 1.0), f64::INFINITY);
        let by_constant = [plain("Div", &["x", "c"], "y", &[])];
        assert_eq!(bound(&by_constant, &[weights("c", &[2], &[4.0, -0.5])], 1.0), 2.0);
        assert_eq!(bound(&by_constant, &[weights("c", &[2], &[4.0, 0.0])], 1.0), f64::INFINITY);
        let root = [plain("Pow", &["x", "c"], "y", &[])];
        assert_eq!(bound(&root, &[weights("c", &[], &[2.0])], 3.0), 9.0);
        for exponent in [0.5, -2.0] {
            assert_eq!(bound(&root, &[weights("c", &[], &[exponent])], 3.0), f64::INFINITY);
        }
    }

    #[test]
    fn names_within_a_node_hide_others_and_are_forgotten() {
        let mut inner = Message::default();
        let mut element = Message::default();
        element.number(1, ElementType::of(DType::I64).0);
        let [mut ty, mut input] = [Message::default(), Message::default()];
        ty.bytes(1, &element.0);
        input.bytes(1, b"x");
        input.bytes(2, &ty.0);
        inner.bytes(11, &input.0);
        let inputs = vec![InputSpec::new("x", DType::F32, None)];
        let signature =
            Signature::new("s", Method::Predict, inputs, vec![], RowRule::Unproven, ShapeRule::Checked)
                .unwrap();
        let mut bounds = Bounds::read(Fields::new("test", &[]), &signature, &BTreeMap::new()).unwrap();
        let mark = bounds.enter(Fields::new("test", &inner.0)).unwrap();
        assert!(bounds.is_whole("x"));
        bounds.leave(&mark);
        assert!(!bounds.is_whole("x") && bounds.at(3.0)[bounds.slot("x").unwrap()] == 3.0);
    }

    #[test]
    fn what_is_compared_or_counted_is_whole_whatever_comes() {
        let nodes = [
            plain("Log", &["x"], "a", &[]),
            plain("Greater", &["a", "x"], "b", &[]),
            plain("Cast", &["b"], "y", &[integer("to", 1)]),
        ];
        assert_eq!(bound(&nodes, &[], 1.0), WHOLE);
        let nodes = [plain("Cast", &["i"], "y", &[integer("to", 1)])];
        assert_eq!(bound(&nodes, &[], 1.0), WHOLE);
    }
}
