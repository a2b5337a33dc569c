//! The log: what happens to models, on standard error.

use crate::args::LogFormat;
use landfall_model::Problem;
use landfall_serving::{Event, Observer};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

/// Chooses levels: `info`, `landfall_net=debug`.
const LEVELS: &str = "LANDFALL_LOG";

/// Starts the log: text or JSON lines.
///
/// # Errors
/// Invalid argument, when the environment asks for levels that there are not.
pub(crate) fn start(format: LogFormat) -> Result<(), Problem> {
    let levels = match std::env::var(LEVELS) {
        Ok(text) => EnvFilter::try_new(&text).map_err(|why| {
            Problem::invalid(format!("{LEVELS}={text}: expected levels such as debug: {why}"))
        })?,
        Err(_) => EnvFilter::new("info"),
    };
    // A log that nobody can take any more must not end the server: what cannot be written is dropped without a word.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(std::io::stderr)
        .with_target(false)
        .log_internal_errors(false);
    // A log that was started before stays: there is one process, and one log.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

/// Tells the log what happens to models.
pub(crate) struct Log {
    /// Why ONNX models run on the engine that they run on, in a few words.
    pub(crate) onnx_reason: String,
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Loading { model, version, path } => {
                info!("model {model} version {version}: loading {}", path.display())
            }
            Event::Available { model, version, engine, why, notes, took } => {
                let reason =
                    if matches!(*engine, "onnxruntime" | "embedded") { &self.onnx_reason } else { *why };
                info!(
                    "model {model} version {version}: available after {took:.1?}; engine {engine} ({reason})"
                );
                notes.iter().for_each(|note| info!("model {model} version {version}: {note}"));
            }
            Event::Failed { model, version, problem } => error!("model {model} version {version}: {problem}"),
            Event::Unloading { model, version } => info!("model {model} version {version}: unloading"),
            Event::Unloaded { model, version } => info!("model {model} version {version}: unloaded"),
            Event::Changed { who, what } => info!("{who}: {what}"),
            Event::Warning { text } => warn!("{text}"),
        }
    }
}
