//! The log: what happens to models, on standard error.

use crate::args::LogFormat;
use landfall_model::Problem;
use landfall_serving::{Event, Observer};
use std::borrow::Cow;
use std::io::Write;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Chooses levels: `info`, `landfall_net=debug`.
const LEVELS: &str = "LANDFALL_LOG";

/// Starts the log: text or JSON lines.
///
/// # Errors
/// Invalid argument, when the environment asks for levels that there are not.
pub(crate) fn start(format: LogFormat) -> Result<(), Problem> {
    let levels = levels(std::env::var(LEVELS).ok().filter(|text| !text.is_empty()).as_deref())?;
    // A log that nobody can take any more must not end the server: what cannot be written is dropped without a word.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(levels)
        .with_writer(|| Lines(std::io::stderr()))
        .with_target(false)
        .log_internal_errors(false);
    // A log that was started before stays: there is one process, and one log.
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    Ok(())
}

/// Which events are logged. A word alone is a level: taken for a part of the program, as the filter's own language has it,
/// a slip in it would silence all others.
fn levels(text: Option<&str>) -> Result<EnvFilter, Problem> {
    let text = text.unwrap_or("info");
    let wrong = |why: &str| {
        let expected =
            "expected error, warn, info, debug, trace or off, or PART=LEVEL such as landfall_net=debug";
        Problem::invalid(format!("{LEVELS}={text}: {expected}{why}"))
    };
    let is_slip =
        |word: &str| !word.contains(['=', '[']) && !word.is_empty() && word.parse::<LevelFilter>().is_err();
    match text.split(',').map(str::trim).find(|word| is_slip(word)) {
        Some(word) => Err(wrong(&format!(", found {word}"))),
        None => EnvFilter::try_new(text).map_err(|why| wrong(&format!(": {why}"))),
    }
}

/// Takes each event in one piece, as the log writes it, and makes one line of it: names of models and files, and what
/// clients send, may hold line feeds and what else moves a terminal.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        self.0.write_all(format!("{}\n", printable(line)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// A text with escapes (`\n`, `\u{1b}`) in place of what is no sign of its own.
fn printable(text: &str) -> Cow<'_, str> {
    let is_sign = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    if text.chars().all(is_sign) {
        return Cow::Borrowed(text);
    }
    let mut signs = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_sign(c) { signs.push(c) } else { signs.extend(c.escape_default()) }
    }
    Cow::Owned(signs)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_level_is_refused() {
        for text in ["inof", "info,landfall_nett", "landfall_net=debgu", "warn, dbug"] {
            let problem = levels(Some(text)).unwrap_err().to_string();
            assert!(problem.contains("expected error, warn, info"), "{text}: {problem}");
        }
        for text in
            [None, Some("warn"), Some("OFF"), Some("info,landfall_net=debug"), Some("landfall_net=trace,")]
        {
            assert!(levels(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn each_event_is_one_line_whatever_names_hold() {
        let written = |event: &str| {
            let mut lines = Lines(Vec::new());
            lines.write_all(event.as_bytes()).unwrap();
            String::from_utf8(lines.0).unwrap()
        };
        assert_eq!(written("INFO model größe\n"), "INFO model größe\n");
        assert_eq!(
            written("INFO a\nINFO all is well\r\u{1b}[2J\u{85}\u{2028}\t\n"),
            "INFO a\\nINFO all is well\\r\\u{1b}[2J\\u{85}\\u{2028}\\t\n"
        );
    }
}
