//! Frozen graphs: which tensors go in and which come out, as told or as the graph itself leaves no choice.

use super::graph::{GraphDef, operation_of};
use super::interface;
use super::schema::GRAPH_DEF;
use super::session::Session;
use super::text;
use super::types;
use landfall_model::{Buffer, Dim, Method, Problem, Signature};
use std::borrow::Cow;
use std::collections::HashSet;

/// Names that a message lists at most.
const LISTED: usize = 20;
/// Operators whose values a frozen graph does not hold.
pub(super) const VARIABLES: [&str; 5] =
    ["Variable", "VariableV2", "VarHandleOp", "AutoReloadVariable", "TemporaryVariable"];
/// Operators whose results nobody asks for.
const NO_ANSWER: [&str; 7] =
    ["Placeholder", "PlaceholderWithDefault", "Const", "NoOp", "Assert", "Print", "PrintV2"];

/// The serialised form of a graph that may be given as text; `file` is for messages.
///
/// # Errors
/// Malformed, with the place.
pub(super) fn binary<'b>(file: &str, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, Problem> {
    match text::starts_a_graph(bytes) {
        true => text::serialised(file, bytes, &GRAPH_DEF).map(Cow::Owned),
        false => Ok(Cow::Borrowed(bytes)),
    }
}

/// The tensors that go in and come out.
pub(super) struct Ends {
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
}

impl Ends {
    /// As told; else every placeholder that the outputs need, and the one operation that no other uses.
    ///
    /// # Errors
    /// Invalid argument, where there is no plain answer: names what there is to choose from.
    pub(super) fn of(
        graph: &GraphDef<'_>,
        inputs: Option<Vec<&str>>,
        outputs: Option<Vec<&str>>,
    ) -> Result<Self, Problem> {
        let owned = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
        let outputs = match outputs {
            Some(outputs) => owned(outputs),
            None => vec![only_end(graph)?],
        };
        let needed = graph.needed(outputs.iter().map(String::as_str));
        if let Some(node) = needed.iter().find(|node| VARIABLES.contains(&node.op)) {
            let what =
                format!("{:?} is a variable ({}), whose values the graph does not hold", node.name, node.op);
            return Err(Problem::invalid(format!("{what}: freeze the graph, or export a SavedModel")));
        }
        let inputs = match inputs {
            Some(inputs) => owned(inputs),
            None => {
                let needed: HashSet<&str> = needed.iter().map(|node| node.name).collect();
                let placeholders = graph.nodes.iter().filter(|node| node.op == "Placeholder");
                placeholders
                    .filter(|node| needed.contains(node.name))
                    .map(|node| format!("{}:0", node.name))
                    .collect()
            }
        };
        if inputs.is_empty() {
            return Err(Problem::invalid(
                "no placeholder leads to the outputs: name the inputs with inputs=x:0",
            ));
        }
        Ok(Ends { inputs, outputs })
    }
}

/// The one operation whose result no other uses.
fn only_end(graph: &GraphDef<'_>) -> Result<String, Problem> {
    let used: HashSet<&str> =
        graph.nodes.iter().flat_map(|node| node.inputs.iter().map(|input| operation_of(input))).collect();
    let ends = graph.nodes.iter().filter(|node| !used.contains(node.name) && !NO_ANSWER.contains(&node.op));
    let ends: Vec<&str> = ends.map(|node| node.name).collect();
    match ends.as_slice() {
        [only] => Ok((*only).to_owned()),
        [] => Err(Problem::invalid("no operation is the graph's end: name the outputs with outputs=y:0")),
        several => {
            let listed = several[..several.len().min(LISTED)].join(", ");
            let more = if several.len() > LISTED { ", …" } else { "" };
            Err(Problem::invalid(format!(
                "the graph has several ends ({listed}{more}): name the outputs with outputs=NAME:0"
            )))
        }
    }
}

/// A tensor's operation and the number of its output: `x` is `x:0`.
pub(super) fn parts(tensor: &str) -> Option<(&str, i32)> {
    match tensor.split_once(':') {
        None => Some((tensor, 0)),
        Some((operation, index)) => Some((operation, index.parse().ok()?)),
    }
}

/// The name that a tensor of a graph is called by: `x` for `x:0`.
fn called(tensor: &str) -> &str {
    tensor.strip_suffix(":0").unwrap_or(tensor)
}

/// The signature of an imported graph, with the types and shapes that TensorFlow infers.
///
/// # Errors
/// Invalid argument, naming a tensor that the graph lacks or that no call can carry.
pub(super) fn signature(session: &Session, ends: &Ends) -> Result<Signature, Problem> {
    let look_up = |tensor: &String| {
        let missing = || Problem::invalid(format!("the graph has no tensor {tensor:?}"));
        let (operation, index) = parts(tensor).ok_or_else(missing)?;
        let (endpoint, number) = session.endpoint(operation, index).ok_or_else(missing)?;
        let dtype = types::dtype(i64::from(number)).ok_or_else(|| {
            Problem::unsupported(format!("tensor {tensor:?} of {}", types::name(i64::from(number))), "")
        })?;
        let dim = |length: i64| usize::try_from(length).map_or(Dim::Free(None), Dim::Known);
        let dims = session.shape(endpoint).map(|dims| dims.into_iter().map(dim).collect());
        Ok((dtype, dims))
    };
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    for tensor in &ends.inputs {
        let (dtype, dims) = look_up(tensor)?;
        inputs.push(interface::input(called(tensor), tensor, dtype, dims));
    }
    for tensor in &ends.outputs {
        let (dtype, dims) = look_up(tensor)?;
        outputs.push(interface::output(called(tensor), tensor, dtype, dims));
    }
    interface::made(interface::DEFAULT, Method::Predict, inputs, outputs)
}

/// Bytes of a graph's file in binary form.
///
/// # Errors
/// As [`binary`].
pub(super) fn read(file: &str, bytes: &Buffer) -> Result<Buffer, Problem> {
    match binary(file, bytes.bytes())? {
        Cow::Borrowed(_) => Ok(bytes.clone()),
        Cow::Owned(bytes) => Ok(Buffer::from_owner(bytes)),
    }
}
