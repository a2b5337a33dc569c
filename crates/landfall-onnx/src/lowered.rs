//! Trees in ONNX files on our own forest: a graph that is nothing but tree ensembles (`TreeEnsembleClassifier`,
//! `TreeEnsembleRegressor`, `TreeEnsemble`) with the steps around them is compiled, and answers with ONNX Runtime's bits
//! on a machine where nothing is installed.
//!
//! Where ONNX Runtime is not, pipelines without trees are compiled as well: the operators of `ai.onnx.ml`, and what the
//! engine beneath refuses. What is calculated by functions whose last bit differs between libraries (`Exp`, `Log`, products
//! of matrices) lies within 1e-5, and is left to ONNX Runtime where it is there.

mod constant;
mod ensemble;
mod graph;
mod labels;
mod making;
mod program;
mod scan;
mod steps;
mod transform;

use crate::declared::{self, Declared};
use crate::interface::Interface;
use crate::node::Node;
use crate::{facts, recognise};
use landfall_model::protobuf::Fields;
use landfall_model::{
    Call, Claim, CostClass, DType, Engine, Facts, Instance, Kind, Model, ModelFiles, OptionSpec, Options,
    Outputs, Problem, Signature, Tensor,
};
use program::Program;
use std::collections::HashMap;
use std::sync::Arc;
pub(crate) use steps::Run;

/// What evaluates a lowered graph, as `inspect` and the log name it.
const NAME: &str = "trees";
/// The same where there are no trees in it.
const NAME_WITHOUT_TREES: &str = "pipeline";

/// Why a graph is not lowered.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Another engine may evaluate it.
    Not(String),
    /// Its trees are none: no engine is to see them.
    Broken(Problem),
}

impl Refusal {
    fn not(what: impl Into<String>) -> Self {
        Refusal::Not(what.into())
    }

    fn at(self, place: String) -> Self {
        match self {
            Refusal::Not(what) => Refusal::Not(format!("{place}: {what}")),
            Refusal::Broken(problem) => Refusal::Broken(problem.at(place)),
        }
    }
}

impl From<Problem> for Refusal {
    /// What is wrong with a file is wrong for all engines; what is wrong with us is not.
    fn from(problem: Problem) -> Self {
        match problem.kind() {
            Kind::Internal | Kind::Unimplemented => Refusal::Not(problem.to_string()),
            _ => Refusal::Broken(problem),
        }
    }
}

/// A single node of the default domain as a step, for inputs of these types: what it does, and the types of what it gives.
///
/// # Errors
/// Why there is no such step.
pub(crate) fn step(
    node: &Node<'_>,
    types: &[Option<DType>],
    version: i64,
) -> Result<(Run, Vec<DType>), String> {
    let versions = steps::Versions { onnx: version, ml: 1 };
    let ask = steps::Ask { node, types, constants: &HashMap::new(), versions };
    match steps::build(&ask) {
        Ok(built) => Ok((built.run, built.outputs)),
        Err(Refusal::Not(why)) => Err(why),
        Err(Refusal::Broken(problem)) => Err(problem.to_string()),
    }
}

/// A constant of a file; `None` for one of a type that no step takes, or that lies in another file.
pub(crate) fn stored(tensor: Fields<'_>) -> Option<Tensor> {
    constant::constant(tensor).ok().map(|(_, tensor)| tensor)
}

/// An engine that lowers what it can, and leaves the rest to another.
pub(crate) struct Lowering {
    beneath: Arc<dyn Engine>,
}

impl Lowering {
    /// Before that engine.
    pub(crate) fn before(beneath: Arc<dyn Engine>) -> Self {
        Lowering { beneath }
    }

    /// Whether the engine beneath is the one whose bits count.
    fn is_before_the_original(&self) -> bool {
        self.beneath.name() == crate::onnxruntime::NAME
    }
}

impl Engine for Lowering {
    fn name(&self) -> &'static str {
        self.beneath.name()
    }

    fn recognise(&self, files: &dyn ModelFiles) -> Claim {
        self.beneath.recognise(files)
    }

    fn options(&self) -> &'static [OptionSpec] {
        self.beneath.options()
    }

    fn load(&self, files: &dyn ModelFiles, options: &Options) -> Result<Arc<dyn Model>, Problem> {
        options.check(self.options())?;
        let (entry, path) = recognise::model_file(files)?;
        let file = path.display().to_string();
        let bytes = files.bytes(&entry.name)?;
        let Ok(declared) = declared::read(&file, bytes.bytes()) else {
            return self.beneath.load(files, options);
        };
        let has = |is_meant: fn(&str, &str) -> bool| {
            declared.operators.keys().any(|(domain, operator)| is_meant(domain, operator))
        };
        let compile = || LoweredModel::compile(&file, bytes.bytes(), &declared, options);
        let has_trees = has(ensemble::is_ensemble);
        if !has_trees && self.is_before_the_original() {
            return self.beneath.load(files, options);
        }
        if !has_trees && !has(|domain, _| domain == "ai.onnx.ml") {
            // What computes whole networks comes first here.
            return match self.beneath.load(files, options) {
                Err(problem) if problem.kind() == Kind::Unimplemented => match compile() {
                    Ok(model) => Ok(Arc::new(model)),
                    Err(_) => Err(problem),
                },
                loaded => loaded,
            };
        }
        let own = if has_trees { "Landfall's own trees" } else { "Landfall's own steps" };
        let (why, lowered) = match compile() {
            Ok(model) if model.program.nearly.is_empty() || !self.is_before_the_original() => {
                return Ok(Arc::new(model));
            }
            Ok(model) => {
                let nearly = model.program.nearly.join(", ");
                (format!("on {own} the last bit may differ in {nearly}"), Some(model))
            }
            Err(Refusal::Broken(problem)) => return Err(problem.at(file)),
            Err(Refusal::Not(why)) => (format!("{own} do not take {why}"), None),
        };
        match self.beneath.load(files, options) {
            Ok(model) => {
                let note = format!("it runs on the engine {}: {why}", self.beneath.name());
                Ok(Arc::new(Noted { model, note }))
            }
            Err(problem) => match lowered {
                Some(model) => Ok(Arc::new(model)),
                None => Err(problem.at(why)),
            },
        }
    }
}

/// A model with a line more for people.
struct Noted {
    model: Arc<dyn Model>,
    note: String,
}

impl Model for Noted {
    fn signatures(&self) -> &[Arc<Signature>] {
        self.model.signatures()
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        self.model.instance()
    }

    fn prepare(&self) {
        self.model.prepare();
    }

    fn facts(&self) -> Facts {
        let mut facts = self.model.facts();
        facts.notes.push(self.note.clone());
        facts
    }

    fn verify(&self) -> Result<usize, Problem> {
        self.model.verify()
    }
}

/// A lowered graph.
pub(crate) struct LoweredModel {
    signatures: [Arc<Signature>; 1],
    program: Arc<Program>,
    facts: Facts,
}

/// Splits that a row passes (and multiplications), and steps, up to which a call is never worth a hop to another thread.
const TINY: (usize, usize) = (2000, 32);

impl LoweredModel {
    /// Compiles a file.
    ///
    /// # Errors
    /// Why it is not lowered.
    pub(crate) fn compile(
        file: &str,
        bytes: &[u8],
        declared: &Declared,
        options: &Options,
    ) -> Result<Self, Refusal> {
        let interface = Interface::of(file, declared)?;
        let program = making::compile(file, bytes, declared, &interface)?;
        let mut notes = interface.notes.clone();
        if !program.nearly.is_empty() {
            let within = format!("{}: within 1e-5 of ONNX Runtime", program.nearly.join(", "));
            notes.push(if program.trees_see_nearly {
                format!("{within}; trees behind them see that where a value lies at a threshold")
            } else if program.trees.is_empty() {
                within
            } else {
                format!("{within}; the trees are exact")
            });
        }
        let name = if program.trees.is_empty() { NAME_WITHOUT_TREES } else { NAME };
        notes.extend(options.iter().map(|(key, _)| format!("option {key} means nothing to {name}")));
        let mut facts = facts::of(declared, name, 1, program.memory_bytes() as u64, notes);
        describe(&program, &mut facts.structure);
        if program.work() <= TINY.0 && program.len() <= TINY.1 {
            facts.cost = CostClass::Tiny;
        }
        Ok(LoweredModel { signatures: [interface.signature], program: Arc::new(program), facts })
    }
}

/// Steps that are listed one by one; beyond, their number says more.
const LISTED_RUNS: usize = 16;

/// How a graph was lowered: its steps, neighbours of one kind taken together, and its trees.
fn describe(program: &Program, structure: &mut Vec<(String, String)>) {
    let runs = program.operators.chunk_by(|a, b| a == b).map(|run| match run.len() {
        1 => run[0].clone(),
        times => format!("{} × {times}", run[0]),
    });
    let mut add = |key: &str, value: String| structure.push((key.to_owned(), value));
    let runs: Vec<String> = runs.collect();
    add(
        "lowered",
        if runs.len() <= LISTED_RUNS { runs.join(" → ") } else { format!("{} steps", program.len()) },
    );
    if program.trees.is_empty() {
        return;
    }
    let all = || program.trees.iter();
    add("trees", all().map(|trees| trees.trees).sum::<usize>().to_string());
    add("tree nodes", all().map(|trees| trees.nodes).sum::<usize>().to_string());
    add("depth", all().map(|trees| trees.depth).max().unwrap_or(0).to_string());
}

impl Model for LoweredModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(LoweredInstance { program: self.program.clone(), slots: Vec::new() }))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

/// One thread's workspace.
struct LoweredInstance {
    program: Arc<Program>,
    slots: Vec<Option<Tensor>>,
}

impl Instance for LoweredInstance {
    fn run(&mut self, call: &Call, outputs: &mut Outputs) -> Result<(), Problem> {
        self.program.run(call, &mut self.slots, outputs)
    }
}
