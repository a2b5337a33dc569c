//! A graph as a list of steps over slots, compiled once.

use super::Refusal;
use super::ensemble::{self, Described, is_ensemble};
use super::graph::{Graph, Node};
use super::steps::{self, Ask, Run};
use crate::declared::Declared;
use crate::interface::Interface;
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
        for step in self.steps.iter().filter(|step| call.wanted().iter().any(|place| step.serves[place])) {
            let given: Vec<Option<&Tensor>> =
                step.inputs.iter().map(|slot| slot.and_then(|slot| slots[slot].as_ref())).collect();
            let made = (step.run)(&given).map_err(|problem| problem.at(format!("node {:?}", step.node)))?;
            for (slot, tensor) in step.outputs.iter().zip(made) {
                if let Some(slot) = slot {
                    slots[*slot] = Some(tensor);
                }
            }
        }
        for place in call.wanted().iter() {
            let tensor = slots[self.outputs[place]].clone();
            outputs.set(place, tensor.ok_or_else(|| Problem::internal("an output that no step gave"))?);
        }
        slots.clear();
        Ok(())
    }

    /// Bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        let constants = self.fixed.iter().flatten().map(Tensor::bytes_total);
        constants.chain(self.trees.iter().map(|trees| trees.memory_bytes)).sum()
    }

    /// Splits that a row passes.
    pub(super) fn splits(&self) -> usize {
        self.trees.iter().map(|trees| trees.trees * trees.depth).sum()
    }

    /// How many steps there are.
    pub(super) fn len(&self) -> usize {
        self.steps.len()
    }
}

/// A program under construction.
struct Making<'a> {
    program: Program,
    known: HashMap<&'a str, Known>,
    constants: HashMap<&'a str, Tensor>,
    ml_version: i64,
}

impl<'a> Making<'a> {
    fn start(graph: &mut Graph<'a>, declared: &'a Declared, interface: &Interface) -> Result<Self, Refusal> {
        let mut making = Making {
            program: Program {
                fixed: Vec::new(),
                steps: Vec::new(),
                inputs: Vec::new(),
                outputs: Vec::new(),
                trees: Vec::new(),
                nearly: Vec::new(),
                operators: Vec::new(),
            },
            known: HashMap::new(),
            constants: HashMap::new(),
            ml_version: declared.opsets.get("ai.onnx.ml").copied().unwrap_or(1),
        };
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
        for (name, tensor) in std::mem::take(&mut graph.constants) {
            let slot = making.define(name, tensor.dtype(), true);
            making.program.fixed[slot] = Some(tensor.clone());
            making.constants.insert(name, tensor);
        }
        Ok(making)
    }

    fn define(&mut self, name: &'a str, dtype: DType, is_exact: bool) -> usize {
        let slot = self.program.fixed.len();
        self.program.fixed.push(None);
        self.known.insert(name, Known { slot, dtype, is_exact });
        slot
    }

    /// Names that the signature's outputs need.
    fn wanted(&self, graph: &Graph<'a>, interface: &'a Interface) -> HashSet<&'a str> {
        let outputs = interface.signature.outputs().iter();
        let mut wanted: HashSet<&str> = outputs.map(|output| output.name.as_str()).collect();
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
            if !is_exact {
                let before = self.program.nearly.join(", ");
                return Err(Refusal::not(format!("trees behind {before}, whose bits are not ours to know")));
            }
            let input = types.first().copied().flatten();
            let input = input.ok_or_else(|| Refusal::not("trees without an input"))?;
            let (built, described) = ensemble::build(node, input)?;
            self.program.trees.push(described);
            built
        } else {
            let ask = Ask { node, types: &types, constants: &self.constants, ml_version: self.ml_version };
            steps::build(&ask)?
        };
        if !built.is_exact && !self.program.nearly.iter().any(|known| known == node.operator) {
            self.program.nearly.push(node.operator.to_owned());
        }
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
        let value =
            node.attributes.tensor("value")?.ok_or_else(|| Refusal::not("a constant of another kind"))?;
        let Some(&name) = node.outputs.first() else { return Ok(()) };
        let slot = self.define(name, value.dtype(), true);
        self.program.fixed[slot] = Some(value.clone());
        self.constants.insert(name, value);
        Ok(())
    }

    fn finish(mut self, interface: &Interface) -> Result<Program, Refusal> {
        if self.program.trees.is_empty() {
            return Err(Refusal::not("no trees"));
        }
        for spec in interface.signature.outputs() {
            let known = self.known.get(spec.name.as_str());
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
