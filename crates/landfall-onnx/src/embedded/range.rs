//! Whole numbers that leave 32 bits within a model: this engine computes int64 as int32, where a sum wraps around.
//!
//! For each call, how large the results of additions, multiplications and the like on int64 inputs can become is bounded by
//! the largest values that came. What comes of shapes, comparisons and casts is not followed.

use crate::message::main_graph;
use crate::node::{Node, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{Call, DType, Input, Problem, Reason, Signature, Tensor};
use std::collections::HashMap;

/// Beyond the numbers that the engine has.
const LIMIT: f64 = 2_147_483_648.0;

/// The calculations of a model that follow from its int64 inputs.
pub(super) struct Ranges {
    /// Largest sizes of values that are known at load, by slot; NaN for those of a call.
    known: Vec<f64>,
    /// The model's int64 inputs: names, slots of the signature, and slots here.
    inputs: Vec<(String, usize, usize)>,
    steps: Vec<Step>,
}

struct Step {
    /// Name and operator, for messages.
    node: String,
    /// Whether a result may be larger than all inputs.
    calculates: bool,
    operator: Growth,
    /// Slots; `None` for what is not followed.
    inputs: Vec<Option<usize>>,
    output: usize,
}

/// How large results are.
#[derive(Clone, Copy, PartialEq)]
enum Growth {
    /// As large as the largest input.
    Stays,
    Adds,
    Multiplies,
    /// As large as the first input.
    First,
    /// As many as there are elements are added up.
    AddsAll,
    MultipliesAll,
    Raises,
}

impl Growth {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            "Identity" | "Concat" | "Where" | "Max" | "Min" | "Clip" | "Cast" => Growth::Stays,
            "Slice" | "Reshape" | "Unsqueeze" | "Squeeze" | "Transpose" | "Expand" | "Tile" | "Flatten"
            | "Gather" | "GatherElements" | "ReduceMax" | "ReduceMin" | "Div" | "Mod" | "Neg" | "Abs" => {
                Growth::First
            }
            "Add" | "Sub" | "Sum" => Growth::Adds,
            "Mul" => Growth::Multiplies,
            "CumSum" | "ReduceSum" => Growth::AddsAll,
            "ReduceProd" => Growth::MultipliesAll,
            "Pow" => Growth::Raises,
            _ => return None,
        })
    }

    fn bound(self, inputs: &[f64], elements: f64) -> f64 {
        let first = inputs.first().copied().unwrap_or(0.0);
        match self {
            Growth::Stays => inputs.iter().copied().fold(0.0, f64::max),
            Growth::First => first,
            Growth::Adds => inputs.iter().sum(),
            Growth::Multiplies => inputs.iter().product(),
            Growth::AddsAll => first * elements,
            Growth::MultipliesAll => first.max(1.0).powf(elements),
            Growth::Raises => first.max(1.0).powf(inputs.get(1).copied().unwrap_or(1.0)),
        }
    }
}

impl Ranges {
    /// Follows the int64 inputs of a model through its main graph; `None` where nothing is calculated with them.
    ///
    /// # Errors
    /// Malformed.
    pub(super) fn of(file: &str, bytes: &[u8], signature: &Signature) -> Result<Option<Self>, Problem> {
        let mut ranges = Ranges { known: Vec::new(), inputs: Vec::new(), steps: Vec::new() };
        let mut slots: HashMap<String, usize> = HashMap::new();
        let inputs = signature.inputs().iter().enumerate();
        for (slot, input) in inputs.filter(|(_, input)| input.dtype == DType::I64) {
            slots.insert(input.name.clone(), ranges.known.len());
            ranges.inputs.push((input.name.clone(), slot, ranges.known.len()));
            ranges.known.push(f64::NAN);
        }
        if let Some(graph) = main_graph(file, bytes)?.filter(|_| !slots.is_empty()) {
            ranges.follow(graph, slots)?;
        }
        let calculates = ranges.steps.iter().any(|step| step.calculates);
        Ok(calculates.then_some(ranges))
    }

    fn follow(&mut self, fields: Fields<'_>, mut slots: HashMap<String, usize>) -> Result<(), Problem> {
        let mut constants: HashMap<String, f64> = HashMap::new();
        let mut all = fields.clone();
        while let Some((number, value)) = all.next()? {
            if number == 5 {
                let (name, size) = size_of_constant(value.message()?)?;
                constants.extend(size.map(|size| (name.to_owned(), size)));
            }
        }
        nodes(fields).try_for_each(|node| self.take(&node?, &mut slots, &constants))
    }

    fn take(
        &mut self,
        node: &Node<'_>,
        slots: &mut HashMap<String, usize>,
        constants: &HashMap<String, f64>,
    ) -> Result<(), Problem> {
        let (Some(operator), Some(output)) = (Growth::of(node.operator), node.outputs.first()) else {
            return Ok(());
        };
        let to = node.attributes.integer("to")?;
        let is_followed = |name: &str| slots.contains_key(name);
        // Of these, what is looked at and what says where lie side by side.
        let data = match operator {
            Growth::First => node.inputs.get(..1),
            _ if node.operator == "Where" => node.inputs.get(1..),
            _ => Some(&node.inputs[..]),
        };
        let data = data.unwrap_or_default();
        let leaves = node.operator == "Cast" && to != Some(7);
        let is_zero = node.operator == "Sub" && data.first() == data.get(1);
        if leaves || is_zero || !node.domain.is_empty() || !data.iter().any(|name| is_followed(name)) {
            return Ok(());
        }
        let mut inputs = Vec::with_capacity(data.len());
        for name in data {
            let slot = slots.get(*name).copied().or_else(|| {
                constants.get(*name).map(|&size| {
                    self.known.push(size);
                    self.known.len() - 1
                })
            });
            inputs.push(slot);
        }
        slots.insert((*output).to_owned(), self.known.len());
        self.steps.push(Step {
            node: format!("{:?} ({})", node.name, node.operator),
            calculates: !matches!(operator, Growth::Stays | Growth::First)
                || matches!(node.operator, "Neg" | "Abs"),
            operator,
            inputs,
            output: self.known.len(),
        });
        self.known.push(f64::NAN);
        Ok(())
    }

    /// Refuses a call whose numbers may leave 32 bits.
    ///
    /// # Errors
    /// [`Reason::ValueInvalid`], naming the input of the largest number, its row, and the node.
    pub(super) fn check(&self, call: &Call) -> Result<(), Problem> {
        let mut sizes = self.known.clone();
        let mut elements = 1.0f64;
        let mut largest: Option<(&str, &Tensor, usize, f64)> = None;
        for (name, place, slot) in &self.inputs {
            sizes[*slot] = 0.0;
            let Some(tensor) = call.inputs()[*place].as_ref().and_then(Input::dense) else { continue };
            elements = elements.max(tensor.len() as f64);
            let values = tensor.values::<i64>()?;
            let Some((place, size)) = greatest(values) else { continue };
            sizes[*slot] = size;
            if largest.as_ref().is_none_or(|(.., most)| size > *most) {
                largest = Some((name, tensor, place, size));
            }
        }
        for step in &self.steps {
            // What is not followed is no larger than there are elements.
            let of = |slot: &Option<usize>| slot.map_or(elements, |slot| sizes[slot]);
            let inputs: Vec<f64> = step.inputs.iter().map(of).collect();
            let size = step.operator.bound(&inputs, elements);
            if size >= LIMIT && step.calculates {
                return match largest {
                    Some((name, tensor, place, _)) => Err(too_large(&step.node, name, tensor, place)),
                    None => Ok(()),
                };
            }
            sizes[step.output] = size;
        }
        Ok(())
    }
}

/// Where the greatest number is, by its size, and that size.
fn greatest(values: &[i64]) -> Option<(usize, f64)> {
    let (place, value) = values.iter().enumerate().max_by_key(|(_, value)| value.unsigned_abs())?;
    Some((place, value.unsigned_abs() as f64))
}

/// The name of a `TensorProto`, and of int64 ones the size of the greatest number; `None` where it lies elsewhere.
fn size_of_constant(mut fields: Fields<'_>) -> Result<(&str, Option<f64>), Problem> {
    let (mut name, mut element, mut bytes, mut listed) = ("", 0, &[][..], Vec::new());
    while let Some((number, value)) = fields.next()? {
        match number {
            2 => element = value.varint()?,
            7 => value.varints(|number| listed.push(number as i64))?,
            8 => name = value.text()?,
            9 => bytes = value.bytes()?,
            _ => {}
        }
    }
    if element != crate::declared::ElementType::of(DType::I64).0 {
        return Ok((name, None));
    }
    listed.extend(bytes.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)));
    Ok((name, greatest(&listed).map(|(_, size)| size)))
}

#[cold]
fn too_large(node: &str, input: &str, tensor: &Tensor, place: usize) -> Problem {
    let value = tensor.values::<i64>().ok().and_then(|values| values.get(place).copied());
    Problem::new(Reason::ValueInvalid {
        input: input.to_owned(),
        row: place / tensor.row_elements().max(1),
        expected: format!(
            "an int64 small enough that node {node} stays within 32 bits (the range of the engine embedded; ONNX Runtime \
             has 64: pip install onnxruntime)"
        ),
        text: value.unwrap_or_default().to_string(),
    })
}
