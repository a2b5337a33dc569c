//! A graph becomes a [`Program`]: types settled, nodes made steps, names made slots.

use super::ensemble::{self, is_ensemble};
use super::graph::Graph;
use super::program::{Program, Step};
use super::steps::{self, Ask, Built, Versions};
use super::{Refusal, constant, scan};
use crate::declared::Declared;
use crate::interface::Interface;
use crate::node::Node;
use landfall_model::{DType, Tensor};
use std::collections::{HashMap, HashSet};

/// Compiles the graph of a file.
pub(super) fn compile(
    file: &str,
    bytes: &[u8],
    declared: &Declared,
    interface: &Interface,
) -> Result<Program, Refusal> {
    let mut graph = Graph::read(file, bytes)?;
    let mut making = Making::start(&mut graph, declared, interface)?;
    let wanted = making.wanted(&graph, interface);
    for node in graph.nodes.iter().filter(|node| node.outputs.iter().any(|name| wanted.contains(name))) {
        making.add(node).map_err(|refusal| refusal.at(format!("node {:?}", node.name)))?;
    }
    making.finish(interface)
}

/// Compiles a graph within a node, whose inputs have these types; gives the types of its outputs.
fn of_body(
    mut graph: Graph<'_>,
    types: &[DType],
    versions: Versions,
) -> Result<(Program, Vec<DType>), Refusal> {
    let mut making = Making::new(versions);
    // Runs within runs multiply.
    if graph.nodes.iter().any(|node| node.operator == "Scan") {
        return Err(Refusal::not("a Scan within a Scan"));
    }
    if graph.inputs.len() != types.len() {
        return Err(Refusal::not(format!("a graph within of {} inputs", graph.inputs.len())));
    }
    for (name, &dtype) in graph.inputs.iter().zip(types) {
        let slot = making.define(name, dtype, true);
        making.program.inputs.push(slot);
    }
    making.take_constants(&mut graph);
    for node in &graph.nodes {
        making.add(node).map_err(|refusal| refusal.at(format!("node {:?}", node.name)))?;
    }
    let mut given = Vec::new();
    for name in &graph.outputs {
        let known = making.known.get(name);
        let known = known.ok_or_else(|| Refusal::not(format!("output {name:?}, which nothing gives")))?;
        making.program.outputs.push(known.slot);
        given.push(known.dtype);
    }
    Ok((making.program, given))
}

/// What is known of a value when the graph is compiled.
#[derive(Clone, Copy)]
struct Known {
    slot: usize,
    dtype: DType,
    is_exact: bool,
}

/// A program under construction.
struct Making<'a> {
    program: Program,
    known: HashMap<&'a str, Known>,
    constants: HashMap<&'a str, Tensor>,
    versions: Versions,
}

impl<'a> Making<'a> {
    fn new(versions: Versions) -> Self {
        Making { program: Program::default(), known: HashMap::new(), constants: HashMap::new(), versions }
    }

    fn start(graph: &mut Graph<'a>, declared: &'a Declared, interface: &Interface) -> Result<Self, Refusal> {
        let version = |domain: &str| declared.opsets.get(domain).copied().unwrap_or(1);
        let mut making = Making::new(Versions { onnx: version(""), ml: version("ai.onnx.ml") });
        for (value, spec) in declared.inputs.iter().zip(interface.signature.inputs()) {
            let default = graph.constants.remove(value.name.as_str());
            if spec.optional && default.is_none() {
                return Err(Refusal::not(format!("input {:?}, which may be left out", value.name)));
            }
            if default.as_ref().is_some_and(|default| default.dtype() != spec.dtype) {
                return Err(Refusal::not(format!("input {:?}: a default of another type", value.name)));
            }
            let slot = making.define(&value.name, spec.dtype, true);
            making.program.fixed[slot] = default;
            making.program.inputs.push(slot);
        }
        making.take_constants(graph);
        Ok(making)
    }

    fn take_constants(&mut self, graph: &mut Graph<'a>) {
        for (name, tensor) in std::mem::take(&mut graph.constants) {
            let slot = self.define(name, tensor.dtype(), true);
            self.program.fixed[slot] = Some(tensor.clone());
            self.constants.insert(name, tensor);
        }
    }

    fn define(&mut self, name: &'a str, dtype: DType, is_exact: bool) -> usize {
        let slot = self.program.fixed.len();
        self.program.fixed.push(None);
        self.known.insert(name, Known { slot, dtype, is_exact });
        slot
    }

    /// Names that the signature's outputs need.
    fn wanted(&self, graph: &Graph<'a>, interface: &'a Interface) -> HashSet<&'a str> {
        let mut wanted: HashSet<&str> = interface.tensors().collect();
        for node in graph.nodes.iter().rev() {
            if node.outputs.iter().any(|name| wanted.contains(name)) {
                wanted.extend(node.inputs.iter().filter(|name| !name.is_empty()));
            }
        }
        wanted
    }

    fn add(&mut self, node: &Node<'a>) -> Result<(), Refusal> {
        if (node.domain, node.operator) == ("", "Constant") {
            return self.add_constant(node);
        }
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for name in &node.inputs {
            let known = self.known.get(name).copied();
            if known.is_none() && !name.is_empty() {
                return Err(Refusal::not(format!("input {name:?}, which nothing gives")));
            }
            inputs.push(known);
        }
        let types: Vec<Option<DType>> = inputs.iter().map(|known| known.map(|known| known.dtype)).collect();
        let mut is_exact = inputs.iter().flatten().all(|known| known.is_exact);
        let built = self.built(node, &types, is_exact)?;
        if !built.is_exact && !self.program.nearly.iter().any(|known| known == node.operator) {
            self.program.nearly.push(node.operator.to_owned());
        }
        self.program.work = self.program.work.saturating_add(built.work);
        is_exact &= built.is_exact;
        if node.outputs.len() > built.outputs.len() {
            return Err(Refusal::not(format!("{} outputs", node.outputs.len())));
        }
        let outputs = node
            .outputs
            .iter()
            .zip(&built.outputs)
            .map(|(&name, &dtype)| (!name.is_empty()).then(|| self.define(name, dtype, is_exact)));
        let outputs = outputs.collect();
        self.program.operators.push(node.operator.to_owned());
        self.program.steps.push(Step {
            node: node.name.to_owned(),
            run: built.run,
            inputs: inputs.iter().map(|known| known.map(|known| known.slot)).collect(),
            outputs,
            serves: Vec::new(),
        });
        Ok(())
    }

    /// The step of a node over inputs of these types.
    fn built(&mut self, node: &Node<'a>, types: &[Option<DType>], is_exact: bool) -> Result<Built, Refusal> {
        if is_ensemble(node.domain, node.operator) {
            self.program.trees_see_nearly |= !is_exact;
            let input = types.first().copied().flatten();
            let input = input.ok_or_else(|| Refusal::not("trees without an input"))?;
            let (built, described) = ensemble::build(node, input)?;
            self.program.trees.push(described);
            return Ok(built);
        }
        let ask = Ask { node, types, constants: &self.constants, versions: self.versions };
        match (node.domain, node.operator) {
            ("", "Scan") => scan::scan(&ask, |graph, types| of_body(graph, types, self.versions)),
            _ => steps::build(&ask),
        }
    }

    fn add_constant(&mut self, node: &Node<'a>) -> Result<(), Refusal> {
        let value = constant::of(&node.attributes, "value")?
            .ok_or_else(|| Refusal::not("a constant of another kind"))?;
        let Some(&name) = node.outputs.first() else { return Ok(()) };
        let slot = self.define(name, value.dtype(), true);
        self.program.fixed[slot] = Some(value.clone());
        self.constants.insert(name, value);
        Ok(())
    }

    fn finish(mut self, interface: &Interface) -> Result<Program, Refusal> {
        for (spec, tensor) in interface.signature.outputs().iter().zip(interface.tensors()) {
            let known = self.known.get(tensor);
            let known =
                known.ok_or_else(|| Refusal::not(format!("output {:?}, which nothing gives", spec.name)))?;
            if known.dtype != spec.dtype {
                let what =
                    format!("output {:?}, declared as {}, which is {}", spec.name, spec.dtype, known.dtype);
                return Err(Refusal::not(what));
            }
            self.program.outputs.push(known.slot);
        }
        self.program.settle_serves();
        Ok(self.program)
    }
}
