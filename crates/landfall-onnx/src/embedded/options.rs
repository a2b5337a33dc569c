//! Load options of the embedded engine.

use landfall_model::{OptionSpec, Options, Problem};

/// Threads within one run.
pub(super) const THREADS: &str = "num_threads";

/// All options that the engine knows.
pub(super) static KNOWN: [OptionSpec; 2] = [
    OptionSpec { key: THREADS, help: "threads within one run (default 1)" },
    OptionSpec {
        key: "precision",
        help: "float32: compute a float64 model in float32 (default: such a model is refused)",
    },
];

/// The options of one model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EmbeddedOptions {
    pub(super) num_threads: usize,
    /// Whether float64 may be computed as float32.
    pub(super) narrows_floats: bool,
}

impl EmbeddedOptions {
    /// Reads the options given for one model.
    ///
    /// # Errors
    /// An unknown option, or a value that is none of its.
    pub(super) fn read(options: &Options) -> Result<Self, Problem> {
        options.check(&KNOWN)?;
        let threads = options.get(THREADS).unwrap_or("1");
        let num_threads = threads.parse().ok().filter(|n| (1..=256).contains(n));
        let narrows_floats = match options.get("precision") {
            None => false,
            Some("float32") => true,
            Some(other) => {
                return Err(Problem::option("precision", format!("{other:?} is none of float32")));
            }
        };
        Ok(EmbeddedOptions {
            num_threads: num_threads
                .ok_or_else(|| Problem::option(THREADS, format!("{threads:?} is no number of threads")))?,
            narrows_floats,
        })
    }
}
