//! Which nodes make tensors whose size is written as values: a constant of the file, or what a call brings.
//!
//! An engine that cannot survive a failed allocation asks here before it loads a graph.

use std::collections::HashMap;

/// A node whose output's size is set by values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SizedBy {
    /// The node.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// By what.
    pub size: Size,
}

/// What sets a size.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Size {
    /// Constants of the file: the product of all axes.
    Elements(u64),
    /// The values (not the shape) of an input.
    Input(String),
}

/// Where values come from, as far as sizes are concerned.
#[derive(Default)]
pub(super) struct Origins<'a> {
    origins: HashMap<&'a str, Origin<'a>>,
    found: Vec<SizedBy>,
}

#[derive(Clone, Copy)]
enum Origin<'a> {
    Constant(u64),
    Input(&'a str),
}

impl<'a> Origins<'a> {
    pub(super) fn input(&mut self, name: &'a str) {
        self.origins.insert(name, Origin::Input(name));
    }

    /// A constant whose values multiply to this.
    pub(super) fn constant(&mut self, name: &'a str, product: u64) {
        self.origins.insert(name, Origin::Constant(product));
    }

    /// A node: nodes come in the order in which they run, as the format asks.
    pub(super) fn node(&mut self, name: &'a str, operator: &'a str, inputs: &[&'a str], outputs: &[&'a str]) {
        for &operand in operands(operator) {
            let Some(origin) = inputs.get(operand).and_then(|input| self.origins.get(input)) else {
                continue;
            };
            let size = match origin {
                Origin::Constant(product) => Size::Elements(*product),
                Origin::Input(input) => Size::Input((*input).to_owned()),
            };
            self.found.push(SizedBy { node: name.to_owned(), operator: operator.to_owned(), size });
        }
        // The shape of what a call brings is bounded by the bytes that came; its values are not.
        if matches!(operator, "Shape" | "Size") {
            return;
        }
        let given = inputs.iter().find_map(|input| match self.origins.get(input) {
            Some(Origin::Input(input)) => Some(*input),
            _ => None,
        });
        if let Some(given) = given {
            self.origins.extend(outputs.iter().map(|output| (*output, Origin::Input(given))));
        }
    }

    pub(super) fn into_found(self) -> Vec<SizedBy> {
        self.found
    }
}

/// Which inputs of an operator set the size of its output.
fn operands(operator: &str) -> &'static [usize] {
    match operator {
        "ConstantOfShape" | "HannWindow" | "HammingWindow" | "BlackmanWindow" => &[0],
        "Expand" | "Tile" | "OneHot" | "Pad" | "Upsample" | "CenterCropPad" | "Col2Im" => &[1],
        "Range" => &[1],
        "Resize" => &[2, 3],
        "MaxUnpool" => &[2],
        _ => &[],
    }
}
