//! Values of float64 that are those of float32: nothing is calculated with them.

use super::Words;
use crate::declared::ElementType;
use crate::message::{Message, integer, plain, stored};
use crate::node::{Node, name_of, nodes};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};
use std::collections::HashSet;

/// Operators that take a value as it is.
const TAKING: [&str; 3] = ["Cast", "IsNaN", "IsInf"];

/// Values that other nodes read than those which take them as they are, those of graphs within nodes too.
///
/// # Errors
/// Malformed.
pub(super) fn calculated<'a>(graph: Fields<'a>, names: &mut HashSet<&'a str>) -> Result<(), Problem> {
    let mut fields = graph.clone();
    while let Some((number, value)) = fields.next()? {
        if number == 12 {
            names.insert(name_of(value.message()?)?);
        }
    }
    for node in nodes(graph) {
        let node = node?;
        if !TAKING.contains(&node.operator) || !node.domain.is_empty() {
            names.extend(node.inputs);
        }
        node.attributes.graphs()?.into_iter().try_for_each(|graph| calculated(graph, names))?;
    }
    Ok(())
}

impl<'a> Words<'a> {
    /// A cast to float64 of what float32 holds, as one to float32.
    pub(super) fn taken_wide(&mut self, node: &Node<'a>, to: u64) -> bool {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return false };
        let is_wide = ElementType(to) == ElementType::of(DType::F64);
        let element = self.kinds.element(x).and_then(ElementType::dtype);
        let is_narrow =
            matches!(element, Some(DType::F32 | DType::F16 | DType::Bool | DType::U8 | DType::I8));
        if !is_wide || !is_narrow || self.calculated.contains(y) {
            return false;
        }
        self.nodes.push(plain("Cast", &[x], y, &[integer("to", ElementType::of(DType::F32).0 as i64)]));
        true
    }

    /// A number of float64 that float32 holds, as one of float32.
    pub(super) fn constant_wide(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let (Some(mut tensor), [y]) = (node.attributes.tensor("value")?, &node.outputs[..]) else {
            return Ok(false);
        };
        let (mut element, mut raw, mut dims, mut listed) = (0, &[][..], Vec::new(), Vec::new());
        while let Some((number, value)) = tensor.next()? {
            match number {
                1 => value.varints(|dim| dims.push(dim))?,
                2 => element = value.varint()?,
                9 => raw = value.bytes()?,
                10 => value.fixed::<8>(|bytes| listed.extend_from_slice(bytes))?,
                _ => {}
            }
        }
        let bytes = if raw.is_empty() { &listed[..] } else { raw };
        let wide = bytes.as_chunks::<8>().0.iter().map(|bytes| f64::from_le_bytes(*bytes));
        let is_held = wide.clone().all(|value| f64::from(value as f32) == value || value.is_nan());
        if ElementType(element) != ElementType::of(DType::F64) || !is_held || self.calculated.contains(y) {
            return Ok(false);
        }
        let narrow: Vec<u8> = wide.flat_map(|value| (value as f32).to_le_bytes()).collect();
        let mut attribute = Message::default();
        attribute.bytes(1, b"value");
        attribute.bytes(5, &stored("", ElementType::of(DType::F32), &dims, &narrow).0);
        attribute.number(20, 4);
        self.nodes.push(plain("Constant", &[], y, &[attribute]));
        Ok(true)
    }
}
