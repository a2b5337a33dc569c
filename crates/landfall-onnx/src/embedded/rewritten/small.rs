//! Arithmetic of eight bits, which the engine has in thirty-two alone, and of types that it does not mix.

use super::Words;
use crate::declared::ElementType;
use crate::message::{copy_attributes, integer, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

/// Operators over numbers of one type whose results are truth values.
const COMPARING: [&str; 5] = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"];

impl<'a> Words<'a> {
    /// Whole numbers of eight bits as those of thirty-two, and what comes out cut off to eight again.
    pub(super) fn eight_bits(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let [y] = &node.outputs[..] else { return Ok(false) };
        // Of a choice, the condition stays.
        let first = usize::from(node.operator == "Where");
        let element = node.inputs.get(first).and_then(|x| self.kinds.element(x));
        let Some(element) = element.filter(|element| matches!(element.dtype(), Some(DType::U8 | DType::I8)))
        else {
            return Ok(false);
        };
        let wide = [integer("to", ElementType::of(DType::I32).0 as i64)];
        let inputs: Vec<String> = node
            .inputs
            .iter()
            .enumerate()
            .map(|(place, x)| {
                let stays = x.is_empty() || place < first;
                if stays { (*x).to_owned() } else { self.made("Cast", &[x], &wide) }
            })
            .collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let is_compared = COMPARING.contains(&node.operator);
        let result = if is_compared { (*y).to_owned() } else { self.name() };
        let mut calculated = plain(node.operator, &inputs, &result, &[]);
        copy_attributes(bytes, &mut calculated, |_| true)?;
        self.nodes.push(calculated);
        if !is_compared {
            self.gives("Cast", &[&result], y, &[integer("to", element.0 as i64)]);
        }
        Ok(true)
    }

    /// A float to the power of a whole number.
    pub(super) fn power(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, exponent], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let is_float =
            |name: &str| self.kinds.element(name).and_then(ElementType::dtype).map(DType::is_float);
        if (is_float(x), is_float(exponent)) != (Some(true), Some(false)) {
            return Ok(false);
        }
        let exponent = self.float_of(exponent);
        self.gives("Pow", &[x, &exponent], y, &[]);
        Ok(true)
    }

    /// Whether a number is infinite, of one sign.
    pub(super) fn infinite(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let counts = |name: &str| Ok::<_, Problem>(node.attributes.integer(name)?.unwrap_or(1) != 0);
        let infinity = match (counts("detect_negative")?, counts("detect_positive")?) {
            (true, false) => f32::NEG_INFINITY,
            (false, true) => f32::INFINITY,
            _ => return Ok(false),
        };
        let infinity = self.float(infinity);
        self.gives("Equal", &[x, &infinity], y, &[]);
        Ok(true)
    }
}
