//! Normalisations, and the largest along an axis, by formulas of `Operators.md` of ONNX.

use super::Words;
use crate::declared::ElementType;
use crate::message::{copy_attributes, integer, integers, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

impl<'a> Words<'a> {
    /// What a normalisation of the last axes is made of, where it is asked for: their mean, and the inverse of their deviation.
    pub(super) fn layer(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([x, ..], [y, more @ ..]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let output = |place: usize| more.get(place).copied().filter(|name| !name.is_empty());
        let (Some(rank), false) = (self.kinds.rank(x), output(0).or(output(1)).is_none()) else {
            return Ok(false);
        };
        let first = node.attributes.integer("axis")?.unwrap_or(-1);
        let first = if first < 0 { first + rank as i64 } else { first };
        let last = [integers("axes", &(first.max(0)..rank as i64).collect::<Vec<_>>())];
        let epsilon = self.float(node.attributes.float("epsilon")?.unwrap_or(1e-5));
        let mean = output(0).map_or_else(|| self.name(), str::to_owned);
        self.gives("ReduceMean", &[x], &mean, &last);
        let distance = self.made("Sub", &[x, &mean], &[]);
        let square = self.made("Mul", &[&distance, &distance], &[]);
        let variance = self.made("ReduceMean", &[&square], &last);
        let some = self.made("Add", &[&variance, &epsilon], &[]);
        let deviation = self.made("Sqrt", &[&some], &[]);
        if let Some(inverse) = output(1) {
            self.gives("Reciprocal", &[&deviation], inverse, &[]);
        }
        let mut whole = plain(node.operator, &node.inputs, y, &[]);
        copy_attributes(bytes, &mut whole, |_| true)?;
        self.nodes.push(whole);
        Ok(true)
    }

    /// x / (bias + α × mean of the squares of channels beside it) ^ β; what lies beside the first and last channel is 0.
    pub(super) fn local_response(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y], Some(size)) =
            (&node.inputs[..], &node.outputs[..], node.attributes.integer("size")?.filter(|&size| size > 0))
        else {
            return Ok(false);
        };
        let mut number = |name: &str, default: f32| {
            Ok::<_, Problem>(self.float(node.attributes.float(name)?.unwrap_or(default)))
        };
        let (alpha, beta, bias) = (number("alpha", 1e-4)?, number("beta", 0.75)?, number("bias", 1.0)?);
        let flat = self.integers(&[0, 0, -1]);
        let shape = self.made("Shape", &[x], &[]);
        let square = self.made("Mul", &[x, x], &[]);
        let lines = self.made("Reshape", &[&square, &flat], &[]);
        let pictures = self.name();
        self.along_axis("Unsqueeze", &lines, &pictures, 1);
        let before = (size - 1) / 2;
        let window = [
            integers("kernel_shape", &[size, 1]),
            integers("strides", &[1, 1]),
            integers("pads", &[before, 0, size - 1 - before, 0]),
            integer("count_include_pad", 1),
        ];
        let mean = self.made("AveragePool", &[&pictures], &window);
        let mean = self.made("Reshape", &[&mean, &shape], &[]);
        let share = self.made("Mul", &[&mean, &alpha], &[]);
        let base = self.made("Add", &[&share, &bias], &[]);
        let divisor = self.made("Pow", &[&base, &beta], &[]);
        self.gives("Div", &[x, &divisor], y, &[]);
        Ok(true)
    }

    /// 1 where the largest along an axis is, of equal ones at the first; else 0.
    pub(super) fn hardmax(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        const ALONG_ONE: i64 = 13;
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let axis = node.attributes.integer("axis")?.unwrap_or(-1);
        if self.version < ALONG_ONE || self.kinds.rank(x).is_none_or(|rank| rank == 0) {
            return Ok(false);
        }
        let (one, place) = (self.integers(&[1]), self.integers(&[axis]));
        let either = self.constant(DType::F32, &[2], &[0f32, 1.0].map(f32::to_le_bytes).concat());
        let (values, places, flat) = (self.name(), self.name(), self.name());
        let mut top = plain("TopK", &[x, &one], &values, &[integer("axis", axis), integer("largest", 1)]);
        top.bytes(2, places.as_bytes());
        self.nodes.push(top);
        self.along_axis("Squeeze", &places, &flat, axis);
        let shape = self.made("Shape", &[x], &[]);
        let length = self.made("Gather", &[&shape, &place], &[integer("axis", 0)]);
        self.gives("OneHot", &[&flat, &length, &either], y, &[integer("axis", axis)]);
        Ok(true)
    }

    /// Towards zero by a bias, and zero within λ of it; of NaN too.
    pub(super) fn shrunk(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let lambda = node.attributes.float("lambd")?.unwrap_or(0.5);
        let bias = node.attributes.float("bias")?.unwrap_or(0.0);
        let [above, below, zero, bias] = [lambda, -lambda, 0.0, bias].map(|value| self.float(value));
        let is_above = self.made("Greater", &[x, &above], &[]);
        let is_below = self.made("Less", &[x, &below], &[]);
        let less = self.made("Sub", &[x, &bias], &[]);
        let more = self.made("Add", &[x, &bias], &[]);
        let rest = self.made("Where", &[&is_above, &less, &zero], &[]);
        self.gives("Where", &[&is_below, &more, &rest], y, &[]);
        Ok(true)
    }

    /// Places and their number as whole ones, where they come as floats.
    pub(super) fn one_hot(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([places, depth, values], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let is_float =
            |name: &str| self.kinds.element(name).and_then(ElementType::dtype).is_some_and(DType::is_float);
        let are_floats = [places, depth].map(|name| is_float(name));
        if are_floats == [false, false] {
            return Ok(false);
        }
        let to = [integer("to", ElementType::of(DType::I64).0 as i64)];
        let mut whole = |name: &str, is_float: bool| {
            if is_float { self.made("Cast", &[name], &to) } else { name.to_owned() }
        };
        let (places, depth) = (whole(places, are_floats[0]), whole(depth, are_floats[1]));
        let mut chosen = plain("OneHot", &[&places, &depth, values], y, &[]);
        copy_attributes(bytes, &mut chosen, |_| true)?;
        self.nodes.push(chosen);
        Ok(true)
    }
}
