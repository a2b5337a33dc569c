//! Axes and places along them: padding of some axes, blocks as channels, elements that a condition takes.

use super::Words;
use crate::declared::ElementType;
use crate::message::{copy_attributes, integer, integers, plain};
use crate::node::Node;
use landfall_model::{DType, Problem};

impl<'a> Words<'a> {
    /// Padding of some axes as padding of all of them, where those are known.
    pub(super) fn padding(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([x, pads, value, axes], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let (Some(axes), Some(rank)) = (self.listed(axes)?, self.kinds.rank(x)) else { return Ok(false) };
        let counted = axes.iter().map(|&axis| if axis < 0 { axis + rank as i64 } else { axis });
        let counted: Vec<i64> = counted.filter(|axis| (0..rank as i64).contains(axis)).collect();
        if counted.len() != axes.len() {
            return Ok(false);
        }
        let places: Vec<i64> =
            counted.iter().copied().chain(counted.iter().map(|axis| axis + rank as i64)).collect();
        let (none, places) = (self.integers(&vec![0; 2 * rank]), self.integers(&places));
        let all = self.made("ScatterElements", &[&none, &places, pads], &[integer("axis", 0)]);
        let mut padded = plain("Pad", &[x, &all, value], y, &[]);
        copy_attributes(bytes, &mut padded, |name| name == "mode")?;
        self.nodes.push(padded);
        Ok(true)
    }

    /// Blocks of a picture's points as channels.
    pub(super) fn blocks(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x], [y], Some(size)) = (
            &node.inputs[..],
            &node.outputs[..],
            node.attributes.integer("blocksize")?.filter(|&size| size > 0),
        ) else {
            return Ok(false);
        };
        let order = match node.attributes.text("mode")? {
            None | Some(b"DCR") => [0, 3, 5, 1, 2, 4],
            Some(b"CRD") => [0, 1, 3, 5, 2, 4],
            Some(_) => return Ok(false),
        };
        let [zero, one, two, three, four] = [0, 1, 2, 3, 4].map(|place| self.integers(&[place]));
        let (block, points) = (self.integers(&[size]), self.integers(&[size.saturating_mul(size)]));
        let along = [integer("axis", 0)];
        let shape = self.made("Shape", &[x], &[]);
        let [rows, channels, height, width] = [[&zero, &one], [&one, &two], [&two, &three], [&three, &four]]
            .map(|[start, end]| self.made("Slice", &[&shape, start, end], &[]));
        let [height, width] = [height, width].map(|length| self.made("Div", &[&length, &block], &[]));
        let split = self.made("Concat", &[&rows, &channels, &height, &block, &width, &block], &along);
        let split = self.made("Reshape", &[x, &split], &[]);
        let order = [integers("perm", &order)];
        let ordered = self.made("Transpose", &[&split], &order);
        let channels = self.made("Mul", &[&channels, &points], &[]);
        let whole = self.made("Concat", &[&rows, &channels, &height, &width], &along);
        self.gives("Reshape", &[&ordered, &whole], y, &[]);
        Ok(true)
    }

    /// What a condition takes along an axis, or of all elements.
    pub(super) fn taken(&mut self, node: &Node<'a>) -> Result<bool, Problem> {
        let ([x, condition], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        let (all, last) = (self.integers(&[-1]), node.attributes.integer("axis")?);
        let places = self.made("NonZero", &[condition], &[]);
        let places = self.made("Reshape", &[&places, &all], &[]);
        match last {
            Some(axis) => self.gives("Gather", &[x, &places], y, &[integer("axis", axis)]),
            None => {
                let flat = self.made("Reshape", &[x, &all], &[]);
                self.gives("Gather", &[&flat, &places], y, &[integer("axis", 0)]);
            }
        }
        Ok(true)
    }

    /// The largest, or the smallest, of truth values: by numbers, of which 1 is true.
    pub(super) fn truths(&mut self, node: &Node<'a>, bytes: &[u8]) -> Result<bool, Problem> {
        let ([x, axes @ ..], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(false) };
        if self.kinds.element(x) != Some(ElementType::of(DType::Bool)) {
            return Ok(false);
        }
        let (numbers, zero, largest) = (self.float_of(x), self.float(0.0), self.name());
        let inputs: Vec<&str> = std::iter::once(numbers.as_str()).chain(axes.iter().copied()).collect();
        let mut reduced = plain(node.operator, &inputs, &largest, &[]);
        copy_attributes(bytes, &mut reduced, |_| true)?;
        self.nodes.push(reduced);
        self.gives("Greater", &[&largest, &zero], y, &[]);
        Ok(true)
    }

    /// The values of a constant list of int64.
    fn listed(&self, name: &str) -> Result<Option<Vec<i64>>, Problem> {
        let Some(mut fields) = self.stored.get(name).cloned() else { return Ok(None) };
        let (mut element, mut raw, mut values) = (None, &[][..], Vec::new());
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => element = ElementType(value.varint()?).dtype(),
                7 => value.varints(|value| values.push(value as i64))?,
                9 => raw = value.bytes()?,
                _ => {}
            }
        }
        values.extend(raw.as_chunks::<8>().0.iter().map(|bytes| i64::from_le_bytes(*bytes)));
        Ok((element == Some(DType::I64) && !values.is_empty()).then_some(values))
    }
}
