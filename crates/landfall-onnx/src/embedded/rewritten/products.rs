//! Products with a vector, and quotients.

use super::Words;
use crate::declared::ElementType;
use crate::message::{integer, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

impl<'a> Words<'a> {
    /// By a matrix of one column, which is then dropped: the engine's operator keeps it where many matrices come.
    pub(super) fn by_vector(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, vector], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let is_plain = self.kinds.rank(x).is_some_and(|rank| rank <= 2);
        if self.kinds.rank(vector) != Some(1) || is_plain {
            return Ok(false);
        }
        let (column, product) = (self.name(), self.name());
        self.along_axis("Unsqueeze", vector, &column, 1);
        self.nodes.push(plain("MatMul", &[x, &column], &product, &[]));
        self.along_axis("Squeeze", &product, y, -1);
        Ok(true)
    }
    /// A quotient of floats by a single one, of which the whole part matters: the engine multiplies by the inverse, which
    /// makes less than 1 of 49 / 49.
    pub(super) fn by_single(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, by], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let is_float = [x, by].iter().any(|name| {
            let dtype = self.kinds.element(name).and_then(ElementType::dtype);
            dtype.is_some_and(DType::is_float)
        });
        if !is_float || !self.is_single(by) || !self.stepped_on.contains(y) {
            return Ok(false);
        }
        let quotient = self.quotient(x, by);
        self.nodes.push(plain("Identity", &[&quotient], y, &[]));
        Ok(true)
    }

    /// x / y for a single y, divided and not multiplied by its inverse: by two of it at least.
    pub(super) fn quotient(&mut self, x: &str, by: &str) -> String {
        let shape = self.made("Shape", &[x], &[]);
        match self.kinds.rank(x).filter(|&rank| rank > 0) {
            Some(rank) => {
                let mut least = vec![1; rank - 1];
                least.push(2);
                let least = self.integers(&least);
                let wide = self.made("Max", &[&shape, &least], &[]);
                let divisor = self.made("Expand", &[by, &wide], &[]);
                let quotients = self.made("Div", &[x, &divisor], &[]);
                let (first, last) = (self.integers(&[0]), self.integers(&[-1]));
                let length = self.made("Gather", &[&shape, &last], &[integer("axis", 0)]);
                self.made("Slice", &[&quotients, &first, &length, &last], &[])
            }
            None => {
                let (two, first) = (self.integers(&[2]), self.constant(DType::I64, &[], &0i64.to_le_bytes()));
                let wide = self.made("Concat", &[&two, &shape], &[integer("axis", 0)]);
                let divisor = self.made("Expand", &[by, &wide], &[]);
                let quotients = self.made("Div", &[x, &divisor], &[]);
                self.made("Gather", &[&quotients, &first], &[integer("axis", 0)])
            }
        }
    }
}
