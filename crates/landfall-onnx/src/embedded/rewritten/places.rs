//! Along axes: where the largest is, and shares of several axes at once.

use super::Words;
use crate::message::{integer, integers, named, plain};
use crate::node::Node;
use landfall_model::Problem;

impl<'a> Words<'a> {
    /// Where the largest is: of equal ones the first, where the engine's operator takes the last.
    pub(super) fn place(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        // From this version on, `TopK` takes the smallest as well.
        const TOP_K_OF_SMALLEST: i64 = 11;
        let attributes = &node.attributes;
        let flag = |name: &str, default| Ok::<_, Problem>(attributes.integer(name)?.unwrap_or(default) != 0);
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        if flag("select_last_index", 0)? || self.version < TOP_K_OF_SMALLEST {
            return Ok(false);
        }
        let axis = attributes.integer("axis")?.unwrap_or(0);
        let is_largest = i64::from(node.operator == "ArgMax");
        let (one, values) = (self.integers(&[1]), self.name());
        let keeps = flag("keepdims", 1)?;
        let places = if keeps { (*y).to_owned() } else { self.name() };
        let attributes = [integer("axis", axis), integer("largest", is_largest)];
        let name = format!("{} {y}", node.operator);
        let mut top = named(&name, "TopK", &[x, &one], &values, &attributes);
        top.bytes(2, places.as_bytes());
        self.nodes.push(top);
        if !keeps {
            self.along_axis("Squeeze", &places, y, axis);
        }
        Ok(true)
    }

    /// Before it went along one axis, it took all axes from one on together.
    pub(super) fn flat(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        const ALONG_ONE: i64 = 13;
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let axis = node.attributes.integer("axis")?.unwrap_or(1);
        if self.version >= ALONG_ONE || axis == -1 {
            return Ok(false);
        }
        let (shape, matrix, shares) = (self.name(), self.name(), self.name());
        self.nodes.push(plain("Shape", &[x], &shape, &[]));
        self.nodes.push(plain("Flatten", &[x], &matrix, &[integer("axis", axis)]));
        self.nodes.push(plain(node.operator, &[&matrix], &shares, &[integer("axis", -1)]));
        self.nodes.push(plain("Reshape", &[&shares, &shape], y, &[]));
        Ok(true)
    }

    /// `Squeeze` or `Unsqueeze`.
    pub(super) fn along_axis(&mut self, operator: &str, x: &str, y: &str, axis: i64) {
        // From this version on, axes are an input.
        const AXES_ARE_INPUT: i64 = 13;
        let node = if self.version >= AXES_ARE_INPUT {
            let axes = self.integers(&[axis]);
            plain(operator, &[x, &axes], y, &[])
        } else {
            plain(operator, &[x], y, &[integers("axes", &[axis])])
        };
        self.nodes.push(node);
    }
}
