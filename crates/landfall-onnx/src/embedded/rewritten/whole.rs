//! Products of whole numbers of eight bits, by those of floats: the engine's own of whole numbers differ where windows are
//! padded, and where a processor adds them up in sixteen bits.
//!
//! A float holds whole numbers up to 2²⁴, and sums of them in any order. Where sums may become larger, one factor goes in two
//! parts of four bits each; beyond that too the model is refused, or the call.

use super::Words;
use crate::declared::ElementType;
use crate::message::{copy_attributes, integer, named, plain};
use crate::node::Node;
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};

/// The largest sum that stays whole, by the largest factor of the one side: in one part, and in two.
const REACH: [i64; 2] = [(1 << 24) / 255, (1 << 24) / 16];

/// So many products of two factors of eight bits, of which the one goes in two parts, stay whole.
const MOST_PRODUCTS: i64 = REACH[1] / 255;

/// A factor, and the number that stands for zero in it; empty where it is 0.
#[derive(Clone, Copy)]
pub(super) struct Factor<'s> {
    pub(super) values: &'s str,
    pub(super) zero: &'s str,
}

/// How many parts a factor goes in.
enum Parts {
    One,
    Two,
    /// Two, as long as no more products are added up than this value says.
    TwoUpTo(String),
}

impl<'a> Words<'a> {
    /// The product of two matrices of whole numbers, of which the one has a single zero; `false` where that is not known, or
    /// sums become too large.
    pub(super) fn matrix_sums(
        &mut self,
        node: &Node<'a>,
        a: Factor<'_>,
        b: Factor<'_>,
        y: &str,
    ) -> Result<bool, Problem> {
        let parts = match self.weights(b)? {
            Some(weights) => weights.parts(|dims| match dims {
                [.., length, width] => (*length, *width),
                [length] => (*length, 1),
                [] => (1, 1),
            }),
            None => {
                let shape = self.made("Shape", &[a.values], &[]);
                let last = self.integers(&[-1]);
                Some(Parts::TwoUpTo(self.made("Gather", &[&shape, &last], &[integer("axis", 0)])))
            }
        };
        let Some(parts) = parts else { return Ok(false) };
        let b = self.counted(b.values, b.zero);
        self.sums(node, a, parts, y, |words, part, sum| {
            words.gives("MatMul", &[part, &b], sum, &[]);
            Ok(())
        })
    }

    /// The convolution of whole numbers with a kernel of such; `false` as above.
    pub(super) fn window_sums(
        &mut self,
        node: &Node<'a>,
        bytes: &[u8],
        x: Factor<'_>,
        kernel: Factor<'_>,
        y: &str,
    ) -> Result<bool, Problem> {
        let Some(axes) = self.axes_of(kernel.values) else { return Ok(false) };
        let by_channel: Vec<i64> = std::iter::once(-1).chain(std::iter::repeat_n(1, axes + 1)).collect();
        let parts = match self.weights(kernel)? {
            Some(weights) => weights.parts(|dims| (dims.iter().skip(1).product(), 1)),
            None => {
                let shape = self.made("Shape", &[kernel.values], &[]);
                let all = self.made("ReduceProd", &[&shape], &[integer("keepdims", 1)]);
                let first = self.integers(&[0]);
                let channels = self.made("Gather", &[&shape, &first], &[integer("axis", 0)]);
                Some(Parts::TwoUpTo(self.made("Div", &[&all, &channels], &[])))
            }
        };
        let Some(parts) = parts else { return Ok(false) };
        let zero =
            if kernel.zero.is_empty() { String::new() } else { self.shaped(kernel.zero, Some(&by_channel)) };
        let kernel = self.counted(kernel.values, &zero);
        self.sums(node, x, parts, y, |words, part, sum| {
            let mut convolution = plain("Conv", &[part, &kernel], sum, &[]);
            copy_attributes(bytes, &mut convolution, |_| true)?;
            let read = Node::read(Fields::new("node", &convolution.0))?;
            if !words.convolution_along(axes, &read, &convolution.0)? {
                words.nodes.push(convolution);
            }
            Ok(())
        })
    }

    /// How many axes a kernel has beside its channels.
    pub(super) fn axes_of(&self, kernel: &str) -> Option<usize> {
        self.kinds.rank(kernel).and_then(|rank| rank.checked_sub(2)).filter(|&axes| axes > 0)
    }

    /// Sums of products with a factor, part by part; `false` where it has several zeros.
    fn sums(
        &mut self,
        node: &Node<'a>,
        x: Factor<'_>,
        parts: Parts,
        y: &str,
        mut product: impl FnMut(&mut Self, &str, &str) -> Result<(), Problem>,
    ) -> Result<bool, Problem> {
        if !x.zero.is_empty() && !self.is_single(x.zero) {
            return Ok(false);
        }
        let mut x = self.counted(x.values, x.zero);
        if let Parts::TwoUpTo(count) = &parts {
            let none = self.none_up_to(node, count);
            x = self.made("Add", &[&x, &none], &[]);
        }
        let mut whole = |words: &mut Self, part: &str, y: &str| {
            let sum = words.name();
            product(words, part, &sum)?;
            words.within.insert(sum.clone());
            words.gives("Cast", &[&sum], y, &[integer("to", ElementType::of(DType::I32).0 as i64)]);
            Ok::<_, Problem>(())
        };
        if let Parts::One = parts {
            whole(self, &x, y)?;
            return Ok(true);
        }
        let (sixteen, sixteenth) = (self.float(16.0), self.float(0.0625));
        let share = self.made("Mul", &[&x, &sixteenth], &[]);
        let high = self.made("Floor", &[&share], &[]);
        let above = self.made("Mul", &[&high, &sixteen], &[]);
        let low = self.made("Sub", &[&x, &above], &[]);
        let [high_sum, low_sum] = [self.name(), self.name()];
        whole(self, &high, &high_sum)?;
        whole(self, &low, &low_sum)?;
        let times = self.constant(DType::I32, &[], &16i32.to_le_bytes());
        let high = self.made("Mul", &[&high_sum, &times], &[]);
        self.gives("Add", &[&high, &low_sum], y, &[]);
        Ok(true)
    }

    /// Whole numbers as floats, counted from their zero.
    fn counted(&mut self, x: &str, zero: &str) -> String {
        let x = self.float_of(x);
        if zero.is_empty() {
            return x;
        }
        let zero = self.float_of(zero);
        self.made("Sub", &[&x, &zero], &[])
    }

    /// 0; an error where more products are added up than stay whole.
    fn none_up_to(&mut self, node: &Node<'a>, count: &str) -> String {
        let beyond = self.integers(&[MOST_PRODUCTS + 1]);
        let index = self.made("Div", &[count, &beyond], &[]);
        let none = self.constant(DType::F32, &[1], &0f32.to_le_bytes());
        let name = format!("{} {} of more than {MOST_PRODUCTS} products", node.operator, node.name);
        let output = self.name();
        self.nodes.push(named(&name, "Gather", &[&none, &index], &output, &[integer("axis", 0)]));
        output
    }

    /// Weights that lie in the file, counted from their zeros.
    fn weights(&self, factor: Factor<'_>) -> Result<Option<Weights>, Problem> {
        let Some(mut weights) = self.stored(factor.values)? else { return Ok(None) };
        let zeros = if factor.zero.is_empty() { None } else { self.stored(factor.zero)? };
        let zeros = match zeros {
            Some(zeros) => zeros.values,
            None if factor.zero.is_empty() => vec![0],
            None => return Ok(None),
        };
        for value in &mut weights.values {
            // Which zero is whose does not matter for a bound.
            *value = zeros.iter().map(|zero| (*value - zero).abs()).max().unwrap_or(0);
        }
        Ok(Some(weights))
    }

    /// A constant of eight bits.
    fn stored(&self, name: &str) -> Result<Option<Weights>, Problem> {
        let Some(mut fields) = self.stored.get(name).cloned() else { return Ok(None) };
        let (mut dims, mut element, mut raw, mut values) = (Vec::new(), None, &[][..], Vec::new());
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => value.varints(|dim| dims.push(dim as usize))?,
                2 => element = ElementType(value.varint()?).dtype(),
                5 => value.varints(|value| values.push(value as i64))?,
                9 => raw = value.bytes()?,
                _ => {}
            }
        }
        match element {
            Some(DType::U8) => values.extend(raw.iter().map(|&value| i64::from(value))),
            Some(DType::I8) => values.extend(raw.iter().map(|&value| i64::from(value as i8))),
            _ => return Ok(None),
        }
        // A list with other numbers than eight bits have is none that could be bounded.
        let is_whole = values.iter().all(|value| (-128..=255).contains(value));
        let elements = dims.iter().try_fold(1usize, |all, &dim| all.checked_mul(dim));
        Ok((is_whole && elements == Some(values.len())).then_some(Weights { dims, values }))
    }
}

/// A constant of eight bits: lengths of its axes, and its numbers, or how far each is from its zero.
struct Weights {
    dims: Vec<usize>,
    values: Vec<i64>,
}

impl Weights {
    /// In how many parts the other factor goes, where so many rows of so many columns are added up row by row, by the axes'
    /// lengths; `None` where two are too few.
    fn parts(&self, block: impl Fn(&[usize]) -> (usize, usize)) -> Option<Parts> {
        if self.values.is_empty() {
            return Some(Parts::One);
        }
        let (rows, columns) = block(&self.dims);
        let mut largest = 0;
        for block in self.values.chunks((rows * columns).max(1)) {
            let mut sums = vec![0i64; columns];
            block.iter().enumerate().for_each(|(place, size)| sums[place % columns] += size);
            largest = largest.max(sums.into_iter().max().unwrap_or(0));
        }
        match largest {
            _ if largest <= REACH[0] => Some(Parts::One),
            _ if largest <= REACH[1] => Some(Parts::Two),
            _ => None,
        }
    }
}
