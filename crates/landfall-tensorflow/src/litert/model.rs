//! A TensorFlow Lite file, loaded: its signatures, its facts, and the program that all threads compile from.

use super::api::{Failure, Runtime};
use super::declared::{self, Declared, DeclaredSignature, Shapes};
use super::prepared::{self, Prepared};
use super::run::{LiteRtInstance, Plan, engine_problem};
use super::session::Program;
use super::{NAME, interface, rows, streamed};
use landfall_model::{Buffer, CostClass, Facts, Instance, Model, Problem, RowRule, Signature};
use std::sync::Arc;

/// A loaded file.
pub(super) struct LiteRtModel {
    signatures: Vec<Arc<Signature>>,
    plans: Arc<[Plan]>,
    program: Arc<Program>,
    facts: Facts,
}

impl LiteRtModel {
    /// Reads, checks and compiles a file. `open` gives the library, and is asked after the file was found good.
    ///
    /// # Errors
    /// Malformed, unsupported, what `open` says, or what the library makes of the file.
    pub(super) fn load(
        file: &str,
        bytes: Buffer,
        open: impl FnOnce() -> Result<&'static Runtime, Problem>,
    ) -> Result<Self, Problem> {
        let declared = declared::read(file, bytes.bytes())?;
        let unproven = interface::signatures(file, &declared)?;
        let index = |signature: &Signature| {
            declared.signatures.iter().position(|own| own.key == signature.name()).unwrap_or(0)
        };
        let plans: Arc<[Plan]> = unproven
            .iter()
            .map(|signature| {
                let own = &declared.signatures[index(signature)];
                Plan::of(signature, own.number, own.shapes != Shapes::Ahead)
            })
            .collect();
        let length = bytes.len() as u64;
        let runtime = open()?;
        let bytes = streamed::streamed(file, bytes.bytes(), &declared.shapes())?.unwrap_or(bytes);
        let program = Program::load(runtime, bytes).map_err(|failure| load_problem(file, failure))?;
        let program = Arc::new(program);
        let mut instance = LiteRtInstance::new(&program, &plans).map_err(|problem| problem.at(file))?;
        let own = |signature: &Signature| &declared.signatures[index(signature)];
        let prepared = prepared(file, &unproven, &mut instance, own)?;
        let (signatures, notes) = proven(unproven, &prepared, &mut instance, own);
        let facts = facts(&declared, runtime, length, notes);
        Ok(LiteRtModel { signatures, plans, program, facts })
    }
}

impl Model for LiteRtModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(LiteRtInstance::new(&self.program, &self.plans)?))
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

/// How each signature could be prepared for calls.
///
/// # Errors
/// Unsupported, in LiteRT's words, where none could.
fn prepared<'a>(
    file: &str,
    signatures: &[Signature],
    instance: &mut LiteRtInstance,
    own: impl Fn(&Signature) -> &'a DeclaredSignature,
) -> Result<Vec<Prepared>, Problem> {
    let each = signatures.iter().enumerate();
    let prepared = each.map(|(place, signature)| prepared::prepared(instance, place, own(signature)));
    let prepared = prepared.collect::<Result<Vec<_>, Problem>>().map_err(|problem| problem.at(file))?;
    let names: Vec<&str> = signatures.iter().map(Signature::name).collect();
    prepared::refused(file, &names, &prepared)?;
    Ok(prepared)
}

/// Signatures with what their rows are, and a line for each that cannot be called with any number of rows.
fn proven<'a>(
    unproven: Vec<Signature>,
    prepared: &[Prepared],
    instance: &mut LiteRtInstance,
    own: impl Fn(&Signature) -> &'a DeclaredSignature,
) -> (Vec<Arc<Signature>>, Vec<String>) {
    let (mut signatures, mut notes) = (Vec::new(), Vec::new());
    for (mut signature, prepared) in unproven.into_iter().zip(prepared) {
        notes.extend(prepared.note(signature.name()));
        if *signature.rows() == RowRule::Unproven {
            let own = own(&signature);
            let (rule, note) = match own.shapes {
                Shapes::OfValues => rows::of_values(&signature),
                _ => rows::proven(&signature, instance, interface::rows_as_converted(own), prepared),
            };
            notes.extend(note);
            signature = signature.with_rows(rule);
        }
        signatures.push(signature.shared());
    }
    (signatures, notes)
}

fn facts(declared: &Declared, runtime: &Runtime, length: u64, notes: Vec<String>) -> Facts {
    let mut structure = vec![("operators".to_owned(), declared.operators.to_string())];
    structure.extend(interface::quantised(declared));
    if !declared.custom.is_empty() {
        structure.push(("custom operators".to_owned(), declared.custom.join(", ")));
    }
    if !declared.description.is_empty() {
        structure.push(("description".to_owned(), declared.description.clone()));
    }
    structure.push(("library".to_owned(), runtime.path().display().to_string()));
    Facts {
        engine: NAME,
        format: "tflite",
        memory_bytes: Some(length),
        threads_inside: 1,
        threads_option: None,
        cost: CostClass::Unknown,
        structure,
        notes,
        declared: Vec::new(),
        later: Default::default(),
    }
}

fn load_problem(file: &str, failure: Failure) -> Problem {
    let status = match failure {
        Failure::Status { status, .. } => status,
        Failure::Nothing { .. } => 0,
    };
    match status {
        5 => Problem::unsupported(format!("{file}: {failure}: a type or operator in it"), ""),
        1 | 500..=504 | 1000..=1003 => Problem::malformed(file, None, failure.to_string()),
        _ => engine_problem(failure).at(file),
    }
}
