//! A model loaded by TensorFlow: its signatures, its facts, and one session that all threads share.

use super::api::Runtime;
use super::frozen::{self, Ends, VARIABLES};
use super::graph::GraphDef;
use super::interface::{self, Defaults};
use super::operators::Named;
use super::options::{self, Threads};
use super::plan::{Plans, plans, plans_of_fitting};
use super::run::TensorFlowInstance;
use super::saved_model::{MetaGraph, SavedModel};
use super::schema::SAVED_MODEL;
use super::session::Session;
use super::without_shapes::{self, Unshaped};
use super::{NAME, changes, recognise, text, warm, writers};
use landfall_model::{
    Buffer, CostClass, Facts, Instance, Kind, Model, ModelFiles, Options, Problem, Reason, Signature,
};
use std::ffi::CString;
use std::path::Path;
use std::sync::Arc;

/// The operator that reads variables from their files.
const RESTORES: &str = "RestoreV2";

/// A loaded model.
pub(super) struct TensorFlowModel {
    signatures: Vec<Arc<Signature>>,
    plans: Arc<Plans>,
    facts: Facts,
    /// Where the graph was opened from, if not from its own folder: its assets may be read in calls.
    _opened_from: Option<Unshaped>,
}

impl Model for TensorFlowModel {
    fn signatures(&self) -> &[Arc<Signature>] {
        &self.signatures
    }

    fn instance(&self) -> Result<Box<dyn Instance>, Problem> {
        Ok(Box::new(TensorFlowInstance::new(self.plans.clone())))
    }

    fn joins_signatures(&self) -> bool {
        true
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

/// Loads a SavedModel. The library is looked for when the files have been read, and found to be in order.
pub(super) fn load_saved_model(
    folder: &Path,
    file: &str,
    files: &dyn ModelFiles,
    options: &Options,
    operators: &Named,
    runtime: impl FnOnce() -> Result<&'static Runtime, Problem>,
) -> Result<TensorFlowModel, Problem> {
    options::refuse(options, &["inputs", "outputs"], "SavedModel")?;
    let threads = Threads::read(options)?;
    let tags = options::list(options, "tags")?.unwrap_or_else(|| vec!["serve"]);
    let place = folder.join(file).display().to_string();
    let bytes = binary_saved_model(&place, file, &files.bytes(file)?)?;
    let read = SavedModel::read(&place, bytes.bytes())?;
    let meta_graph = read.tagged(&tags).ok_or_else(|| no_such_tags(&read, &tags).at(&place))?;
    let graph = meta_graph.graph()?;
    writers::refuse(&graph, meta_graph.roots()).map_err(|problem| problem.at(&place))?;
    variables_are_there(meta_graph, &graph, files, folder)?;

    let runtime = runtime()?;
    let in_c = |text: &str| CString::new(text).map_err(|_| Problem::invalid(format!("{text:?} holds a NUL")));
    let tags_in_c = tags.iter().map(|tag| in_c(tag)).collect::<Result<Vec<_>, _>>()?;
    let interface = interface::of(meta_graph);
    let mut notes = interface.notes;
    notes.extend(lost_assets(meta_graph, files));
    let open = || without_shapes::open(runtime, folder, bytes.bytes(), &tags_in_c, &threads.config());
    let (session, opened_from) = operators
        .with(runtime, &mut notes, open)
        .map_err(|problem| problem.at(folder.display().to_string()))?;
    let structure = about_saved_model(meta_graph, &tags, &graph);
    let weights: u64 =
        files.entries().iter().filter(|e| e.name.starts_with("variables/")).map(|e| e.bytes).sum();
    let memory = weights + bytes.len() as u64;
    let (session, mut signatures) = (Arc::new(session), interface.signatures);
    let plans = plans_of_fitting(session, &mut signatures, &interface.defaults, &mut notes);
    let plans = Arc::new(plans.map_err(|problem| problem.at(&place))?);
    for signature in &mut signatures {
        leave_alone_what_changes(signature, &graph, &mut notes);
    }
    warm::up(&plans, &signatures, |signature| changes::changed_by(&graph, signature).is_none());
    let (threads_inside, note) = threads.settled(runtime);
    notes.extend(note);
    Ok(TensorFlowModel {
        signatures: signatures.into_iter().map(Signature::shared).collect(),
        plans,
        facts: Facts {
            declared: interface.declared,
            ..facts(runtime, threads_inside, memory, structure, notes)
        },
        _opened_from: opened_from,
    })
}

/// Loads a frozen graph.
pub(super) fn load_graph(
    path: &Path,
    file: &str,
    files: &dyn ModelFiles,
    options: &Options,
    operators: &Named,
    runtime: impl FnOnce() -> Result<&'static Runtime, Problem>,
) -> Result<TensorFlowModel, Problem> {
    options::refuse(options, &["tags"], "frozen graph")?;
    let threads = Threads::read(options)?;
    let place = path.display().to_string();
    let bytes = frozen::read(&place, &files.bytes(file)?)?;
    let graph = GraphDef::read(&place, bytes.bytes())?;
    let ends = Ends::of(&graph, options::list(options, "inputs")?, options::list(options, "outputs")?)
        .map_err(|problem| problem.at(&place))?;
    let roots = ends.outputs.iter().map(String::as_str);
    writers::refuse(&graph, roots).map_err(|problem| problem.at(&place))?;

    let runtime = runtime()?;
    let mut notes = Vec::new();
    let open = || Session::of_graph(runtime, bytes.bytes(), &threads.config());
    let session = operators.with(runtime, &mut notes, open).map_err(|problem| problem.at(&place))?;
    let session = Arc::new(session);
    let signature = frozen::signature(&session, &ends).map_err(|problem| problem.at(&place))?;
    let signatures = vec![signature];
    let plans = plans(session, &signatures, &Defaults::new()).map_err(|problem| problem.at(&place))?;
    let plans = Arc::new(plans);
    warm::up(&plans, &signatures, |_| true);
    let (threads_inside, note) = threads.settled(runtime);
    notes.extend(note);
    let structure = about_graph(&graph);
    let memory = bytes.len() as u64;
    Ok(TensorFlowModel {
        signatures: signatures.into_iter().map(Signature::shared).collect(),
        plans,
        facts: facts(runtime, threads_inside, memory, structure, notes),
        _opened_from: None,
    })
}

fn binary_saved_model(place: &str, file: &str, bytes: &Buffer) -> Result<Buffer, Problem> {
    if bytes.is_empty() {
        return Err(Problem::malformed(place, Some(0), "the file is empty"));
    }
    if !file.ends_with(".pbtxt") {
        return Ok(bytes.clone());
    }
    text::serialised(place, bytes.bytes(), &SAVED_MODEL).map(Buffer::from_owner)
}

/// Refuses a model that has lost its variables: TensorFlow would open it, and fail in every call.
fn variables_are_there(
    meta_graph: &MetaGraph<'_>,
    graph: &GraphDef<'_>,
    files: &dyn ModelFiles,
    folder: &Path,
) -> Result<(), Problem> {
    let restores = graph.needed(meta_graph.opening()).iter().any(|node| node.op == RESTORES);
    let has_variables = || graph.needed(meta_graph.roots()).iter().any(|node| VARIABLES.contains(&node.op));
    let is_there = !files.is_folder() || files.entries().iter().any(|entry| entry.name == recognise::INDEX);
    if is_there || !restores || !has_variables() {
        return Ok(());
    }
    Err(Problem::new(Reason::FileMissing { file: folder.join(recognise::INDEX).display().to_string() }))
}

/// A line for each asset that is not there. What runs at the opening reads those of tables, and fails then; others are read in
/// calls, or by nothing: a model opens without them, here as in TensorFlow Serving.
fn lost_assets(meta_graph: &MetaGraph<'_>, files: &dyn ModelFiles) -> Vec<String> {
    let is_there =
        |asset: &&str| files.entries().iter().any(|entry| entry.name.strip_prefix("assets/") == Some(*asset));
    let lost = meta_graph.assets.iter().filter(|asset| files.is_folder() && !is_there(asset));
    lost.map(|asset| format!("assets/{asset} is missing: calls that read it fail")).collect()
}

fn no_such_tags(read: &SavedModel<'_>, tags: &[&str]) -> Problem {
    let there: Vec<String> =
        read.meta_graphs.iter().map(|graph| format!("{{{}}}", graph.tags.join(","))).collect();
    let there = if there.is_empty() { "none at all".to_owned() } else { there.join(", ") };
    let text = format!(
        "no graph has the tags {{{}}}: there are {there} (choose with the option tags=NAME,…)",
        tags.join(",")
    );
    Problem::worded(Kind::NotFound, text)
}

/// A signature whose call changes the model is called as callers call it, and by nobody else.
fn leave_alone_what_changes(signature: &mut Signature, graph: &GraphDef<'_>, notes: &mut Vec<String>) {
    if let Some(op) = changes::changed_by(graph, signature) {
        let name = signature.name();
        notes.push(format!("signature {name:?} is never batched: its operator {op} changes the model"));
        *signature = signature.clone().which_changes_by(op);
    }
}

fn facts(
    runtime: &Runtime,
    threads_inside: usize,
    memory: u64,
    mut structure: Vec<(String, String)>,
    notes: Vec<String>,
) -> Facts {
    structure.push(("tensorflow".to_owned(), runtime.version().to_owned()));
    structure.push(("library".to_owned(), runtime.path().display().to_string()));
    Facts {
        engine: NAME,
        format: "tensorflow",
        memory_bytes: Some(memory),
        threads_inside,
        threads_option: None,
        cost: CostClass::Unknown,
        structure,
        notes,
        declared: Vec::new(),
        later: Default::default(),
    }
}

fn about_graph(graph: &GraphDef<'_>) -> Vec<(String, String)> {
    let mut structure = vec![("nodes".to_owned(), graph.nodes.len().to_string())];
    if !graph.functions.is_empty() {
        structure.push(("functions".to_owned(), graph.functions.len().to_string()));
    }
    structure
}

fn about_saved_model(
    meta_graph: &MetaGraph<'_>,
    tags: &[&str],
    graph: &GraphDef<'_>,
) -> Vec<(String, String)> {
    let mut structure = vec![("tags".to_owned(), tags.join(","))];
    if !meta_graph.version.is_empty() {
        structure.push(("written by".to_owned(), format!("TensorFlow {}", meta_graph.version)));
    }
    structure.extend(about_graph(graph));
    if !meta_graph.assets.is_empty() {
        structure.push(("assets".to_owned(), meta_graph.assets.join(", ")));
    }
    structure
}
