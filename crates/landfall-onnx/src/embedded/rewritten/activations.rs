//! Activations and a normalisation that the engine does not have, by formulas of `Operators.md` of ONNX.

use super::Words;
use crate::message::{float, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

impl<'a> Words<'a> {
    /// γ × elu(x, α).
    pub(super) fn selu(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let alpha = node.attributes.float("alpha")?.unwrap_or(1.673_263_2);
        let gamma = node.attributes.float("gamma")?.unwrap_or(1.050_701);
        let (gamma, elu) = (self.float(gamma), self.name());
        self.nodes.push(plain("Elu", &[x], &elu, &[float("alpha", alpha)]));
        self.nodes.push(plain("Mul", &[&elu, &gamma], y, &[]));
        Ok(true)
    }

    /// α × elu(x / α, 1).
    pub(super) fn celu(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let alpha = node.attributes.float("alpha")?.unwrap_or(1.0);
        let (alpha, ratio, elu) = (self.float(alpha), self.name(), self.name());
        self.nodes.push(plain("Div", &[x, &alpha], &ratio, &[]));
        self.nodes.push(plain("Elu", &[&ratio], &elu, &[float("alpha", 1.0)]));
        self.nodes.push(plain("Mul", &[&elu, &alpha], y, &[]));
        Ok(true)
    }

    /// x × tanh(softplus(x)).
    pub(super) fn mish(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let (rise, share) = (self.name(), self.name());
        self.rise(x, &rise);
        self.nodes.push(plain("Tanh", &[&rise], &share, &[]));
        self.nodes.push(plain("Mul", &[x, &share], y, &[]));
        Ok(true)
    }

    /// x above α, else 0; of NaN too.
    pub(super) fn thresholded(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let alpha = node.attributes.float("alpha")?.unwrap_or(1.0);
        let (alpha, zero, is_above) = (self.float(alpha), self.float(0.0), self.name());
        self.nodes.push(plain("Greater", &[x, &alpha], &is_above, &[]));
        self.nodes.push(plain("Where", &[&is_above, x, &zero], y, &[]));
        Ok(true)
    }

    /// Groups of channels as the channels of another normalisation; then scale and bias of each channel. Before they were by
    /// channel it stays.
    pub(super) fn groups(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        const BY_CHANNEL: i64 = 21;
        let ([x, scale, bias], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let groups = node.attributes.integer("num_groups")?.and_then(|groups| usize::try_from(groups).ok());
        let (Some(groups), Some(rank)) = (groups.filter(|n| (1..=1 << 16).contains(n)), self.kinds.rank(x))
        else {
            return Ok(false);
        };
        if self.version < BY_CHANNEL || rank < 2 {
            return Ok(false);
        }
        let epsilon = node.attributes.float("epsilon")?.unwrap_or(1e-5);
        let one_each = |words: &mut Self, value: f32| {
            words.constant(DType::F32, &[groups as u64], &value.to_le_bytes().repeat(groups))
        };
        let (ones, zeros) = (one_each(self, 1.0), one_each(self, 0.0));
        let grouped_shape = self.integers(&[0, groups as i64, -1]);
        let by_channel: Vec<i64> = std::iter::once(-1).chain(std::iter::repeat_n(1, rank - 2)).collect();
        let by_channel = self.integers(&by_channel);
        let [shape, grouped, even, whole, scales, scaled, biases] = [(); 7].map(|()| self.name());
        self.nodes.push(plain("Shape", &[x], &shape, &[]));
        self.nodes.push(plain("Reshape", &[x, &grouped_shape], &grouped, &[]));
        let normalised = [float("epsilon", epsilon)];
        self.nodes.push(plain("InstanceNormalization", &[&grouped, &ones, &zeros], &even, &normalised));
        self.nodes.push(plain("Reshape", &[&even, &shape], &whole, &[]));
        self.nodes.push(plain("Reshape", &[scale, &by_channel], &scales, &[]));
        self.nodes.push(plain("Mul", &[&whole, &scales], &scaled, &[]));
        self.nodes.push(plain("Reshape", &[bias, &by_channel], &biases, &[]));
        self.nodes.push(plain("Add", &[&scaled, &biases], y, &[]));
        Ok(true)
    }
}
