//! Divisions of whole numbers in words that cannot end the process. ONNX Runtime looks for zeros among the divisors of `Div` and
//! `Mod` since 1.25, and (up to 1.31) not for −1, by which the processor cannot divide the least number: either stops the program.
//!
//! Divisors of −1 become 1; what `Div` divides by them changes its sign instead, so that the least number stays itself, as in
//! NumPy. Where the library does not look for zeros, divisors go through a node that fails beside one. Constants without either, and numbers of other types than int32 and int64, are divided as the file says.

use crate::declared::{Declared, ElementType};
use crate::kinds::{Kinds, stored_name};
use crate::message::{
    Message, copy_attributes, integer, main_graph, named, plain, stored, with_graphs, with_main_graph,
    with_nodes,
};
use crate::node::{Node, keep_apart, nodes};
use landfall_model::protobuf::{Fields, Value};
use landfall_model::{DType, Problem};
use std::collections::{BTreeMap, HashMap};

/// Who looks for zeros among divisors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Zeros {
    Library,
    /// A node of ours: the library divides by them.
    Graph,
}

impl Zeros {
    /// What a version of the library (`1.24.4`) leaves to us.
    pub(super) fn of(version: &str) -> Self {
        if version.starts_with("1.24.") { Zeros::Graph } else { Zeros::Library }
    }
}

/// `Where`, in which the other words are put, is of this version of the operator set.
const SINCE: i64 = 9;

/// A model with its divisions in other words; `None` where all may stay. Left as they are: those in functions that the file
/// itself defines, of types that do not follow from the file, and of operator sets before [`SINCE`].
///
/// # Errors
/// Malformed.
pub(super) fn guarded(
    file: &str,
    bytes: &[u8],
    declared: &Declared,
    zeros: Zeros,
) -> Result<Option<Vec<u8>>, Problem> {
    let has = |operator: &str| declared.operators.contains_key(&(String::new(), operator.to_owned()));
    let is_of_age = declared.opsets.get("").is_some_and(|version| *version >= SINCE);
    if !is_of_age || !(has("Div") || has("Mod")) {
        return Ok(None);
    }
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let mut prefix = "divided".to_owned();
    nodes(graph.clone()).try_for_each(|node| keep_apart(&node?, &mut prefix))?;
    let mut divisions = Divisions {
        kinds: Kinds::read(graph.clone())?,
        harmless: HashMap::new(),
        prefix,
        zeros,
        made: 0,
        constants: BTreeMap::new(),
    };
    let Some(graph) = divisions.graph(graph)? else { return Ok(None) };
    let mut constants = Message::default();
    divisions.constants.values().flat_map(Units::stored).for_each(|tensor| constants.bytes(5, &tensor.0));
    with_main_graph(file, bytes, |_| [&graph.0, &constants.0]).map(Some)
}

struct Divisions<'a> {
    kinds: Kinds<'a>,
    /// Constants, and whether they are without −1 and 0.
    harmless: HashMap<&'a str, bool>,
    zeros: Zeros,
    prefix: String,
    made: usize,
    /// Constants of the other words, by type.
    constants: BTreeMap<ElementType, Units>,
}

/// −1, 1, 0, and 0 as a list, of a type: their names.
#[derive(Clone)]
struct Units {
    element: ElementType,
    minus: String,
    plus: String,
    none: String,
    nones: String,
}

impl Units {
    fn stored(&self) -> [Message; 4] {
        let width = if self.element.dtype() == Some(DType::I32) { 4 } else { 8 };
        let tensor = |name: &str, dims: &[u64], value: i64| {
            stored(name, self.element, dims, &value.to_le_bytes()[..width])
        };
        let numbers = [(&self.minus, -1), (&self.plus, 1), (&self.none, 0)];
        let [minus, plus, none] = numbers.map(|(name, value)| tensor(name, &[], value));
        [minus, plus, none, tensor(&self.nones, &[1], 0)]
    }
}

impl<'a> Divisions<'a> {
    /// A graph in other words; `None` where it stays.
    fn graph(&mut self, graph: Fields<'a>) -> Result<Option<Message>, Problem> {
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
                self.harmless.remove(crate::declared::name_of(value.message()?)?);
            }
        }
        with_nodes(graph, |node| self.node(node))
    }

    /// A node in other words; `None` where it stays.
    fn node(&mut self, value: Value<'a>) -> Result<Option<Vec<Message>>, Problem> {
        let bytes = value.clone().bytes()?;
        let node = Node::read(value.message()?)?;
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
            let mark = self.kinds.enter(graph.clone())?;
            let changed = self.graph(graph)?;
            self.kinds.leave(mark);
            Ok(changed)
        })?;
        Ok(changed.map(|node| vec![node]))
    }

    fn constant(&mut self, node: &Node<'a>) -> Result<(), Problem> {
        let Some(output) = node.outputs.first() else { return Ok(()) };
        let is_without = match node.attributes.tensor("value")? {
            Some(tensor) => is_harmless(tensor)?,
            None => {
                let attributes = &node.attributes;
                !matches!(attributes.integer("value_int")?, Some(-1 | 0))
                    && attributes.integers("value_ints")?.iter().all(|number| !matches!(number, -1 | 0))
            }
        };
        self.harmless.insert(output, is_without);
        Ok(())
    }

    /// a / b: (b = −1 ? −a : a) / (b = −1 ? 1 : b).
    fn quotient(&mut self, node: &Node<'a>) -> Option<Vec<Message>> {
        let ([a, b], [y]) = (&node.inputs[..], &node.outputs[..]) else { return None };
        let units = self.units(a, b)?;
        let (mut words, is_minus, divisor) = self.divisor(node, b, &units);
        let [negated, dividend] = self.names();
        words.push(plain("Neg", &[a], &negated, &[]));
        words.push(plain("Where", &[&is_minus, &negated, a], &dividend, &[]));
        words.push(plain("Div", &[&dividend, &divisor], y, &[]));
        Some(words)
    }

    /// a mod b: a mod (b = −1 ? 1 : b). As C's `fmod`, it is taken of floats, which nothing stops.
    fn rest(&mut self, node: &Node<'a>, bytes: &'a [u8]) -> Result<Option<Vec<Message>>, Problem> {
        let ([a, b], [y]) = (&node.inputs[..], &node.outputs[..]) else { return Ok(None) };
        if node.attributes.integer("fmod")?.unwrap_or(0) != 0 {
            return Ok(None);
        }
        let Some(units) = self.units(a, b) else { return Ok(None) };
        let (mut words, _, divisor) = self.divisor(node, b, &units);
        let mut rest = plain("Mod", &[a, &divisor], y, &[]);
        copy_attributes(bytes, &mut rest, |_| true)?;
        words.push(rest);
        Ok(Some(words))
    }

    /// Words for a divisor: whether it is −1, and what is divided by instead.
    fn divisor(&mut self, node: &Node<'a>, b: &str, units: &Units) -> (Vec<Message>, String, String) {
        let mut words = Vec::new();
        let b = match self.zeros {
            Zeros::Library => b.to_owned(),
            Zeros::Graph => self.without_zeros(node, b, units, &mut words),
        };
        let [is_minus, divisor] = self.names();
        words.push(plain("Equal", &[&b, &units.minus], &is_minus, &[]));
        words.push(plain("Where", &[&is_minus, &units.plus, &b], &divisor, &[]));
        (words, is_minus, divisor)
    }

    /// The same divisors: 0 is added to them out of a list of one, whose second element is asked for where any is 0.
    fn without_zeros(&mut self, node: &Node<'a>, b: &str, units: &Units, words: &mut Vec<Message>) -> String {
        let [is_zero, counted, count, place, added, divisors] = self.names();
        let said = format!("{}: integer division by zero", node.name);
        let element = [integer("to", units.element.0 as i64)];
        words.extend([
            plain("Equal", &[b, &units.none], &is_zero, &[]),
            plain("Cast", &[&is_zero], &counted, &element),
            plain("ReduceSum", &[&counted], &count, &[integer("keepdims", 0)]),
            plain("Sign", &[&count], &place, &[]),
            named(&said, "Gather", &[&units.nones, &place], &added, &[integer("axis", 0)]),
            plain("Add", &[b, &added], &divisors, &[]),
        ]);
        divisors
    }

    /// The constants for a division; `None` where it may stay.
    fn units(&mut self, a: &str, b: &str) -> Option<Units> {
        let element = self.kinds.element(b).or(self.kinds.element(a))?;
        let can_stop = matches!(element.dtype(), Some(DType::I32 | DType::I64));
        if !can_stop || self.harmless.get(b) == Some(&true) {
            return None;
        }
        if !self.constants.contains_key(&element) {
            let [minus, plus, none, nones] = self.names();
            self.constants.insert(element, Units { element, minus, plus, none, nones });
        }
        self.constants.get(&element).cloned()
    }

    fn names<const N: usize>(&mut self) -> [String; N] {
        std::array::from_fn(|_| {
            self.made += 1;
            format!("{}{}", self.prefix, self.made)
        })
    }
}

/// Whether no number of a `TensorProto` is a whole −1 or 0. What lies in a file beside the model may be either.
fn is_harmless(mut tensor: Fields<'_>) -> Result<bool, Problem> {
    let (mut element, mut raw, mut is_met) = (ElementType::default(), &[][..], false);
    while let Some((number, value)) = tensor.next()? {
        match number {
            2 => element = ElementType(value.varint()?),
            5 | 7 => value.varints(|number| is_met |= matches!(number as i32, -1 | 0))?,
            9 => raw = value.bytes()?,
            14 => is_met |= value.varint()? == 1,
            _ => {}
        }
    }
    let lies_raw = match element.dtype() {
        Some(DType::I32) => raw.as_chunks().0.iter().any(|v| matches!(i32::from_le_bytes(*v), -1 | 0)),
        Some(DType::I64) => raw.as_chunks().0.iter().any(|v| matches!(i64::from_le_bytes(*v), -1 | 0)),
        _ => false,
    };
    Ok(!is_met && !lies_raw)
}
