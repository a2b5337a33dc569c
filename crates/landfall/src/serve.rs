//! `landfall serve`: endpoints for models, until stopped.

use crate::args::{JsonNan, LogFormat, ModelFlags, Serve, ServerFlags, Switch, name_and_path};
use crate::config::{self, LandfallToml};
use crate::engines::registry;
use crate::exit::Failure;
use crate::log::{self, Log};
use crate::signals::{self, Signals};
use crate::{elsewhere, greeting, loading, state};
use landfall_model::{Kind, Problem, Reason};
use landfall_net::{NetSettings, Server};
use landfall_serving::{
    Clock, ComputePool, ModelSettings, Retries, Serving, Setup, Source, SystemClock, WatchSettings,
};
use signal_hook::low_level::exit;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// How long the start waits for models before it says which are not there yet.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(600);

/// How long requests under way are waited for when the server stops.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until a signal says to stop; then drains, so that no accepted request is lost.
///
/// # Errors
/// A wrong call for flags and configuration; failed work when an address is taken or no model can be served.
pub(crate) fn run(arguments: Serve) -> Result<(), Failure> {
    let Configured { flags, model, above, sources } = configuration(arguments)?;
    log::start(flags.log_format.unwrap_or(LogFormat::Text)).map_err(Failure::Call)?;
    one_is_there(&sources)?;
    let net = net_settings(&flags);
    let drain_timeout = flags.drain_timeout.unwrap_or(DRAIN_TIMEOUT);
    let state = flags.state.clone().or_else(state::folder);
    if state.is_none() {
        warn!(
            "what control calls change will be forgotten when the server ends: neither --state nor a home folder is known"
        );
    }
    let obeyed = Signals::listen()?.obey()?;
    // Before the models: they may take minutes, and a taken port would be said after them.
    for (flag, endpoint) in [("--http", &net.http), ("--grpc", &net.grpc)] {
        endpoint.as_ref().map_or(Ok(()), Server::can_open).map_err(|problem| problem.at(flag))?;
    }
    let registry = registry(&model.engines, model.prefer)?;
    let log = Arc::new(Log::of(&registry));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = ComputePool::new(cores, clock.clone());
    let kit = loading::kit(registry, pool, state.as_deref().map(state::imports));
    let watch = WatchSettings::default();
    let retries = Retries::default();
    let observer = log.clone();
    let serving =
        Serving::start(Setup { sources, kit, state, watch, load_threads: cores, retries, clock, observer })?;
    let started = serving.wait_until_settled(SETTLE_TIMEOUT);
    if let Some(failure) = greeting::nothing_serves(started.as_deref(), &serving, &log) {
        return Err(failure);
    }
    log.started();
    greeting::rules_in_vain(&above.null_rules, started.as_deref(), &serving)?;
    let signals = obeyed.heard()?;
    let server = Server::start(&net, serving.catalog().clone(), serving.control().clone())?;
    greeting::say(&server, &serving);
    let signal = signals.wait_then_obey()?;
    if let Some(delay) = flags.drain_delay.filter(|delay| !delay.is_zero()) {
        info!("{signal}: not ready any more; draining begins in {delay:?}");
        server.announce_end(delay);
    }
    info!("{signal}: draining");
    serving.drain();
    let drained = server.drain(drain_timeout);
    if drained.cut > 0 {
        warn!("{} requests were not answered within {drain_timeout:?}", drained.cut);
    }
    let freed = serving.shutdown(drain_timeout);
    info!("stopped");
    signals::abandon_all();
    if !freed {
        // A model still computes: libraries that tidied up after themselves would do so under its feet.
        exit(0);
    }
    Ok(())
}

/// What to serve, and how.
struct Configured {
    flags: ServerFlags,
    model: ModelFlags,
    /// What the flags say of every model.
    above: ModelSettings,
    sources: Vec<Source>,
}

/// Flags over environment over `landfall.toml`; and what is to be served.
fn configuration(arguments: Serve) -> Result<Configured, Failure> {
    let Serve { models, config, server: mut flags, mut model, .. } = arguments;
    let is_table = |text: &OsString| Path::new(text).extension().is_some_and(|e| e == "toml");
    let (tables, models): (Vec<OsString>, Vec<OsString>) = models.into_iter().partition(is_table);
    let mut files: Vec<PathBuf> = config.into_iter().chain(tables.into_iter().map(PathBuf::from)).collect();
    if files.is_empty() && models.is_empty() {
        let here = Path::new("landfall.toml");
        if !here.exists() {
            return Err(Failure::call("nothing to serve: name a model file or folder, or a landfall.toml"));
        }
        files.push(here.to_owned());
    }
    models.iter().try_for_each(|text| whole(text))?;
    named_once(&models)?;
    let mut entries = Vec::new();
    for file in &files {
        let LandfallToml { server, models } = config::read(file).map_err(Failure::Call)?;
        let (server, lower) = server.split();
        (flags, model) = (flags.over(server), model.over(lower));
        entries.extend(models.into_iter().map(|(name, entry)| (file, name, entry)));
    }
    let above = loading::settings_of_all(&model.load);
    let mut sources: Vec<Source> = models.iter().map(|text| source(text, &above)).collect();
    sources.iter().try_for_each(|source| elsewhere::refused(&source.path))?;
    for (file, name, entry) in entries {
        let folder = file.parent().unwrap_or(Path::new(""));
        let (path, told) = entry.split();
        if name.is_empty() {
            return Err(Failure::call(format!("{}: [models]: a model needs a name", file.display())));
        }
        let settings = above.clone().over(told.settings(folder).said_in(file));
        sources.push(Source { settings, ..Source::path(folder.join(path)).named(name) });
    }
    if sources.is_empty() {
        let files: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        return Err(Failure::call(format!(
            "{} names no model: write [models.NAME] with path = \"…\" into it, or name a model file or folder in the call",
            files.join(", ")
        )));
    }
    Ok(Configured { flags, model, above, sources })
}

/// Refuses sources none of which is there. Where one is, the log says which are not: they may come later.
fn one_is_there(sources: &[Source]) -> Result<(), Failure> {
    let is_missing = |source: &Source| {
        std::fs::metadata(&source.path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
    };
    if !sources.iter().all(is_missing) {
        return Ok(());
    }
    let missing =
        |source: &Source| Reason::FileMissing { file: source.path.display().to_string() }.to_string();
    let lines: Vec<String> = sources.iter().map(missing).collect();
    Err(Failure::Work(Problem::worded(Kind::NotFound, lines.join("\n"))))
}

/// Of two models that the call itself gives one name, one would not be served.
fn named_once(models: &[OsString]) -> Result<(), Failure> {
    let mut names: Vec<&str> = models.iter().filter_map(|text| name_and_path(text).0).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Failure::call(format!("two models are named {:?}", pair[0]))),
        None => Ok(()),
    }
}

/// Refuses a name without a path, and a path without the name that its `=` speaks of.
fn whole(text: &OsStr) -> Result<(), Failure> {
    let (name, path) = name_and_path(text);
    let is_half = name.is_some() && path.as_os_str().is_empty();
    let is_other_half = text.as_encoded_bytes().starts_with(b"=") && !path.exists();
    match is_half || is_other_half {
        true => Err(Failure::call(format!("{}: expected NAME=PATH, or a path alone", text.display()))),
        false => Ok(()),
    }
}

/// `[NAME=]PATH`.
fn source(text: &OsStr, settings: &ModelSettings) -> Source {
    let source = match name_and_path(text) {
        (Some(name), path) if !name.contains('/') => Source::path(path).named(name),
        _ => Source::path(Path::new(text)),
    };
    Source { settings: settings.clone(), ..source }
}

fn net_settings(flags: &ServerFlags) -> NetSettings {
    let default = NetSettings::default();
    NetSettings {
        http: flags.http.clone().or(default.http),
        grpc: flags.grpc.clone().or(default.grpc),
        threads: flags.threads.map(usize::from),
        control: flags.control.map(|switch| switch == Switch::On),
        max_body: flags.max_body.unwrap_or(default.max_body),
        json_nan: match flags.json_nan {
            Some(JsonNan::Null) => landfall_dialects::JsonNan::Null,
            _ => landfall_dialects::JsonNan::Bare,
        },
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_has_a_name_unless_the_whole_text_is_a_path() {
        let settings = ModelSettings::default();
        let source = |text: &str| source(OsStr::new(text), &settings);
        assert_eq!(source("ctr=models/a.onnx").name.as_deref(), Some("ctr"));
        assert_eq!(source("models/a=b.onnx").name, None);
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("x=y");
        std::fs::write(&odd, b"").unwrap();
        assert_eq!(source(&odd.display().to_string()).name, None);
    }
}
