//! Convolutions and pooling: what stands for itself where it is left out, and padding that comes first.

use super::Words;
use crate::message::{Message, copy_attributes, integer, integers, named};
use crate::node::Node;
use landfall_model::Problem;

impl<'a> Words<'a> {
    /// Strides, dilations and padding of a convolution are 1, 1 and 0 where it does not say them.
    pub(super) fn convolution(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let kernel = node.attributes.integers("kernel_shape")?.len();
        let rank = [1, 0].iter().find_map(|&place| self.kinds.rank(node.inputs.get(place)?));
        let axes = if kernel > 0 { kernel } else { rank.unwrap_or(0).saturating_sub(2) };
        self.convolution_along(axes, node, bytes)
    }

    /// The same, along so many axes beside the channels.
    pub(super) fn convolution_along(
        &mut self,
        axes: usize,
        node: &Node<'_>,
        bytes: &[u8],
    ) -> Result<bool, Problem> {
        // The engine has none of three axes.
        if !(1..=2).contains(&axes) {
            return Ok(false);
        }
        let is_plain = node.operator != "ConvTranspose";
        let mut whole = if is_plain { self.padded_first(node, bytes)? } else { None };
        for (name, value, count) in [("strides", 1, axes), ("dilations", 1, axes), ("pads", 0, 2 * axes)] {
            let other = if name == "pads" { "auto_pad" } else { name };
            if !node.attributes.has(name) && !node.attributes.has(other) {
                let whole = whole.get_or_insert_with(|| Message(bytes.to_vec()));
                whole.bytes(5, &integers(name, &vec![value; count]).0);
            }
        }
        Ok(self.stands(whole))
    }

    /// Strides of a pooling are 1 where it does not say them.
    pub(super) fn pooling(&mut self, node: &Node<'_>, bytes: &[u8]) -> Result<bool, Problem> {
        let axes = node.attributes.integers("kernel_shape")?.len();
        let mut whole = self.padded_first(node, bytes)?;
        if axes > 0 && !node.attributes.has("strides") {
            let whole = whole.get_or_insert_with(|| Message(bytes.to_vec()));
            whole.bytes(5, &integers("strides", &vec![1; axes]).0);
        }
        Ok(self.stands(whole))
    }

    /// A node whose padding keeps lengths, with the odd one before (`SAME_LOWER`), as one with padding in numbers, where windows
    /// move by one; else behind padding of its own, which depends on the lengths that come. `None` for others.
    fn padded_first(&mut self, node: &Node<'_>, bytes: &[u8]) -> Result<Option<Message>, Problem> {
        let attributes = &node.attributes;
        let (reaches, strides) = (reaches(node)?, attributes.integers("strides")?);
        let filled = match node.operator {
            "Conv" => 0.0,
            "MaxPool" => f32::NEG_INFINITY,
            _ => f32::NAN,
        };
        let moves_by_one = strides.iter().all(|&stride| stride == 1);
        let is_lower = attributes.text("auto_pad")? == Some(b"SAME_LOWER") && !reaches.is_empty();
        let ([x, rest @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(None) };
        if !is_lower || (!moves_by_one && (filled.is_nan() || strides.len() != reaches.len())) {
            return Ok(None);
        }
        let (x, pads) = if moves_by_one {
            let before = reaches.iter().map(|all| all - all / 2);
            ((*x).to_owned(), before.chain(reaches.iter().map(|all| all / 2)).collect())
        } else {
            (self.padded(x, &reaches, &strides, filled), vec![0; 2 * reaches.len()])
        };
        let inputs: Vec<&str> = std::iter::once(x.as_str()).chain(rest.iter().copied()).collect();
        let mut whole = named(node.name, node.operator, &inputs, y, &[integers("pads", &pads)]);
        copy_attributes(bytes, &mut whole, |name| !matches!(name, "auto_pad" | "pads"))?;
        Ok(Some(whole))
    }

    /// Values with so much beside them that windows of these reaches begin at every stride: of the odd ones, one more before.
    fn padded(&mut self, x: &str, reaches: &[i64], strides: &[i64], filled: f32) -> String {
        let end = self.integers(&[2 + reaches.len() as i64]);
        let [two, none, ones] = [vec![2], vec![0], vec![1; reaches.len()]].map(|list| self.integers(&list));
        let (reach, stride) = (self.integers(reaches), self.integers(strides));
        let shape = self.made("Shape", &[x], &[]);
        let lengths = self.made("Slice", &[&shape, &two, &end], &[]);
        // The last window begins at the greatest multiple of the stride within the length.
        let last = self.made("Sub", &[&lengths, &ones], &[]);
        let moves = self.made("Div", &[&last, &stride], &[]);
        let begin = self.made("Mul", &[&moves, &stride], &[]);
        let reached = self.made("Add", &[&begin, &reach], &[]);
        let lacking = self.made("Sub", &[&reached, &last], &[]);
        let all = self.made("Max", &[&lacking, &none], &[]);
        let after = self.made("Div", &[&all, &two], &[]);
        let before = self.made("Sub", &[&all, &after], &[]);
        let rows = self.integers(&[0, 0]);
        let pads = self.made("Concat", &[&rows, &before, &rows, &after], &[integer("axis", 0)]);
        let filled = self.float(filled);
        self.made("Pad", &[x, &pads, &filled], &[])
    }

    fn stands(&mut self, whole: Option<Message>) -> bool {
        let is_changed = whole.is_some();
        self.nodes.extend(whole);
        is_changed
    }
}

/// How far each window reaches along each axis, of a node that says its kernel's lengths.
fn reaches(node: &Node<'_>) -> Result<Vec<i64>, Problem> {
    let dilations = node.attributes.integers("dilations")?;
    let kernel = node.attributes.integers("kernel_shape")?.into_iter().enumerate();
    let reach = |(axis, length): (usize, i64)| {
        let spread = dilations.get(axis).copied().unwrap_or(1);
        length.saturating_sub(1).saturating_mul(spread).max(0)
    };
    Ok(kernel.map(reach).collect())
}
