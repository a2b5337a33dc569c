//! The other words for the divisions of one graph, or of one function, and of the graphs within its nodes.

use super::{Copies, Zeros};
use crate::declared::ElementType;
use crate::kinds::{Kinds, stored_name};
use crate::message::{
    Message, copy_attributes, integer, named, plain, stored, with_graphs, with_nodes, with_operator,
};
use crate::node::{IN_GRAPH, Node, name_of};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem};
use std::collections::{BTreeMap, HashMap};

pub(super) struct Words<'f, 'a> {
    copies: &'f mut Copies<'a>,
    kinds: Kinds<'a>,
    /// Whether the operator set has the words.
    is_of_age: bool,
    /// Constants, and whether they are without −1 and 0.
    harmless: HashMap<&'a str, bool>,
    prefix: String,
    made: usize,
    /// Names of constants that the words read, by type and value.
    constants: BTreeMap<(ElementType, i64), String>,
}

impl<'f, 'a> Words<'f, 'a> {
    /// For values of these kinds; what is made is named with this prefix.
    pub(super) fn new(copies: &'f mut Copies<'a>, kinds: Kinds<'a>, is_of_age: bool, prefix: String) -> Self {
        let (harmless, constants) = (HashMap::new(), BTreeMap::new());
        Words { copies, kinds, is_of_age, harmless, prefix, made: 0, constants }
    }

    /// Names and tensors of the constants that the words read; 0 is a list of one.
    pub(super) fn constants(&self) -> impl Iterator<Item = (&str, Message)> {
        self.constants.iter().map(|((element, value), name)| {
            let width = element.dtype().and_then(DType::size).unwrap_or(8);
            let dims: &[u64] = if *value == 0 { &[1] } else { &[] };
            (name.as_str(), stored(name, *element, dims, &value.to_le_bytes()[..width]))
        })
    }

    /// A graph in other words; `None` where it stays.
    pub(super) fn graph(&mut self, graph: Fields<'a>) -> Result<Option<Message>, Problem> {
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            if number == 5 {
                let tensor = value.message()?;
                self.harmless.insert(stored_name(tensor.clone())?, is_harmless(tensor)?);
            }
        }
        // What is an input, too, is only the value that it has where a call brings none.
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            if number == 11 {
                self.harmless.remove(name_of(value.message()?)?);
            }
        }
        with_nodes(graph, IN_GRAPH, |node| self.node(node))
    }

    /// A node in other words; `None` where it stays.
    pub(super) fn node(&mut self, value: Value<'a>) -> Result<Option<Vec<Message>>, Problem> {
        let bytes = value.clone().bytes()?;
        let node = Node::read(value.message()?)?;
        if let Some(copy) = self.copies.called(&node, self.kinds.elements(&node))? {
            return Ok(Some(vec![with_operator(bytes, &copy)?]));
        }
        if node.domain.is_empty() {
            match node.operator {
                "Constant" => self.constant(&node)?,
                "Div" => return Ok(self.quotient(&node)),
                "Mod" => return self.rest(&node, bytes),
                _ => {}
            }
        }
        if node.attributes.graphs()?.is_empty() {
            return Ok(None);
        }
        let changed = with_graphs(bytes, |graph| {
            let _level = self.copies.functions.level(&graph)?;
            let mark = self.kinds.enter(graph.clone())?;
            let changed = self.graph(graph)?;
            self.kinds.leave(mark);
            Ok(changed)
        })?;
        Ok(changed.map(|node| vec![node]))
    }

    /// Of a constant whose value is an attribute of the function's call, nothing is known.
    fn constant(&mut self, node: &Node<'a>) -> Result<(), Problem> {
        let Some(output) = node.outputs.first() else { return Ok(()) };
        let is_met = |number: i64| matches!(number, -1 | 0);
        let attributes = &node.attributes;
        let (number, numbers) = (attributes.integer("value_int")?, attributes.integers("value_ints")?);
        let is_without = match attributes.tensor("value")? {
            Some(tensor) => is_harmless(tensor)?,
            None => {
                number.map_or(!numbers.is_empty(), |number| !is_met(number))
                    && !numbers.into_iter().any(is_met)
            }
        };
        self.harmless.insert(output, is_without);
        Ok(())
    }

    /// a / b: (b = −1 ? −a : a) / (b = −1 ? 1 : b).
    fn quotient(&mut self, node: &Node<'a>) -> Option<Vec<Message>> {
        let ([a, b], [y]) = (&node.inputs[..], &node.outputs[..]) else { return None };
        let element = self.guarded(a, b)?;
        let (mut words, twice, divisor) = self.divisor(node, b, element);
        let Some(twice) = twice else {
            words.push(plain("Div", &[a, &divisor], y, &[]));
            return Some(words);
        };
        let (one, [sign, dividend]) = (self.unit(element, 1), self.names());
        words.push(plain("Sub", &[&one, &twice], &sign, &[]));
        words.push(plain("Mul", &[a, &sign], &dividend, &[]));
        words.push(plain("Div", &[&dividend, &divisor], y, &[]));
        Some(words)
    }

    /// a mod b: a mod (b = −1 ? 1 : b). As C's `fmod`, it is taken of floats, which nothing stops.
    fn rest(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<Option<Vec<Message>>, Problem> {
        let ([a, b], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(None) };
        if node.attributes.integer("fmod")?.unwrap_or(0) != 0 {
            return Ok(None);
        }
        let Some(element) = self.guarded(a, b) else { return Ok(None) };
        let (mut words, _, divisor) = self.divisor(node, b, element);
        let mut rest = plain("Mod", &[a, &divisor], y, &[]);
        copy_attributes(bytes, &mut rest, |_| true)?;
        words.push(rest);
        Ok(Some(words))
    }

    /// Words for a divisor: 2 where it is −1 and else 0, which is added to it; and the sum, what is divided by instead.
    /// Types that have no word for the first have none to fear either.
    fn divisor(
        &mut self,
        node: &Node<'a>,
        b: &str,
        element: ElementType,
    ) -> (Vec<Message>, Option<String>, String) {
        let mut words = Vec::new();
        let b = match self.copies.zeros {
            Zeros::Library => b.to_owned(),
            Zeros::Graph => self.without_zeros(node, b, &mut words),
        };
        if !ends_at_minus_one(element) {
            return (words, None, b);
        }
        let (minus, [is_minus, once, twice, divisor]) = (self.unit(element, -1), self.names());
        let to_element = [integer("to", element.0 as i64)];
        words.extend([
            plain("Equal", &[&b, &minus], &is_minus, &[]),
            plain("Cast", &[&is_minus], &once, &to_element),
            plain("Add", &[&once, &once], &twice, &[]),
            plain("Add", &[&b, &twice], &divisor, &[]),
        ]);
        (words, Some(twice), divisor)
    }

    /// The same divisors: 0 is added to each of their lengths out of a list of one, whose second element is asked for where
    /// any divisor is 0. Of all types, which not all operators take.
    fn without_zeros(&mut self, node: &Node<'a>, b: &str, words: &mut Vec<Message>) -> String {
        let [is_not, is_zero, counted, count, is_there, place, added, lengths, same, divisors] = self.names();
        let said = format!("{}: integer division by zero", node.name);
        let int64 = ElementType::of(DType::I64);
        let nothing = self.unit(int64, 0);
        let to_truth = [integer("to", ElementType::of(DType::Bool).0 as i64)];
        let to_number = [integer("to", int64.0 as i64)];
        words.extend([
            plain("Cast", &[b], &is_not, &to_truth),
            plain("Not", &[&is_not], &is_zero, &[]),
            plain("Cast", &[&is_zero], &counted, &to_number),
            plain("ReduceSum", &[&counted], &count, &[integer("keepdims", 0)]),
            plain("Cast", &[&count], &is_there, &to_truth),
            plain("Cast", &[&is_there], &place, &to_number),
            named(&said, "Gather", &[&nothing, &place], &added, &[integer("axis", 0)]),
            plain("Shape", &[b], &lengths, &[]),
            plain("Add", &[&lengths, &added], &same, &[]),
            plain("Reshape", &[b, &same], &divisors, &[]),
        ]);
        divisors
    }

    /// The type of a division that is put in other words.
    fn guarded(&self, a: &str, b: &str) -> Option<ElementType> {
        let element = self.kinds.element(b).or(self.kinds.element(a))?;
        let can_stop = match self.copies.zeros {
            Zeros::Library => ends_at_minus_one(element),
            Zeros::Graph => element.dtype().is_some_and(DType::is_integer),
        };
        (self.is_of_age && can_stop && self.harmless.get(b) != Some(&true)).then_some(element)
    }

    fn unit(&mut self, element: ElementType, value: i64) -> String {
        if let Some(name) = self.constants.get(&(element, value)) {
            return name.clone();
        }
        let [name] = self.names();
        self.constants.insert((element, value), name.clone());
        name
    }

    fn names<const N: usize>(&mut self) -> [String; N] {
        std::array::from_fn(|_| {
            self.made += 1;
            format!("{}{}", self.prefix, self.made)
        })
    }
}

/// Whether the least number by −1 ends the process: shorter types are divided as int32.
fn ends_at_minus_one(element: ElementType) -> bool {
    matches!(element.dtype(), Some(DType::I32 | DType::I64))
}

/// Whether no number of a `TensorProto` is a whole −1 or 0. What lies in a file beside the model may be either.
fn is_harmless(mut tensor: Fields<'_>) -> Result<bool, Problem> {
    let (mut element, mut raw, mut is_met) = (ElementType::default(), &[][..], false);
    while let Some((number, value)) = tensor.next()? {
        match number {
            2 => element = ElementType(value.varint()?),
            5 | 7 | 11 => value.varints(|number| is_met |= matches!(number as i32, -1 | 0))?,
            9 => raw = value.bytes()?,
            14 => is_met |= value.varint()? == 1,
            _ => {}
        }
    }
    let width = element.dtype().filter(|dtype| dtype.is_integer()).and_then(DType::size);
    // Nothing but ones is −1, or a number without a sign, which is divided by as it is.
    let is_all = |number: &[u8], byte: u8| number.iter().all(|part| *part == byte);
    let lies_raw =
        width.is_some_and(|width| raw.chunks(width).any(|number| is_all(number, 0) || is_all(number, 0xff)));
    Ok(!is_met && !lies_raw)
}
