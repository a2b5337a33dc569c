//! Convolutions and pooling: what stands for itself where it is left out, and padding that comes first.

use super::Words;
use crate::embedded::message::{Message, integers};
use crate::node::Node;
use landfall_model::Problem;
use landfall_model::protobuf::Fields;

impl<'a> Words<'a> {
    /// Strides, dilations and padding of a convolution are 1, 1 and 0 where it does not say them.
    pub(super) fn convolution(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let kernel = node.attributes.integers("kernel_shape")?.len();
        let rank = [1, 0].iter().find_map(|&place| self.kinds.rank(node.inputs.get(place)?));
        let axes = if kernel > 0 { kernel } else { rank.unwrap_or(0).saturating_sub(2) };
        // The engine has none of three axes.
        if !(1..=2).contains(&axes) {
            return Ok(false);
        }
        let is_plain = node.operator == "Conv";
        let mut whole = if is_plain { padded_first(node, bytes)? } else { None };
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
    pub(super) fn pooling(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let axes = node.attributes.integers("kernel_shape")?.len();
        let mut whole = padded_first(node, bytes)?;
        if axes > 0 && !node.attributes.has("strides") {
            let whole = whole.get_or_insert_with(|| Message(bytes.to_vec()));
            whole.bytes(5, &integers("strides", &vec![1; axes]).0);
        }
        Ok(self.stands(whole))
    }

    fn stands(&mut self, whole: Option<Message>) -> bool {
        let is_changed = whole.is_some();
        self.nodes.extend(whole);
        is_changed
    }
}

/// A node whose padding keeps lengths, with the odd one before (`SAME_LOWER`), as one with padding in numbers. `None` for
/// others, and where windows move by more than one: then it depends on the lengths that come.
fn padded_first(node: &Node<'_>, bytes: &[u8]) -> Result<Option<Message>, Problem> {
    let attributes = &node.attributes;
    let kernel = attributes.integers("kernel_shape")?;
    let moves_by_one = attributes.integers("strides")?.iter().all(|&stride| stride == 1);
    if attributes.text("auto_pad")? != Some(b"SAME_LOWER") || !moves_by_one || kernel.is_empty() {
        return Ok(None);
    }
    let dilations = attributes.integers("dilations")?;
    let all = kernel.iter().enumerate().map(|(axis, &length)| {
        let spread = dilations.get(axis).copied().unwrap_or(1);
        length.saturating_sub(1).saturating_mul(spread).max(0)
    });
    let all: Vec<i64> = all.collect();
    let before = all.iter().map(|all| all - all / 2);
    let pads: Vec<i64> = before.chain(all.iter().map(|all| all / 2)).collect();
    let mut whole = Message::default();
    let mut fields = Fields::new("node", bytes);
    while let Some((number, value)) = fields.next()? {
        let is_padding = number == 5 && is_named(value.clone().message()?, &["auto_pad", "pads"])?;
        if !is_padding {
            whole.field(number, value)?;
        }
    }
    whole.bytes(5, &integers("pads", &pads).0);
    Ok(Some(whole))
}

/// Whether an `AttributeProto` has one of these names.
fn is_named(attribute: Fields<'_>, names: &[&str]) -> Result<bool, Problem> {
    Ok(names.contains(&crate::declared::name_of(attribute)?))
}
