//! The log: what happens to models, on standard error.

use crate::args::LogFormat;
use crate::engines::Registry;
use landfall_model::Problem;
use landfall_serving::{Event, Observer};
use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::sync::{Mutex, Once, PoisonError};
use tracing::field::{Field, Visit};
use tracing::{Level, enabled, error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::{RecordFields, VisitOutput};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

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
        LogFormat::Text => builder.fmt_fields(Sentences).with_ansi(false).try_init(),
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

/// Fields that an event's sentence says already. JSON has them apart, for programs that search; text has the sentence alone.
const SAID: [&str; 8] = ["model", "version", "engine", "kind", "door", "who", "path", "took_ms"];

/// Writes fields as text: the sentence, and what it does not say.
struct Sentences;

impl<'w> FormatFields<'w> for Sentences {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut unsaid = Unsaid(DefaultVisitor::new(writer, true));
        fields.record(&mut unsaid);
        unsaid.0.finish()
    }
}

/// Passes on all fields but those that are [`SAID`].
struct Unsaid<V>(V);

impl<V: Visit> Visit for Unsaid<V> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if !SAID.contains(&field.name()) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        if !SAID.contains(&field.name()) {
            self.0.record_error(field, value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if !SAID.contains(&field.name()) {
            self.0.record_debug(field, value);
        }
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
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
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
    onnx_reason: String,
    /// The same in a line, and whether it was said.
    onnx: (String, Once),
    /// Why models could not be served, as far as a line says it: until the start is over.
    told: Mutex<Option<Vec<Problem>>>,
}

impl Log {
    /// For models that these engines serve.
    pub(crate) fn of(registry: &Registry) -> Self {
        let line = format!("ONNX models run on {}: {}", registry.onnx_engine(), registry.onnx_reason);
        let told = Mutex::new(Some(Vec::new()));
        let log = Log { onnx_reason: registry.onnx_reason_short.clone(), onnx: (line, Once::new()), told };
        if enabled!(Level::DEBUG) {
            log.say_onnx();
        }
        log
    }

    /// Says which engine ONNX models run on, unless it was said.
    fn say_onnx(&self) {
        let (line, said) = &self.onnx;
        said.call_once(|| info!("{line}"));
    }

    /// Whether a line has said this, of whatever place.
    pub(crate) fn has_told(&self, problem: &Problem) -> bool {
        self.is_among_told(|told| told.reason() == problem.reason())
    }

    fn is_among_told(&self, is_meant: impl FnMut(&Problem) -> bool) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.as_ref().is_some_and(|told| told.iter().any(is_meant))
    }

    /// The start is over: what could not be served is asked for no more.
    pub(crate) fn started(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn keep(&self, problem: &Problem) {
        if let Some(told) = &mut *self.told.lock().unwrap_or_else(PoisonError::into_inner) {
            told.push(problem.clone());
        }
    }
}

impl Observer for Log {
    fn event(&self, event: &Event<'_>) {
        match *event {
            Event::Loading { model, version, path } => {
                let path = path.display();
                info!(model, %version, %path, "model {model} version {version}: loading {path}");
            }
            Event::Available { model, version, engine, why, notes, took } => {
                let is_onnx = matches!(engine, "onnxruntime" | "embedded");
                let reason = if is_onnx { &self.onnx_reason } else { why };
                if is_onnx {
                    self.say_onnx();
                }
                let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                info!(
                    model, %version, engine, took_ms,
                    "model {model} version {version}: available after {took:.1?}; engine {engine} ({reason})"
                );
                for note in notes {
                    info!(model, %version, engine, "model {model} version {version}: {note}");
                }
            }
            Event::Failed { model, version, problem } => {
                // Settings that cannot be read are told of the model before its versions fail with them.
                let of_model = problem.clone().at(format!("model {model:?}"));
                if self.is_among_told(|told| *told == of_model) {
                    return;
                }
                let kind = problem.kind().name();
                error!(model, %version, kind, "model {model} version {version}: {problem}");
                if enabled!(Level::ERROR) {
                    self.keep(problem);
                }
            }
            Event::Unloading { model, version } => {
                info!(model, %version, "model {model} version {version}: unloading");
            }
            Event::Unloaded { model, version } => {
                info!(model, %version, "model {model} version {version}: unloaded");
            }
            Event::Changed { who, model, what } => info!(who, model, "{who}: model {model:?}: {what}"),
            Event::Warning { text, problem } => {
                let kind = problem.map(|problem| problem.kind().name());
                warn!(kind, "{text}");
                if let Some(problem) = problem.filter(|_| enabled!(Level::WARN)) {
                    self.keep(problem);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use landfall_model::Version;
    use std::sync::Arc;
    use std::time::Duration;

    /// What a log writes of what `say` tells.
    fn written(format: LogFormat, say: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Kept(Arc<Mutex<Vec<u8>>>);
        impl Write for Kept {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let kept = Kept::default();
        let writer = kept.clone();
        let builder = tracing_subscriber::fmt()
            .with_max_level(Level::INFO)
            .with_target(false)
            .without_time()
            .with_writer(move || Lines(writer.clone()));
        match format {
            LogFormat::Text => {
                let log = builder.fmt_fields(Sentences).with_ansi(false).finish();
                tracing::subscriber::with_default(log, say);
            }
            LogFormat::Json => tracing::subscriber::with_default(builder.json().finish(), say),
        }
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    fn log() -> Log {
        let onnx = ("ONNX models run on embedded: nothing else is here".to_owned(), Once::new());
        Log { onnx_reason: "nothing else is here".into(), onnx, told: Mutex::new(Some(Vec::new())) }
    }

    fn available<'a>(version: &'a Version, engine: &'static str) -> Event<'a> {
        let took = Duration::from_millis(12);
        Event::Available { model: "m", version, engine, why: "the only one", notes: &[], took }
    }

    #[test]
    fn text_has_the_sentence_and_json_the_fields_beside_it() {
        let version = Version::numbered(3);
        let problem = Problem::invalid("cut short");
        let tell = || {
            let log = log();
            log.event(&Event::Failed { model: "m", version: &version, problem: &problem });
            log.event(&available(&version, "trees"));
            info!(model = "m", rows = 2, "and what a sentence does not say");
        };
        assert_eq!(
            written(LogFormat::Text, tell),
            "ERROR model m version 3: cut short\n INFO model m version 3: available after 12.0ms; engine trees (the only \
             one)\n INFO and what a sentence does not say rows=2\n"
        );
        let json = written(LogFormat::Json, tell);
        let lines: Vec<serde_json::Value> =
            json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines[0]["fields"],
            serde_json::json!({
                "message": "model m version 3: cut short", "model": "m", "version": "3", "kind": "INVALID_ARGUMENT"
            })
        );
        assert_eq!(
            (&lines[1]["fields"]["engine"], &lines[1]["fields"]["took_ms"]),
            (&"trees".into(), &12.into())
        );
    }

    #[test]
    fn which_engine_onnx_models_run_on_is_said_once_and_only_where_there_is_one() {
        let version = Version::numbered(1);
        let said = |engines: &[&'static str]| {
            let text = written(LogFormat::Text, || {
                let log = log();
                engines.iter().for_each(|engine| log.event(&available(&version, engine)));
            });
            text.matches("ONNX models run on").count()
        };
        assert_eq!((said(&["trees", "pmml"]), said(&["trees", "embedded", "embedded"])), (0, 1));
    }

    #[test]
    fn what_a_line_has_said_is_known_until_the_start_is_over() {
        let (log, problem) = (log(), Problem::invalid("cut short"));
        let (version, other) = (Version::numbered(1), Problem::invalid("another"));
        let of_a_place = problem.clone().at("model \"m\" version 1");
        written(LogFormat::Text, || {
            log.event(&Event::Failed { model: "m", version: &version, problem: &problem });
        });
        assert!(log.has_told(&of_a_place) && !log.has_told(&other));
        // Where no line was written, nothing was said.
        log.event(&Event::Failed { model: "m", version: &version, problem: &other });
        assert!(!log.has_told(&other));
        log.started();
        assert!(!log.has_told(&problem));
    }

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
