//! A graph as lowering sees it: nodes in the order in which they run, and constants as tensors (`GraphProto` of
//! `onnx.proto`).

use super::Refusal;
use super::constant::constant;
use crate::node::{Node, name_of};
use landfall_model::Tensor;
use landfall_model::protobuf::Fields;
use std::collections::HashMap;

/// The main graph of a file, or one within a node.
#[derive(Default)]
pub(super) struct Graph<'a> {
    /// Names of inputs and outputs.
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) constants: HashMap<&'a str, Tensor>,
}

impl<'a> Graph<'a> {
    /// Reads the main graph of a file.
    pub(super) fn read(file: &'a str, bytes: &'a [u8]) -> Result<Self, Refusal> {
        let mut graph = Graph::default();
        let mut fields = Fields::new(file, bytes);
        while let Some((number, value)) = fields.next()? {
            if number == 7 {
                graph.fill(value.message()?)?;
            }
        }
        graph.sort()?;
        Ok(graph)
    }

    /// Reads a graph within a node.
    pub(super) fn within(fields: Fields<'a>) -> Result<Self, Refusal> {
        let mut graph = Graph::default();
        graph.fill(fields)?;
        graph.sort()?;
        Ok(graph)
    }

    fn fill(&mut self, mut fields: Fields<'a>) -> Result<(), Refusal> {
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => self.nodes.push(Node::read(value.message()?)?),
                5 => {
                    let (name, tensor) = constant(value.message()?)?;
                    self.constants.insert(name, tensor);
                }
                11 => self.inputs.push(name_of(value.message()?)?),
                12 => self.outputs.push(name_of(value.message()?)?),
                15 => return Err(Refusal::not("a sparse constant")),
                _ => {}
            }
        }
        Ok(())
    }

    /// Brings nodes into an order in which each comes after those that it reads. Files have them so already, but need
    /// not.
    fn sort(&mut self) -> Result<(), Refusal> {
        let mut givers = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for &output in node.outputs.iter().filter(|name| !name.is_empty()) {
                if givers.insert(output, index).is_some() {
                    return Err(Refusal::not(format!("two nodes that give {output:?}")));
                }
            }
        }
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        let mut waits = vec![0usize; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            for &giver in node.inputs.iter().filter_map(|name| givers.get(name)) {
                readers[giver].push(index);
                waits[index] += 1;
            }
        }
        let mut order: Vec<usize> = (0..waits.len()).filter(|&node| waits[node] == 0).collect();
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            at += 1;
            for &reader in &readers[node] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    order.push(reader);
                }
            }
        }
        if order.len() != self.nodes.len() {
            return Err(Refusal::not("a cyclic graph"));
        }
        let mut nodes: Vec<Option<Node<'a>>> =
            std::mem::take(&mut self.nodes).into_iter().map(Some).collect();
        self.nodes = order.into_iter().filter_map(|index| nodes[index].take()).collect();
        Ok(())
    }
}
