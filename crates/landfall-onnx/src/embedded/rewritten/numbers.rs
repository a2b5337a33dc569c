//! Numbers one by one: casts, signs, and what overflows.

use super::Words;
use crate::declared::ElementType;
use crate::message::{integer, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

impl<'a> Words<'a> {
    /// A cast to a truth value; others stay.
    pub(super) fn cast(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let to = node.attributes.integer("to")?.and_then(|to| u64::try_from(to).ok());
        let (Some(to), [x], [y]) = (to, &node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let is_truth = ElementType(to) == ElementType::of(DType::Bool);
        if is_truth {
            self.truth(x, y);
        }
        Ok(is_truth || self.taken_wide(node, to))
    }

    /// A cast to the type of another value, where that is known.
    pub(super) fn cast_like(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, like], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let Some(element) = self.kinds.element(like) else { return Ok(false) };
        if element == ElementType::of(DType::Bool) {
            self.truth(x, y);
        } else {
            self.nodes.push(plain("Cast", &[x], y, &[integer("to", element.0 as i64)]));
        }
        Ok(true)
    }

    /// Whether a number is other than 0: its cast to a truth value leaves 2 as it is, and makes 0 of a half.
    fn truth(&mut self, x: &str, y: &str) {
        // The zero of whatever type it has. Of infinities and NaN the difference is NaN, to which nothing is equal.
        let (zero, is_zero) = (self.name(), self.name());
        self.nodes.push(plain("Sub", &[x, x], &zero, &[]));
        self.nodes.push(plain("Equal", &[x, &zero], &is_zero, &[]));
        self.nodes.push(plain("Not", &[&is_zero], y, &[]));
    }

    /// The sign of zero is zero, where the engine's operator has one of a zero's own sign.
    pub(super) fn sign(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let (zero, is_zero, sign) = (self.name(), self.name(), self.name());
        self.nodes.push(plain("Sub", &[x, x], &zero, &[]));
        self.nodes.push(plain("Equal", &[x, &zero], &is_zero, &[]));
        self.within.insert(sign.clone());
        self.nodes.push(plain("Sign", &[x], &sign, &[]));
        self.nodes.push(plain("Where", &[&is_zero, x, &sign], y, &[]));
        Ok(true)
    }

    /// The engine's operator overflows from 89 on.
    pub(super) fn softplus(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        self.rise(x, y);
        Ok(true)
    }

    /// ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|).
    pub(super) fn rise(&mut self, x: &str, y: &str) {
        let zero = self.float(0.0);
        let [above, size, below, rest] = [(); 4].map(|()| self.name());
        self.nodes.push(plain("Max", &[x, &zero], &above, &[]));
        self.nodes.push(plain("Abs", &[x], &size, &[]));
        self.nodes.push(plain("Neg", &[&size], &below, &[]));
        self.within.insert(rest.clone());
        self.nodes.push(plain("Softplus", &[&below], &rest, &[]));
        self.nodes.push(plain("Add", &[&above, &rest], y, &[]));
    }

    /// An inverse hyperbolic function, which the engine takes of twice its argument: beyond its half, as ln 2|x| with the sign
    /// of x, which is the same there.
    pub(super) fn hyperbolic(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let [large, one, less, zero] = [1e38, 1.0, -1.0, 0.0].map(|value| self.float(value));
        let twice = self.float(std::f32::consts::LN_2);
        let size = self.made("Abs", &[x], &[]);
        let is_large = self.made("Greater", &[if node.operator == "Asinh" { &size } else { x }, &large], &[]);
        let small = self.made("Where", &[&is_large, &one, x], &[]);
        let near = self.made(node.operator, &[&small], &[]);
        let logarithm = self.made("Log", &[&size], &[]);
        let far = self.made("Add", &[&logarithm, &twice], &[]);
        let is_below = self.made("Less", &[x, &zero], &[]);
        let sign = self.made("Where", &[&is_below, &less, &one], &[]);
        let far = self.made("Mul", &[&far, &sign], &[]);
        self.gives("Where", &[&is_large, &far, &near], y, &[]);
        Ok(true)
    }
}
