//! Products with a vector.

use super::Words;
use crate::embedded::message::plain;
use crate::node::Node;
use landfall_model::Problem;

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
}
