//! Graphs, nodes and their attributes (`GraphProto`, `NodeProto`, `AttributeProto`), and what is gathered from them.

use super::acyclic::Flow;
use super::functions::{Body, Functions};
use super::sizes::Origins;
use super::tensor::{self, Stored};
use super::types;
use super::{Declared, ElementType, External, MAX_DEPTH, WideConstant};
use crate::node::{Node, name_of};
use landfall_model::protobuf::Fields;
use landfall_model::{DType, Problem};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What is gathered from all graphs of one file.
pub(super) struct Findings<'a> {
    file: &'a str,
    operators: BTreeMap<(&'a str, &'a str), usize>,
    parameters: u64,
    inner_types: BTreeSet<ElementType>,
    casts: BTreeSet<ElementType>,
    externals: Vec<External>,
    wide_constants: Vec<WideConstant>,
    class_names: BTreeMap<String, Vec<String>>,
    sequences: BTreeMap<String, Vec<String>>,
    origins: Origins<'a>,
    functions: Functions<'a>,
    /// What stands in the function, or the graph, that is being read.
    body: Body<'a>,
}

/// What one node's attributes hold that matters here.
#[derive(Default)]
struct Attributes<'a> {
    labels: Vec<String>,
    cast_to: Option<ElementType>,
    /// Names that graphs within the node read from outside.
    captured: Vec<&'a str>,
    /// The product of the values of a `Constant`.
    product: Option<u64>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(file: &'a str) -> Self {
        Findings {
            file,
            operators: BTreeMap::new(),
            parameters: 0,
            inner_types: BTreeSet::new(),
            casts: BTreeSet::new(),
            externals: Vec::new(),
            wide_constants: Vec::new(),
            class_names: BTreeMap::new(),
            sequences: BTreeMap::new(),
            origins: Origins::default(),
            functions: Functions::default(),
            body: Body::default(),
        }
    }

    pub(super) fn into_declared(self, declared: &mut Declared) {
        let owned = |((domain, name), n): ((&str, &str), usize)| ((domain.to_owned(), name.to_owned()), n);
        declared.operators = self.operators.into_iter().map(owned).collect();
        declared.parameters = self.parameters;
        declared.inner_types = self.inner_types;
        declared.casts = self.casts;
        declared.externals = self.externals;
        declared.wide_constants = self.wide_constants;
        declared.class_names = self.class_names;
        declared.sequences = self.sequences;
        declared.sized_by = self.origins.into_found();
    }

    /// The model's own graph: its inputs and outputs are the model's.
    pub(super) fn main(&mut self, graph: Fields<'a>, declared: &mut Declared) -> Result<(), Problem> {
        let mut initializers = HashSet::new();
        let mut fields = graph.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                2 => declared.graph = value.text()?.to_owned(),
                11 => {
                    self.origins.input(name_of(value.clone().message()?)?);
                    declared.inputs.push(types::value_info(value.message()?)?);
                }
                12 => declared.outputs.push(types::value_info(value.message()?)?),
                _ => {}
            }
        }
        self.graph(graph.clone(), 0, &mut |name| {
            initializers.insert(name);
        })?;
        self.functions.check(&graph, &self.body)?;
        for input in &mut declared.inputs {
            input.has_default = initializers.contains(input.name.as_str());
        }
        if declared.outputs.is_empty() {
            return Err(Problem::malformed(self.file, None, "the graph has no output"));
        }
        Ok(())
    }

    /// A graph at some depth; returns the names that it reads from outside.
    fn graph(
        &mut self,
        mut fields: Fields<'a>,
        depth: usize,
        initializer: &mut dyn FnMut(&'a str),
    ) -> Result<Vec<&'a str>, Problem> {
        if depth > MAX_DEPTH {
            return Err(fields.malformed(format!("graphs within graphs, more than {MAX_DEPTH} deep")));
        }
        let mut flow = Flow::default();
        let mut nodes = fields.clone();
        while let Some((number, value)) = fields.next()? {
            match number {
                5 => {
                    let stored = tensor::tensor(value.message()?)?;
                    self.parameters = self.parameters.saturating_add(stored.elements);
                    flow.given(stored.name);
                    initializer(stored.name);
                    if let Some(product) = stored.product {
                        self.origins.constant(stored.name, product);
                    }
                    self.stored(stored, "");
                }
                11 => {
                    let input = name_of(value.message()?)?;
                    flow.given(input);
                }
                12 if depth > 0 => flow.read(name_of(value.message()?)?),
                13 => drop(types::value_info(value.message()?)?),
                15 => tensor::sparse(value.message()?, |stored| {
                    self.parameters = self.parameters.saturating_add(stored.elements);
                    if !stored.name.is_empty() {
                        self.stored(stored, "");
                    }
                })?,
                _ => {}
            }
        }
        // Nodes after initializers, which stand behind them in the file.
        while let Some((number, value)) = nodes.next()? {
            if number == 1 {
                self.node(value.message()?, depth, &mut flow)?;
            }
        }
        if let Some(node) = flow.cycle() {
            let what = format!("the graph is cyclic: node {node:?} depends on its own output");
            return Err(Problem::malformed(self.file, None, what));
        }
        Ok(flow.captured())
    }

    fn node(&mut self, fields: Fields<'a>, depth: usize, flow: &mut Flow<'a>) -> Result<(), Problem> {
        let Node { name, domain, operator, overload, mut inputs, outputs, attributes } =
            Node::read(fields.clone())?;
        if operator.is_empty() {
            return Err(fields.malformed(format!("node {name:?} names no operator")));
        }
        *self.operators.entry((domain, operator)).or_default() += 1;
        self.body.node((domain, operator, overload), depth);
        let shown = if name.is_empty() { operator } else { name };
        let mut found = Attributes::default();
        for attribute in attributes.messages() {
            self.attribute(attribute, depth, shown, &mut found)?;
        }
        if let (Some(element), true) = (found.cast_to, operator == "Cast") {
            self.inner_types.insert(element);
            self.casts.insert(element);
        }
        self.classes(domain, operator, &inputs, &outputs, found.labels);
        if let ("", "SequenceConstruct", 0, Some(output)) = (domain, operator, depth, outputs.first()) {
            let items = inputs.iter().map(|item| (*item).to_owned()).collect();
            self.sequences.insert((*output).to_owned(), items);
        }
        if let (Some(product), "Constant", Some(output)) = (found.product, operator, outputs.first()) {
            self.origins.constant(output, product);
        }
        inputs.extend(found.captured);
        self.origins.node(shown, operator, &inputs, &outputs);
        flow.node(shown, inputs, outputs);
        Ok(())
    }

    /// Takes down which classes the columns of a node's output stand for.
    fn classes(
        &mut self,
        domain: &str,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        labels: Vec<String>,
    ) {
        let (made, labels) = match (domain, operator) {
            ("ai.onnx.ml", "ZipMap") => (outputs.first(), Some(labels)),
            ("ai.onnx.ml", "TreeEnsembleClassifier" | "LinearClassifier") => (outputs.get(1), Some(labels)),
            // What leaves columns where they are.
            ("ai.onnx.ml", "Normalizer") | ("", "Identity") => {
                (outputs.first(), inputs.first().and_then(|input| self.class_names.get(*input)).cloned())
            }
            _ => return,
        };
        if let (Some(made), Some(labels)) = (made, labels) {
            self.class_names.insert((*made).to_owned(), labels);
        }
    }

    fn attribute(
        &mut self,
        mut fields: Fields<'a>,
        depth: usize,
        node: &'a str,
        found: &mut Attributes<'a>,
    ) -> Result<(), Problem> {
        let (mut name, mut integer, mut integers, mut strings) = ("", None, Vec::new(), Vec::new());
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => name = value.text()?,
                3 => integer = Some(value.signed()?),
                5 | 10 => {
                    let stored = tensor::tensor(value.message()?)?;
                    found.product = stored.product;
                    self.stored(stored, node);
                }
                6 | 11 => found.captured.extend(self.graph(value.message()?, depth + 1, &mut |_| {})?),
                8 => value.varints(|number| integers.push(number as i64))?,
                9 => strings.push(value.bytes()?),
                14 | 15 => drop(types::value_type(value.message()?, 0)?),
                22 | 23 => tensor::sparse(value.message()?, |stored| self.stored(stored, node))?,
                _ => {}
            }
        }
        match name {
            "classlabels_int64s" | "classlabels_ints" => {
                found.labels = integers.iter().map(i64::to_string).collect()
            }
            "classlabels_strings" => {
                found.labels =
                    strings.iter().map(|label| String::from_utf8_lossy(label).into_owned()).collect();
            }
            "to" => found.cast_to = integer.and_then(|n| u64::try_from(n).ok()).map(ElementType),
            "value_int" | "value_ints" => {
                let values = || integer.iter().chain(&integers).copied();
                found.product = Some(values().fold(1, tensor::times));
                let wide = values().find(|&v| tensor::is_wide(v));
                self.wide_constants.extend(wide.map(|value| WideConstant { name: node.to_owned(), value }));
            }
            _ => {}
        }
        Ok(())
    }

    /// `FunctionProto`: its nodes are read as a graph's; its domain and name.
    pub(super) fn function(&mut self, mut fields: Fields<'a>) -> Result<(String, String), Problem> {
        let (mut name, mut domain, mut overload, mut flow) = ("", "", "", Flow::default());
        self.body = Body::default();
        while let Some((number, value)) = fields.next()? {
            match number {
                1 => name = value.text()?,
                7 => self.node(value.message()?, 1, &mut flow)?,
                10 => domain = value.text()?,
                13 => overload = value.text()?,
                _ => {}
            }
        }
        self.functions.add((domain, name, overload), std::mem::take(&mut self.body));
        match flow.cycle() {
            Some(node) => Err(fields.malformed(format!("function {name:?} is cyclic at node {node:?}"))),
            None => Ok((domain.to_owned(), name.to_owned())),
        }
    }

    fn stored(&mut self, stored: Stored<'_>, node: &str) {
        self.inner_types.insert(stored.element);
        let name = if stored.name.is_empty() { node } else { stored.name };
        if let (Some(value), Some(DType::I64)) = (stored.wide, stored.element.dtype()) {
            self.wide_constants.push(WideConstant { name: name.to_owned(), value });
        }
        self.externals.extend(stored.external);
    }
}
