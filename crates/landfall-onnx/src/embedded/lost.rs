//! Nodes whose kernels make a number of what is none, or another number of one that is too large for a cast.
//!
//! By the operators' definitions NaN stays NaN. This engine's kernels compare, and a comparison with NaN is false: `Relu`
//! gives 0 for it, and a caller would take that for a prediction. Whole numbers have 32 bits, and a cast ends there.

use crate::declared::ElementType;
use crate::message::{Message, integer, plain, stored};
use crate::node::Node;
use landfall_model::{DType, Problem};

/// Operators of the default domain whose kernels give a number for NaN, other than ONNX Runtime does.
const LOSING: [&str; 11] = [
    "Relu",
    "Clip",
    "MaxPool",
    "GlobalMaxPool",
    "ReduceMax",
    "ReduceMin",
    "TopK",
    "ArgMax",
    "ArgMin",
    "QuantizeLinear",
    "DynamicQuantizeLinear",
];

/// What must not come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    Nan,
    /// NaN, and numbers further from the middle than half of the range is wide.
    Beyond {
        middle: f64,
        half: f64,
    },
}

impl What {
    /// Inputs in which it must not come.
    pub(super) fn places(node: &Node<'_>) -> &'static [usize] {
        match node.operator {
            "LSTM" | "GRU" | "RNN" => &[0, 5, 6],
            "GridSample" => &[0, 1],
            "Attention" => &[0, 1, 2, 4, 5],
            _ => &[0],
        }
    }

    /// What a node must not read. Gates of recurrent ones take NaN for a number in ONNX Runtime, and stay NaN here; attention
    /// takes it for nothing.
    pub(super) fn of(node: &Node<'_>) -> Result<Option<Self>, Problem> {
        if !node.domain.is_empty() {
            return Ok(None);
        }
        match node.operator {
            "Cast" => {}
            "LSTM" | "GRU" | "RNN" | "GridSample" | "Attention" => {
                return Ok(Some(What::Beyond { middle: 0.0, half: f32::MAX.into() }));
            }
            other => return Ok(LOSING.contains(&other).then_some(What::Nan)),
        }
        let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
        // Fractions are cut off: what is less than one beyond the range still has a place in it.
        Ok(match to.and_then(|to| ElementType(to).dtype()) {
            Some(DType::U8) => Some(What::Beyond { middle: 127.5, half: 128.5 }),
            Some(DType::I8) => Some(What::Beyond { middle: -0.5, half: 128.5 }),
            Some(DType::I32 | DType::I64) => Some(What::Beyond { middle: 0.0, half: 2_147_483_648.0 }),
            _ => None,
        })
    }

    /// Whether none of it can come of numbers that are no larger.
    pub(super) fn cannot_come(self, bound: f64) -> bool {
        match self {
            What::Nan => bound.is_finite(),
            What::Beyond { middle, half } => bound + middle.abs() < half,
        }
    }

    /// What is said where it came to a node.
    pub(super) fn said(self, node: &str) -> String {
        let text = match self {
            What::Nan => format!("NaN comes to node {node}, where the engine embedded loses it"),
            What::Beyond { .. } => format!(
                "NaN, or a number beyond the range that the engine embedded has for it, comes to node {node}"
            ),
        };
        format!("{text} (ONNX Runtime computes it: pip install onnxruntime)")
    }
}

/// Nodes and constants that count what must not come.
pub(super) struct Counting {
    /// Names begin with what no other does.
    prefix: String,
    made: usize,
    pub(super) nodes: Vec<Message>,
    pub(super) constants: Vec<Message>,
}

impl Counting {
    /// Nothing yet, beside values of these names.
    pub(super) fn beside<'n>(prefix: &str, names: impl Iterator<Item = &'n str> + Clone) -> Self {
        let mut prefix = prefix.to_owned();
        while names.clone().any(|name| name.starts_with(&prefix)) {
            prefix.push('\'');
        }
        Counting { prefix, made: 0, nodes: Vec::new(), constants: Vec::new() }
    }

    pub(super) fn name(&mut self) -> String {
        self.made += 1;
        format!("{}{}", self.prefix, self.made)
    }

    /// The output of a node.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], attributes: &[Message]) -> String {
        let output = self.name();
        self.nodes.push(plain(operator, inputs, &output, attributes));
        output
    }

    fn number(&mut self, value: f64) -> String {
        let name = self.name();
        self.constants.push(stored(&name, ElementType::of(DType::F32), &[], &(value as f32).to_le_bytes()));
        name
    }

    /// The output that says how many elements of a value are what must not come.
    pub(super) fn count(&mut self, value: &str, what: What) -> String {
        let float = [integer("to", ElementType::of(DType::F32).0 as i64)];
        let value = self.node("Cast", &[value], &float);
        let is_one = match what {
            What::Nan => self.node("IsNaN", &[&value], &[]),
            What::Beyond { middle, half } => {
                let (middle, half) = (self.number(middle), self.number(half));
                let from_middle = self.node("Sub", &[&value, &middle], &[]);
                let distance = self.node("Abs", &[&from_middle], &[]);
                let is_within = self.node("Less", &[&distance, &half], &[]);
                self.node("Not", &[&is_within], &[])
            }
        };
        let whole = [integer("to", ElementType::of(DType::I32).0 as i64)];
        let ones = self.node("Cast", &[&is_one], &whole);
        self.node("ReduceSum", &[&ones], &[integer("keepdims", 0)])
    }
}
