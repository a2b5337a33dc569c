//! A graph as a list of steps over slots, compiled once.

use super::ensemble::{self, Described, is_ensemble};
use super::graph::Graph;
use super::steps::{self, Ask, Run, Versions};
use super::{Refusal, constant};
use crate::declared::Declared;
use crate::interface::Interface;
use crate::node::Node;
use landfall_model::{Call, DType, Outputs, Problem, Tensor};
use std::collections::{HashMap, HashSet};

/// A compiled graph.
pub(super) struct Program {
    /// Constants and defaults by slot; `None` for what a call or a step fills.
    fixed: Vec<Option<Tensor>>,
    steps: Vec<Step>,
    /// Slot of each input of the signature.
    inputs: Vec<usize>,
    /// Slot of each output of the signature.
    outputs: Vec<usize>,
    pub(super) trees: Vec<Described>,
    /// Operators whose numbers lie next to ONNX Runtime's.
    pub(super) nearly: Vec<String>,
    /// Whether trees look at such numbers.
    pub(super) trees_see_nearly: bool,
    /// Multiplications for a row, roughly, beyond those of plain steps.
    work: usize,
    /// Operators in the order in which they run.
    pub(super) operators: Vec<String>,
}

struct Step {
    /// For messages.
    node: String,
    run: Run,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// By place in the signature: whether that output needs it.
    serves: Vec<bool>,
}

/// What is known of a value when the graph is compiled.
#[derive(Clone, Copy)]
struct Known {
    slot: usize,
    dtype: DType,
    is_exact: bool,
}

impl Program {
    /// Compiles the graph of a file.
    pub(super) fn compile(
        file: &str,
        bytes: &[u8],
        declared: &Declared,
        interface: &Interface,
    ) -> Result<Self, Refusal> {
        let mut graph = Graph::read(file, bytes)?;
        let mut making = Making::start(&mut graph, declared, interface)?;
        let wanted = making.wanted(&graph, interface);
        for node in graph.nodes.iter().filter(|node| node.outputs.iter().any(|name| wanted.contains(name))) {
            making.add(node).map_err(|refusal| refusal.at(format!("node {:?}", node.name)))?;
        }
        making.finish(interface)
    }

    /// Compiles a graph within a node, whose inputs have these types; gives the types of its outputs.
    pub(super) fn of_body(
        mut graph: Graph<'_>,
        types: &[DType],
        versions: Versions,
    ) -> Result<(Self, Vec<DType>), Refusal> {
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

    /// All outputs of a graph within a node.
    pub(super) fn answer(&self, inputs: impl Iterator<Item = Tensor>) -> Result<Vec<Tensor>, Problem> {
        let mut slots = self.fixed.clone();
        for (&slot, input) in self.inputs.iter().zip(inputs) {
            slots[slot] = Some(input);
        }
        self.execute(&mut slots, |_| true)?;
        let outputs = self.outputs.iter().map(|&slot| slots[slot].clone());
        outputs.map(|output| output.ok_or_else(not_given)).collect()
    }

    /// Answers a call.
    pub(super) fn run(
        &self,
        call: &Call,
        slots: &mut Vec<Option<Tensor>>,
        outputs: &mut Outputs,
    ) -> Result<(), Problem> {
        slots.clear();
        slots.extend_from_slice(&self.fixed);
        for (input, &slot) in call.inputs().iter().zip(&self.inputs) {
            if let Some(input) = input {
                let tensor = input.dense();
                slots[slot] =
                    Some(tensor.ok_or_else(|| Problem::internal("an ONNX model takes arrays only"))?.clone());
            }
        }
        self.execute(slots, |step| call.wanted().iter().any(|place| step.serves[place]))?;
        for place in call.wanted().iter() {
            outputs.set(place, slots[self.outputs[place]].clone().ok_or_else(not_given)?);
        }
        slots.clear();
        Ok(())
    }

    fn execute(
        &self,
        slots: &mut [Option<Tensor>],
        is_needed: impl Fn(&Step) -> bool,
    ) -> Result<(), Problem> {
        for step in self.steps.iter().filter(|step| is_needed(step)) {
            let given: Vec<Option<&Tensor>> =
                step.inputs.iter().map(|slot| slot.and_then(|slot| slots[slot].as_ref())).collect();
            let made = (step.run)(&given).map_err(|problem| problem.at(format!("node {:?}", step.node)))?;
            for (slot, tensor) in step.outputs.iter().zip(made) {
                if let Some(slot) = slot {
                    slots[*slot] = Some(tensor);
                }
            }
        }
        Ok(())
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        let constants = self.fixed.iter().flatten().map(Tensor::bytes_total);
        constants.chain(self.trees.iter().map(|trees| trees.memory_bytes)).sum()
    }

    /// Splits that a row passes, and multiplications that it takes.
    pub(super) fn work(&self) -> usize {
        let splits = self.trees.iter().map(|trees| trees.trees.saturating_mul(trees.depth));
        splits.fold(self.work, usize::saturating_add)
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }
}

#[cold]
fn not_given() -> Problem {
    Problem::internal("an output that no step gave")
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
        let program = Program {
            fixed: Vec::new(),
            steps: Vec::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            trees: Vec::new(),
            nearly: Vec::new(),
            trees_see_nearly: false,
            work: 0,
            operators: Vec::new(),
        };
        Making { program, known: HashMap::new(), constants: HashMap::new(), versions }
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
        let built = if is_ensemble(node.domain, node.operator) {
            self.program.trees_see_nearly |= !is_exact;
            let input = types.first().copied().flatten();
            let input = input.ok_or_else(|| Refusal::not("trees without an input"))?;
            let (built, described) = ensemble::build(node, input)?;
            self.program.trees.push(described);
            built
        } else {
            let ask = Ask { node, types: &types, constants: &self.constants, versions: self.versions };
            steps::build(&ask)?
        };
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

impl Program {
    /// Follows each output back to the steps that it needs.
    fn settle_serves(&mut self) {
        let mut needed: Vec<HashSet<usize>> =
            self.outputs.iter().map(|&slot| HashSet::from([slot])).collect();
        for step in self.steps.iter_mut().rev() {
            for needed in &mut needed {
                let serves = step.outputs.iter().flatten().any(|slot| needed.contains(slot));
                if serves {
                    needed.extend(step.inputs.iter().flatten());
                }
                step.serves.push(serves);
            }
        }
    }
}
