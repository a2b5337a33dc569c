//! Trees in ONNX files on our own forest: a graph that is nothing but tree ensembles (`TreeEnsembleClassifier`,
//! `TreeEnsembleRegressor`, `TreeEnsemble`) with the steps around them is compiled, and answers with ONNX Runtime's bits
//! on a machine where nothing is installed. All other graphs go to the engine beneath.
//!
//! Exact is what leads to the trees, and they themselves; what is calculated behind them by functions whose last bit
//! differs between libraries (`Exp`, `Log`, sums of columns) lies within 1e-6, and is left to ONNX Runtime where it is there.

mod constant;
mod ensemble;
mod graph;
mod program;
mod steps;

use crate::declared::{self, Declared};
use crate::interface::Interface;
use crate::{facts, recognise};
use landfall_model::{
    Call, Claim, CostClass, Engine, Facts, Instance, Kind, Model, ModelFiles, OptionSpec, Options, Outputs,
    Problem, Signature, Tensor,
};
use program::Program;
use std::sync::Arc;

/// What evaluates a lowered graph, as `inspect` and the log name it.
const NAME: &str = "trees";

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
        if !declared.operators.keys().any(|(domain, operator)| ensemble::is_ensemble(domain, operator)) {
            return self.beneath.load(files, options);
        }
        let (why, lowered) = match LoweredModel::compile(&file, bytes.bytes(), &declared, options) {
            Ok(model) if model.program.nearly.is_empty() || !self.is_before_the_original() => {
                return Ok(Arc::new(model));
            }
            Ok(model) => (format!("the last bit of {}", model.program.nearly.join(", ")), Some(model)),
            Err(Refusal::Broken(problem)) => return Err(problem.at(file)),
            Err(Refusal::Not(why)) => (why, None),
        };
        let engine = self.beneath.name();
        let note = format!("its trees are left to the engine {engine}, because of {why}");
        match self.beneath.load(files, options) {
            Ok(model) => Ok(Arc::new(Noted { model, note })),
            Err(problem) => match lowered {
                Some(model) => Ok(Arc::new(model)),
                None => Err(problem.at(note)),
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

/// Splits that a row passes, and steps, up to which a call is never worth a hop to another thread.
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
        let program = Program::compile(file, bytes, declared, &interface)?;
        let mut notes = interface.notes.clone();
        if !program.nearly.is_empty() {
            notes.push(format!(
                "{}: within 1e-6 of ONNX Runtime; the trees are exact",
                program.nearly.join(", ")
            ));
        }
        notes.extend(options.iter().map(|(key, _)| format!("option {key} means nothing to trees")));
        let mut facts = facts::of(declared, NAME, 1, program.memory_bytes() as u64, notes);
        describe(&program, &mut facts.structure);
        if program.splits() <= TINY.0 && program.len() <= TINY.1 {
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
