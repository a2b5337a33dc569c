//! From files to a version that answers: choose an engine, load, settle null and row rules, verify, warm up.

use crate::files::FolderFiles;
use crate::golden::{GoldenReport, GoldenRows, Tolerance, check_golden};
use crate::probe::{overridden, proven};
use crate::repository::Repository;
use crate::{BatchOptions, ComputePool, Lease, Loaded, ModelSettings, Source, Worker};
use landfall_model::{
    Call, Claim, Engine, Importer, Kind, Model, ModelFiles, NullRule, Options, Problem, Reason, RowRule,
    Signature, Version,
};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What loading needs from outside: engines, the threads that run them, and readers of files whose formats serving does
/// not know.
pub struct Kit {
    /// The engines, strongest preference first: the strongest claim wins, this order breaks ties.
    pub engines: Vec<Arc<dyn Engine>>,
    /// Tried when no engine claims a model.
    pub importers: Vec<Arc<dyn Importer>>,
    /// The compute threads.
    pub pool: Arc<ComputePool>,
    /// Reads a `model.toml`. Paths in it come back resolved.
    pub settings: Box<ReadSettings>,
    /// Reads tables.
    pub tables: Tables,
    /// Where converted models go when they cannot lie beside the original.
    pub imports: Option<PathBuf>,
    /// Reads how calls are put together from a version's folder; `None`: its settings say it.
    pub batching: Option<Box<ReadBatching>>,
}

/// Reads a `model.toml`.
pub type ReadSettings = dyn Fn(&Path) -> Result<ModelSettings, Problem> + Send + Sync;
/// Reads golden rows, for one of the signatures.
pub type ReadGolden = dyn Fn(&Path, &[Arc<Signature>]) -> Result<GoldenRows, Problem> + Send + Sync;
/// Reads warm-up rows: calls with the signatures.
pub type ReadCalls = dyn Fn(&Path, &[Arc<Signature>]) -> Result<Vec<Call>, Problem> + Send + Sync;

/// Reads how calls of one version are put together.
pub type ReadBatching = dyn Fn(&Path) -> Result<BatchOptions, Problem> + Send + Sync;

/// Readers of files with rows.
pub struct Tables {
    /// Reads golden rows.
    pub golden: Box<ReadGolden>,
    /// Reads warm-up rows.
    pub warm_up: Box<ReadCalls>,
    /// Reads the calls that lie within a version's own folder to be run before the first caller's; none where there are
    /// none.
    pub replay: Box<ReadCalls>,
}

impl Tables {
    /// None can be read: models that ask for golden or warm-up rows are refused.
    pub fn unread() -> Self {
        let refuse = || Problem::unsupported("reading tables", "remove golden and warm_up from the settings");
        Tables {
            golden: Box::new(move |_, _| Err(refuse())),
            warm_up: Box::new(move |_, _| Err(refuse())),
            replay: Box::new(|_, _| Ok(Vec::new())),
        }
    }
}

/// How a version was loaded, for people.
#[derive(Clone, Debug, Default)]
pub struct LoadReport {
    /// Which engine was taken, and why.
    pub why: String,
    /// Lines that a user should know.
    pub notes: Vec<String>,
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
    let path = source.path.display();
    let seen = match (round.models.pop(), round.models.as_slice()) {
        (Some(seen), []) => seen,
        (None, _) => return Err(not_a_model(kit, &source.path)),
        (Some(last), others) => {
            let names: Vec<&str> = others.iter().chain([&last]).map(|seen| seen.name.as_str()).collect();
            return Err(Problem::invalid(format!(
                "{path} holds several models ({}): name the path of one",
                names.join(", ")
            )));
        }
    };
    let Some(newest) = seen.versions.first() else {
        return Err(Problem::invalid(format!("{path} holds no version of a model")));
    };
    let order = Order {
        model: seen.name.into(),
        version: newest.version.clone(),
        path: newest.path.clone(),
        settings: newest.own.clone().unwrap_or(seen.settings),
    };
    let (loaded, report) = load(kit, &order)?;
    Ok((Lease::new(loaded), report))
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
        .map(|loaded| (loaded, report))
}

fn load_with(
    kit: &Kit,
    order: &Order,
    settings: &ModelSettings,
    report: &mut LoadReport,
) -> Result<Arc<Loaded>, Problem> {
    let runner = open(kit, order, settings, report)?;
    report.notes.extend(runner.facts().notes);
    report.verified = runner.verify().map_err(|problem| problem.at("the model's own verification"))?;

    let declared = with_rules(runner.signatures(), settings)?;
    let golden = settings.golden.as_deref().map(|path| read(path, || (kit.tables.golden)(path, &declared)));
    let golden = golden.transpose()?;
    let warm_up =
        settings.warm_up.as_deref().map(|path| read(path, || (kit.tables.warm_up)(path, &declared)));
    let mut warm_up = warm_up.transpose()?.unwrap_or_default();
    let own = warm_up.len();
    warm_up.extend((kit.tables.replay)(&order.path, &declared)?);

    let signatures = settle_rows(&declared, &*runner, golden.as_ref(), &warm_up, report)?;
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
    if let Some(mut golden) = golden {
        golden.signature = lease.signature(golden.signature.name())?.clone();
        let tolerance = settings
            .golden_tolerance
            .map_or_else(Tolerance::default, |(relative, absolute)| Tolerance { relative, absolute });
        let found = check_golden(&lease, &golden, tolerance)?;
        report.golden = Some(found.clone());
        found.accepted()?;
    }
    let (own, recorded) = warm_up.split_at(own);
    warm(&lease, own)?;
    let replayed = match recorded {
        [] => None,
        recorded => {
            let began = kit.pool.clock().now();
            warm(&lease, recorded)?;
            Some((order.path.clone(), kit.pool.clock().now().saturating_duration_since(began)))
        }
    };
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

/// Opens the files with the engine that claims them most, or has them converted for one.
fn open(
    kit: &Kit,
    order: &Order,
    settings: &ModelSettings,
    report: &mut LoadReport,
) -> Result<Arc<dyn Model>, Problem> {
    let preferred = settings.prefer_file.as_ref().map(|name| order.path.join(name));
    let files = FolderFiles::open(preferred.filter(|path| path.is_file()).as_ref().unwrap_or(&order.path))?;
    let nobody = match choose(kit, &files, &settings.engines) {
        Ok((engine, why)) => {
            let model = engine.load(&files, &settings.options_for(engine.name()))?;
            let is_left = model.facts().engine != engine.name();
            report.why = if is_left { format!("left to it by {}", engine.name()) } else { why };
            return Ok(model);
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
    engine.load(&files, &rest)
}

/// The engine with the strongest claim, and why it was taken.
fn choose<'a>(
    kit: &'a Kit,
    files: &FolderFiles,
    allowed: &[String],
) -> Result<(&'a Arc<dyn Engine>, String), Problem> {
    let may =
        |engine: &Arc<dyn Engine>| allowed.is_empty() || allowed.iter().any(|name| name == engine.name());
    let (mut tried, mut claims) = (Vec::new(), Vec::new());
    for engine in &kit.engines {
        match engine.recognise(files) {
            _ if !may(engine) => tried.push(format!("{}: not among the engines asked for", engine.name())),
            Claim::No(why) => tried.push(format!("{}: {why}", engine.name())),
            claim => claims.push((engine, claim)),
        }
    }
    for name in allowed {
        if kit.engines.iter().all(|engine| engine.name() != name) {
            tried.push(format!("{name}: there is no such engine here"));
        }
    }
    let others: Vec<&str> = claims.iter().map(|(engine, _)| engine.name()).collect();
    let Some((engine, _)) = strongest(claims.iter().map(|(engine, claim)| (*engine, claim.clone()))) else {
        let path = files.path().display().to_string();
        if std::fs::metadata(files.path()).is_ok_and(|found| found.is_file() && found.len() == 0) {
            return Err(Problem::malformed(path, None, "the file is empty"));
        }
        return Err(Problem::new(Reason::NotRecognised { path, tried }));
    };
    let others: Vec<&str> = others.into_iter().filter(|name| *name != engine.name()).collect();
    let why = match (allowed.is_empty(), others.is_empty()) {
        (false, _) => "as asked for".to_owned(),
        (true, true) => "the only one that reads it".to_owned(),
        (true, false) => format!("preferred over {}", others.join(", ")),
    };
    Ok((engine, why))
}

/// The first of the strongest claims.
fn strongest<T>(claims: impl Iterator<Item = (T, Claim)>) -> Option<(T, Claim)> {
    claims.fold(None, |best, next| match &best {
        Some((_, claim)) if *claim >= next.1 => best,
        _ => Some(next),
    })
}

/// The importer with the strongest claim.
fn importer_of<'a>(kit: &'a Kit, files: &FolderFiles) -> Option<&'a Arc<dyn Importer>> {
    let claims = kit.importers.iter().map(|importer| (importer, importer.recognise(files)));
    strongest(claims.filter(|(_, claim)| !matches!(claim, Claim::No(_)))).map(|(importer, _)| importer)
}

/// Converts a model that no engine reads, as loading it would: where the converted one lies, and the options that are not
/// the importer's. `None` for what needs no conversion.
///
/// # Errors
/// What could not be converted, and what to do.
pub fn import_once(
    kit: &Kit,
    path: &Path,
    options: &Options,
) -> Result<Option<(landfall_model::Imported, Options)>, Problem> {
    let files = FolderFiles::open(path)?;
    if choose(kit, &files, &[]).is_ok() {
        return Ok(None);
    }
    let Some(importer) = importer_of(kit, &files) else { return Ok(None) };
    let (own, rest) = split(options, &**importer);
    let name = path.file_stem().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let order = Order {
        model: name.into(),
        version: Version::numbered(1),
        path: path.to_owned(),
        settings: Ok(Arc::default()),
    };
    let imported = import(kit, &order, &**importer, &files, &own)?;
    Ok(Some((imported, rest)))
}

/// The options that an importer knows, and the others.
fn split(options: &Options, importer: &dyn Importer) -> (Options, Options) {
    let (mut own, mut rest) = (Options::new(), Options::new());
    for (key, value) in options.iter() {
        let known = importer.options().iter().any(|spec| spec.key == key);
        if known { own.set(key, value) } else { rest.set(key, value) }
    }
    (own, rest)
}

/// Converts into a hidden folder beside the original, or where that cannot be written, into the state folder.
fn import(
    kit: &Kit,
    order: &Order,
    importer: &dyn Importer,
    files: &FolderFiles,
    options: &Options,
) -> Result<landfall_model::Imported, Problem> {
    let beside = if files.is_folder() { order.path.as_path() } else { crate::files::parent(&order.path) };
    let name = order.path.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy());
    let first = beside.join(format!(".landfall-{}-{name}", importer.name()));
    let second = kit.imports.as_ref().map(|folder| {
        folder.join(format!("{}-{}-{}", importer.name(), order.model.replace('/', "_"), order.version))
    });
    let mut refused = None;
    for into in [Some(first), second].into_iter().flatten() {
        match std::fs::create_dir_all(&into) {
            Ok(()) => match importer.import(files, &into, options) {
                Ok(imported) => return Ok(imported),
                Err(problem) => {
                    // Goes only where nothing was kept in it.
                    let _ = std::fs::remove_dir(&into);
                    // A folder that is there and cannot be written into.
                    match problem.reason() {
                        Reason::Io { .. } => refused = Some(problem),
                        _ => return Err(problem),
                    }
                }
            },
            Err(error) => refused = Some(Problem::io(format!("create {}", into.display()), &error)),
        }
    }
    Err(refused.unwrap_or_else(|| Problem::internal("there is no folder for converted models")))
}

/// The signatures with the rules for missing values and for rows that configuration sets.
fn with_rules(
    signatures: &[Arc<Signature>],
    settings: &ModelSettings,
) -> Result<Vec<Arc<Signature>>, Problem> {
    let rules = &settings.null_rules;
    for input in rules.by_input.keys() {
        let known = |signature: &Arc<Signature>| signature.inputs().iter().any(|spec| spec.name == *input);
        if !signatures.iter().any(known) {
            let problem = Problem::new(Reason::InputUnknown { input: input.clone() });
            return Err(problem.at("rules for missing values"));
        }
    }
    let ruled = |signature: &Arc<Signature>| {
        let mut ruled = overridden(signature, settings.batch)?;
        for (slot, spec) in signature.inputs().iter().enumerate() {
            let Some(rule) = rules.by_input.get(&spec.name).or(rules.all.as_ref()) else { continue };
            let misfit = |problem: Problem| {
                let setting = format!("rule for missing values of input {:?}", spec.name);
                Problem::new(Reason::SettingInvalid { setting, why: problem.to_string() })
            };
            let rule = NullRule::parse(rule, spec.dtype).map_err(misfit)?;
            ruled = ruled.with_null_rule(slot, rule)?;
        }
        Ok(ruled.shared())
    };
    signatures.iter().map(ruled).collect()
}

/// Settles which signatures have rows, by a probe where nobody said.
fn settle_rows(
    signatures: &[Arc<Signature>],
    runner: &dyn Model,
    golden: Option<&GoldenRows>,
    warm_up: &[Call],
    report: &mut LoadReport,
) -> Result<Vec<Arc<Signature>>, Problem> {
    let mut rows: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    if let Some(golden) = golden {
        let wanted = golden.signature.default_outputs().clone();
        let call = Call::checked(golden.signature.clone(), golden.inputs.clone(), wanted);
        let call = call.map_err(|problem| problem.at("golden rows"))?;
        rows.entry(golden.signature.name().to_owned()).or_default().push(call);
    }
    for call in warm_up {
        rows.entry(call.signature().name().to_owned()).or_default().push(call.clone());
    }
    if signatures.iter().all(|signature| *signature.rows() != RowRule::Unproven) {
        return Ok(signatures.to_vec());
    }
    let mut instance = runner.instance()?;
    let mut settled = Vec::with_capacity(signatures.len());
    for signature in signatures {
        let own = rows.get(signature.name()).map_or(&[][..], Vec::as_slice);
        let (signature, note) = proven(signature, &mut *instance, own);
        report.notes.extend(note);
        settled.push(signature);
    }
    Ok(settled)
}

/// Runs the warm-up calls; a version that cannot answer them is not made available.
fn warm(lease: &Lease, calls: &[Call]) -> Result<(), Problem> {
    let mut worker = Worker::new(lease.clone())?;
    for (index, call) in calls.iter().enumerate() {
        let signature = lease.signature(call.signature().name())?.clone();
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
