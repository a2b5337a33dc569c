//! Functions that a file itself defines (`FunctionProto` of `onnx.proto`), and what they come to where engines put a function's
//! nodes in the place of each call: ONNX Runtime does so for as long as there are calls, and until its stack or memory ends.

use landfall_model::Problem;
use landfall_model::protobuf::Fields;
use std::collections::{BTreeMap, HashMap};

/// Functions that call functions, and graphs within their nodes, may lie so deep together.
const MOST_LEVELS: usize = 48;

/// Nodes that a graph may have with those of functions in the place of calls.
const MOST_NODES: usize = 1 << 20;

/// A name of an operator: domain, name, and which of several of that name.
type Operator<'a> = (&'a str, &'a str, &'a str);

/// The nodes of a graph or a function, those of graphs within nodes too.
#[derive(Default)]
pub(super) struct Body<'a> {
    nodes: usize,
    /// How often each operator stands how deep.
    called: BTreeMap<(Operator<'a>, usize), usize>,
}

impl<'a> Body<'a> {
    pub(super) fn node(&mut self, operator: Operator<'a>, depth: usize) {
        self.nodes += 1;
        *self.called.entry((operator, depth)).or_default() += 1;
    }
}

/// What a body comes to.
#[derive(Clone, Copy)]
struct Size {
    levels: usize,
    nodes: usize,
}

/// The functions of one file.
#[derive(Default)]
pub(super) struct Functions<'a>(HashMap<Operator<'a>, Body<'a>>);

impl<'a> Functions<'a> {
    pub(super) fn add(&mut self, (domain, name, overload): Operator<'a>, body: Body<'a>) {
        let domain = if domain == "ai.onnx" { "" } else { domain };
        self.0.insert((domain, name, overload), body);
    }

    /// Holds the size of the main graph, which is for messages, against its bounds.
    ///
    /// # Errors
    /// Malformed, for functions that call each other without end, among others.
    pub(super) fn check(&self, graph: &Fields<'_>, body: &Body<'a>) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        match self.size(("", "", ""), body, 0, &mut HashMap::new()) {
            Err((domain, name, _)) => {
                let what = format!("function {name:?} of domain {domain:?} calls itself, or lies more than");
                Err(graph
                    .malformed(format!("{what} {MOST_LEVELS} deep in functions and graphs within nodes")))
            }
            Ok(size) if size.nodes > MOST_NODES => {
                let what = format!("{} nodes with those of functions in the place of calls", size.nodes);
                Err(graph.malformed(format!("{what}: more than {MOST_NODES}")))
            }
            Ok(_) => Ok(()),
        }
    }

    /// What the body of a function comes to that lies so deep; the function where it is too deep.
    fn size(
        &self,
        of: Operator<'a>,
        body: &Body<'a>,
        depth: usize,
        known: &mut HashMap<Operator<'a>, Size>,
    ) -> Result<Size, Operator<'a>> {
        if depth > MOST_LEVELS {
            return Err(of);
        }
        let mut size = Size { levels: 0, nodes: body.nodes };
        for (&(operator, within), &times) in &body.called {
            let called = match (known.get(&operator), self.0.get(&operator)) {
                (Some(known), _) => *known,
                (None, None) => Size { levels: 0, nodes: 0 },
                (None, Some(body)) => {
                    let called = self.size(operator, body, depth + within, known)?;
                    known.insert(operator, called);
                    called
                }
            };
            size.levels = size.levels.max(within + called.levels);
            size.nodes = size.nodes.saturating_add(called.nodes.saturating_mul(times));
        }
        if depth + size.levels > MOST_LEVELS { Err(of) } else { Ok(size) }
    }
}
