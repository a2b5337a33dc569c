//! From files to a version that answers: choose an engine, load, settle null and row rules, verify, warm up.

mod golden;
mod import;
mod intra_op;
mod probe;
mod signatures;

use crate::kit::{GoldenRows, Kit};
use crate::repository::{FolderFiles, Repository, choose, importer_of, several};
use crate::{Clock, Lease, Loaded, ModelSettings, Source, Worker};
pub use golden::{Difference, GoldenReport, Tolerance, check_golden, check_golden_by};
pub use import::import_once;
use import::{import, split};
use intra_op::on_several_threads;
use landfall_model::{Call, Engine, Joint, Kind, Model, ModelFiles, Options, Problem, Signature, Version};
use signatures::{said_of_rows, settle_rows, with_rules};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a version was loaded, for people.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// Which engine was taken, and why.
    pub why: String,
    /// Lines that a user should know.
    pub notes: Vec<String>,
    /// What is odd about the folders that the version was found in, where they were looked at to load it alone.
    pub warnings: Vec<String>,
    /// Verification rows of the model's own file that were run.
    pub verified: usize,
    /// What the comparison with golden rows found.
    pub golden: Option<GoldenReport>,
}

/// One version to load.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) model: Arc<str>,
    pub(crate) version: Version,
    pub(crate) path: PathBuf,
    pub(crate) settings: Result<Arc<ModelSettings>, Problem>,
}

/// Loads the newest version that lies in a source, without watching it: for commands that answer and end.
///
/// # Errors
/// Invalid argument, when the source holds no model or more than one; else what loading finds.
pub fn load_once(kit: &Arc<Kit>, source: &Source) -> Result<(Lease, LoadReport), Problem> {
    let mut round = Repository::new(vec![source.clone()], kit.clone()).look();
    if let Some((_, problem)) = round.dropped.pop() {
        return Err(problem);
    }
    let seen = match (round.models.pop(), round.models.as_slice()) {
        (Some(seen), []) => seen,
        (None, _) => return Err(not_a_model(kit, &source.path)),
        (Some(last), others) => {
            let names: Vec<&str> = others.iter().chain([&last]).map(|seen| seen.name.as_str()).collect();
            return Err(several(&source.path, &names));
        }
    };
    let Some(newest) = seen.versions.first() else {
        let path = source.path.display();
        return Err(Problem::invalid(format!("{path} holds no version of a model")));
    };
    let order = Order {
        model: seen.name.into(),
        version: newest.version.clone(),
        path: newest.path.clone(),
        settings: newest.own.clone().unwrap_or(seen.settings),
    };
    let (loaded, report) = load(kit, &order)?;
    let warnings = round.warnings.into_iter().map(|warning| warning.text).collect();
    Ok((Lease::new(loaded), LoadReport { warnings, ..report }))
}

/// Why a folder or file is no model: what each engine said.
fn not_a_model(kit: &Kit, path: &Path) -> Problem {
    let choice = FolderFiles::open(path).and_then(|files| choose(kit, &files, &[]).map(|_| ()));
    choice.err().unwrap_or_else(|| Problem::invalid(format!("{} holds no model", path.display())))
}

/// Loads one version. An engine that panics fails the version, not the thread.
pub(crate) fn load(kit: &Kit, order: &Order) -> Result<(Arc<Loaded>, LoadReport), Problem> {
    let settings = order.settings.clone()?;
    let mut report = LoadReport::default();
    catch_unwind(AssertUnwindSafe(|| load_with(kit, order, &settings, &mut report)))
        .unwrap_or_else(|_| Err(Problem::internal("loading panicked; the log has the message")))
        .map_err(|problem| settings.origins.placed(problem))
        .map(|loaded| (loaded, report))
}

fn load_with(
    kit: &Kit,
    order: &Order,
    settings: &ModelSettings,
    report: &mut LoadReport,
) -> Result<Arc<Loaded>, Problem> {
    let opened = open(kit, order, settings, report)?;
    let runner = &opened.model;
    report.notes.extend(runner.facts().notes);
    report.verified = runner.verify().map_err(|problem| problem.at("the model's own verification"))?;

    let declared = with_rules(runner.signatures(), settings)?;
    report.notes.extend(said_of_rows(&declared, settings));
    let golden = settings.golden.as_deref().map(|path| read(path, || (kit.tables.golden)(path, &declared)));
    let golden = golden.transpose()?;
    let warm_up =
        settings.warm_up.as_deref().map(|path| read(path, || (kit.tables.warm_up)(path, &declared)));
    let mut warm_up = warm_up.transpose()?.unwrap_or_default();
    let own = warm_up.len();
    let joint = runner.joins_signatures().then(|| Joint::of(&declared)).flatten();
    let folder = if opened.files.is_folder() { opened.files.path() } else { &order.path };
    warm_up.extend((kit.tables.replay)(folder, &declared, joint.as_ref())?);

    runner.prepare();
    let signatures = settle_rows(&declared, &**runner, golden.as_ref(), &warm_up, report)?;
    let runner = on_several_threads(kit, opened, &signatures, report)?;
    let batching = match &kit.batching {
        Some(read) => read(&order.path)?,
        None => settings.batching.clone(),
    };
    let loaded = Loaded::new(
        order.model.clone(),
        order.version.clone(),
        signatures,
        runner,
        batching.settled(),
        kit.pool.clone(),
    )?;
    let lease = Lease::new(Arc::new(loaded));
    if let Some(golden) = golden {
        let found = report.golden.insert(compared(&lease, golden, settings)?);
        found.accepted()?;
    }
    let (own, recorded) = warm_up.split_at(own);
    warm(&lease, own)?;
    let replayed = replayed(&lease, recorded, kit.pool.clock())?.map(|took| (order.path.clone(), took));
    // What was run so far was nobody's call.
    let fresh = lease.into_fresh(replayed);
    fresh.ok_or_else(|| Problem::internal("a version was called before it was available"))
}

/// Reads a file beside the model; a problem that does not name it gets its name.
fn read<T>(path: &Path, read: impl FnOnce() -> Result<T, Problem>) -> Result<T, Problem> {
    let shown = path.display().to_string();
    read()
        .map_err(|problem| if problem.to_string().starts_with(&shown) { problem } else { problem.at(shown) })
}

/// A model, and what it was loaded with.
struct Opened {
    model: Arc<dyn Model>,
    engine: Arc<dyn Engine>,
    files: FolderFiles,
    options: Options,
}

impl Opened {
    fn by(engine: &Arc<dyn Engine>, files: FolderFiles, options: Options) -> Result<Self, Problem> {
        Ok(Opened { model: engine.load(&files, &options)?, engine: engine.clone(), files, options })
    }
}

/// Opens the files with the engine that claims them most, or has them converted for one.
fn open(
    kit: &Kit,
    order: &Order,
    settings: &ModelSettings,
    report: &mut LoadReport,
) -> Result<Opened, Problem> {
    let preferred = settings.prefer_file.as_ref().map(|name| order.path.join(name));
    let files = FolderFiles::open(preferred.filter(|path| path.is_file()).as_ref().unwrap_or(&order.path))?;
    let nobody = match choose(kit, &files, &settings.engines) {
        Ok((engine, why)) => {
            let opened = Opened::by(engine, files, settings.options_for(engine.name()))?;
            let is_left = opened.model.facts().engine != engine.name();
            report.why = if is_left { format!("left to it by {}", engine.name()) } else { why };
            return Ok(opened);
        }
        Err(problem) => problem,
    };
    let Some(importer) = importer_of(kit, &files) else { return Err(nobody) };
    let (own, rest) = split(&settings.options, &**importer);
    let imported = import(kit, order, &**importer, &files, &own)?;
    report.notes.push(imported.note);
    let files = FolderFiles::open(&imported.path)?;
    let (engine, why) = choose(kit, &files, &settings.engines)?;
    report.why = format!("{why}, converted by {}", importer.name());
    Opened::by(engine, files, rest)
}

/// Holds a version's answers against golden rows.
fn compared(
    lease: &Lease,
    mut golden: GoldenRows,
    settings: &ModelSettings,
) -> Result<GoldenReport, Problem> {
    golden.signature = lease.signature(golden.signature.name())?.clone();
    let set = settings.golden_tolerance.map(|(relative, absolute)| Tolerance { relative, absolute });
    check_golden(lease, &golden, set.unwrap_or_default())
}

/// Runs the calls that a version brought along, and gives how long they took; nothing where it brought none.
fn replayed(lease: &Lease, recorded: &[Call], clock: &dyn Clock) -> Result<Option<Duration>, Problem> {
    if recorded.is_empty() {
        return Ok(None);
    }
    let began = clock.now();
    warm(lease, recorded)?;
    Ok(Some(clock.now().saturating_duration_since(began)))
}

/// The signature of a call that was made before rules for rows were settled, as it is now.
fn settled<'l>(lease: &'l Lease, call: &Call) -> Result<&'l Arc<Signature>, Problem> {
    let name = call.signature().name();
    match lease.joint().map(Joint::signature).filter(|joint| joint.name() == name) {
        Some(joint) => Ok(joint),
        None => lease.signature(name),
    }
}

/// Runs the warm-up calls; a version that cannot answer them is not made available.
fn warm(lease: &Lease, calls: &[Call]) -> Result<(), Problem> {
    let mut worker = Worker::new(lease.clone())?;
    for (index, call) in calls.iter().enumerate() {
        let signature = settled(lease, call)?.clone();
        let call = Call::checked(signature, call.inputs().to_vec(), call.wanted().clone())
            .and_then(|call| worker.run(&call))
            .map_err(|problem| problem.at(format!("warm-up call {index}")));
        let failed =
            call?.outputs.failed().first().map(|(row, problem)| problem.clone().at(format!("row {row}")));
        if let Some(problem) = failed {
            return Err(Problem::worded(
                Kind::FailedPrecondition,
                format!("warm-up call {index}: {problem}"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
