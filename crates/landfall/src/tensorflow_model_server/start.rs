//! From flags to open doors, and to the end.

use super::flags::Values;
use super::live::{Live, check_labels};
use super::logging::Logs;
use super::waiting::{Changes, Missing};
use super::{models, settings};
use crate::args::{self, LogFormat};
use crate::engines::{Registry, registry};
use crate::log::{self, Log};
use crate::signals::{self, Signals};
use crate::{loading, state};
use landfall_dialects::tfs::config::ModelConfig;
use landfall_dialects::tfs::inference::Rules;
use landfall_model::Problem;
use landfall_net::{Endpoint, NetSettings, Reload, RequestLog, Server};
use landfall_serving::{Catalog, Clock, ComputePool, Kit, Serving, Setup, SystemClock};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tracing::{error, info, warn};

/// How often the start says which models it still waits for.
const STILL_WAITING: Duration = Duration::from_secs(5);
/// How long a stopping server waits for requests under way.
const DRAIN: Duration = Duration::from_secs(30);

/// Serves until a signal says to stop; then drains, so that no accepted request is lost.
///
/// # Errors
/// What the flags, the files that they name, or the models make impossible.
pub(super) fn serve(values: &Values) -> Result<(), Problem> {
    log::start(LogFormat::Text)?;
    settings::check(values)?;
    let config = settings::config(values)?;
    let configured = models::checked(&config)?.to_vec();
    let labels_ahead = values.flag("allow_version_labels_for_unavailable_models");
    check_labels(&[], &configured, labels_ahead, |_, _| false)?;
    let mut net = settings::net(values)?;
    // The doors open after the models, as in the original; that one is taken is said before them.
    for endpoint in [&net.http, &net.grpc].into_iter().flatten() {
        if matches!(endpoint, Endpoint::Tcp(_)) {
            Server::can_open(endpoint)?;
        }
    }
    let common = settings::common(values)?;

    let obeyed = Signals::listen()?.obey()?;
    let registry = registry(&args::from_environment()?, None)?;
    let changes = Arc::new(Changes::new(Log::of(&registry)));
    let sources = models::sources(&configured, &common)?;
    let serving = start_serving(values, registry, sources, changes.clone())?;
    wait_for_models(&configured, serving.catalog(), &changes)?;
    changes.started();

    let logs = Arc::new(Logs::new());
    logs.replace(&configured)?;
    net.tfs.log = Some(RequestLog::new(logs.clone()));
    let live = Arc::new(Live::new(
        serving.catalog().clone(),
        serving.control().clone(),
        changes,
        common,
        labels_ahead,
        logs.clone(),
        configured,
    ));
    net.tfs.reload = Some(reload_by(live.clone()));
    let signals = obeyed.heard()?;
    let server = Server::start(&net, serving.catalog().clone(), serving.control().clone())?;
    greet(&net, &server);
    let _polling = poll(values, live);
    let signal = signals.wait();
    info!("{signal}: draining");
    serving.drain();
    let drained = server.drain(DRAIN);
    if drained.cut > 0 {
        warn!("{} requests were not answered within {DRAIN:?}", drained.cut);
    }
    logs.replace(&[])?;
    serving.shutdown(DRAIN);
    signals::abandon_all();
    info!("stopped");
    Ok(())
}

fn reload_by(live: Arc<Live>) -> Reload {
    Reload::new(move |config| {
        let done = live.reload(config);
        match &done {
            Ok(()) => info!("the configuration was replaced by a client"),
            Err(problem) => error!("a client's configuration: {problem}"),
        }
        done
    })
}

fn start_serving(
    values: &Values,
    registry: Registry,
    sources: Vec<landfall_serving::Source>,
    observer: Arc<Changes>,
) -> Result<Serving, Problem> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = settings::run_threads(values)?.unwrap_or(cores);
    let pool = ComputePool::new(threads, clock.clone());
    let imports = state::folder().as_deref().map(state::imports);
    let replays = loading::Replays {
        times: match values.flag("enable_model_warmup") {
            true => usize::try_from(values.number("num_request_iterations_for_warmup")).unwrap_or(0).max(1),
            false => 0,
        },
        rules: Rules { check_method: values.flag("enable_signature_method_name_check") },
    };
    let mut kit: Kit = loading::kit_with(registry, pool, imports, replays);
    if values.flag("enable_batching") && values.flag("enable_per_model_batching_parameters") {
        kit.batching = Some(Box::new(settings::batching_of));
    }
    let load_threads = usize::try_from(values.number("num_load_threads")).unwrap_or(0);
    Serving::start(Setup {
        sources,
        kit: Arc::new(kit),
        state: None,
        watch: settings::watch(values),
        load_threads: if load_threads == 0 { cores } else { load_threads },
        retries: settings::retries(values),
        clock,
        observer,
    })
}

/// Waits until every model answers; without end for one that has no version yet, as the original does.
fn wait_for_models(configured: &[ModelConfig], catalog: &Catalog, changes: &Changes) -> Result<(), Problem> {
    let mut seen = 0;
    loop {
        let missing = Missing::among(catalog, configured.iter().map(|model| model.name.as_str()))?;
        if missing.coming.is_empty() {
            return missing.outcome("servable(s)");
        }
        let before = seen;
        seen = changes.wait(seen, STILL_WAITING);
        if seen == before {
            for model in configured.iter().filter(|model| missing.coming.contains(&model.name.as_str())) {
                info!("waiting for a version of model {} under {}", model.name, model.base_path);
            }
        }
    }
}

/// Says where the doors are, in the words that scripts wait for.
fn greet(net: &NetSettings, server: &Server) {
    for bound in server.grpc().into_iter().chain(server.grpc_too()) {
        match bound {
            landfall_net::Bound::Tcp(address) => info!("Running gRPC ModelServer at {address} ..."),
            landfall_net::Bound::Unix(path) => {
                info!("Running gRPC ModelServer at UNIX socket {} ...", path.display());
            }
        }
    }
    if let Some(port) = server.http().and_then(landfall_net::Bound::port) {
        info!("Exporting HTTP/REST API at:localhost:{port} ...");
        if let Some(path) = &net.tfs.metrics_path {
            info!("metrics at http://localhost:{port}{path}");
        }
    }
}

/// Reads the file of models again and again, where that is asked for. Ends when what it gives is dropped.
fn poll(values: &Values, live: Arc<Live>) -> Option<Sender<()>> {
    let every =
        u64::try_from(values.number("model_config_file_poll_wait_seconds")).ok().filter(|&s| s > 0)?;
    let path = values.path("model_config_file")?.to_owned();
    let (stop, stopped) = channel();
    let run = move || {
        let mut said = None;
        while stopped.recv_timeout(Duration::from_secs(every)) == Err(RecvTimeoutError::Timeout) {
            let done = settings::read_config(&path).and_then(|config| live.put(&config));
            let problem = done.as_ref().err().map(ToString::to_string);
            match &problem {
                // What lasts was said.
                Some(text) if said.as_ref() != Some(text) => {
                    error!("{path}: the configuration in force stays: {text}");
                }
                None if matches!(done, Ok(Some(_))) => info!("{path}: the configuration was replaced"),
                _ => {}
            }
            said = problem;
        }
    };
    match std::thread::Builder::new().name("config".into()).spawn(run) {
        Ok(_) => Some(stop),
        Err(error) => {
            error!("{error}: --model_config_file is not read again");
            None
        }
    }
}
