//! Divisions of whole numbers in words that cannot end the process. ONNX Runtime looks for zeros among the divisors of `Div` and
//! `Mod` since 1.25, and (up to 1.31) not for −1, by which the processor cannot divide the least number: either stops the program.
//!
//! Divisors of −1 become 1; what `Div` divides by them changes its sign instead, so that the least number stays itself, as in
//! NumPy. Types shorter than int32 have room for it, and unsigned ones no −1. Where the library does not look for zeros, divisors go through a node that fails beside one.
//! Constants without either are divided by as the file says.
//!
//! A function that the file itself defines has no types of its own: it is copied for each list of types that it is called with, and the
//! copies' divisions are put in other words.

mod words;

use crate::declared::Declared;
use crate::kinds::{Elements, Function, Functions, Kinds};
use crate::message::{Message, constant, main_graph, with_main_graph, with_nodes};
use crate::node::{IN_FUNCTION, IN_GRAPH, Node, Operator, keep_apart, nodes_of};
use landfall_model::Problem;
use landfall_model::protobuf::Fields;
use std::collections::HashMap;
use std::rc::Rc;
use words::Words;

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

/// The words are of this version of the operator set; the library takes no `Div` of an earlier one.
const SINCE: i64 = 7;

/// A model with its divisions in other words; `None` where all may stay. Left as they are: those of types that do not follow from
/// the file.
///
/// # Errors
/// Malformed; functions that call functions without end.
pub(super) fn guarded(
    file: &str,
    bytes: &[u8],
    declared: &Declared,
    zeros: Zeros,
) -> Result<Option<Vec<u8>>, Problem> {
    let has = |operator: &str| declared.operators.contains_key(&(String::new(), operator.to_owned()));
    if !(has("Div") || has("Mod")) {
        return Ok(None);
    }
    let Some(graph) = main_graph(file, bytes)? else { return Ok(None) };
    let functions = Rc::new(Functions::read(file, bytes)?);
    let kinds = Kinds::with_functions(graph.clone(), functions.clone())?;
    let mut copies = Copies { functions, zeros, names: HashMap::new(), made: Vec::new() };
    let is_of_age = declared.opsets.get("").is_some_and(|version| *version >= SINCE);
    let mut words = Words::new(&mut copies, kinds, is_of_age, prefix(graph.clone(), IN_GRAPH)?);
    let Some(graph) = words.graph(graph)? else { return Ok(None) };
    let mut constants = Message::default();
    words.constants().for_each(|(_, tensor)| constants.bytes(5, &tensor.0));
    let mut model = Message(with_main_graph(file, bytes, |_| [&graph.0, &constants.0])?);
    copies.made.iter().for_each(|function| model.bytes(25, &function.0));
    Ok(Some(model.0))
}

/// What no name begins with that nodes in this field of a message read or give.
fn prefix(message: Fields<'_>, field: u32) -> Result<String, Problem> {
    let mut prefix = "divided".to_owned();
    nodes_of(message, field).try_for_each(|node| keep_apart(&node?, &mut prefix))?;
    Ok(prefix)
}

/// The file's functions, and copies of them with divisions in other words.
struct Copies<'a> {
    functions: Rc<Functions<'a>>,
    zeros: Zeros,
    /// What the copy of a function is called, by the types that it is called with; `None` where the function itself will do.
    names: HashMap<(Operator<'a>, Elements), Option<String>>,
    made: Vec<Message>,
}

impl<'a> Copies<'a> {
    /// What a node calls instead of a function: the name of a copy of it, of the same domain. `None` where the node stays.
    fn called(&mut self, node: &Node<'a>, elements: Elements) -> Result<Option<String>, Problem> {
        let functions = self.functions.clone();
        let Some((operator, function)) = functions.called(node) else { return Ok(None) };
        let key = (operator, elements);
        if let Some(known) = self.names.get(&key) {
            return Ok(known.clone());
        }
        let _level = functions.level(&function.fields)?;
        let copied = self.copied(operator, function, &key.1)?;
        self.names.insert(key, copied.clone());
        Ok(copied)
    }

    fn copied(
        &mut self,
        operator: Operator<'a>,
        function: &Function<'a>,
        elements: &Elements,
    ) -> Result<Option<String>, Problem> {
        let functions = self.functions.clone();
        let kinds = Kinds::in_function(&functions, function, elements)?;
        let is_of_age = function.opset.is_some_and(|version| version >= SINCE);
        let prefix = prefix(function.fields.clone(), IN_FUNCTION)?;
        let mut words = Words::new(self, kinds, is_of_age, prefix);
        let Some(body) = with_nodes(function.fields.clone(), IN_FUNCTION, |node| words.node(node))? else {
            return Ok(None);
        };
        // A function has no constants but nodes, and those before the nodes that read them.
        let mut copy = Message::default();
        words.constants().for_each(|(name, tensor)| copy.bytes(IN_FUNCTION, &constant(name, &tensor).0));
        let name = self.free_name(operator);
        let mut fields = Fields::new("function", &body.0);
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => copy.bytes(1, name.as_bytes()),
                // An overload: the copy has a name of its own.
                13 => {}
                _ => copy.field(number, value)?,
            }
        }
        self.made.push(copy);
        Ok(Some(name))
    }

    fn free_name(&self, (domain, name, _): Operator<'a>) -> String {
        let mut free = format!("{name}_divided{}", self.made.len());
        while self.functions.has(domain, &free) {
            free.push('_');
        }
        free
    }
}
