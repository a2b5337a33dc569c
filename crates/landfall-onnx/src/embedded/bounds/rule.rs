//! What each operator makes of the sizes of its inputs: formulas by the operators' definitions (`Operators.md` of ONNX).

use super::super::weights::Weights;
use super::Bounds;
use crate::declared::ElementType;
use crate::node::Node;
use landfall_model::Problem;

/// Below what float32 holds, with room for what is rounded.
const LARGEST: f64 = 1e37;

/// No tensor of this engine has more elements.
const ELEMENTS: f64 = 2_147_483_648.0;

/// The bound of a result by those of the inputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rule {
    /// No more than this.
    AtMost(f64),
    /// As large as the largest.
    Largest,
    /// So many times the largest, and so much more.
    Grows {
        times: f64,
        plus: f64,
    },
    /// As large as the largest, over a sum of many.
    Mean,
    Adds,
    /// So many times the product.
    Multiplies(f64),
    Exponential,
    Raises(f64),
    /// No more than this; squares are taken on the way.
    Scaled(f64),
    None,
}

impl Rule {
    pub(super) fn bound(self, inputs: &[f64]) -> f64 {
        let largest = inputs.iter().copied().fold(0.0, f64::max);
        let bound = match self {
            _ if largest > LARGEST => f64::INFINITY,
            Rule::AtMost(bound) => bound,
            Rule::Largest => largest,
            Rule::Grows { times, plus } => largest * times + plus,
            Rule::Mean if largest * ELEMENTS <= LARGEST => largest,
            Rule::Adds => inputs.iter().sum(),
            Rule::Multiplies(times) => inputs.iter().product::<f64>() * times,
            Rule::Exponential => largest.exp(),
            Rule::Raises(exponent) => largest.max(1.0).powf(exponent),
            Rule::Scaled(bound) if largest * largest * ELEMENTS <= LARGEST => bound,
            Rule::Mean | Rule::Scaled(_) | Rule::None => f64::INFINITY,
        };
        if bound <= LARGEST { bound } else { f64::INFINITY }
    }
}

impl<'a> Bounds<'a> {
    /// Whether an output holds whole numbers, for certain.
    pub(super) fn makes_whole(&self, node: &Node<'a>, place: usize) -> Result<bool, Problem> {
        let input = |place: usize| node.inputs.get(place).is_some_and(|name| self.is_whole(name));
        Ok(match node.operator {
            _ if !node.domain.is_empty() => false,
            "Shape" | "Size" | "ArgMax" | "ArgMin" | "NonZero" | "Equal" | "Less" | "LessOrEqual"
            | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Not" | "Xor" | "IsNaN" | "IsInf"
            | "NonMaxSuppression" | "QuantizeLinear" | "ConvInteger" | "MatMulInteger" => true,
            "TopK" if place == 1 => true,
            "Cast" => {
                let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
                to.and_then(|to| ElementType(to).dtype()).is_some_and(|dtype| !dtype.is_float())
            }
            "Where" => input(1) && input(2),
            "Identity" | "Reshape" | "Flatten" | "Transpose" | "Squeeze" | "Unsqueeze" | "Slice"
            | "Gather" | "GatherElements" | "GatherND" | "Expand" | "Tile" | "Split" | "Concat" | "Add"
            | "Sub" | "Mul" | "Div" | "Mod" | "Neg" | "Abs" | "Max" | "Min" | "Sum" | "Sign" | "Clip"
            | "Pad" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "CumSum" | "Range"
            | "ScatterElements" | "ScatterND" | "TopK" => input(0),
            _ => false,
        })
    }

    /// How the result of a node follows, and from which inputs.
    pub(super) fn rule(&self, node: &Node<'a>) -> Result<(Rule, Vec<usize>), Problem> {
        let all = || (0..node.inputs.len()).filter(|&place| !node.inputs[place].is_empty()).collect();
        let attribute = |name: &str, default: f32| {
            node.attributes.float(name).map(|value| f64::from(value.unwrap_or(default)))
        };
        let first = |rule: Rule| (rule, vec![0]);
        Ok(match node.operator {
            _ if !node.domain.is_empty() => first(Rule::None),
            "Identity" | "Reshape" | "Flatten" | "Transpose" | "Squeeze" | "Unsqueeze" | "Slice"
            | "Gather" | "GatherElements" | "GatherND" | "Expand" | "Tile" | "Split" | "Dropout" | "Relu"
            | "Abs" | "Neg" | "MaxPool" | "GlobalMaxPool" | "ReduceMax" | "ReduceMin" | "DepthToSpace"
            | "TopK" | "Trilu" | "ReverseSequence" | "Cast" | "Gelu" | "HardSwish" => first(Rule::Largest),
            "Ceil" | "Floor" | "Round" | "Softplus" => first(Rule::Grows { times: 1.0, plus: 1.0 }),
            "LeakyRelu" => first(Rule::Grows { times: attribute("alpha", 0.01)?.abs().max(1.0), plus: 0.0 }),
            "Elu" => first(Rule::Grows { times: 1.0, plus: attribute("alpha", 1.0)?.abs() }),
            "Sigmoid" | "Tanh" | "HardSigmoid" | "Sin" | "Cos" | "Erf" | "Sign" | "Softmax" | "Softsign"
            | "Atan" => first(Rule::AtMost(2.0)),
            // A difference of two, and the logarithm of how many there are.
            "LogSoftmax" => first(Rule::Grows { times: 2.0, plus: 64.0 }),
            "Exp" => first(Rule::Exponential),
            "Concat" | "Max" | "Min" | "Mean" | "Clip" => (Rule::Largest, all()),
            "Where" => (Rule::Largest, vec![1, 2]),
            "Pad" if node.inputs.len() <= 3 => {
                let value = node.inputs.get(2).is_some_and(|name| !name.is_empty());
                (Rule::Largest, if value { vec![0, 2] } else { vec![0] })
            }
            "Add" | "Sub" | "Sum" => (Rule::Adds, all()),
            "Mul" => (Rule::Multiplies(1.0), all()),
            "PRelu" => first(match self.weights(node, 1) {
                Some(slope) => Rule::Grows { times: slope.largest.max(1.0), plus: 0.0 },
                None => Rule::None,
            }),
            "Div" => first(match self.weights(node, 1) {
                Some(by) if by.smallest > 0.0 => Rule::Grows { times: 1.0 / by.smallest, plus: 0.0 },
                _ => Rule::None,
            }),
            "Pow" => first(match self.weights(node, 1) {
                Some(by) if by.smallest == by.largest && by.largest.fract() == 0.0 && !by.has_negative => {
                    Rule::Raises(by.largest)
                }
                _ => Rule::None,
            }),
            "ReduceMean" | "GlobalAveragePool" | "AveragePool" => first(Rule::Mean),
            "ReduceSum" | "ReduceL1" | "CumSum" => first(Rule::Grows { times: ELEMENTS, plus: 0.0 }),
            "MatMul" | "Gemm" | "Conv" | "ConvTranspose" => self.product(node)?,
            "DequantizeLinear" => first(match self.weights(node, 1) {
                Some(scale) => Rule::Grows { times: 2.0 * scale.largest, plus: 0.0 },
                None => Rule::None,
            }),
            "LSTM" | "GRU" | "RNN" => self.recurrent(node),
            "BatchNormalization" => first(self.normalised(node, attribute("epsilon", 1e-5)?)),
            "LayerNormalization" | "InstanceNormalization" | "RMSNormalization" => {
                let scale = self.weights(node, 1).map(|scale| scale.largest);
                let bias = self.weights(node, 2).map_or(0.0, |bias| bias.largest);
                let is_known = node.inputs.len() < 3 || self.weights(node, 2).is_some();
                match scale.filter(|_| is_known && attribute("epsilon", 1e-5).is_ok_and(|e| e > 0.0)) {
                    Some(scale) => first(Rule::Scaled(scale * ELEMENTS.sqrt() + bias)),
                    None => first(Rule::None),
                }
            }
            _ => first(Rule::None),
        })
    }

    /// The constant that a node reads.
    fn weights(&self, node: &Node<'a>, place: usize) -> Option<&Weights> {
        node.inputs.get(place).and_then(|name| self.value(name)).and_then(|value| value.constant.as_ref())
    }

    /// Sums of products: with weights, no more than so many times the largest of the other factor.
    fn product(&self, node: &Node<'a>) -> Result<(Rule, Vec<usize>), Problem> {
        let attribute = |name: &str| node.attributes.float(name).map(|value| f64::from(value.unwrap_or(1.0)));
        let times = attribute("alpha")?.abs();
        let plus = match node.inputs.get(2).filter(|name| !name.is_empty()) {
            Some(_) => {
                self.weights(node, 2).map(|bias| bias.largest * attribute("beta").map_or(1.0, f64::abs))
            }
            None => Some(0.0),
        };
        let Some(plus) = plus else { return Ok((Rule::None, vec![0])) };
        let factor = |weights: &Weights| {
            let summed = match node.operator {
                "Conv" => weights.dims.iter().skip(1).map(|&dim| dim as f64).product(),
                "ConvTranspose" => weights.elements(),
                // Along one of its axes.
                _ => weights.dims.iter().max().map_or(1.0, |&dim| dim as f64),
            };
            Rule::Grows { times: times * weights.largest * summed, plus }
        };
        Ok(match (self.weights(node, 0), self.weights(node, 1)) {
            (_, Some(weights)) => (factor(weights), vec![0]),
            (Some(weights), None) if matches!(node.operator, "MatMul" | "Gemm") => (factor(weights), vec![1]),
            _ if plus == 0.0 => (Rule::Multiplies(times * ELEMENTS), vec![0, 1]),
            _ => (Rule::None, vec![0]),
        })
    }

    /// (x − mean) / √(variance + ε) × scale + bias.
    fn normalised(&self, node: &Node<'a>, epsilon: f64) -> Rule {
        let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|place| self.weights(node, place));
        let (Some(scale), Some(bias), Some(mean), Some(variance)) = (scale, bias, mean, variance) else {
            return Rule::None;
        };
        if variance.has_negative {
            return Rule::None;
        }
        let times = scale.largest / (variance.smallest + epsilon).sqrt();
        Rule::Grows { times, plus: times * mean.largest + bias.largest }
    }

    /// Gates of sums over inputs and states, which stay within one; a cell grows by no more than one a step.
    fn recurrent(&self, node: &Node<'a>) -> (Rule, Vec<usize>) {
        let comes = |place: usize| node.inputs.get(place).is_some_and(|name| !name.is_empty());
        let is_plain = !node.attributes.names().any(|name| matches!(name, "activations" | "clip"));
        let (Some(inward), Some(around), true) =
            (self.weights(node, 1), self.weights(node, 2), is_plain && !comes(7))
        else {
            return (Rule::None, vec![0]);
        };
        let bias = if comes(3) { self.weights(node, 3).map(|bias| bias.largest) } else { Some(0.0) };
        let Some(bias) = bias else { return (Rule::None, vec![0]) };
        let sum =
            |weights: &Weights| weights.largest * weights.dims.iter().max().map_or(1.0, |&dim| dim as f64);
        let rule =
            Rule::Grows { times: sum(inward) + sum(around) + 1.0, plus: sum(around) + 2.0 * bias + ELEMENTS };
        (rule, std::iter::once(0).chain([5, 6].into_iter().filter(|&place| comes(place))).collect())
    }
}
