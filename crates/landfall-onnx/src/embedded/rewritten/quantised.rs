//! Quantised values: the engine multiplies by the inverse of a scale, which lies one step off at halves, and has no products
//! of quantised values. By the formulas of `Operators.md` of ONNX, as ONNX Runtime rounds them.

use super::Words;
use super::whole::Factor;
use crate::declared::ElementType;
use crate::message::{integer, named};
use crate::node::Node;
use landfall_model::{DType, Problem};

/// A quantised type, with its least and its greatest number.
#[derive(Clone, Copy)]
struct Steps {
    dtype: DType,
    least: f32,
    greatest: f32,
}

impl Steps {
    fn of(element: ElementType) -> Option<Self> {
        match element.dtype() {
            Some(dtype @ DType::U8) => Some(Steps { dtype, least: 0.0, greatest: 255.0 }),
            Some(dtype @ DType::I8) => Some(Steps { dtype, least: -128.0, greatest: 127.0 }),
            _ => None,
        }
    }
}

impl<'a> Words<'a> {
    /// round(x / scale) + zero, as far as the type goes. Along an axis there may be many scales.
    pub(super) fn quantise(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, scale, zero @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let zero = zero.first().copied().filter(|name| !name.is_empty());
        let attributes = &node.attributes;
        let said = attributes.integer("output_dtype")?.filter(|&to| to != 0);
        let element = match (zero, said.and_then(|to| u64::try_from(to).ok())) {
            (Some(zero), None) => self.kinds.element(zero),
            (_, Some(to)) => Some(ElementType(to)),
            (None, None) => Some(ElementType::of(DType::U8)),
        };
        let is_plain = ["block_size", "precision"]
            .iter()
            .all(|name| matches!(attributes.integer(name), Ok(None | Some(0))));
        let Some(steps) = element.and_then(Steps::of).filter(|_| is_plain) else { return Ok(false) };
        let axis = attributes.integer("axis")?.unwrap_or(1);
        let Some(shape) = self.along(scale, x, axis) else { return Ok(false) };
        let scale = self.shaped(scale, shape.as_deref());
        let zero = zero.map(|zero| self.shaped(zero, shape.as_deref()));
        let ratio =
            if shape.is_some() { self.made("Div", &[x, &scale], &[]) } else { self.quotient(x, &scale) };
        self.stepped(node.operator, &ratio, zero.as_deref(), y, steps);
        Ok(true)
    }

    /// The scale follows from the least and the greatest number, of which 0 is always one.
    pub(super) fn quantise_by_range(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y, more @ ..]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let Some(steps) = Steps::of(ElementType::of(DType::U8)) else { return Ok(false) };
        let mut output = |place: usize| match more.get(place).filter(|name| !name.is_empty()) {
            Some(name) => (*name).to_owned(),
            None => self.name(),
        };
        let (scale, zero) = (output(0), output(1));
        let [none, one, last] = [0.0, 1.0, steps.greatest].map(|value| self.float(value));
        let all = [integer("keepdims", 0)];
        let [least, greatest] = ["ReduceMin", "ReduceMax"].map(|operator| self.made(operator, &[x], &all));
        let least = self.made("Min", &[&least, &none], &[]);
        let greatest = self.made("Max", &[&greatest, &none], &[]);
        let range = self.made("Sub", &[&greatest, &least], &[]);
        let step = self.quotient(&range, &last);
        let is_none = self.made("Equal", &[&range, &none], &[]);
        self.gives("Where", &[&is_none, &one, &step], &scale, &[]);
        let below = self.quotient(&least, &scale);
        let start = self.made("Sub", &[&none, &below], &[]);
        self.stepped(node.operator, &start, None, &zero, steps);
        let ratio = self.quotient(x, &scale);
        self.stepped(node.operator, &ratio, Some(&zero), y, steps);
        Ok(true)
    }

    /// A product of quantised matrices, quantised again.
    pub(super) fn quantised_product(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero], [y]) =
            (&node.inputs[..], &node.outputs[..])
        else {
            return Ok(false);
        };
        let Some(steps) = self.kinds.element(y_zero).and_then(Steps::of) else { return Ok(false) };
        let (a, b) = (Factor { values: a, zero: a_zero }, Factor { values: b, zero: b_zero });
        let sum = self.name();
        if !self.matrix_sums(node, a, b, &sum)? {
            return Ok(false);
        }
        self.requantised(node, &sum, [a_scale, b_scale, y_scale], y_zero, y, steps);
        Ok(true)
    }

    /// A product of matrices of whole numbers.
    pub(super) fn whole_product(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([a, b, zeros @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let zero = |place: usize| zeros.get(place).copied().unwrap_or_default();
        let (a, b) = (Factor { values: a, zero: zero(0) }, Factor { values: b, zero: zero(1) });
        self.matrix_sums(node, a, b, y)
    }

    /// A convolution of quantised values, quantised again. Each of the channels that come out may have a scale of its own.
    pub(super) fn quantised_convolution(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias @ ..], [y]) =
            (&node.inputs[..], &node.outputs[..])
        else {
            return Ok(false);
        };
        let steps = self.kinds.element(y_zero).and_then(Steps::of);
        let (Some(steps), Some(axes)) = (steps, self.axes_of(w)) else { return Ok(false) };
        let (x, w) = (Factor { values: x, zero: x_zero }, Factor { values: w, zero: w_zero });
        let mut sum = self.name();
        if !self.window_sums(node, bytes, x, w, &sum)? {
            return Ok(false);
        }
        let by_channel: Vec<i64> = std::iter::once(-1).chain(std::iter::repeat_n(1, axes)).collect();
        if let Some(bias) = bias.first().filter(|name| !name.is_empty()) {
            let bias = self.shaped(bias, Some(&by_channel));
            sum = self.made("Add", &[&sum, &bias], &[]);
        }
        let w_scale = self.shaped(w_scale, Some(&by_channel));
        self.requantised(node, &sum, [x_scale, &w_scale, y_scale], y_zero, y, steps);
        Ok(true)
    }

    /// A convolution of whole numbers.
    pub(super) fn whole_convolution(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([x, w, zeros @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let zero = |place: usize| zeros.get(place).copied().unwrap_or_default();
        let (x, w) = (Factor { values: x, zero: zero(0) }, Factor { values: w, zero: zero(1) });
        self.window_sums(node, bytes, x, w, y)
    }

    /// Sums of whole numbers in the steps of another scale: a scale for each factor, and that of the result.
    fn requantised(
        &mut self,
        node: &Node<'a>,
        sum: &str,
        [a, b, result]: [&str; 3],
        zero: &str,
        y: &str,
        steps: Steps,
    ) {
        let product = self.made("Mul", &[a, b], &[]);
        let times = self.quotient(&product, result);
        let sum = self.float_of(sum);
        let ratio = self.made("Mul", &[&sum, &times], &[]);
        self.stepped(node.operator, &ratio, Some(zero), y, steps);
    }

    /// The nearest step, of two the even one.
    fn stepped(&mut self, operator: &str, ratio: &str, zero: Option<&str>, y: &str, steps: Steps) {
        let [least, greatest] = [steps.least, steps.greatest].map(|value| self.float(value));
        let mut step = self.made("Round", &[ratio], &[]);
        if let Some(zero) = zero {
            let zero = self.float_of(zero);
            step = self.made("Add", &[&step, &zero], &[]);
        }
        let kept = self.name();
        self.nodes.push(named(&format!("{operator} {y}"), "Clip", &[&step, &least, &greatest], &kept, &[]));
        self.within.insert(kept.clone());
        self.gives("Cast", &[&kept], y, &[integer("to", ElementType::of(steps.dtype).0 as i64)]);
    }

    /// The same numbers as floats.
    pub(super) fn float_of(&mut self, x: &str) -> String {
        self.made("Cast", &[x], &[integer("to", ElementType::of(DType::F32).0 as i64)])
    }

    /// Whether a value is a single number, or a list of one.
    pub(super) fn is_single(&self, x: &str) -> bool {
        self.kinds.rank(x) == Some(0) || self.kinds.length(x) == Some(1)
    }

    /// The same values in another shape, where one is given.
    pub(super) fn shaped(&mut self, x: &str, shape: Option<&[i64]>) -> String {
        let Some(shape) = shape else { return x.to_owned() };
        let shape = self.integers(shape);
        self.made("Reshape", &[x, &shape], &[])
    }

    /// The shape that scales take along an axis of `x`: none for a single one. `None` where it is not known.
    fn along(&self, scale: &str, x: &str, axis: i64) -> Option<Option<Vec<i64>>> {
        if self.is_single(scale) {
            return Some(None);
        }
        let rank = self.kinds.rank(x).filter(|_| self.kinds.rank(scale) == Some(1))?;
        let behind = if axis < 0 { -1 - axis } else { rank as i64 - 1 - axis };
        let behind = usize::try_from(behind).ok().filter(|&behind| behind < rank)?;
        Some(Some(std::iter::once(-1).chain(std::iter::repeat_n(1, behind)).collect()))
    }
}
